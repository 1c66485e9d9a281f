"""How good detections are: mean average precision, and how right they would be as labels."""

import io
from collections.abc import Sequence
from contextlib import redirect_stdout
from typing import NamedTuple

import torch
from torch import Tensor

from xai_utils.experiments.image_score.object_detection.scenes import Objects
from xai_utils.parts import CLASSES

OVERLAP = 0.5  # smallest IoU of a hit


class Precision(NamedTuple):
    """Mean average precision over the classes, 0 to 1."""

    voc: float  # IoU 0.5, mean over 11 recalls: VOC2007's, and so the paper's
    half: float  # IoU 0.5, mean over 101 recalls
    coco: float  # the same, mean over IoU 0.5, 0.55, ... 0.95


class Rightness(NamedTuple):
    """What the objects that are found in a picture are worth as labels."""

    objects: int  # that are there
    boxes: int  # that were found
    right: int  # of them: an object's box (IoU at least 0.5) and class; one box for each object
    wrong_class: int  # of them: the box of an object that no right one has, but another class


def mean_average_precision(found: Sequence[Objects], truths: Sequence[Objects]) -> Precision:
    """Mean average precision, counted by COCO's own program.

    **Source**: pycocotools. It matches a box with the best object that is still free, where VOC's program takes the
    best object, free or not; precision at 11 of its 101 recalls is VOC2007's measure.

    Args:
        found: for each picture what was detected.
        truths: for each picture what is there.

    Returns:
        The three means; classes that no picture shows are left out.

    Raises:
        ValueError: no objects at all, or another number of pictures.

    Example:
        >>> truth = Objects(torch.tensor([[0.0, 0.0, 20.0, 10.0]]), torch.tensor([3]), torch.ones(1))
        >>> [round(value, 3) for value in mean_average_precision([truth], [truth])]
        [1.0, 1.0, 1.0]
    """
    from pycocotools.coco import COCO
    from pycocotools.cocoeval import COCOeval

    if len(found) != len(truths) or not any(len(truth.labels) for truth in truths):
        raise ValueError(f"truths: expected some objects in {len(found)} pictures, got {len(truths)} pictures")
    with redirect_stdout(io.StringIO()):
        truth, answers = COCO(), COCO()
        for data, objects in ((truth, truths), (answers, found)):
            data.dataset = {
                "images": [{"id": number} for number in range(len(objects))],
                "categories": [{"id": label} for label in range(len(CLASSES))],
                "annotations": list(_annotations(objects)),
            }
            data.createIndex()
        evaluation = COCOeval(truth, answers, "bbox")
        evaluation.params.areaRng, evaluation.params.maxDets = [[0, 1e10]], [100]  # large and small objects alike
        evaluation.evaluate()
        evaluation.accumulate()
    precision = evaluation.eval["precision"][:, :, :, 0, -1]  # [overlaps, recalls, classes]
    shown = precision[:, :, (precision > -1).all(axis=(0, 1))]
    return Precision(*(float(some.mean()) for some in (shown[0, ::10], shown[0], shown)))


def rightness(found: Objects, truth: Objects) -> Rightness:
    """How right the objects that were found in a picture are; the surest box takes its object first.

    Args:
        found: as `detect` returns them.
        truth: what is there.

    Example:
        >>> truth = Objects(torch.tensor([[0.0, 0.0, 20.0, 10.0]]), torch.tensor([3]), torch.ones(1))
        >>> rightness(truth._replace(labels=torch.tensor([4])), truth)
        Rightness(objects=1, boxes=1, right=0, wrong_class=1)
    """
    from torchvision.ops import box_iou

    hits = box_iou(found.boxes, truth.boxes) >= OVERLAP  # [boxes, objects]
    same = found.labels[:, None] == truth.labels
    free = torch.ones(len(truth.labels), dtype=torch.bool)
    right = _takers(hits & same, free)
    wrong_class = _takers(hits & ~right[:, None], free)
    return Rightness(len(truth.labels), len(found.labels), int(right.sum()), int(wrong_class.sum()))


def _takers(fits: Tensor, free: Tensor) -> Tensor:
    """Which boxes get an object, each the first one that fits and is free; what is taken is not free any more."""
    takers = torch.zeros(len(fits), dtype=torch.bool)
    for number, own in enumerate(fits):
        left = (own & free).nonzero()
        if len(left):
            takers[number], free[left[0]] = True, False
    return takers


def _annotations(pictures: Sequence[Objects]):
    """Objects as COCO writes them, numbered from 1."""
    number = 0
    for picture, objects in enumerate(pictures):
        for (left, top, right, bottom), label, score in zip(*(values.tolist() for values in objects), strict=True):
            number += 1
            width, height = right - left, bottom - top
            yield {
                "id": number, "image_id": picture, "category_id": label, "score": score, "iscrowd": 0,
                "bbox": [left, top, width, height], "area": width * height,
            }  # fmt: skip
