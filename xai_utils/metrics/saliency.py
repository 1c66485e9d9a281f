"""What a model says of the region that a map marks: alone, cropped, or taken away."""

import math
from collections.abc import Sequence
from typing import NamedTuple

import torch
from torch import Tensor, nn
from torch.nn import functional

from xai_utils.metrics.boxes import boxes_around
from xai_utils.models import outputs, target_probability
from xai_utils.perturb import remove_evidence
from xai_utils.tensors import check_count, check_images, check_maps, check_target

SMALLEST_AREA = 0.05


class SaliencyScores(NamedTuple):
    """The saliency metric of every picture and what it is made of."""

    scores: Tensor
    """The metric, log max(area, 0.05) - log p, natural logarithms; lower is better."""
    areas: Tensor
    """The crops, as shares of the picture."""
    probabilities: Tensor
    """The class's, on the crops."""
    empty: Tensor
    """Where the map marked nothing and the whole picture was taken."""


def saliency_metric(
    model: nn.Module,
    images: Tensor,
    target: int | Sequence[int] | Tensor,
    maps: Tensor,
    *,
    threshold: float = 0.5,
    batch_size: int = 64,
) -> SaliencyScores:
    """How small a crop a map suggests, and how well the model knows the class from that crop alone.

    **Source**: Dabkowski and Gal (2017), section 3.2, eq. 3: the tightest crop that contains the whole region, resized
    to the model's input without regard to its proportions. Natural logarithms (Table 3: the center box's 0.645 is
    log 0.5 + 1.338). A mask that marks nothing gets the whole picture, as the "max box" does, and is counted.

    Args:
        model: classifier in eval mode.
        images: float [batch, 3, height, width], RGB in [0, 1], of the size that the model takes.
        target: the class asked about, one for all images or one each.
        maps: float [batch, height, width]; masks in [0, 1], or any maps on the scale of the threshold.
        threshold: what a pixel of the region exceeds.
        batch_size: crops per forward pass.

    Returns:
        `SaliencyScores`, [batch] each; the paper reports the mean of `scores`.

    Raises:
        TypeError, ValueError: bad images, target or maps, a model in train mode.

    Example:
        >>> model = nn.Sequential(nn.Flatten(), nn.Linear(3 * 8 * 8, 2)).eval()
        >>> _ = nn.init.zeros_(model[1].weight), nn.init.zeros_(model[1].bias)  # p is 1/2 for all pictures
        >>> maps = torch.zeros(1, 8, 8)
        >>> maps[0, 2:6, 1:5] = 1  # a quarter of the picture
        >>> saliency_metric(model, torch.rand(1, 3, 8, 8), 0, maps).scores  # log 1/4 - log 1/2
        tensor([-0.6931])
    """
    boxes, empty = boxes_around(check_maps(maps, check_images(images)), threshold)
    return crop_scores(model, images, target, boxes, batch_size=batch_size)._replace(empty=empty.to(images.device))


def crop_scores(
    model: nn.Module,
    images: Tensor,
    target: int | Sequence[int] | Tensor,
    boxes: Tensor,
    *,
    batch_size: int = 64,
) -> SaliencyScores:
    """The saliency metric of boxes: true boxes, the center box, or those around a map.

    **Source**: as `saliency_metric`; the baselines of Table 3. Of an image with several true boxes the paper takes the
    mean over them.

    Args:
        model: classifier in eval mode.
        images: float [batch, 3, height, width], RGB in [0, 1].
        target: the class asked about, one for all images or one each.
        boxes: int [batch, 4], (left, top, right, bottom), right and bottom exclusive, within the picture.
        batch_size: crops per forward pass.

    Returns:
        `SaliencyScores`, [batch] each, `empty` nowhere.

    Raises:
        TypeError, ValueError: bad images or target, boxes without area or beyond the picture, a model in train mode.
    """
    batch, _, height, width = check_images(images).shape
    boxes = _checked_boxes(boxes, batch, (height, width))
    crops = torch.cat(
        [
            functional.interpolate(picture[None, :, top:bottom, left:right], (height, width), mode="bilinear")
            for picture, (left, top, right, bottom) in zip(images, boxes.tolist(), strict=True)
        ]
    )
    logits = outputs(model, crops, batch_size=batch_size)
    target = check_target(target, *logits.shape).to(logits.device)
    surprise = functional.cross_entropy(logits, target, reduction="none")  # -log p, finite also where p is 0
    areas = (boxes[:, 2:] - boxes[:, :2]).prod(dim=1).to(surprise) / (height * width)
    scores = areas.clamp(min=SMALLEST_AREA).log() + surprise
    return SaliencyScores(
        scores, areas, torch.exp(-surprise), torch.zeros(batch, dtype=torch.bool, device=areas.device)
    )


def _checked_boxes(boxes: Tensor, batch: int, size: tuple[int, int]) -> Tensor:
    height, width = size
    inside = boxes.shape == (batch, 4) and not boxes.is_floating_point()
    if inside:
        left, top, right, bottom = boxes.unbind(dim=1)
        inside = bool(((left >= 0) & (left < right) & (right <= width) & (top >= 0) & (top < bottom)).all())
        inside = inside and bool((bottom <= height).all())
    if not inside:
        raise ValueError(
            f"boxes: expected whole pixels [{batch}, 4] with an area within {height} x {width}, got {boxes}"
        )
    return boxes


class SmallestRegions(NamedTuple):
    """How much of every picture a map's best pixels have to be."""

    sufficient: Tensor
    """The share of the picture that alone is classified with confidence (SSR); NaN where even all of it is not."""
    destroying: Tensor
    """The share without which there is no confidence (SDR); NaN where there is some even with nothing left."""


def smallest_regions(
    model: nn.Module,
    images: Tensor,
    target: int | Sequence[int] | Tensor,
    maps: Tensor,
    *,
    baseline: Tensor,
    confidence: float = 0.5,
    steps: int = 50,
    batch_size: int = 64,
) -> SmallestRegions:
    """The smallest sufficient and the smallest destroying region among those that a map proposes.

    **Source**: Dabkowski and Gal (2017), section 3, which defines both regions over all regions and gives no number for
    "confident". Here the candidates are the best 0, 1/steps, ..., all pixels of the map (the first of equals first),
    and confident means that the class has at least the given probability. So a picture that is confident with nothing
    left needs a region of 0, and one that is not confident to begin with loses its class with a region of 0.

    Args:
        model: classifier in eval mode.
        images: float [batch, 3, height, width], RGB in [0, 1].
        target: the class asked about, one for all images or one each.
        maps: float [batch, height, width], higher = more relevant.
        baseline: what replaces removed pixels, broadcasts to the images; for instance `blurred_baseline(images)`.
        confidence: the probability that counts as a confident classification, in 0..1.
        steps: candidates besides the empty one; areas are multiples of 1 / steps.
        batch_size: pictures per forward pass.

    Returns:
        `SmallestRegions`, shares of the picture, [batch] each.

    Raises:
        TypeError, ValueError: bad images, target, maps or confidence, a model in train mode.

    Example:
        >>> model = nn.Sequential(nn.Flatten(), nn.Linear(12, 2, bias=False)).eval()  # class 0 counts bright pixels
        >>> _ = model[1].weight.data.copy_(torch.tensor([[1.0], [-1.0]]).expand(2, 12))
        >>> images, maps = torch.ones(1, 3, 2, 2), torch.tensor([[[0.9, 0.1], [0.2, 0.5]]])
        >>> smallest_regions(model, images, 0, maps, baseline=torch.zeros(1), confidence=0.99, steps=4)
        SmallestRegions(sufficient=tensor([0.2500]), destroying=tensor([1.]))
    """
    check_maps(maps, check_images(images))
    check_count("steps", steps)
    if not 0 < confidence < 1:
        raise ValueError(f"confidence: expected a probability between 0 and 1, got {confidence}")
    order = maps.flatten(1).argsort(dim=1, descending=True, stable=True)
    rank = order.argsort(dim=1).reshape(maps.shape)
    sufficient, destroying = (torch.full((len(maps),), math.nan, device=maps.device) for _ in range(2))
    for step in reversed(range(steps + 1)):  # the smallest comes last and stays
        keep = (rank < round(step / steps * rank[0].numel())).to(images)
        preserved, destroyed = (
            target_probability(model, remove_evidence(images, part, baseline), target, batch_size=batch_size)
            for part in (keep, 1 - keep)
        )
        sufficient[preserved >= confidence] = step / steps
        destroying[destroyed < confidence] = step / steps
    return SmallestRegions(sufficient, destroying)
