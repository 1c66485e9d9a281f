"""Which proposal of one picture shows what a proposal of another one shows: proposal flow (section 3.2)."""

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np
import torch
from scipy import sparse
from torch import Tensor

from xai_utils.papers.visual_summaries.proposals import check_boxes
from xai_utils.tensors import Progress, check_count, quiet

ROUNDS = 20  # of the search for a median


class Matches(NamedTuple):
    """How the proposals of a picture lie in another one."""

    scores: Tensor  # float64 [a, b]: compatibility Q of each proposal with each of the other picture, at least 0
    partners: Tensor  # int64 [a]: the proposal of the other picture with the highest score; -1 where there is none
    offsets: Tensor  # float64 [a, 3]: of the surroundings: columns, rows (first minus second) and quotient of the areas


def match_proposals(
    boxes: tuple[Tensor, Tensor],
    features: tuple[Tensor, Tensor],
    *,
    aspect: float = 2.0,
    distance_weight: float = 0.05,
    scale_weight: float = 0.3,
) -> Matches:
    """How well each proposal of a picture fits each of another: it looks alike, and its surroundings moved with it.

    The proposals that overlap with a proposal are its surroundings. Each has a partner that looks most like it; the
    median of the way from there is where the proposal should be looked for, and what lies elsewhere, or has another
    size, counts less. Surroundings that look like nothing in the other picture make a proposal count less as well.

    **Source**: local offset matching (Ham, Cho, Schmid and Ponce, 2016), which section 3.2 takes over, with the
    constants of the authors' code; that takes the median of each coordinate by itself, by 20 weighted means from 1.
    Deviations: the likenesses stay as they are while scores are computed (there the score of a proposal depends on the
    scores of those before it); and a neighbour that looks like nothing says nothing about the way.

    Args:
        boxes: int64 [a, 4] of the first picture and int64 [b, 4] of the second, (left, top, right, bottom), right and
            bottom exclusive.
        features: float [a, values] and [b, values], whitened.
        aspect: quotient of two boxes' aspect ratios at which they no longer fit.
        distance_weight: what the distance from the place looked for costs, per pixel.
        scale_weight: what a difference in the quotient of the areas costs.

    Returns:
        The scores, the best match of each proposal, and the median ways.

    Raises:
        TypeError, ValueError: not boxes, not features for each of them, or a knob out of range.

    Example:
        >>> boxes = torch.tensor([[0, 0, 8, 8], [4, 4, 12, 12], [2, 0, 10, 6]])
        >>> matches = match_proposals((boxes, boxes + 5), (torch.eye(3), torch.eye(3)))
        >>> matches.partners, matches.offsets[0]
        (tensor([0, 1, 2]), tensor([-5., -5.,  1.], dtype=torch.float64))
    """
    _check_pair(boxes, features)
    _check_positive(aspect=aspect, distance_weight=distance_weight, scale_weight=scale_weight)
    first, second = (_Geometry.of(some) for some in boxes)
    fits = (first.aspects.log()[:, None] - second.aspects.log()).abs() < np.log(aspect)
    likeness = (features[0] @ features[1].T).double().clamp(min=0) * fits  # [a, b]
    if 0 in likeness.shape:
        return Matches(likeness, likeness.new_full((len(likeness),), -1).long(), likeness.new_ones(len(likeness), 3))

    confidence, partner = likeness.max(dim=1)
    ways = _ways(first.centres, second.centres[partner], first.areas / second.areas[partner])  # [a, 3]
    near = first.overlapping() & (confidence > 0)  # [a, a]: those whose partners tell the way
    offsets = _medians(ways, near)

    x, y, quotient = _ways(first.centres[:, None], second.centres, first.areas[:, None] / second.areas).unbind(-1)
    distance = torch.hypot(x - offsets[:, :1], y - offsets[:, 1:2])
    cost = distance_weight * distance + scale_weight * (quotient - offsets[:, 2:]).abs()
    support = (near * confidence).sum(dim=1) / confidence.sum().clamp(min=torch.finfo(torch.float64).tiny)
    scores = likeness * (-cost).exp() * support[:, None]
    best, partners = scores.max(dim=1)
    return Matches(scores, partners.where(best > 0, -1), offsets)


class _Geometry(NamedTuple):
    boxes: Tensor  # float64 [boxes, 4]
    centres: Tensor  # [boxes, 2]: column, row
    areas: Tensor  # [boxes]
    aspects: Tensor  # [boxes]: width / height

    @classmethod
    def of(cls, boxes: Tensor) -> "_Geometry":
        boxes = boxes.double()
        width, height = (boxes[:, 2:] - boxes[:, :2]).unbind(dim=1)
        return cls(boxes, (boxes[:, :2] + boxes[:, 2:]) / 2, width * height, width / height)

    def overlapping(self) -> Tensor:
        """Which boxes share a pixel: bool [boxes, boxes], a box with itself too."""
        starts, ends = self.boxes[:, :2], self.boxes[:, 2:]
        return (torch.minimum(ends[:, None], ends) > torch.maximum(starts[:, None], starts)).all(dim=2)


def _ways(start: Tensor, end: Tensor, quotient: Tensor) -> Tensor:
    """Columns, rows and quotient of areas, in one tensor [..., 3]."""
    return torch.cat([start - end, quotient[..., None]], dim=-1)


def _medians(ways: Tensor, near: Tensor) -> Tensor:
    """For each proposal and each coordinate the median way of its neighbours, [a, 3]: means of weights 1 / distance."""
    smallest = torch.finfo(ways.dtype).eps
    medians = torch.ones_like(ways)
    for _ in range(ROUNDS):
        weights = near[..., None] / ((ways - medians[:, None]).abs() + smallest)  # [a, a, 3]
        sums = weights.sum(dim=1)
        medians = ((weights * ways).sum(dim=1) / sums).where(sums > 0, medians)
    return medians


def correspondences(
    boxes: Sequence[Tensor],
    features: Sequence[Tensor],
    *,
    threshold: float = 0.01,
    strongest: int = 50,
    self_pairs: bool = False,
    aspect: float = 2.0,
    distance_weight: float = 0.05,
    scale_weight: float = 0.3,
    progress: Progress = quiet,
) -> sparse.csr_array:
    """Corr: the matching score of every proposal with every other one of the class.

    **Source**: section 3.2; "sparse by thresholding the minimal admissible matching score", without a number. As in the
    authors' code a pair is matched once, the earlier picture first, and the scores hold both ways. That code also
    matches each picture with itself, which the text does not say: a proposal fits itself several times as well as any
    other, and with a few images that hides how the others differ (`affinity_clusters` then finds hardly any cluster).

    Args:
        boxes: int64 [boxes, 4] of each image; an image without proposals has no rows.
        features: float [boxes, values] of each image, whitened.
        threshold: smallest score that is admitted, as a share of the highest one of its pair of images.
        strongest: how many scores of a proposal are admitted in one pair of images, so that memory is bounded; a score
            stays if it is among the strongest of either of its two proposals.
        self_pairs: whether a picture is matched with itself too.
        aspect: see `match_proposals`.
        distance_weight: see `match_proposals`.
        scale_weight: see `match_proposals`.
        progress: wraps the pairs.

    Returns:
        float32 [proposals, proposals], the proposals of all images one after the other.

    Raises:
        TypeError, ValueError: fewer than two images, no proposals at all, features that do not go with the boxes, or a
            knob out of range.

    Example:
        >>> boxes = torch.tensor([[0, 0, 8, 8], [9, 9, 17, 17]])
        >>> correspondences([boxes, boxes], [torch.eye(2), torch.eye(2)]).toarray().round(2)
        array([[0. , 0. , 0.5, 0. ],
               [0. , 0. , 0. , 0.5],
               [0.5, 0. , 0. , 0. ],
               [0. , 0.5, 0. , 0. ]], dtype=float32)
    """
    check_class(boxes)
    check_count("strongest", strongest)
    if len(features) != len(boxes):
        raise ValueError(f"features: expected those of each image ({len(boxes)}), got {len(features)}")
    if not 0 <= threshold < 1:
        raise ValueError(f"threshold: expected a share of the highest score in [0, 1), got {threshold}")
    knobs = {"aspect": aspect, "distance_weight": distance_weight, "scale_weight": scale_weight}
    pairs = [(i, j) for i in range(len(boxes)) for j in range(i if self_pairs else i + 1, len(boxes))]
    blocks = {(i, i): sparse.csr_array((len(some), len(some)), dtype=np.float32) for i, some in enumerate(boxes)}
    for i, j in progress(pairs):
        scores = match_proposals((boxes[i], boxes[j]), (features[i], features[j]), **knobs).scores
        admitted = _admitted(scores, threshold, strongest)
        blocks[j, i], blocks[i, j] = admitted.T.tocsr(), admitted
    images = range(len(boxes))
    rows = [sparse.hstack([blocks.pop((i, j)) for j in images], format="csr") for i in images]
    return sparse.vstack(rows, format="csr")


def _admitted(scores: Tensor, threshold: float, strongest: int) -> sparse.csr_array:
    """The scores of a pair that are high enough, among the strongest of one of their two proposals."""
    if scores.numel() and scores.max() > 0:
        rows, columns = (
            scores.topk(min(strongest, scores.shape[d]), dim=d)[0].amin(dim=d, keepdim=True) for d in (1, 0)
        )
        high = (scores > 0) & (scores >= threshold * scores.max())
        scores = scores * (high & ((scores >= rows) | (scores >= columns)))
    return sparse.csr_array(scores.float().cpu().numpy())


def check_class(boxes: Sequence[Tensor]) -> Sequence[Tensor]:
    """Refuses the proposals of a class with fewer than two images, or without any."""
    check_boxes(boxes)
    if len(boxes) < 2:
        raise ValueError(f"boxes: expected proposals of at least two images, got those of {len(boxes)}")
    if not any(len(some) for some in boxes):
        raise ValueError(f"boxes: expected at least one proposal, got none in any of {len(boxes)} images")
    return boxes


def _check_pair(boxes: tuple[Tensor, Tensor], features: tuple[Tensor, Tensor]) -> None:
    if len(boxes) != 2 or len(features) != 2:
        raise ValueError(f"boxes, features: expected those of two images, got {len(boxes)} and {len(features)}")
    check_boxes(boxes)
    for some, values in zip(boxes, features, strict=True):
        if values.ndim != 2 or len(values) != len(some) or values.shape[1] != features[0].shape[1]:
            expected = f"[{len(some)}, {features[0].shape[-1]}]"
            raise ValueError(f"features: expected {expected} to go with the boxes, got {list(values.shape)}")


def _check_positive(**knobs: float) -> None:
    for name, value in knobs.items():
        low = 1 if name == "aspect" else 0
        if not value >= low or (name == "aspect" and value == low):
            raise ValueError(f"{name}: expected {'more than 1' if low else 'at least 0'}, got {value}")
