"""A copy of the network in which all that a library hooks is a module called once, and a run from one of its layers.

Captum and zennit change what happens in modules (`nn.Module`). They overlook a ReLU, a sum or a pooling that is written
as a function, and mix up a module that is called twice; a guided backprop through torchvision's GoogLeNet is then the
plain gradient, without a word. The copy shares all weights with the caller's network, which is not touched.
"""

import operator
from collections.abc import Sequence
from copy import copy, deepcopy
from typing import Any

import torch
import torch.nn.functional as F
from torch import Tensor, fx, nn

from xai_utils.activations import Trace, trace
from xai_utils.models import outputs
from xai_utils.tensors import check_images, check_target

RELUS = {F.relu, F.relu_, torch.relu, torch.relu_, "relu", "relu_"}
SUMS = {operator.add, operator.iadd, torch.add, "add", "add_"}
MEANS = {torch.mean, "mean"}


def checked(model: nn.Module, images: Tensor, target: int | Sequence[int] | Tensor) -> Tensor:
    """The class asked about for each image, on the images' device; refuses what no method here takes."""
    check_images(images)
    return check_target(target, len(images), outputs(model, images[:1]).shape[1]).to(images.device)


def traced_once(model: nn.Module, images: Tensor) -> Trace:
    """The model's graph with all sizes, and no values."""
    return trace(model, images[:1], keep=lambda node: False)


def unfolded(traced: Trace) -> Trace:
    """The same graph on a copy of the model in which every ReLU, sum and average is a module, and each runs once.

    Args:
        traced: by `traced_once`; its nodes stay the same objects, but call the copy from now on.

    Returns:
        The trace of the copy, an `fx.GraphModule` with the modules in the order in which they run.
    """
    parts: dict[str, Any] = {}
    for node in traced.graph.nodes:
        if node.op == "get_attr":
            parts[node.target] = operator.attrgetter(node.target)(traced.model)
        elif (module := _own_module(traced, node)) is not None:
            if node.op != "call_module":
                node.op, node.args, node.kwargs = "call_module", _tensors(node), {}
            node.target = f"step_{node.name}"
            parts[node.target] = module
    return traced._replace(model=fx.GraphModule(parts, traced.graph).eval())


class Plus(nn.Module):
    """A sum of two tensors that runs through zennit's `Sum`, on which its rules for sums are hooked."""

    def __init__(self) -> None:
        from zennit.layer import Sum

        super().__init__()
        self.sum = Sum()

    def forward(self, one: Tensor, other: Tensor) -> Tensor:
        """Shapes that broadcast -> their sum."""
        return self.sum(torch.stack(torch.broadcast_tensors(one, other), dim=-1))


class MeanOverPlaces(nn.AdaptiveAvgPool2d):
    """Global average pooling without the two dimensions of size 1."""

    def __init__(self) -> None:
        super().__init__(1)

    def forward(self, maps: Tensor) -> Tensor:
        """[batch, channels, height, width] -> [batch, channels]."""
        return super().forward(maps).flatten(1)


def _tensors(node: fx.Node) -> tuple[fx.Node, ...]:
    """What an operation works on."""
    return tuple(arg for arg in node.args if isinstance(arg, fx.Node)) or tuple(node.all_input_nodes)


def _own_module(traced: Trace, node: fx.Node) -> nn.Module | None:
    """A module that does what the node does and belongs to the copy alone; None if the node may stay as it is."""
    module = traced.module(node)
    if module is not None:
        return nn.ReLU() if isinstance(module, nn.ReLU) else _twin(module)
    if node.target in RELUS:
        return nn.ReLU()
    if node.target in SUMS and len(node.args) == 2 and not node.kwargs and set(node.args) <= set(traced.shapes):
        return Plus()
    if node.target is F.adaptive_avg_pool2d:
        return nn.AdaptiveAvgPool2d(*node.args[1:], **_without_input(node))
    if node.target is F.avg_pool2d:
        return nn.AvgPool2d(*node.args[1:], **_without_input(node))
    if node.target in MEANS and _is_over_places(traced, node):
        return MeanOverPlaces() if len(traced.shapes[node]) == 2 else nn.AdaptiveAvgPool2d(1)
    return None


def _without_input(node: fx.Node) -> dict[str, Any]:
    return {name: value for name, value in node.kwargs.items() if name != "input"}


def _is_over_places(traced: Trace, node: fx.Node) -> bool:
    """Whether a mean is one over height and width."""
    dim = node.args[1] if len(node.args) > 1 else node.kwargs.get("dim")
    shape = traced.shapes[_tensors(node)[0]]
    return isinstance(dim, list | tuple) and len(shape) == 4 and sorted(d % 4 for d in dim) == [2, 3]


def _twin(module: nn.Module) -> nn.Module:
    """A module of its own with the same weights, which computes nothing in place."""
    twin = copy(module)
    twin.__dict__ = {name: value.copy() if isinstance(value, dict) else value for name, value in vars(twin).items()}
    if hasattr(twin, "inplace"):
        twin.inplace = False
    return twin


def merge_batch_norms(traced: Trace) -> None:
    """Multiplies every batch norm that follows a linear layer into its weights, and puts the identity in its place.

    zennit's own canonizers find the pairs by the order of the modules, which goes wrong where a concatenation stands
    between them (DenseNet); here the graph says who feeds whom.

    Args:
        traced: by `unfolded`; its model is changed, the caller's is not.
    """
    from zennit.canonizers import MergeBatchNorm
    from zennit.types import BatchNorm, Linear

    for node in traced.graph.nodes:
        norm = traced.module(node)
        if not isinstance(norm, BatchNorm) or norm.weight is None or norm.running_var is None:
            continue
        source = node.args[0]
        if isinstance(traced.module(source), Linear) and len(source.users) == 1:
            linear = deepcopy(traced.module(source))
            MergeBatchNorm.merge_batch_norm([linear], deepcopy(norm))
            setattr(traced.model, source.target, linear)
            setattr(traced.model, node.target, nn.Identity())


class _From(fx.Interpreter):
    """Runs the graph and lets gradients begin at one node."""

    def __init__(self, traced: Trace, start: fx.Node) -> None:
        super().__init__(traced.model, graph=traced.graph)
        self.start = start

    def run_node(self, node: fx.Node) -> Any:
        value = super().run_node(node)
        if node is self.start:
            self.begin = value = value.detach().clone().requires_grad_()
        return value


def run_from(traced: Trace, images: Tensor, start: fx.Node) -> tuple[Tensor, Tensor]:
    """What a node gives, and the model's outputs as a function of it.

    Args:
        traced: a trace of a model.
        images: float [batch, 3, height, width].
        start: a node of the graph.

    Returns:
        The node's value, a leaf that asks for gradients, and the outputs [batch, classes].
    """
    run = _From(traced, start)
    with torch.enable_grad():
        answers = run.run(images)
    return run.begin, answers


def after(traced: Trace, start: fx.Node) -> list[fx.Node]:
    """The nodes that depend on one, in the order in which they run, the model's output included."""
    reached = {start: None}
    for node in traced.graph.nodes:
        if any(source in reached for source in node.all_input_nodes):
            reached[node] = None
    return [node for node in reached if node is not start and node.op != "output"]


def kind(traced: Trace, node: fx.Node) -> str:
    """What a node does, in a word for a message."""
    module = traced.module(node)
    return type(module).__name__ if module else getattr(node.target, "__name__", str(node.target))


def upsampled(maps: Tensor, images: Tensor) -> Tensor:
    """Maps of a coarse layer at the size of the images: bilinear, corners not aligned.

    Args:
        maps: float [batch, rows, columns].
        images: [batch, 3, height, width].

    Returns:
        float [batch, height, width].
    """
    return F.interpolate(maps[:, None], size=images.shape[2:], mode="bilinear", align_corners=False)[:, 0]
