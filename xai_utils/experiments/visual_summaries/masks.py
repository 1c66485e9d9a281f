"""Table 2 and fig. 3: crisp masks of every class and network, what they hide and what that costs the class."""

import argparse
import base64
import zlib
from collections.abc import Sequence
from functools import cache

import numpy as np
import torch
from torch import Tensor
from tqdm.auto import tqdm

from xai_utils.experiments.claims import Interval
from xai_utils.experiments.classifiers import classifier
from xai_utils.experiments.records import grid, read_records, record_all
from xai_utils.experiments.statistics import bootstrap_interval
from xai_utils.experiments.visual_summaries.setting import NETWORKS, PICTURES, class_pictures
from xai_utils.models import Classifier, predict, target_probability
from xai_utils.papers.visual_summaries import STAGES, Masks, crisp_masks, thresholded
from xai_utils.parts import CLASSES
from xai_utils.perturb import draw_baselines, remove_evidence
from xai_utils.tensors import Progress, quiet

COMMAND = "python -m xai_utils.experiments.visual_summaries.masks"
RECORD = "crisp_masks"
FEW, FEW_NETWORKS = 8, ("parts/alexnet", "parts/resnet")  # for the presets that are no default
METHODS = ("smooth", "thresholded", "crisp")  # the paper's IEBB, IEBB thresh. and "ours"


def measure_masks(network: str, class_name: str, stages: str, pictures: int) -> dict:
    """One class: the masks of the pictures that the network gives to it, and what becomes of the class.

    Args:
        network: as `load_model` takes it.
        class_name: a name of `CLASSES`.
        stages: a name of `STAGES`.
        pictures: the first ones of the class.

    Returns:
        "picture" (numbers of those that were searched), `drops`, "inside" (share of what the crisp mask hides that
        shows the object), and "packed": the crisp masks above 0.5, for `unpacked`.
    """
    scenes, images, labels = class_pictures(class_name, 0, pictures)
    right = predict(classifier(network), images).argmax(dim=1) == labels
    images, labels = images[right], labels[right]
    regions = torch.stack([scene.region for scene in scenes])[right]
    found, masks = drops(classifier(network), images, labels, stages)
    hidden = masks.crisp > 0.5
    inside = (hidden & regions).sum(dim=(1, 2)) / hidden.sum(dim=(1, 2))  # NaN where nothing is hidden
    found["inside"] = [round(value, 4) if value == value else None for value in inside.tolist()]
    return {"picture": right.nonzero()[:, 0].tolist(), **found, "packed": packed(hidden)}


def drops(
    model: Classifier, images: Tensor, labels: Tensor, stages: str, *, progress: Progress = quiet
) -> tuple[dict[str, list[float]], Masks]:
    """What becomes of the class under the masks of each method.

    Args:
        model: the classifier.
        images: float [batch, 3, height, width], RGB in [0, 1].
        labels: int64 [batch].
        stages: a name of `STAGES`.
        progress: wraps the steps of the search.

    Returns:
        Lists with a number for each image: the class's probability in the "whole" picture, where all of it is blurred
        ("hidden"), and under each of `METHODS`; "NAME area", the masks' means, and "NAME grey", the share of values
        between 0.1 and 0.9. And the masks.
    """
    search = STAGES[stages]
    masks = crisp_masks(model, images, labels, stages=search, progress=progress)
    hides = {
        "whole": torch.zeros_like(masks.crisp),
        "hidden": torch.ones_like(masks.crisp),
        "smooth": masks.smooth,
        "thresholded": thresholded(masks.smooth, masks.crisp.mean(dim=(1, 2))),
        "crisp": masks.crisp,
    }
    found = {}
    for name, hide in hides.items():
        baseline = next(draw_baselines(images, search.crisp.baseline, sigma=search.crisp.sigma))
        found[name] = target_probability(model, remove_evidence(images, 1 - hide, baseline), labels)
    for name in METHODS:
        found[f"{name} area"] = hides[name].mean(dim=(1, 2))
        found[f"{name} grey"] = ((hides[name] > 0.1) & (hides[name] < 0.9)).float().mean(dim=(1, 2))
    return {name: [round(value, 6) for value in values.tolist()] for name, values in found.items()}, masks


def packed(masks: Tensor) -> str:
    """Black and white masks as text: bits, compressed, in base 64."""
    return base64.b64encode(zlib.compress(np.packbits(masks.cpu().numpy()).tobytes(), 9)).decode()


def unpacked(text: str, shape: Sequence[int]) -> Tensor:
    """What `packed` took: bool of that shape.

    Example:
        >>> unpacked(packed(torch.eye(3) > 0), [3, 3]).int()
        tensor([[1, 0, 0],
                [0, 1, 0],
                [0, 0, 1]], dtype=torch.int32)
    """
    bits = np.frombuffer(zlib.decompress(base64.b64decode(text)), np.uint8)
    return torch.from_numpy(np.unpackbits(bits, count=int(np.prod(shape))).reshape(shape).astype(bool))


@cache
def recorded_maps(network: str, class_name: str) -> Tensor:
    """The crisp masks of a class that are recorded, one for each of its pictures.

    Args:
        network: a name of `NETWORKS`.
        class_name: a name of `CLASSES`.

    Returns:
        float [pictures, height, width], 0 or 1; 0 everywhere in pictures that the network gives to another class.

    Raises:
        ValueError: they are not recorded; says by which command they are.
    """
    found = _recorded(network, class_name)
    numbers = torch.tensor(found["picture"])
    maps = torch.zeros_like(class_pictures(class_name).images[:, 0])
    maps[numbers] = unpacked(found["packed"], maps[numbers].shape).to(maps)
    return maps


def mistaken(network: str, class_name: str) -> tuple[int, ...]:
    """The pictures of a class that have no recorded mask, because the network gives them to another class."""
    searched = _recorded(network, class_name)["picture"]
    return tuple(number for number in range(PICTURES) if number not in searched)


def _recorded(network: str, class_name: str) -> dict:
    key = {"network": network, "class_name": class_name, "stages": "mixed", "pictures": PICTURES}
    row = next((row for row in read_records(RECORD) if row["configuration"] == key), None)
    if row is None:
        raise ValueError(f"network, class_name: expected recorded masks, got {network!r}, {class_name!r}; {COMMAND}")
    return row["result"]


def mask_rows(networks: Sequence[str] = NETWORKS, *, progress: Progress = quiet) -> list[dict]:
    """The rows of table 2, recorded or computed now: all pictures by default, a few by the other presets.

    Args:
        networks: as `load_model` takes them.
        progress: wraps the rows.
    """
    few = [name for name in networks if name in FEW_NETWORKS]
    wanted = grid(network=networks, class_name=CLASSES, stages=["mixed"], pictures=[PICTURES])
    wanted += grid(network=few, class_name=CLASSES, stages=["official", "paper"], pictures=[FEW])
    return record_all(RECORD, wanted, measure_masks, command=COMMAND, progress=progress)


def values_of(rows: Sequence[dict], measure: str, **about: str | int) -> np.ndarray:
    """A number of `measure_masks` for every picture, NaN where there is none.

    Args:
        rows: of `mask_rows`, here or in `real`.
        measure: a key of their results.
        about: what the rows' configurations have to hold, such as `stages="mixed"`.
    """
    some = [row["result"][measure] for row in rows if about.items() <= row["configuration"].items()]
    return np.array([value for values in some for value in values], dtype=float)


def first_pictures(rows: Sequence[dict], count: int) -> list[dict]:
    """The same rows, cut to the first pictures of each class, so that presets are compared on the same ones.

    Args:
        rows: of `mask_rows`.
        count: how many pictures of a class.
    """
    cut = []
    for row in rows:
        stay = [place for place, number in enumerate(row["result"]["picture"]) if number < count]
        lists = {name: values for name, values in row["result"].items() if isinstance(values, list)}
        result = row["result"] | {name: [values[place] for place in stay] for name, values in lists.items()}
        cut.append(row | {"result": result})
    return cut


def drop_table(rows: Sequence[dict], **about: str) -> dict[str, dict]:
    """Table 2: by how much the class falls under the masks of each method.

    Args:
        rows: of `mask_rows`.
        about: which of them, as for `values_of`; `stages` should be said.

    Returns:
        For each of `METHODS` "relative" and "absolute", (mean, low, high) with 95% intervals over pictures, and
        "variance", that of the relative drop, which the paper prints.

    Raises:
        ValueError: there is no such row.
    """
    whole = values_of(rows, "whole", **about)
    if not len(whole):
        raise ValueError(f"about: expected what some row is about, got {about}")
    table = {}
    for method in METHODS:
        absolute = whole - values_of(rows, method, **about)
        relative = absolute / whole
        intervals = {"relative": bootstrap_interval(relative), "absolute": bootstrap_interval(absolute)}
        table[method] = {**intervals, "variance": float(relative.var())}
    return table


def difference(rows: Sequence[dict], one: str, other: str, **about: str) -> Interval:
    """By how much more of the class the masks of one method take than those of another, of the same pictures.

    Args:
        rows: as for `values_of`.
        one: a name of `METHODS`.
        other: another one.
        about: as for `values_of`.

    Returns:
        The mean difference of the relative drops, with its 95% interval over pictures.
    """
    whole, first, second = (values_of(rows, name, **about) for name in ("whole", one, other))
    return bootstrap_interval((second - first) / whole)


def main() -> None:
    """Command line: searches all masks and records what they cost the class (an hour and a half of one core)."""
    parser = argparse.ArgumentParser(description=main.__doc__)
    parser.add_argument("--networks", nargs="*", default=NETWORKS, choices=NETWORKS)
    mask_rows(parser.parse_args().networks, progress=tqdm)


if __name__ == "__main__":
    main()
