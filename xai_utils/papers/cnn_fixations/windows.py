"""Which rows and columns a window covers."""

from typing import NamedTuple

import torch
from torch import Tensor


class Lines(NamedTuple):
    """The rows (or columns) of a layer's input that windows cover."""

    index: Tensor  # int64 [units, lines of a window]; what lies outside is given as some line within
    inside: Tensor  # bool [units, lines of a window]

    def at(self, tap: Tensor) -> Tensor:
        """One line of each window, [units]."""
        return self.index.gather(1, tap[:, None])[:, 0]


def sliding(position: Tensor, size: int, stride: int, padding: int, dilation: int) -> Tensor:
    """Lines covered by a sliding window, [units, size]; those of the padding are negative or too large."""
    return position[:, None] * stride - padding + torch.arange(size, device=position.device) * dilation


def within(lines: Tensor, length: int) -> Lines:
    """Marks the lines that the input really has."""
    return Lines(lines.clamp(0, length - 1), (lines >= 0) & (lines < length))


def adaptive(position: Tensor, outputs: int, length: int) -> Lines:
    """Lines covered by a window of an adaptive pool with that many outputs along the axis."""
    start = position * length // outputs
    end = -(-(position + 1) * length // outputs)  # rounded up
    lines = start[:, None] + torch.arange(length // outputs + 2, device=position.device)
    return Lines(lines.clamp(max=length - 1), lines < end[:, None])


def pair(setting: int | tuple[int, ...]) -> tuple[int, int]:
    """A setting for rows and for columns, from one number or two."""
    return (setting, setting) if isinstance(setting, int) else (setting[0], setting[-1])
