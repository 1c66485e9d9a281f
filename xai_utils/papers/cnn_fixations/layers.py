"""Layers with weights: which of their inputs made a unit what it is (Algorithms 1 and 2 of the paper)."""

from typing import NamedTuple

import torch
from torch import Tensor, fx

from xai_utils.papers.cnn_fixations.units import Handed, Units, Walk, argument, called, sign_of
from xai_utils.papers.cnn_fixations.windows import Lines, pair, sliding, within


def linear(walk: Walk, node: fx.Node, units: Units) -> Handed:
    """A fully connected layer (Algorithm 1), or one applied at every place, which is a 1 x 1 convolution."""
    source, layer = argument(node, 0, "input"), walk.trace.module(node)
    value = walk.trace.values[source]
    weight = layer.weight if layer else walk.trace.values[argument(node, 1, "weight")]
    if value.ndim > 2 or (_is_flattened_map(walk, source) and not walk.everywhere):
        for some in units.blocks(value.shape[-1]):
            yield source, strongest_input(walk, value, weight, some)
    else:
        yield source, positive_inputs(walk, value, weight, units)


def positive_inputs(walk: Walk, value: Tensor, weight: Tensor, units: Units) -> Units:
    """Algorithm 1: every input that contributes positively to one of the units.

    Args:
        walk: counts units without such an input.
        value: the layer's input [batch, inputs].
        weight: [outputs, inputs].
        units: of the layer's output [batch, outputs].
    """
    found = torch.zeros_like(value)
    for some in units.blocks(value.shape[1]):
        image, output = some.index.unbind(dim=1)
        positive = value[image] * weight[output] * some.sign[:, None] > 0  # C = A o W, args(C > 0)
        walk.count(some, positive.any(dim=1).long())
        found.index_add_(0, image, positive.to(found.dtype))
    index = found.nonzero()
    return Units(index, sign_of(value[tuple(index.T)]))


def strongest_input(walk: Walk, value: Tensor, weight: Tensor, units: Units) -> Units:
    """The one input that contributes most to each of the units.

    Args:
        walk: counts units whose strongest contribution is not positive.
        value: the layer's input [batch, ..., inputs].
        weight: [outputs, inputs].
        units: of the layer's output [batch, ..., outputs].
    """
    *place, output = units.index.unbind(dim=1)
    strength, best = (value[tuple(place)] * weight[output] * units.sign[:, None]).max(dim=1)
    walk.count(units, strength)
    return _arrived(value, *place, best)


def _arrived(value: Tensor, *columns: Tensor) -> Units:
    """Units chosen by their contribution: what is negative was chosen because it is low."""
    return Units(torch.stack(columns, dim=1), sign_of(value[columns]))


def _is_flattened_map(walk: Walk, node: fx.Node) -> bool:
    """Whether a vector is a feature map of several places, written in one row."""
    shapes = walk.trace.shapes
    while called(walk.trace, node).lower() != "linear" and len(walk.operands(node)) == 1:
        (before,) = walk.operands(node)
        if len(shapes.get(before, ())) != 2:
            return before in shapes and shapes[before][1:].numel() == shapes[node][-1] > shapes[before][1]
        node = before
    return False


class Kernel(NamedTuple):
    """A convolution's weight and settings; each setting has one number for rows and one for columns."""

    weight: Tensor  # [outputs, inputs of a group, height, width]
    stride: tuple[int, int]
    padding: tuple[int, int]  # before the first row and column
    dilation: tuple[int, int]
    groups: int
    mode: str  # how the padding is filled, in the words of `nn.Conv2d`


def convolution(walk: Walk, node: fx.Node, units: Units) -> Handed:
    """A convolution (Algorithm 2): the channel that contributes most, at the same place or at its strongest one."""
    source, kernel = argument(node, 0, "input"), _kernel(walk, node)
    value = walk.trace.values[source]
    for some in units.blocks(kernel.weight[0].numel()):
        yield source, _strongest_channel(walk, kernel, value, some)


def _strongest_channel(walk: Walk, kernel: Kernel, value: Tensor, units: Units) -> Units:
    image, output, row, _ = units.index.unbind(dim=1)
    rows, columns = (_lines(kernel, axis, units.index[:, 2 + axis], value.shape[2 + axis]) for axis in (0, 1))
    inside = rows.inside[:, :, None] & columns.inside[:, None, :]  # [units, kernel, kernel]
    channels = kernel.weight.shape[1]
    first = output // (len(kernel.weight) // kernel.groups) * channels  # of the unit's group

    seen = _receptive(value, image, first, channels, rows.index, columns.index)  # [units, kernel, kernel, channels]
    weight = kernel.weight.permute(0, 2, 3, 1)[output]
    contribution = seen.mul_(weight).mul_((units.sign[:, None, None] * inside)[..., None])  # A o W; none from padding
    strength, channel = contribution.sum(dim=(1, 2)).max(dim=1)  # S(A o W), argmax
    walk.count(units, strength)

    tap_row, tap_column = ((size - 1) // 2 * torch.ones_like(row) for size in kernel.weight.shape[2:])
    if walk.move:
        in_channel = contribution[torch.arange(len(channel), device=channel.device), :, :, channel]
        best = in_channel.masked_fill(~inside, -torch.inf).flatten(1).argmax(dim=1)
        tap_row, tap_column = best // inside.shape[2], best % inside.shape[2]
    return _arrived(value, image, first + channel, rows.at(tap_row), columns.at(tap_column))


def _kernel(walk: Walk, node: fx.Node) -> Kernel:
    """The convolution that a node calls, as a module or as a function."""
    layer = walk.trace.module(node)
    weight = layer.weight if layer else walk.trace.values[argument(node, 1, "weight")]
    stride, padding, dilation = (
        getattr(layer, name) if layer else argument(node, position, name, default)
        for name, position, default in (("stride", 3, 1), ("padding", 4, 0), ("dilation", 5, 1))
    )
    dilation = pair(dilation)
    if padding == "valid":
        padding = 0
    elif padding == "same":
        padding = tuple(step * (size - 1) // 2 for step, size in zip(dilation, weight.shape[2:], strict=True))
    groups = layer.groups if layer else argument(node, 6, "groups", 1)
    return Kernel(weight, pair(stride), pair(padding), dilation, groups, layer.padding_mode if layer else "zeros")


def _receptive(value: Tensor, image: Tensor, first: Tensor, channels: int, rows: Tensor, columns: Tensor) -> Tensor:
    """What each unit sees of the layer below, [units, kernel, kernel, channels]."""
    last = value.permute(0, 2, 3, 1)
    place = image[:, None, None], rows[:, :, None], columns[:, None, :]
    if channels == value.shape[1]:
        return last[place]  # all channels of a place in one copy
    group = first[:, None] + torch.arange(channels, device=first.device)
    return last[(*(index[..., None] for index in place), group[:, None, None, :])]


def _lines(kernel: Kernel, axis: int, position: Tensor, length: int) -> Lines:
    lines = sliding(
        position, kernel.weight.shape[2 + axis], kernel.stride[axis], kernel.padding[axis], kernel.dilation[axis]
    )
    if kernel.mode == "circular":
        return Lines(lines % length, torch.ones_like(lines, dtype=torch.bool))
    if kernel.mode == "reflect":
        mirrored = (length - 1) - ((length - 1) - lines.abs()).abs()
        return Lines(mirrored, torch.ones_like(lines, dtype=torch.bool))
    if kernel.mode == "replicate":
        return Lines(lines.clamp(0, length - 1), torch.ones_like(lines, dtype=torch.bool))
    return within(lines, length)
