"""Pools: a unit comes from the largest activation in its window, also for an average (section III-B of the paper)."""

import torch
from torch import fx

from xai_utils.papers.cnn_fixations.units import Handed, Units, Walk, argument, unknown
from xai_utils.papers.cnn_fixations.windows import Lines, adaptive, pair, sliding, within


def max_pool(walk: Walk, node: fx.Node, units: Units) -> Handed:
    """A maximum in a sliding window."""
    yield _largest(
        walk, node, units, *_sliding_windows(walk, node, units, dilation=_setting(walk, node, "dilation", 4))
    )


def average_pool(walk: Walk, node: fx.Node, units: Units) -> Handed:
    """An average in a sliding window: the place that adds most to it."""
    yield _largest(walk, node, units, *_sliding_windows(walk, node, units, (1, 1)), average=True)


def adaptive_max_pool(walk: Walk, node: fx.Node, units: Units) -> Handed:
    """A maximum, in windows that lead to a wanted size."""
    yield _largest(walk, node, units, *_adaptive_windows(walk, node, units))


def adaptive_average_pool(walk: Walk, node: fx.Node, units: Units) -> Handed:
    """An average, in windows that lead to a wanted size."""
    if node in walk.answer and walk.trace.shapes[node][2:].numel() == 1:
        yield _all_that_add(walk, node, units)
    else:
        yield _largest(walk, node, units, *_adaptive_windows(walk, node, units), average=True)


def mean(walk: Walk, node: fx.Node, units: Units) -> Handed:
    """A mean over the places of a map: an average pool to one place."""
    shape = walk.trace.shapes[argument(node, 0, "input")]
    axes = argument(node, 1, "dim", ())
    if len(shape) != 4 or isinstance(axes, int) or sorted(axis % 4 for axis in axes) != [2, 3]:
        raise unknown(walk.trace, node)
    if node in walk.answer:
        yield _all_that_add(walk, node, units)
    else:
        nowhere = torch.zeros_like(units.sign)
        yield _largest(walk, node, units, *(adaptive(nowhere, 1, length) for length in shape[2:]), average=True)


def _all_that_add(walk: Walk, node: fx.Node, units: Units) -> tuple[fx.Node, Units]:
    """Every place that adds to an average which is itself what is asked about, as in SqueezeNet.

    There the average is the last layer, a fully connected one with equal weights, and Algorithm 1 applies. Going to
    the largest place alone would leave a single fixation.
    """
    source = argument(node, 0, "input")
    image, channel = units.index[:, :2].unbind(dim=1)
    seen = walk.trace.values[source][image, channel] * units.sign[:, None, None]  # [units, height, width]
    walk.count(units, seen.flatten(1).amax(dim=1))
    unit, row, column = (seen > 0).nonzero().unbind(dim=1)
    return source, Units(torch.stack([image[unit], channel[unit], row, column], dim=1), units.sign[unit])


def _sliding_windows(walk: Walk, node: fx.Node, units: Units, dilation: tuple[int, int]) -> list[Lines]:
    size, padding = _setting(walk, node, "kernel_size", 1), _setting(walk, node, "padding", 3)
    stride = _setting(walk, node, "stride", 2) or size
    return [
        within(sliding(units.index[:, 2 + axis], size[axis], stride[axis], padding[axis], dilation[axis]), length)
        for axis, length in enumerate(walk.trace.shapes[argument(node, 0, "input")][2:])
    ]


def _setting(walk: Walk, node: fx.Node, name: str, position: int) -> tuple[int, int] | None:
    """A pool's setting for rows and columns, from its module or from its function's arguments."""
    default = {"padding": 0, "dilation": 1}.get(name)
    layer = walk.trace.module(node)
    setting = getattr(layer, name) if layer else argument(node, position, name, default)
    return None if setting is None else pair(setting)


def _adaptive_windows(walk: Walk, node: fx.Node, units: Units) -> list[Lines]:
    sizes = zip(walk.trace.shapes[node][2:], walk.trace.shapes[argument(node, 0, "input")][2:], strict=True)
    return [adaptive(units.index[:, 2 + axis], after, before) for axis, (after, before) in enumerate(sizes)]


def _largest(
    walk: Walk, node: fx.Node, units: Units, rows: Lines, columns: Lines, *, average: bool = False
) -> tuple[fx.Node, Units]:
    """The place of the largest value in each window; the smallest, where an average is to be explained as low."""
    source = argument(node, 0, "input")
    image, channel = units.index[:, :2].unbind(dim=1)
    place = image[:, None, None], channel[:, None, None], rows.index[:, :, None], columns.index[:, None, :]
    seen = walk.trace.values[source][place]  # [units, window, window]
    if average:
        seen = seen * units.sign[:, None, None]
    outside = ~(rows.inside[:, :, None] & columns.inside[:, None, :])
    strength, best = seen.masked_fill(outside, -torch.inf).flatten(1).max(dim=1)
    if average:
        walk.count(units, strength)
    width = columns.index.shape[1]
    return source, units.at(image, channel, rows.at(best // width), columns.at(best % width))
