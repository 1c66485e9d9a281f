"""Maps against true regions, pixel by pixel."""

import torch
from torch import Tensor


def equal_error_threshold(maps: Tensor, regions: Tensor) -> float:
    """The value at which precision and recall over all pixels of all maps are equal.

    **Source**: CNN Fixations, section IV-C, Table II ("precision at EER"). Both are equal where as many pixels are
    marked as belong to the regions.

    Args:
        maps: float [batch, height, width].
        regions: bool [batch, height, width], the objects' pixels.

    Returns:
        The smallest value that is still marked.

    Raises:
        ValueError: regions of another shape, or without any pixel.

    Example:
        >>> equal_error_threshold(torch.tensor([[[0.1, 0.7, 0.9]]]), torch.tensor([[[True, False, True]]]))
        0.699999988079071
    """
    _check_regions(maps, regions)
    return float(maps.flatten().topk(int(regions.sum())).values[-1])


def precision_recall(maps: Tensor, regions: Tensor, threshold: float) -> tuple[float, float]:
    """Which share of the marked pixels belongs to the regions, and which share of the regions is marked.

    Args:
        maps: float [batch, height, width].
        regions: bool [batch, height, width], the objects' pixels.
        threshold: a pixel is marked if its value is at least this.

    Returns:
        (precision, recall), 0 to 1 each; precision is 0 where nothing is marked.

    Raises:
        ValueError: regions of another shape, or without any pixel.

    Example:
        >>> precision_recall(torch.tensor([[[0.1, 0.7, 0.9]]]), torch.tensor([[[True, False, True]]]), 0.5)
        (0.5, 0.5)
    """
    _check_regions(maps, regions)
    marked = maps >= threshold
    both = int((marked & regions).sum())
    return both / max(1, int(marked.sum())), both / int(regions.sum())


def region_iou(maps: Tensor, regions: Tensor, threshold: float = 0.5) -> Tensor:
    """How good a segmentation each map is: intersection over union of its marked pixels with the region.

    Args:
        maps: float [batch, height, width].
        regions: bool [batch, height, width], the objects' pixels.
        threshold: what a marked pixel exceeds, as in `localisation_error`.

    Returns:
        float64 [batch], 0 to 1; 0 where nothing is marked and nothing is there.

    Raises:
        ValueError: regions of another shape, or without any pixel.

    Example:
        >>> region_iou(torch.tensor([[[0.9, 0.7, 0.1]]]), torch.tensor([[[False, True, True]]]))
        tensor([0.3333], dtype=torch.float64)
    """
    _check_regions(maps, regions)
    marked = maps > threshold
    both, either = ((marked & regions).double(), (marked | regions).double())
    return both.sum(dim=(1, 2)) / either.sum(dim=(1, 2)).clamp(min=1)


def share_inside(maps: Tensor, regions: Tensor) -> Tensor:
    """The share of each map's mass that lies in the region.

    Args:
        maps: float [batch, height, width], not negative.
        regions: bool [batch, height, width].

    Returns:
        float [batch], 0 to 1; 0 for an empty map.

    Example:
        >>> share_inside(torch.tensor([[[3.0, 1.0]]]), torch.tensor([[[True, False]]]))
        tensor([0.7500])
    """
    mass = maps.sum(dim=(1, 2)).clamp(min=torch.finfo(maps.dtype).tiny)
    return (maps * regions).sum(dim=(1, 2)) / mass


def pointing_game(maps: Tensor, regions: Tensor) -> Tensor:
    """Whether each map's maximum lies in the region: a map that points somewhere else misses.

    **Source**: Zhang et al. (2016), section 4.1, who also count points up to 15 pixels beside a box; here the regions
    are exact, and so is the game.

    Args:
        maps: float [batch, height, width].
        regions: bool [batch, height, width].

    Returns:
        bool [batch]; False for a map that is the same everywhere, which points nowhere. Of several maxima the first in
        reading order counts.

    Raises:
        ValueError: regions of another shape, or without any pixel.

    Example:
        >>> pointing_game(torch.tensor([[[0.1, 0.9]], [[0.5, 0.5]]]), torch.tensor([[[False, True]], [[True, True]]]))
        tensor([ True, False])
    """
    _check_regions(maps, regions)
    values = maps.flatten(1)
    points = values.argmax(dim=1, keepdim=True)
    return regions.flatten(1).gather(1, points)[:, 0] & (values.amax(dim=1) > values.amin(dim=1))


def _check_regions(maps: Tensor, regions: Tensor) -> None:
    if regions.dtype != torch.bool or regions.shape != maps.shape:
        raise ValueError(
            f"regions: expected bool of the maps' shape {list(maps.shape)}, got {regions.dtype} {list(regions.shape)}"
        )
    if not regions.any():
        raise ValueError("regions: expected at least one pixel of an object, got none")
