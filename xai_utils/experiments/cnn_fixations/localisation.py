"""Table I: how often the box around the evidence misses the object, for every method, threshold tuned elsewhere."""

from collections.abc import Callable
from itertools import product

import torch
from torch import Tensor, nn

from xai_utils.baselines import cam
from xai_utils.experiments.explanations import READINGS, evidence
from xai_utils.experiments.pictures import IMAGENET, Boxed, boxed_pictures
from xai_utils.experiments.records import grid, record_all
from xai_utils.experiments.statistics import bootstrap_interval
from xai_utils.metrics import box_iou, maps_to_boxes, top1_localisation_error
from xai_utils.models import load_model, outputs
from xai_utils.papers.cnn_fixations import cnn_fixations, points_to_box, remove_outliers
from xai_utils.tensors import Progress, quiet

COMMAND = "python -m xai_utils.experiments.cnn_fixations"
SHARES, RADII = (0.02, 0.05, 0.1), (0.05, 0.09, 0.1, 0.11, 0.15, 0.2)
THRESHOLDS = (0.005, 0.01, 0.02, *(round(0.05 * step, 2) for step in range(1, 20)))
AROUND = ("largest piece", "everything")
BATCH = 16

Boxes = dict[tuple, Tensor]  # setting -> int64 [batch, 4]
Localiser = Callable[[nn.Module, Tensor, Tensor], Boxes]


def boxes_of_fixations(variant: str, move: bool) -> Localiser:
    """Boxes around the fixations that stay, for every share and radius of `remove_outliers`."""

    def localise(model: nn.Module, images: Tensor, target: Tensor) -> Boxes:
        points = cnn_fixations(model, images, target, variant=variant, move=move, batch_size=BATCH)
        size = images.shape[2:]
        return {
            (share, radius): points_to_box(remove_outliers(points, size, share=share, radius=radius))
            for share, radius in product(SHARES, RADII)
        }

    return localise


def boxes_of_maps(method: Callable[..., Tensor]) -> Localiser:
    """Boxes around a map's largest piece or around everything, for every threshold: whatever suits the map best."""

    def localise(model: nn.Module, images: Tensor, target: Tensor) -> Boxes:
        maps = method(model, images, target)
        settings = product(THRESHOLDS, AROUND)
        return {(level, around): maps_to_boxes(maps, level, around=around) for level, around in settings}

    return localise


def centred_box(model: nn.Module, images: Tensor, target: Tensor) -> Boxes:
    """Half of the picture around its centre: what one gets without looking."""
    height, width = images.shape[2:]
    half = 0.5**0.5
    edges = [(1 - half) / 2 * width, (1 - half) / 2 * height, (1 + half) / 2 * width, (1 + half) / 2 * height]
    return {(): torch.tensor([[round(edge) for edge in edges]]).expand(len(images), 4)}


METHODS = (*READINGS, "gradient", "guided backprop", "CAM", "Grad-CAM", "cMWP", "LRP", "centred box")


def localiser(model: str, method: str) -> Localiser:
    """How one method of `METHODS` finds boxes with the network of that name."""
    if method in READINGS:
        return boxes_of_fixations(*READINGS[method])
    if method == "centred box":
        return centred_box
    if method == "CAM":
        return boxes_of_maps(cam)
    return boxes_of_maps(lambda network, images, target: evidence(model, network, method, images, target))


OWN = ("parts/alexnet", "parts/vgg", "parts/googlenet", "parts/resnet", "parts/densenet")
RETRAINED = ("parts/alexnet-gap", "parts/vgg-gap")  # for CAM, which works with nothing else
REAL = ("squeezenet1_1", "resnet18", "resnet50")


def localisation_errors(models: tuple[str, ...] = OWN + RETRAINED, *, progress: Progress = quiet) -> list[dict]:
    """Table I on Parts: every method on every network, tuned on the validation split, measured on the test split."""
    wanted = [row for row in _rows(models, tuned=["validation", 0, 200], tested=["test", 0, 500]) if _possible(row)]
    return record_all("localisation", wanted, measure_localisation, command=COMMAND, progress=progress)


def real_localisation_errors(models: tuple[str, ...] = REAL, *, progress: Progress = quiet) -> list[dict]:
    """Table I on ImageNet: tuned on the first 200 of the 1,000 pictures, measured on the others."""
    wanted = [row for row in _rows(models, tuned=[IMAGENET, 0, 200], tested=[IMAGENET, 200, 1000]) if _possible(row)]
    return record_all("localisation_imagenet", wanted, measure_localisation, command=COMMAND, progress=progress)


def _rows(models: tuple[str, ...], tuned: list, tested: list) -> list[dict]:
    return grid(model=models, method=METHODS, tuned=[tuned], tested=[tested])


def _possible(row: dict) -> bool:
    """Leaves out what does not exist or is the same.

    CAM needs a head of global average pooling, and the two networks made for it are asked for nothing else; without a
    flattened map both readings of the fully connected step agree.
    """
    flattened = row["model"] in ("parts/alexnet", "parts/vgg")
    if row["method"] == "CAM":
        return not flattened and row["model"] != "squeezenet1_1"
    return row["model"] not in RETRAINED and (flattened or "all of a map" not in row["method"])


def measure_localisation(model: str, method: str, tuned: list, tested: list) -> dict:
    """One cell of the table.

    Args:
        model: as `load_model` takes it.
        method: a name of `METHODS`.
        tuned: [source, first, last] of the pictures on which the setting with the fewest misses is chosen.
        tested: [source, first, last] of the pictures on which it is measured.

    Returns:
        The setting, and three rates with 95% intervals by resampled pictures: "error" (class or box wrong, the
        paper's number), "box_error" (box wrong for the predicted class), "class_error".
    """
    network, localise = load_model(model), localiser(model, method)
    misses = {setting: float(wrong[1].mean()) for setting, wrong in _wrong(network, localise, *tuned).items()}
    setting = min(misses, key=misses.get)
    error, box_error, class_error = _wrong(network, localise, *tested)[setting]
    return {
        "setting": list(setting),
        "error": bootstrap_interval(error),
        "box_error": bootstrap_interval(box_error),
        "class_error": bootstrap_interval(class_error),
    }


def _wrong(network: nn.Module, localise: Localiser, source: str, first: int, last: int) -> dict[tuple, Tensor]:
    """For each setting [3, pictures]: whether class or box, the box, and the class are wrong."""
    parts: dict[tuple, list[Tensor]] = {}
    for start in range(first, last, BATCH):
        pictures = boxed_pictures(source, range(start, min(start + BATCH, last)), network.input_size)
        predicted = outputs(network, pictures.images).argmax(dim=1)
        for setting, boxes in localise(network, pictures.images, predicted).items():
            parts.setdefault(setting, []).append(_errors(boxes, pictures, predicted))
    return {setting: torch.cat(pieces, dim=1).double() for setting, pieces in parts.items()}


def _errors(boxes: Tensor, pictures: Boxed, predicted: Tensor) -> Tensor:
    error = top1_localisation_error(boxes, pictures.boxes, predicted, pictures.labels)
    return torch.stack([error, box_iou(boxes, pictures.boxes) < 0.5, predicted != pictures.labels])
