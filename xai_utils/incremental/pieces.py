"""Windows of a map: cut out of the clean map, with what has changed pasted in.

Everything here works on maps whose pixels lie one after the other, a pixel's channels side by side (channels-last):
to cut or to paste is then to copy rows of a matrix [pixels, channels].
"""

from typing import NamedTuple

import torch
from torch import Tensor
from torch.nn import functional


class Window(NamedTuple):
    """Where each copy's window of a map lies; all have one size, so that they make a batch."""

    top: Tensor  # int64 [copies]
    left: Tensor  # int64 [copies]
    height: int
    width: int

    def places(self, row: int) -> Tensor:
        """The windows' pixels as numbers, int64 [copies * height * width], in a map with rows of that many pixels."""
        rows = (self.top[:, None] + torch.arange(self.height)) * row
        columns = self.left[:, None] + torch.arange(self.width)
        return (rows[:, :, None] + columns[:, None, :]).flatten()


class Piece(NamedTuple):
    """A value of the forward pass of which only a window was computed; elsewhere it is the clean one."""

    values: Tensor  # [copies, ..., window.height, window.width]
    window: Window


class Ground(NamedTuple):
    """A clean map as a matrix of pixels, with what a layer sees beyond the border."""

    pixels: Tensor  # [height * width, channel], border included
    height: int
    width: int
    above: int  # lines of the border
    before: int  # columns of the border

    def cut(self, window: Window, piece: Piece | None) -> Tensor:
        """Windows of the map with a piece pasted in.

        Args:
            window: counts from the corner of the border.
            piece: counts from the corner of the map; what lies outside the window is dropped.

        Returns:
            [copies, channel, window.height, window.width], in channels-last order.
        """
        copies, channels = len(window.top), self.pixels.shape[1]
        count = copies * window.height * window.width
        cut = self.pixels.new_empty(count + 1, channels)  # the last row is where `_paste` drops things
        places = window.places(self.width).to(self.pixels.device)
        torch.index_select(self.pixels, 0, places, out=cut[:-1])
        if piece is not None:
            down = piece.window.top + self.above - window.top
            right = piece.window.left + self.before - window.left
            _paste(cut, (window.height, window.width), _pixels(piece.values), down, right)
        return cut[:-1].view(copies, window.height, window.width, channels).permute(0, 3, 1, 2)


def ground(clean: Tensor, border: tuple[int, int, int, int] = (0, 0, 0, 0), fill: float = 0.0) -> Ground:
    """The clean map, ready to be cut.

    Args:
        clean: [1, ..., height, width].
        border: how many lines to add left, right, above and below.
        fill: what stands in the border.
    """
    clean = functional.pad(clean.reshape(1, -1, *clean.shape[-2:]), border, value=fill)
    pixels = _pixels(clean)[0]
    return Ground(pixels.flatten(0, 1), *pixels.shape[:2], border[2], border[0])


def _pixels(maps: Tensor) -> Tensor:
    """[copies, ..., height, width] -> [copies, height, width, channel], without gaps."""
    maps = maps.reshape(len(maps), -1, *maps.shape[-2:])
    return maps.permute(0, 2, 3, 1).contiguous()


def _paste(cut: Tensor, size: tuple[int, int], pixels: Tensor, down: Tensor, right: Tensor) -> None:
    """Writes pixels [copies, rows, columns, channel] into the windows in `cut`, each copy's at its own distance."""
    (height, width), (copies, rows, columns, channels) = size, pixels.shape
    if (down == down[0]).all() and (right == right[0]).all():  # one slice for all is several times quicker
        windows = cut[:-1].view(copies, height, width, channels)
        to_rows, from_rows = _overlap(int(down[0]), rows, height)
        to_columns, from_columns = _overlap(int(right[0]), columns, width)
        windows[:, to_rows, to_columns] = pixels[:, from_rows, from_columns]
        return
    row = down[:, None] + torch.arange(rows)  # [copies, rows]
    column = right[:, None] + torch.arange(columns)
    inside = ((row >= 0) & (row < height))[:, :, None] & ((column >= 0) & (column < width))[:, None, :]
    first = torch.arange(copies)[:, None, None] * (height * width)
    places = (first + row[:, :, None] * width + column[:, None, :]).where(inside, len(cut) - 1)
    cut.index_copy_(0, places.flatten().to(cut.device), pixels.flatten(0, 2))


def _overlap(distance: int, inner: int, outer: int) -> tuple[slice, slice]:
    """Which lines of the outer window meet which of the inner one, whose first line lies at that distance."""
    first, end = max(0, distance), max(0, min(outer, distance + inner))
    return slice(first, end), slice(first - distance, max(first, end) - distance)
