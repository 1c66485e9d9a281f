"""Convolutions and pools on windows: the window's surroundings are cut out of the clean map instead of padded."""

from collections.abc import Callable
from typing import Any, NamedTuple

import torch
from torch import Tensor, fx, nn
from torch.nn import functional
from torch.nn.utils.fusion import fuse_conv_bn_weights

from xai_utils.activations import Trace
from xai_utils.incremental.local import called
from xai_utils.incremental.pieces import Window
from xai_utils.incremental.spans import Sliding

PARAMETERS = {  # of the functions; the modules call them alike
    "conv2d": ("input", "weight", "bias", "stride", "padding", "dilation", "groups"),
    "max_pool2d": ("input", "kernel_size", "stride", "padding", "dilation", "ceil_mode", "return_indices"),
    "avg_pool2d": ("input", "kernel_size", "stride", "padding", "ceil_mode", "count_include_pad", "divisor_override"),
}


class Slide(NamedTuple):
    """An operation that slides over the rows and columns of its only map."""

    source: fx.Node
    rows: Sliding
    columns: Sliding
    fill: float  # what it sees beyond the border
    apply: Callable[[Tensor, Window], Tensor]  # on what `reads` says, without padding; knows where its output lies
    whole: Callable[..., Tensor] | None = None  # on the whole map, where that is not what the node itself does

    def border(self) -> tuple[int, int, int, int]:
        """Lines that it reads beyond the map: left, right, above, below."""
        columns, rows = self.columns, self.rows
        return columns.padding, columns.padding_after, rows.padding, rows.padding_after

    def reads(self, window: Window) -> Window:
        """What a window of the output looks at, counted from the corner of the border."""
        if self.rows.is_pointwise and self.columns.is_pointwise:
            return window
        top, left = window.top * self.rows.stride, window.left * self.columns.stride
        return Window(top, left, self.rows.read(window.height), self.columns.read(window.width))


def convolution(traced: Trace, node: fx.Node, setting: dict[str, Any], norm: nn.Module | None = None) -> Slide | None:
    """A convolution with any stride, zero padding, dilation and groups.

    Args:
        traced: the forward pass.
        node: the convolution.
        setting: its parameters by name.
        norm: the batch norm that follows and is folded into the weights.
    """
    if setting.get("padding_mode", "zeros") != "zeros":
        return None
    weight, bias = setting["weight"], setting.get("bias")
    if norm is not None:
        statistics = (norm.running_mean, norm.running_var, norm.eps, norm.weight, norm.bias)
        weight, bias = (folded.detach() for folded in fuse_conv_bn_weights(weight, bias, *statistics))
    stride, padding, dilation = setting.get("stride", 1), setting.get("padding", 0), setting.get("dilation", 1)
    axes = _axes(traced, node, weight.shape[2:], stride, padding, dilation)

    def convolve(maps: Tensor, padding: int | tuple[int, int] | str) -> Tensor:
        return functional.conv2d(maps, weight, bias, stride, padding, dilation, setting.get("groups", 1))

    return Slide(
        node.all_input_nodes[0],
        *axes,
        fill=0.0,
        apply=lambda maps, window: convolve(maps, 0),
        whole=lambda maps, *_: convolve(maps, padding),
    )


def max_pool(traced: Trace, node: fx.Node, setting: dict[str, Any]) -> Slide | None:
    """A maximum in a sliding window; the border never wins."""
    if setting.get("return_indices"):
        return None
    size, stride, dilation = setting["kernel_size"], setting.get("stride"), setting.get("dilation", 1)
    axes = _axes(traced, node, size, stride or size, setting.get("padding", 0), dilation)

    def apply(maps: Tensor, window: Window) -> Tensor:
        return functional.max_pool2d(maps, size, stride, 0, dilation)

    return Slide(node.all_input_nodes[0], *axes, fill=-torch.inf, apply=apply)


def average_pool(traced: Trace, node: fx.Node, setting: dict[str, Any]) -> Slide:
    """An average in a sliding window; at the border it may divide by fewer places, which depends on the settings."""
    size, stride = setting["kernel_size"], setting.get("stride") or setting["kernel_size"]
    axes = _axes(traced, node, size, stride, setting.get("padding", 0), 1)
    include, fixed = setting.get("count_include_pad", True), setting.get("divisor_override")
    rows, columns = (_divisors(axis, include) for axis in axes)

    def apply(maps: Tensor, window: Window) -> Tensor:
        total = functional.avg_pool2d(maps, size, stride, divisor_override=1)
        if fixed:
            return total / fixed
        down = rows[window.top[:, None] + torch.arange(window.height)].to(total)
        right = columns[window.left[:, None] + torch.arange(window.width)].to(total)
        return total / (down[:, None, :, None] * right[:, None, None, :])

    return Slide(node.all_input_nodes[0], *axes, fill=0.0, apply=apply)


def _divisors(axis: Sliding, include_padding: bool) -> Tensor:
    """Over how many lines each output averages, int64 [outputs]; what `ceil_mode` adds behind is never counted."""
    lines = torch.arange(axis.outputs)[:, None] * axis.stride - axis.padding + torch.arange(axis.size)
    margin = axis.padding if include_padding else 0
    return ((lines >= -margin) & (lines < axis.inputs + margin)).sum(dim=1)


def _axes(traced: Trace, node: fx.Node, size, stride, padding, dilation) -> tuple[Sliding, Sliding]:
    """The same settings for rows and for columns."""
    inputs, outputs = traced.shapes[node.all_input_nodes[0]][-2:], traced.shapes[node][-2:]
    sizes, strides, dilations = _pair(size), _pair(stride), _pair(dilation)
    if padding == "same":
        padding = tuple(dilation * (size - 1) // 2 for size, dilation in zip(sizes, dilations, strict=True))
    paddings = (0, 0) if padding == "valid" else _pair(padding)
    return tuple(map(Sliding, sizes, strides, paddings, dilations, inputs, outputs))


def _pair(setting: int | tuple[int, ...]) -> tuple[int, int]:
    """A setting for rows and for columns, from one number or two."""
    return (setting, setting) if isinstance(setting, int) else (setting[0], setting[-1])


def settings(traced: Trace, node: fx.Node) -> dict[str, Any]:
    """The parameters of a convolution or pool by name, whether it is a module or a function."""
    module = traced.module(node)
    if module is not None:
        names = {name for names in PARAMETERS.values() for name in names} | {"padding_mode"}
        return {name: getattr(module, name) for name in names if hasattr(module, name)}
    names = PARAMETERS[called(node)]
    given = dict(zip(names, node.args, strict=False)) | node.kwargs
    return {name: fx.map_arg(value, traced.values.get) for name, value in given.items() if name != "input"}
