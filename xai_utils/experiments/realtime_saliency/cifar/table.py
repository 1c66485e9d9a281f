"""The table of small pictures: what each method's region is worth to the classifier."""

import torch
from torch import Tensor

from xai_utils.baselines import gradient
from xai_utils.experiments.cifar.data import cifar_pictures
from xai_utils.experiments.cifar.network import load_classifier
from xai_utils.experiments.realtime_saliency.cifar.masking import load_masks
from xai_utils.experiments.statistics import bootstrap_interval, wilson_interval
from xai_utils.masks import iterative_mask
from xai_utils.metrics import saliency_metric, smallest_regions
from xai_utils.models import Classifier, target_probability
from xai_utils.papers.realtime_saliency import realtime_saliency
from xai_utils.perturb import draw_baselines, remove_evidence
from xai_utils.training import accuracy

THRESHOLDS = (0.01, 0.02, *(step / 20 for step in range(1, 20)))  # shares of a map's range
AT_HALF = "masking model, at 0.5"  # the paper's own threshold
MAPS = ("masking model", "iterative mask", "gradient")  # with a threshold that is tuned
BOXES = ("center box", "max box")
METHODS = (AT_HALF, *MAPS, *BOXES)
STEPS = 20  # of the smallest regions: areas are multiples of 5%
EMPTY = 0.05  # share of the picture below which a mask counts as empty


def maps_of(
    method: str, black_box: Classifier, masking_model: str, images: Tensor, target: Tensor, seed: int
) -> Tensor:
    """What a method says of the pictures, [batch, height, width], higher = more relevant; not negative.

    Args:
        method: a name of `METHODS`; the center box grows from the middle, the max box has everything at once.
        black_box: the classifier.
        masking_model: as `load_masks` takes it.
        images: float [batch, 3, height, width], RGB in [0, 1].
        target: int64 [batch].
        seed: of what stands where evidence is removed while the iterative mask is searched for.
    """
    if method.startswith("masking model"):
        return realtime_saliency(load_masks(masking_model), images, target)
    if method == "iterative mask":
        return iterative_mask(black_box, images, target, batch_size=100, generator=torch.Generator().manual_seed(seed))
    if method == "gradient":
        return gradient(black_box, images, target)
    if method == "max box":
        return torch.ones_like(images[:, 0])
    down, across = (((torch.arange(side) + 0.5) * 2 / side - 1).abs() for side in images.shape[2:])
    return (1 - torch.maximum(down[:, None], across)).expand(len(images), -1, -1)


def region_of(method: str, maps: Tensor, threshold: float | None) -> Tensor:
    """The pixels that a map marks, bool [batch, height, width].

    Args:
        method: a name of `METHODS`.
        maps: as `maps_of` returns them.
        threshold: share of the way from the map's minimum to its maximum that a pixel must reach; None for methods
            that have none to tune.
    """
    if method == AT_HALF:
        return maps > 0.5
    if method == "max box":
        return maps > 0
    if method == "center box":
        return maps >= 1 - 0.5**0.5  # half of the picture
    low, high = maps.amin(dim=(1, 2), keepdim=True), maps.amax(dim=(1, 2), keepdim=True)
    return maps >= low + threshold * (high - low)


def tuned_threshold(method: str, black_box: Classifier, images: Tensor, target: Tensor, maps: Tensor) -> float | None:
    """The threshold of the best mean saliency metric on held-out pictures; None where there is none to tune.

    With few classes the metric can be had for nothing: a crop below its smallest area scores log 0.05, to which a guess
    among ten classes adds only log 10. Whether a tuned method went there is told by "area" and "probability".
    """
    if method not in MAPS:
        return None

    def metric(threshold: float) -> float:
        region = region_of(method, maps, threshold).float()
        return saliency_metric(black_box, images, target, region, batch_size=100).scores.mean().item()

    return min(THRESHOLDS, key=metric)


def measure_method(
    data: str,
    black_box: str,
    masking_model: str,
    method: str,
    tuned: list,
    tested: list,
    baselines: list[str],
    seed: int,
) -> dict:
    """One row: what a method's regions are worth on held-out pictures.

    **Source**: Dabkowski and Gal (2017), eq. 3 for the metric and section 3 for the regions. CIFAR-10 has no boxes, so
    that there is no localisation error. Deviation: `smallest_regions` counts only where the whole picture is recognised
    with confidence and the baseline alone is not, which are the same pictures for every method.

    Args:
        data: name of the folder, as `cifar_pictures` takes it.
        black_box: as `load_classifier` takes it.
        masking_model: as `load_masks` takes it.
        method: a name of `METHODS`.
        tuned: [split, first, last] of the pictures on which the threshold is chosen.
        tested: [split, first, last] of the pictures on which everything is measured.
        baselines: what stands where evidence is removed, "blur" or "noise".
        seed: of the noise and of the iterative mask.

    Returns:
        "threshold"; the saliency "metric" as [mean, low, high] with a 95% interval by resampled pictures, the "area" of
        the crops, p of the class on them ("probability") and the share of "empty" masks; the mean "region"; and for
        each baseline what `worth` says.
    """
    network = load_classifier(black_box)

    def explained(pictures: list) -> tuple[Tensor, Tensor, Tensor]:
        images, target = cifar_pictures(data, *pictures)
        images = images.float() / 255
        return images, target, maps_of(method, network, masking_model, images, target, seed)

    threshold = tuned_threshold(method, network, *explained(tuned)) if method in MAPS else None
    images, target, maps = explained(tested)
    region = region_of(method, maps, threshold).float()
    scores = saliency_metric(network, images, target, region, batch_size=100)
    found = {
        "threshold": threshold,
        "metric": _interval(scores.scores),
        "area": _interval(scores.areas),
        "probability": _interval(scores.probabilities),
        "empty": round(scores.empty.double().mean().item(), 4),
        "region": _interval(region.mean(dim=(1, 2))),
    }
    for kind in baselines:
        baseline = next(draw_baselines(images, kind, generator=torch.Generator().manual_seed(seed)))
        ordered = None if method == "max box" else maps
        found[kind] = worth(network, images, target, region, ordered, baseline)
    return found


def worth(
    black_box: Classifier, images: Tensor, target: Tensor, region: Tensor, maps: Tensor | None, baseline: Tensor
) -> dict:
    """What the classifier says of a region alone and of the rest, and how small the best pixels may be.

    Args:
        black_box: the classifier.
        images: float [batch, 3, height, width], RGB in [0, 1].
        target: int64 [batch].
        region: 1 on it and 0 elsewhere, [batch, height, width].
        maps: [batch, height, width], whose order gives the smallest regions; None where there is no order.
        baseline: what replaces hidden pixels, [batch, 3, height, width].

    Returns:
        p of the class with the region "alone" and "without" it; the mean "sufficient" and "destroying" areas, each
        [mean, low, high], or None without an order; "counted", the number of pictures in these.
    """
    whole, nothing, alone, without = (
        target_probability(black_box, remove_evidence(images, keep, baseline), target, batch_size=100)
        for keep in (torch.ones_like(region), torch.zeros_like(region), region, 1 - region)
    )
    counted = (whole >= 0.5) & (nothing < 0.5)
    found = {"alone": _interval(alone), "without": _interval(without), "counted": int(counted.sum())}
    if maps is None or not counted.any():
        return found | {"sufficient": None, "destroying": None}
    chosen = (images[counted], target[counted], maps[counted])
    areas = smallest_regions(black_box, *chosen, baseline=baseline[counted], steps=STEPS, batch_size=100)
    return found | {name: _interval(values) for name, values in areas._asdict().items()}


def measure_fakes(data: str, masking_model: str, tested: list, seed: int) -> dict:
    """How empty the mask of a class is that is not the picture's own; the paper asks for an empty one.

    Args:
        data: name of the folder, as `cifar_pictures` takes it.
        masking_model: as `load_masks` takes it.
        tested: [split, first, last] of the pictures.
        seed: draws one fake class for each picture.

    Returns:
        The mean area of the "own" and of the "fake" mask, and the share of "empty" masks of fakes, which cover less
        than `EMPTY` of the picture, each [mean, low, high]; and "empty_own", that share for the own class.
    """
    images, labels = cifar_pictures(data, *tested)
    model = load_masks(masking_model)
    classes = len(model.classes)
    others = torch.randint(1, classes, labels.shape, generator=torch.Generator().manual_seed(seed))
    own, fake = (
        realtime_saliency(model, images.float() / 255, asked).mean(dim=(1, 2))
        for asked in (labels, (labels + others) % classes)
    )
    shares = {"empty": (fake < EMPTY).double().mean().item(), "empty_own": (own < EMPTY).double().mean().item()}
    return {
        "own": _interval(own),
        "fake": _interval(fake),
        **{name: _rounded((share, *wilson_interval(share, len(labels)))) for name, share in shares.items()},
    }


def measure_classifier(data: str, black_box: str, tested: list) -> dict:
    """The share of held-out pictures that the classifier names rightly, with its 95% interval.

    Args:
        data: name of the folder, as `cifar_pictures` takes it.
        black_box: as `load_classifier` takes it.
        tested: [split, first, last] of the pictures.
    """
    images, labels = cifar_pictures(data, *tested)
    share = accuracy(load_classifier(black_box), images, labels)
    return {"accuracy": _rounded((share, *wilson_interval(share, len(labels))))}


def _interval(values: Tensor) -> list[float]:
    return _rounded(bootstrap_interval(values))


def _rounded(values) -> list[float]:
    return [round(float(value), 4) for value in values]
