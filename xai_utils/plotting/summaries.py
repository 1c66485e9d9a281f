"""Summaries of a class: in every picture a part, in red, inside the region that it belongs to."""

from collections.abc import Sequence
from typing import TYPE_CHECKING

import torch
from torch import Tensor

from ..tensors import check_images
from .look import SERIES, styled
from .pictures import ACROSS, cut_out, sheet

if TYPE_CHECKING:
    from matplotlib.figure import Figure

RED = (0.86, 0.08, 0.12)
STRENGTH = 0.55  # of the red; the rest is the picture, so that the part can be recognised


def red_parts(images: Tensor, regions: Tensor, boxes: Tensor) -> Tensor:
    """The parts in red inside their regions, the regions in their own colours, the rest in pale grey.

    **Source**: Godi et al. (2018), section 3.2 and fig. 1. In the authors' program the red is the convex hull of what
    the mask covers of the box; here it is what the regions cover of the box.

    Args:
        images: RGB in [0, 1], [batch, 3, height, width].
        regions: bool [batch, height, width].
        boxes: int64 [batch, 4], (left, top, right, bottom), right and bottom exclusive.

    Returns:
        RGB in [0, 1] on the CPU, [batch, 3, height, width].

    Raises:
        ValueError: regions or boxes that do not belong to the images.

    Example:
        >>> pictures, region = torch.ones(1, 3, 1, 3), torch.tensor([[[True, True, False]]])
        >>> red_parts(pictures, region, torch.tensor([[0, 0, 1, 1]]))[0, 1]
        tensor([[0.4940, 1.0000, 1.0000]])
    """
    check_images(images)
    if regions.shape != images[:, 0].shape or boxes.shape != (len(images), 4):
        raise ValueError(
            f"regions, boxes: expected shapes {list(images[:, 0].shape)} and {[len(images), 4]}, "
            f"got {list(regions.shape)} and {list(boxes.shape)}"
        )
    shown, parts = cut_out(images, regions), torch.zeros_like(regions)
    for part, (left, top, right, bottom) in zip(parts, boxes.tolist(), strict=True):
        part[top:bottom, left:right] = True
    red = torch.lerp(shown, torch.tensor(RED)[:, None, None].expand_as(shown), STRENGTH)
    return torch.where((parts & regions).cpu()[:, None], red, shown)


@styled
def show_summaries(
    images: Tensor,
    summaries: Sequence,
    *,
    members: int = ACROSS,
    labels: Sequence[str] = (),
    title: str = "",
) -> "Figure":
    """A row for each summary: the exemplar, and the pictures that match it best.

    Args:
        images: RGB in [0, 1], [batch, 3, height, width], of the class.
        summaries: as `summarise` returns them; at least one.
        members: how many pictures of each to show.
        labels: one for each summary; "summary 1 (10 images)" by default.
        title: one line above the figure.

    Raises:
        ValueError: no summary at all.
    """
    if not len(summaries):
        raise ValueError("summaries: expected at least one, got none")
    names = labels or [f"summary {n} ({len(one.images)} images)" for n, one in enumerate(summaries, start=1)]
    panels = []
    for name, summary in zip(names, summaries, strict=True):
        some = slice(members)
        drawn = red_parts(images[summary.images[some]].cpu(), summary.regions[some], summary.boxes[some])
        blank = torch.ones(members - len(drawn), *drawn.shape[1:])
        panels.append(list(zip([*drawn, *blank], [name, *[""] * (members - 1)], strict=True)))
    figure, axes = sheet(panels, title=title)
    for row in axes:
        row[0].set_title(row[0].get_title(), loc="left", pad=4)
        row[0].set_title("", loc="center")
    return figure


def outlined(
    images: Tensor, boxes: Sequence[Tensor], *, colours: Sequence[Sequence[int]] = (), scale: int = 3
) -> Tensor:
    """Boxes as coloured frames on enlarged pictures.

    Args:
        images: RGB in [0, 1], [batch, 3, height, width].
        boxes: int64 [boxes, 4] of each picture, (left, top, right, bottom), right and bottom exclusive.
        colours: for each picture the number of each box's colour; by default the n-th box of every picture has the
            same one. There are six, which come again.
        scale: how many times the pictures are enlarged.

    Returns:
        RGB in [0, 1] on the CPU, [batch, 3, scale * height, scale * width].

    Example:
        >>> outlined(torch.ones(1, 3, 8, 8), [torch.tensor([[1, 1, 5, 5]])])[0, :, 3, 3]
        tensor([0.0000, 0.4471, 0.6980])
    """
    from torchvision.utils import draw_bounding_boxes

    drawn = []
    large = torch.nn.functional.interpolate(check_images(images).detach().cpu(), scale_factor=scale)
    for number, (picture, some) in enumerate(zip(large, boxes, strict=True)):
        which = colours[number] if colours else range(len(some))
        names = [SERIES[colour % len(SERIES)] for colour in which]
        drawn.append(draw_bounding_boxes(picture, scale * some.cpu(), colors=names, width=2) if len(some) else picture)
    return torch.stack(drawn)


def summary_tiles(
    images: Tensor, summaries: Sequence, *, rows: int = 4, members: int = ACROSS, side: int = 96
) -> Tensor:
    """Summaries as one small picture, always of the same size: a row for each, then empty rows.

    Args:
        images: RGB in [0, 1], [batch, 3, height, width], of the class.
        summaries: as `summarise` returns them; possibly none.
        rows: how many to show.
        members: how many pictures of each.
        side: of a tile, pixels.

    Returns:
        RGB in [0, 1] on the CPU, [3, rows * side, members * side].
    """
    tiles = torch.ones(rows, members, 3, side, side)
    for line, summary in zip(tiles, summaries, strict=False):
        some = slice(members)
        drawn = red_parts(images[summary.images[some]].cpu(), summary.regions[some], summary.boxes[some])
        line[: len(drawn)] = torch.nn.functional.interpolate(drawn, (side, side), mode="area")
    return tiles.permute(2, 0, 3, 1, 4).reshape(3, rows * side, members * side)
