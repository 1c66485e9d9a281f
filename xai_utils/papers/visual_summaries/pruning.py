"""Which proposals may become parts: those that a region covers, each kind once (section 3.2)."""

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np
import torch
from scipy import sparse
from torch import Tensor

from xai_utils.papers.visual_summaries.proposal_flow import check_class
from xai_utils.papers.visual_summaries.proposals import check_boxes
from xai_utils.tensors import check_count


class Candidates(NamedTuple):
    """The proposals that are left, and what became of the others."""

    images: Tensor  # int64 [parts]: number of the image that each is in, ascending
    boxes: Tensor  # int64 [parts, 4]: (left, top, right, bottom), right and bottom exclusive
    scores: Tensor  # float64 [parts, parts], on the CPU: Corr'', what is left of Corr
    uncovered: int  # proposals left out because no region covers them
    redundant: int  # proposals left out because another one stands for them
    without: tuple[int, ...]  # images that no proposal is left of


def candidates(
    boxes: Sequence[Tensor],
    regions: Sequence[Tensor],
    scores: sparse.csr_array,
    *,
    covered: float = 0.75,
    per_region: bool = False,
    shared: float = 0.5,
    size_ratio: float = 2.0,
    best: int = 100,
) -> Candidates:
    """The proposals that lie in what the network needed, without those that say the same twice.

    **Source**: section 3.2: "overlap ratio higher than 75%" with a region, and "in the case of two overlapping
    proposals, one of them is removed if the ratio between the two areas is less than 2". As in the authors' code the
    first is the share of the proposal that lies in any region (`per_region` is the text to the letter); two proposals
    are redundant if they overlap by at least half of the smaller one and are of similar size; the one that stays has
    the highest mean of its 100 best scores with other images. That code compares in the order of the proposals,
    while it changes the list; here the best goes first, so that the order does not matter and nothing redundant stays.

    Args:
        boxes: int64 [boxes, 4] of each image, as `object_proposals` returns them.
        regions: bool [regions, height, width] of each image, as `mask_regions` returns them; possibly none.
        scores: [proposals, proposals], as `correspondences` returns them.
        covered: share of a proposal's area that its image's regions have to exceed, in [0, 1).
        per_region: whether one region has to cover that share by itself.
        shared: smallest share of the smaller box that two overlapping boxes have in common, in (0, 1].
        size_ratio: quotient of two areas below which two overlapping proposals are redundant; 1 keeps all.
        best: number of scores that decide which of two proposals stays.

    Returns:
        The proposals that are left, with their scores, and counts of the rest.

    Raises:
        TypeError, ValueError: arguments that do not go together, regions of unequal size, a knob out of range, or no
            proposal left in any image.

    Example:
        >>> boxes = [torch.tensor([[0, 0, 4, 4], [0, 0, 4, 5], [4, 4, 8, 8]])] * 2
        >>> regions = torch.zeros(1, 8, 8, dtype=torch.bool)
        >>> regions[:, :6, :6] = True
        >>> left = candidates(boxes, [regions, regions[:0]], sparse.csr_array(np.eye(6)))
        >>> left.boxes, left.uncovered, left.redundant, left.without
        (tensor([[0, 0, 4, 4]]), 4, 1, (1,))
    """
    scores = _check_arguments(boxes, regions, scores)
    _check_knobs(covered, shared, size_ratio)
    check_count("best", best)
    starts = np.cumsum([0, *(len(some) for some in boxes)])
    chosen, inside, without = [], 0, []
    for image, (some, places) in enumerate(zip(boxes, regions, strict=True)):
        stay = (cover(some, places, per_region=per_region) > covered).nonzero()[:, 0].cpu()
        inside += len(stay)
        first, last = starts[image : image + 2]
        strength = _strength(scores[first + stay.numpy()], first, last, best)
        stay = stay[not_redundant(some.cpu()[stay], strength, shared=shared, size_ratio=size_ratio)]
        chosen.append(stay + int(first))
        without += [] if len(stay) else [image]
    numbers = torch.cat(chosen)
    if not len(numbers):
        raise ValueError(
            f"regions: expected some that cover {covered:.0%} of a proposal, got none in {len(boxes)} images"
        )
    owners = torch.repeat_interleave(torch.tensor([len(stay) for stay in chosen]))
    kept = torch.from_numpy(scores[numbers.numpy()][:, numbers.numpy()].toarray()).double()
    everything = torch.cat([some.cpu() for some in boxes])
    uncovered, redundant = len(everything) - inside, inside - len(numbers)
    return Candidates(owners, everything[numbers], kept, uncovered, redundant, tuple(without))


def cover(boxes: Tensor, regions: Tensor, *, per_region: bool = False) -> Tensor:
    """How much of each box is covered by the regions of its image.

    Args:
        boxes: int64 [boxes, 4] within the picture.
        regions: bool [regions, height, width].
        per_region: by the one that covers most of it, instead of by all together.

    Returns:
        float64 [boxes], 0 to 1.

    Example:
        >>> cover(torch.tensor([[0, 0, 2, 2], [1, 1, 3, 3]]), torch.eye(4).bool()[None])
        tensor([0.5000, 0.5000], dtype=torch.float64)
    """
    check_boxes([boxes], tuple(regions.shape[1:]))
    places = regions if per_region else regions.any(dim=0, keepdim=True)
    if not len(places) or not len(boxes):
        return torch.zeros(len(boxes), dtype=torch.float64, device=boxes.device)
    sums = (
        torch.nn.functional.pad(places.double(), (1, 0, 1, 0)).cumsum(1).cumsum(2)
    )  # [regions, height + 1, width + 1]
    left, top, right, bottom = boxes.unbind(dim=1)
    within = sums[:, bottom, right] - sums[:, top, right] - sums[:, bottom, left] + sums[:, top, left]
    return within.amax(dim=0) / ((right - left) * (bottom - top))


def not_redundant(boxes: Tensor, strength: Tensor, *, shared: float = 0.5, size_ratio: float = 2.0) -> Tensor:
    """The boxes that stay when, from the strongest on, each takes away those that overlap with it at a similar size.

    Args:
        boxes: int64 [boxes, 4].
        strength: float [boxes]; of equal ones the earlier box counts as the stronger.
        shared: see `candidates`.
        size_ratio: see `candidates`.

    Returns:
        int64 [boxes that stay]: their numbers, ascending.

    Example:
        >>> boxes = torch.tensor([[0, 0, 10, 10], [1, 1, 11, 11], [0, 0, 40, 40]])
        >>> not_redundant(boxes, torch.tensor([0.1, 0.9, 0.5]))
        tensor([1, 2])
    """
    starts, ends = boxes[:, :2], boxes[:, 2:]
    areas = (ends - starts).prod(dim=1).double()
    common = (torch.minimum(ends[:, None], ends) - torch.maximum(starts[:, None], starts)).clamp(min=0).prod(dim=2)
    smaller, larger = torch.minimum(areas[:, None], areas), torch.maximum(areas[:, None], areas)
    same = (common >= shared * smaller) & (larger / smaller < size_ratio)  # [boxes, boxes]
    stays = torch.ones(len(boxes), dtype=torch.bool)
    for box in strength.argsort(descending=True, stable=True).tolist():
        if stays[box]:
            stays &= ~same[box]
            stays[box] = True
    return stays.nonzero()[:, 0]


def _strength(rows: sparse.csr_array, first: int, last: int, best: int) -> Tensor:
    """The mean of the best scores of some proposals with those of other images than their own, first..last."""
    others = rows.toarray()
    others = np.delete(others, np.s_[first:last], axis=1)
    count = min(best, others.shape[1])
    if not count:
        return torch.zeros(len(others))
    return torch.from_numpy(np.partition(others, -count, axis=1)[:, -count:].mean(axis=1))


def _check_arguments(boxes: Sequence[Tensor], regions: Sequence[Tensor], scores: sparse.csr_array) -> sparse.csr_array:
    check_class(boxes)
    if len(regions) != len(boxes):
        raise ValueError(f"regions: expected those of each image ({len(boxes)}), got {len(regions)}")
    for image, places in enumerate(regions):
        if not isinstance(places, Tensor) or places.dtype != torch.bool:
            raise TypeError(f"regions: expected a bool tensor for each image, got others for image {image}")
        if places.ndim != 3 or places.shape[1:] != regions[0].shape[1:]:
            raise ValueError(f"regions: expected [regions, height, width] of one size, got {list(places.shape)}")
    if not sparse.issparse(scores):
        raise TypeError(f"scores: expected a sparse array, got {type(scores).__name__}")
    count = sum(len(some) for some in boxes)
    if scores.shape != (count, count):
        raise ValueError(f"scores: expected shape ({count}, {count}) to go with the boxes, got {scores.shape}")
    return scores.tocsr()


def _check_knobs(covered: float, shared: float, size_ratio: float) -> None:
    if not 0 <= covered < 1:
        raise ValueError(f"covered: expected a share of a proposal in [0, 1), got {covered}")
    if not 0 < shared <= 1:
        raise ValueError(f"shared: expected a share of the smaller box in (0, 1], got {shared}")
    if not size_ratio >= 1:
        raise ValueError(f"size_ratio: expected a quotient of at least 1, got {size_ratio}")
