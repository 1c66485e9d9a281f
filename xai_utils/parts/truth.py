"""What is known about the objects of a scene: which pixels show them and their parts."""

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import NamedTuple

import numpy as np
import torch

from .drawing import coverage
from .layers import Layer
from .outlines import Box

NOTHING: Box = (0, 0, 0, 0)
Masks = dict[str, np.ndarray]  # name -> bool [height, width]


@dataclass(frozen=True)
class SceneObject:
    """What is known about one object of a scene.

    Args:
        class_name: a name of `CLASSES`.
        label: its index.
        box: (left, top, right, bottom) of the visible region, right and bottom exclusive; zeros if nothing is visible.
        region: bool [height, width], the pixels that mostly show this object.
        parts: name -> bool [height, width], the pixels that mostly show this part (visible share above one half).
        amodal: name -> bool [height, width], every pixel the part touches, hidden or not.
    """

    class_name: str
    label: int
    box: Box
    region: torch.Tensor
    parts: dict[str, torch.Tensor] = field(repr=False)
    amodal: dict[str, torch.Tensor] = field(repr=False)


class Visible(NamedTuple):
    """How much of a layer is seen.

    Args:
        layer: what was painted.
        cover: the share of each pixel that it covers, float32 [height, width].
        seen: the share that it is seen on, the rest being covered by later layers.
    """

    layer: Layer
    cover: np.ndarray
    seen: np.ndarray


def visibility(layers: Sequence[Layer], size: tuple[int, int]) -> list[Visible]:
    """How much of each layer is seen; layers are given back to front, and so is the answer."""
    free, shares = np.ones(size, np.float32), []
    for layer in reversed(layers):
        cover = np.zeros(size, np.float32)
        window, alpha = coverage(layer.part.outline, layer.transform, size)
        if window is not None:
            cover[window[1] : window[3], window[0] : window[2]] = alpha
        shares.append(Visible(layer, cover, cover * free))
        free = free * (1 - cover)
    return shares[::-1]


def masks_of(own: list[Visible], size: tuple[int, int]) -> tuple[np.ndarray, Masks, Masks]:
    """Region, visible parts and amodal parts of the object that these layers make up."""
    region = sum((one.seen for one in own), np.zeros(size, np.float32)) > 0.5
    visible = {one.layer.name: one.seen > 0.5 for one in own}
    return region, visible, {one.layer.name: one.cover > 0 for one in own}


def lies_inside(mask: np.ndarray, window: Box) -> bool:
    """Whether a mask is not empty and at least 98% of it lies inside the window."""
    left, top, right, bottom = window
    count = mask.sum()
    return bool(count > 0 and mask[top:bottom, left:right].sum() >= 0.98 * count)


def joined(outer: Masks, inner: Masks, inside: np.ndarray) -> Masks:
    """Masks by name: `inner` inside a window and `outer` around it; the names of both, in the order of the outer."""
    nothing = np.zeros_like(inside)
    names = [*outer, *(name for name in inner if name not in outer)]
    return {name: np.where(inside, inner.get(name, nothing), outer.get(name, nothing)) for name in names}


def bounds(region: np.ndarray) -> Box:
    """The smallest box around a region; zeros if it is empty."""
    rows, columns = np.flatnonzero(region.any(1)), np.flatnonzero(region.any(0))
    if not len(rows):
        return NOTHING
    return int(columns[0]), int(rows[0]), int(columns[-1]) + 1, int(rows[-1]) + 1
