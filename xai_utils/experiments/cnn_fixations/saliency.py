"""Table II: how well the evidence for a group of classes outlines the object, pixel by pixel.

`python -m xai_utils.experiments.cnn_fixations.saliency` computes and records the table.
"""

import argparse
from functools import cache, lru_cache
from itertools import islice
from typing import NamedTuple

import torch
from sklearn.linear_model import LogisticRegression
from torch import Tensor, nn
from torch.nn.functional import adaptive_avg_pool2d, interpolate
from tqdm.auto import tqdm

from xai_utils.experiments.explanations import FIXATIONS, METHODS, blurred, evidence, paper_sigma
from xai_utils.experiments.records import grid, record_all
from xai_utils.experiments.statistics import bootstrap_interval, bootstrap_ratio
from xai_utils.metrics import equal_error_threshold
from xai_utils.models import Classifier, load_model, outputs
from xai_utils.parts import CLASSES, Parts
from xai_utils.tensors import Progress, quiet

COMMAND = "python -m xai_utils.experiments.cnn_fixations.saliency"
GROUPS = {  # as Graz-2 has bikes, cars and persons
    "birds": ("robin", "bald eagle"),
    "dogs": ("golden retriever", "german shepherd"),
    "cars": ("pickup", "police van"),
}
SIGMAS = (0.0, 2.0, 4.0, 8.0, 12.0, 16.0, 24.0)
FINE = ("fixations", "fixations, all of a map", "gradient", "guided backprop", "LRP")
QUICK, FULL = 10, 150  # pictures of every group: for a reader who waits, and as in the paper
TRUTH, ELSEWHERE = "the region itself", "regions of the training pictures"


class Pictures(NamedTuple):
    """Pictures of the three groups, the same number of each, one group after the other."""

    images: Tensor  # float [pictures, 3, height, width]
    groups: Tensor  # int64 [pictures], numbers of `GROUPS`
    regions: Tensor  # bool [pictures, height, width], the object's pixels


@cache
def grouped_pictures(split: str, count: int) -> Pictures:
    """The first `count` scenes of every group in a split of Parts."""
    parts, scenes, groups = Parts(split), [], []
    for group, names in enumerate(GROUPS.values()):
        labels = {CLASSES.index(name) for name in names}
        fitting = (number for number, label in enumerate(parts.labels.tolist()) if label in labels)
        scenes += [parts.scene(number) for number in islice(fitting, count)]
        groups += [group] * count
    images, regions = (torch.stack([getattr(s, name) for s in scenes]) for name in ("image", "region"))
    return Pictures(images, torch.tensor(groups), regions)


@cache
def grouped_classifier(model: str, count: int) -> Classifier:
    """A miniature with a new last layer that tells the groups apart; all other weights stay.

    The layer is a logistic regression on what the layer before gives, a convex problem without a random draw.

    Args:
        model: as `load_model` takes it, one that ends in a linear layer.
        count: training scenes of every group.
    """
    classifier, pictures = load_model(model), grouped_pictures("train", count)
    head = classifier.network.classifier
    head[-1] = nn.Identity().eval()
    features = outputs(classifier, pictures.images)
    fitted = LogisticRegression(max_iter=2000).fit(features.numpy(), pictures.groups.numpy())
    head[-1] = nn.Linear(features.shape[1], len(GROUPS)).requires_grad_(False)
    head[-1].weight.copy_(torch.from_numpy(fitted.coef_))
    head[-1].bias.copy_(torch.from_numpy(fitted.intercept_))
    classifier.classes = tuple(GROUPS)
    return classifier.eval()


def on_grid(maps: Tensor, side: int) -> Tensor:
    """Maps as they would come from a layer of `side` rows and columns: averaged over its cells, upsampled bilinearly.

    Args:
        maps: float [batch, height, width].
        side: rows and columns.
    """
    coarse = adaptive_avg_pool2d(maps[:, None], side)
    return interpolate(coarse, size=maps.shape[1:], mode="bilinear", align_corners=False)[:, 0]


@lru_cache(maxsize=2)  # both splits of the method at hand
def group_evidence(model: str, method: str, split: str, count: int) -> Tensor:
    """What a method says for the group that each picture shows, or one of the two answers without a method.

    Args:
        model: of the trunk.
        method: a name of `METHODS`; `TRUTH`, which no method can beat; `ELSEWHERE`, the mean region of the group's
            training pictures, which looks at no picture.
        split: "train" or "test".
        count: scenes of every group.

    Returns:
        float [pictures, height, width], not negative.
    """
    pictures = grouped_pictures(split, count)
    if method == TRUTH:
        return pictures.regions.float()
    if method == ELSEWHERE:
        known = grouped_pictures("train", count).regions.float().unflatten(0, (len(GROUPS), count))
        return known.mean(dim=1).repeat_interleave(count, dim=0)
    return evidence(model, grouped_classifier(model, count), method, pictures.images, pictures.groups)


def smoothed(maps: Tensor, smoothing: str | float, method: str) -> Tensor:
    """Maps as they are compared, each scaled to a maximum of 1.

    Args:
        maps: float [pictures, height, width], not negative.
        smoothing: "paper" (fixations blurred by the authors' sigma, other maps as they are), "grid 4" or "grid 8"
            (see `on_grid`), or the sigma of a Gaussian.
        method: what made the maps.
    """
    if smoothing == "paper":
        smoothing = paper_sigma(maps.shape[1:]) if method in FIXATIONS else 0
    elif isinstance(smoothing, str):
        maps, smoothing = on_grid(maps, int(smoothing.removeprefix("grid "))), 0
    return blurred(maps, smoothing)


def thresholds(maps: Tensor, regions: Tensor) -> list[float]:
    """Each group's threshold of equal precision and recall; maps and regions as in `Pictures`."""
    pairs = zip(maps.chunk(len(GROUPS)), regions.chunk(len(GROUPS)), strict=True)
    return [equal_error_threshold(*pair) for pair in pairs]


def counts(maps: Tensor, regions: Tensor, limits: list[float]) -> tuple[Tensor, Tensor, Tensor]:
    """For each group and picture, how many pixels are marked rightly, marked at all, and the object's.

    Args:
        maps: float [pictures, height, width].
        regions: bool [pictures, height, width].
        limits: for each group the smallest value that is marked.

    Returns:
        int64 [groups, pictures] each.
    """
    marks = maps >= torch.tensor(limits, dtype=maps.dtype).repeat_interleave(len(maps) // len(limits))[:, None, None]
    areas = (marks & regions, marks, regions)
    right, marked, true = (area.sum((1, 2)).unflatten(0, (len(limits), -1)) for area in areas)
    return right, marked, true


def best_sigma(maps: Tensor, regions: Tensor) -> float:
    """The Gaussian of `SIGMAS` under which the maps' precision at equal error, over the groups, is highest."""

    def precision(sigma: float) -> float:
        smooth = blurred(maps, sigma)
        right, marked, _ = counts(smooth, regions, thresholds(smooth, regions))
        return float((right.sum(1) / marked.sum(1)).mean())

    return max(SIGMAS, key=precision)


def measure_saliency(model: str, method: str, smoothing: str, pictures: int) -> dict:
    """One row of the table.

    Args:
        model: whose trunk tells the groups apart.
        method: as `group_evidence` takes it.
        smoothing: as `smoothed` takes it, or "tuned": the Gaussian that is best on the training pictures.
        pictures: of every group, for training and for testing.

    Returns:
        "precision" and "recall" on test pictures at each group's threshold of equal error on training pictures, and
        "precision_at_eer", where the test pictures' own threshold makes both equal: for each group and for their
        "mean" [value, low, high], 95% intervals by resampled pictures; "sigma" where a Gaussian was tuned.
    """
    train, test = (group_evidence(model, method, split, pictures) for split in ("train", "test"))
    known, true = (grouped_pictures(split, pictures).regions for split in ("train", "test"))
    tuned = {"sigma": best_sigma(train, known)} if smoothing == "tuned" else {}
    train, test = (smoothed(maps, tuned.get("sigma", smoothing), method) for maps in (train, test))
    right, marked, objects = counts(test, true, thresholds(train, known))
    own_right, own_marked, _ = counts(test, true, thresholds(test, true))
    return {
        **tuned,
        "precision": _by_group(right, marked),
        "recall": _by_group(right, objects),
        "precision_at_eer": _by_group(own_right, own_marked),
    }


def _by_group(above: Tensor, below: Tensor) -> dict[str, list[float]]:
    """The ratio of every group and their mean, with intervals."""
    parts = {name: (above[[group]], below[[group]]) for group, name in enumerate(GROUPS)} | {"mean": (above, below)}
    return {name: [round(end, 4) for end in bootstrap_ratio(*map(Tensor.numpy, two))] for name, two in parts.items()}


def measure_group_classifier(model: str, pictures: int) -> dict:
    """The share of test pictures whose group is named rightly, with its 95% interval: [mean, low, high]."""
    test = grouped_pictures("test", pictures)
    right = outputs(grouped_classifier(model, pictures), test.images).argmax(dim=1) == test.groups
    return {"accuracy": [round(end, 4) for end in bootstrap_interval(right.numpy())]}


def saliency(*, model: str = "parts/vgg", pictures: int = FULL, progress: Progress = quiet) -> list[dict]:
    """The table, recorded or computed now: as in the paper, with every method's blur tuned, and on coarse grids."""
    fixed = {"model": [model], "pictures": [pictures]}
    wanted = grid(**fixed, method=(*METHODS, ELSEWHERE), smoothing=["paper", "tuned"])
    wanted += grid(**fixed, method=(*FINE, TRUTH), smoothing=["grid 4", "grid 8"])
    return record_all("saliency", wanted, measure_saliency, command=COMMAND, progress=progress)


def group_accuracy(*, model: str = "parts/vgg", pictures: int = FULL) -> list[dict]:
    """How well the new head tells the groups apart, recorded or computed now."""
    wanted = grid(model=[model], pictures=[pictures])
    return record_all("saliency_classifier", wanted, measure_group_classifier, command=COMMAND)


def main() -> None:
    """Command line: computes and records the table."""
    argparse.ArgumentParser(description=main.__doc__).parse_args()
    for row in group_accuracy() + saliency(pictures=QUICK) + saliency(progress=tqdm):
        print(row["configuration"], row["result"])


if __name__ == "__main__":
    main()
