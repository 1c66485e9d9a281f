"""What each method's maps are worth on the scenes of the verdict: numbers for each scene, by network and method."""

import argparse
from collections.abc import Sequence

import numpy as np
import torch
from torch import Tensor
from tqdm.auto import tqdm

from xai_utils.experiments.classifiers import classifier
from xai_utils.experiments.records import in_blocks, record_all
from xai_utils.experiments.verdict.methods import maps_of
from xai_utils.experiments.verdict.rows import recorded, wanted
from xai_utils.experiments.verdict.truth import ASKED, BLOCK, SCENES, seen_scenes, visible_parts
from xai_utils.metrics import (
    area_under,
    deletion_curve,
    equal_error_threshold,
    infidelity,
    insertion_curve,
    localisation_error,
    pointing_game,
    precision_recall,
    saliency_metric,
    share_inside,
)
from xai_utils.models import Classifier
from xai_utils.perturb import blurred_baseline
from xai_utils.tensors import Progress, quiet

COMMAND = "python -m xai_utils.experiments.verdict.measures"
THRESHOLDS = (0.1, 0.2, 0.35, 0.5, 0.7)  # of a map's maximum, from which boxes are drawn
STEPS, DROP = 20, 2  # of deletion and insertion; after how many confidence is measured: a tenth, as crisp masks hide
SIDE, SQUARES = 20, 20  # of infidelity: pixels a side, squares of each picture


def measure_maps(model: str, method: str, scenes: list[int]) -> dict:
    """One method on some scenes: the papers' own measures, and what its map says of each part.

    Args:
        model: as `load_model` takes it.
        method: a name of `METHODS`.
        scenes: [first, last] of the test split.

    Returns:
        For each scene that the network recognises, in the order of `measure_truth`: "mass" (the map's sum over each
        visible part), "inside" (share of the positive mass on the object), "pointing" (whether the maximum lies there),
        "precision" (at equal error rate), "saliency metric" (for each of `THRESHOLDS`), and those of `by_hiding` and of
        `against_boxes`.
    """
    network = classifier(model)
    seen = seen_scenes(network, *scenes)
    maps = maps_of(model, network, method, seen.images, seen.labels)
    regions = torch.stack([scene.region for scene in seen.scenes])
    shares = over_maximum(maps)
    metrics = [saliency_metric(network, seen.images, seen.labels, shares, threshold=one).scores for one in THRESHOLDS]
    return {
        "mass": [_masses(one, visible_parts(scene)) for one, scene in zip(maps, seen.scenes, strict=True)],
        "inside": rounded(share_inside(maps.clamp(min=0), regions)),
        "pointing": pointing_game(maps, regions).int().tolist(),
        "precision": [_precision(one[None], region[None]) for one, region in zip(maps, regions, strict=True)],
        **by_hiding(network, seen.images, seen.labels, maps),
        "saliency metric": [rounded(of) for of in torch.stack(metrics, dim=1)],
        **against_boxes(maps, [torch.tensor([scene.box]) for scene in seen.scenes]),
    }


def against_boxes(maps: Tensor, boxes: Sequence[Tensor]) -> dict[str, list]:
    """What maps find of objects of which only boxes are known; the measures that photographs allow as well.

    Args:
        maps: float [batch, height, width].
        boxes: for each picture [objects, 4], (left, top, right, bottom), right and bottom exclusive.

    Returns:
        For each picture: "box share" (of the positive mass, in the boxes, less their share of the picture), "box hit"
        (whether the maximum lies there) and "localisation error" (for each of `THRESHOLDS`).
    """
    regions = torch.stack([_filled(of, maps.shape[1:]) for of in boxes])
    shares = over_maximum(maps)
    errors = [localisation_error(shares, boxes, threshold=threshold).int() for threshold in THRESHOLDS]
    return {
        "box share": rounded(share_inside(maps.clamp(min=0), regions) - regions.double().mean(dim=(1, 2))),
        "box hit": pointing_game(maps, regions).int().tolist(),
        "localisation error": torch.stack(errors, dim=1).tolist(),
    }


def over_maximum(maps: Tensor) -> Tensor:
    """Positive values as shares of each map's maximum; 0 where there are none."""
    return maps.clamp(min=0) / maps.amax(dim=(1, 2), keepdim=True).clamp(min=torch.finfo(maps.dtype).tiny)


def _filled(boxes: Tensor, size: Sequence[int]) -> Tensor:
    """The pixels whose middle lies in one of the boxes, bool [height, width]."""
    down, across = (torch.arange(side) + 0.5 for side in size)
    left, top, right, bottom = boxes.T[..., None]
    rows, columns = (top <= down) & (down < bottom), (left <= across) & (across < right)
    return (rows[:, :, None] & columns[:, None]).any(dim=0)


def _masses(found: Tensor, parts: dict[str, Tensor]) -> list[float]:
    return [float(f"{found[visible].double().sum():.4g}") for visible in parts.values()]


def _precision(found: Tensor, region: Tensor) -> float:
    return round(precision_recall(found, region, equal_error_threshold(found, region))[0], 4)


def by_hiding(network: Classifier, images: Tensor, target: Tensor, maps: Tensor) -> dict[str, list[float]]:
    """What maps say of pictures of which nothing is known: their pixels are blurred, and the network is asked again.

    Args:
        network: classifier.
        images: float [batch, 3, height, width], RGB in [0, 1].
        target: int64 [batch].
        maps: float [batch, height, width].

    Returns:
        For each picture: "deletion" and "insertion" (areas under the curve), "drop" (the share of its probability that
        the class loses with the first tenth) and "infidelity" (of what is said of squares, the same for every method).
    """
    shown, baseline = (network, images, target, maps), blurred_baseline(images)
    gone, come = (curve(*shown, baseline=baseline, steps=STEPS) for curve in (deletion_curve, insertion_curve))
    squares = {"side": SIDE, "draws": SQUARES, "generator": torch.Generator().manual_seed(0)}
    found = {
        "deletion": area_under(gone),
        "insertion": area_under(come),
        "drop": 1 - gone[:, DROP] / gone[:, 0],
        "infidelity": infidelity(*shown, baseline=baseline, **squares),
    }
    return {name: rounded(values) for name, values in found.items()}


def rounded(values: Tensor) -> list[float]:
    """Numbers for a record."""
    return [round(value, 4) for value in values.tolist()]


def record_of(model: str) -> str:
    """The name of a network's record file."""
    return f"verdict_{model.split('/')[-1]}"


def record_measures(model: str, methods: Sequence[str] = (), *, progress: Progress = quiet) -> list[dict]:
    """The rows of one network, recorded or computed now.

    Args:
        model: its name.
        methods: names of `METHODS`; all that can be asked by default.
        progress: wraps the rows.
    """
    rows = wanted([model], methods, in_blocks(SCENES, BLOCK))
    return record_all(record_of(model), rows, measure_maps, command=COMMAND, progress=progress)


def recorded_measures(model: str) -> dict[str, dict[str, list]]:
    """What is recorded of a network: method -> measure -> a value for each scene, all blocks in a row."""
    return recorded(record_of(model), model)


def cross_tuned(errors: np.ndarray) -> np.ndarray:
    """The errors at a threshold that was chosen on other pictures: on one half what is best on the other.

    Args:
        errors: float [pictures, thresholds], lower is better.

    Returns:
        float [pictures].

    Example:
        >>> cross_tuned(np.array([[0.0, 1.0], [1.0, 0.0], [0.0, 1.0], [1.0, 0.0]]))
        array([1., 1., 1., 1.])
    """
    tuned = np.empty(len(errors))
    for half in (0, 1):
        tuned[half::2] = errors[half::2, errors[1 - half :: 2].mean(axis=0).argmin()]
    return tuned


def main() -> None:
    """Command line: records all methods on all scenes, network by network; a killed run goes on when called again."""
    parser = argparse.ArgumentParser(description=main.__doc__)
    parser.add_argument("--networks", nargs="+", default=list(ASKED), choices=ASKED)
    parser.add_argument("--methods", nargs="+", default=[])
    arguments = parser.parse_args()
    for model in arguments.networks:
        record_measures(model, arguments.methods, progress=tqdm)


if __name__ == "__main__":
    main()
