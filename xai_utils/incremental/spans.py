"""How far a patch reaches along one axis, layer by layer: rows and columns never need each other."""

from collections.abc import Sequence
from typing import NamedTuple

import torch
from torch import Tensor


class Span(NamedTuple):
    """The lines (rows or columns) of a map that a patch changes, for every line at which the patch may start."""

    first: Tensor  # int64 [starts]
    end: Tensor  # int64 [starts], exclusive
    length: int  # lines of the map

    def sizes(self) -> Tensor:
        """How many lines change, int64 [starts]."""
        return self.end - self.first


def span_of_patch(length: int, patch: int) -> Span:
    """What the patch itself covers.

    Example:
        >>> span_of_patch(5, patch=3)
        Span(first=tensor([0, 1, 2]), end=tensor([3, 4, 5]), length=5)
    """
    first = torch.arange(length - patch + 1)
    return Span(first, first + patch, length)


def union(spans: Sequence[Span]) -> Span:
    """The lines from the first to the last that any of them covers; one of the spans itself, if it holds the others.

    Example:
        >>> narrow, wide = Span(torch.tensor([3]), torch.tensor([5]), 9), Span(torch.tensor([2]), torch.tensor([6]), 9)
        >>> union([narrow, wide]) is wide
        True
    """
    first = torch.stack([span.first for span in spans]).amin(dim=0)
    end = torch.stack([span.end for span in spans]).amax(dim=0)
    whole = Span(first, end, spans[0].length)
    return next((span for span in spans if span.first.equal(first) and span.end.equal(end)), whole)


class Sliding(NamedTuple):
    """How a convolution or a pool slides along an axis."""

    size: int  # taps
    stride: int
    padding: int  # lines before the first one of the map
    dilation: int
    inputs: int  # lines that come in
    outputs: int  # lines that go out

    @property
    def is_pointwise(self) -> bool:
        """Whether each output looks at its own line only."""
        return self.size == self.stride == 1 and self.inputs == self.outputs

    @property
    def reach(self) -> int:
        """Lines from the first tap to the last."""
        return (self.size - 1) * self.dilation + 1

    @property
    def padding_after(self) -> int:
        """Lines behind the last one of the map that the last position still touches."""
        return max(0, self.read(self.outputs) - self.padding - self.inputs)

    def read(self, outputs: int) -> int:
        """How many lines that many neighbouring outputs look at."""
        return (outputs - 1) * self.stride + self.reach

    def changed(self, span: Span) -> Span:
        """The outputs that look at a changed line, at least one.

        Example:
            >>> pool = Sliding(size=2, stride=2, padding=0, dilation=1, inputs=8, outputs=4)
            >>> pool.changed(span_of_patch(8, patch=3))
            Span(first=tensor([0, 0, 1, 1, 2, 2]), end=tensor([2, 2, 3, 3, 4, 4]), length=4)
        """
        if self.is_pointwise:
            return span
        first = -((self.reach - 1 - self.padding - span.first) // self.stride)  # rounded up
        first = first.clamp(0, self.outputs - 1)
        end = ((span.end - 1 + self.padding) // self.stride + 1).clamp(max=self.outputs)
        return Span(first, torch.maximum(end, first + 1), self.outputs)
