"""Boxes against true boxes, and from maps to boxes."""

from collections.abc import Sequence

import numpy as np
import torch
from torch import Tensor

from xai_utils.tensors import check_choice, check_target


def box_iou(boxes: Tensor, truths: Sequence[Tensor]) -> Tensor:
    """The overlap of each image's box with the best of its true boxes, intersection over union.

    Args:
        boxes: [batch, 4], (left, top, right, bottom), pixels, right and bottom exclusive; a box without area overlaps
            with nothing.
        truths: for each image [objects, 4], the same convention; possibly none.

    Returns:
        float64 [batch], 0 to 1.

    Raises:
        ValueError: another shape, a box that ends before it begins, or another number of images.

    Example:
        >>> box_iou(torch.tensor([[0, 0, 10, 10]]), [torch.tensor([[0, 0, 10, 5], [50, 50, 60, 60]])])
        tensor([0.5000], dtype=torch.float64)
    """
    _check_boxes("boxes", boxes)
    if len(boxes) != len(truths):
        raise ValueError(f"truths: expected true boxes for each image ({len(boxes)}), got {len(truths)}")
    counts = torch.tensor([len(_check_boxes("truths", true)) for true in truths], dtype=torch.int64)
    image = torch.repeat_interleave(counts)
    ours, theirs = boxes.double()[image], torch.cat([boxes.double()[:0], *(true.double() for true in truths)])
    shared = _area(torch.cat([torch.maximum(ours, theirs)[:, :2], torch.minimum(ours, theirs)[:, 2:]], dim=1))
    both = _area(ours) + _area(theirs) - shared
    overlaps = shared / both.clamp(min=torch.finfo(both.dtype).tiny)
    return torch.zeros(len(boxes), dtype=torch.float64).scatter_reduce(0, image, overlaps, "amax")


def _area(boxes: Tensor) -> Tensor:
    return (boxes[:, 2:] - boxes[:, :2]).clamp(min=0).prod(dim=1)


def top1_localisation_error(
    boxes: Tensor,
    truths: Sequence[Tensor],
    predicted: int | Sequence[int] | Tensor,
    labels: int | Sequence[int] | Tensor,
    *,
    overlap: float = 0.5,
) -> Tensor:
    """Where the box or the class is wrong: ILSVRC's localisation task for one guess.

    **Source**: CNN Fixations, section IV-A, Table I. A hit has the right class and an IoU of at least 0.5 with one of
    the class's boxes, counted on inclusive pixels as in the ILSVRC boxes (with exclusive ends, as here, that is the
    ordinary IoU). With this reading the authors' own boxes give their printed errors exactly.

    Args:
        boxes: [batch, 4], (left, top, right, bottom), right and bottom exclusive.
        truths: for each image [objects, 4], the same convention.
        predicted: the class that the network named, for each image.
        labels: the true class, for each image.
        overlap: smallest IoU of a hit.

    Returns:
        bool [batch], True for an error; its mean is the error rate.

    Raises:
        TypeError, ValueError: not boxes, not classes, or different numbers of images.

    Example:
        >>> boxes, truth = torch.tensor([[0, 0, 9, 9], [0, 0, 9, 9]]), [torch.tensor([[0, 0, 10, 10]])] * 2
        >>> top1_localisation_error(boxes, truth, [3, 4], [3, 3])
        tensor([False,  True])
    """
    right = check_target(predicted, len(boxes), None) == check_target(labels, len(boxes), None)
    return ~(right & (box_iou(boxes, truths) >= overlap))


def localisation_error(maps: Tensor, truths: Sequence[Tensor], *, threshold: float = 0.5) -> Tensor:
    """Where the box around all that a map marks misses the objects of a class that is given.

    **Source**: Dabkowski and Gal (2017), section 5.1, Table 1: the map thresholded at 0.5, the tightest box around the
    whole of it, an IoU greater than 0.5 with any true box. A mask that marks nothing locates nothing: an error.

    Args:
        maps: float [batch, height, width]; masks in [0, 1], or any maps on the scale of the threshold.
        truths: for each image [objects, 4], (left, top, right, bottom), right and bottom exclusive.
        threshold: what a marked pixel exceeds.

    Returns:
        bool [batch], True for an error; its mean is the error rate.

    Raises:
        ValueError: maps that are not finite, not boxes, or different numbers of images.

    Example:
        >>> maps, truth = torch.zeros(2, 8, 8), [torch.tensor([[0, 0, 4, 4]])] * 2
        >>> maps[0, :4, :3] = 0.9
        >>> localisation_error(maps, truth)
        tensor([False,  True])
    """
    boxes, empty = boxes_around(maps, threshold)
    return empty | (box_iou(boxes, truths) <= 0.5)


def maps_to_boxes(maps: Tensor, threshold: float, *, around: str = "largest piece") -> Tensor:
    """The tightest box around what a map marks.

    **Source**: the protocol of CAM (Zhou et al., 2016), which the papers on localisation share: keep what is above a
    share of the map's maximum, take the largest connected component. A map of scattered pixels, such as a gradient's,
    has none that is worth a box; it does better with a box around all that is marked.

    Args:
        maps: float [batch, height, width], higher = more relevant.
        threshold: share of the way from the map's minimum to its maximum that a pixel must reach, 0 to 1.
        around: "largest piece" that is connected, or "everything" that is marked.

    Returns:
        int64 [batch, 4]: (left, top, right, bottom), right and bottom exclusive.

    Raises:
        ValueError: maps that are not finite or not [batch, height, width], a threshold outside 0..1, another word.

    Example:
        >>> maps_to_boxes(torch.eye(3).repeat_interleave(2, 0)[None], 0.5)
        tensor([[0, 0, 3, 6]])
    """
    import cv2

    check_choice("around", around, ("largest piece", "everything"))
    if maps.ndim != 3 or not torch.isfinite(maps).all():
        raise ValueError(f"maps: expected finite values [batch, height, width], got shape {list(maps.shape)}")
    if not 0 <= threshold <= 1:
        raise ValueError(f"threshold: expected a share of the map's range in 0..1, got {threshold}")
    low, high = maps.amin(dim=(1, 2), keepdim=True), maps.amax(dim=(1, 2), keepdim=True)
    marked = (maps >= low + threshold * (high - low)).cpu().numpy().astype("uint8")
    find = cv2.boundingRect if around == "everything" else _largest_piece
    found = [find(picture) for picture in marked]
    boxes = [[left, top, left + width, top + height] for left, top, width, height in found]
    return torch.tensor(boxes, dtype=torch.int64).reshape(-1, 4)


def boxes_around(maps: Tensor, threshold: float = 0.5) -> tuple[Tensor, Tensor]:
    """The tightest box around all pixels above a value, and where there are none.

    Args:
        maps: float [batch, height, width].
        threshold: what a marked pixel exceeds, in the maps' own unit (`maps_to_boxes` takes a share of their range).

    Returns:
        (boxes, empty): int64 [batch, 4], (left, top, right, bottom), right and bottom exclusive, the whole picture
        where nothing is marked; bool [batch], True there. Both on the CPU.

    Raises:
        ValueError: maps that are not finite or not [batch, height, width].

    Example:
        >>> boxes_around(torch.tensor([[[0.2, 0.6, 0.5]], [[0.1, 0.2, 0.1]]]))
        (tensor([[1, 0, 2, 1],
                [0, 0, 3, 1]]), tensor([False,  True]))
    """
    if maps.ndim != 3 or not torch.isfinite(maps).all():
        raise ValueError(f"maps: expected finite values [batch, height, width], got shape {list(maps.shape)}")
    marked = maps > threshold
    return maps_to_boxes(marked.float(), 0.5, around="everything"), ~marked.flatten(1).any(dim=1).cpu()


def _largest_piece(marked: np.ndarray) -> Sequence[int]:
    """(left, top, width, height) of the largest connected piece."""
    import cv2

    _, _, pieces, _ = cv2.connectedComponentsWithStats(marked, connectivity=8)
    return max(pieces[1:], key=lambda piece: piece[cv2.CC_STAT_AREA])[: cv2.CC_STAT_AREA]  # 0 is the rest


def _check_boxes(name: str, boxes: Tensor) -> Tensor:
    if boxes.ndim != 2 or boxes.shape[1] != 4:
        raise ValueError(f"{name}: expected [boxes, 4] (left, top, right, bottom), got shape {list(boxes.shape)}")
    if (boxes[:, 2:] < boxes[:, :2]).any():
        raise ValueError(f"{name}: expected boxes that end after they begin, got others")
    return boxes
