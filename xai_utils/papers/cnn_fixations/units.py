"""What travels backwards through a network: units, each with the direction in which it is to be explained."""

from collections.abc import Iterator, Sequence
from typing import NamedTuple

import torch
from torch import Tensor, fx

from xai_utils.activations import Trace

BLOCK = 2**20  # numbers that one step of the walk holds at a time: few enough for the processor's cache


class Units(NamedTuple):
    """Units of one node's value.

    A network of ReLUs needs no direction: what is active is positive, and evidence is what raised it. Where a unit
    may be negative (SiLU, GELU, linear bottlenecks) or is multiplied by a negative number (a batch norm's gamma), a
    positive contribution may come from a unit that is *low*; then the question goes on as "what made it low?".
    """

    index: Tensor  # int64 [units, dimensions of the value], batch first
    sign: Tensor  # int64 [units]; 1 asks what made the unit high, -1 what made it low

    def blocks(self, numbers: int) -> Iterator["Units"]:
        """The same in pieces small enough to look at `numbers` values for each unit."""
        size = max(1, BLOCK // max(1, numbers))
        for index, sign in zip(self.index.split(size), self.sign.split(size), strict=True):
            yield Units(index, sign)

    def at(self, *columns: Tensor) -> "Units":
        """The same units at another place."""
        return Units(torch.stack(columns, dim=1), self.sign)

    def turned(self, factor: Tensor) -> "Units":
        """The same units, those behind a negative factor asked the other way round."""
        return Units(self.index, self.sign * sign_of(factor))

    def where(self, chosen: Tensor) -> "Units":
        """Some of them, by a bool for each."""
        return Units(self.index[chosen], self.sign[chosen])


def sign_of(values: Tensor) -> Tensor:
    """-1 for negative values, 1 for all others."""
    return torch.where(values < 0, -1, 1)


def join(parts: Sequence[Units], shape: torch.Size) -> Units:
    """All units of the parts, each once for each direction."""
    index, sign = torch.cat([part.index for part in parts]), torch.cat([part.sign for part in parts])
    flat = torch.unique(flat_index(index, shape) * 2 + (sign < 0))
    return Units(unflat_index(flat // 2, shape), 1 - 2 * (flat % 2))


def flat_index(index: Tensor, shape: torch.Size) -> Tensor:
    """Places [units, dimensions] -> [units], counted through a tensor of that shape."""
    flat = torch.zeros_like(index[:, 0])
    for column, size in zip(index.unbind(dim=1), shape, strict=True):
        flat = flat * size + column
    return flat


def unflat_index(flat: Tensor, shape: torch.Size) -> Tensor:
    """The inverse of `flat_index`."""
    return torch.stack(torch.unravel_index(flat, shape), dim=1)


class Walk(NamedTuple):
    """What every step of a walk needs to know."""

    trace: Trace
    variable: set[fx.Node]  # the nodes that depend on the pictures
    answer: set[fx.Node]  # the node asked about, and those that hold the same numbers in another shape
    everywhere: bool  # behind a fully connected layer: all positive contributions, also over the places of a map
    move: bool  # behind a convolution: go to the strongest place of the channel instead of staying
    unsupported: Tensor  # int64 [batch]; counts units that nothing contributed to positively

    def count(self, units: Units, strength: Tensor) -> None:
        """Notes the units whose strongest contribution is not positive."""
        images = units.index[strength <= 0, 0]
        self.unsupported.index_add_(0, images, torch.ones_like(images))

    def operands(self, node: fx.Node) -> list[fx.Node]:
        """What a node is computed from, without constants, parameters and sizes."""
        return [source for source in node.all_input_nodes if source in self.variable]


Handed = Iterator[tuple[fx.Node, Units]]


def argument(node: fx.Node, position: int, name: str, default=None):
    """What a node passes for a parameter of its function, by position or by name."""
    return node.args[position] if len(node.args) > position else node.kwargs.get(name, default)


def called(trace: Trace, node: fx.Node) -> str:
    """The name of the module's class, of the function or of the method that a node calls."""
    module = trace.module(node)
    return type(module).__name__ if module else getattr(node.target, "__name__", str(node.target))


def unknown(trace: Trace, node: fx.Node) -> ValueError:
    """The error for an operation that no rule explains."""
    inside = ", ".join(name for name, _ in node.meta.get("nn_module_stack", {}).values() if name) or "the model itself"
    return ValueError(
        f"model: expected operations that fixations can be traced through, got {called(trace, node)} (node "
        f"{node.name!r} of the graph, in {inside})"
    )
