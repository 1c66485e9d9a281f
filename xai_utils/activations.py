"""Looking inside: record any layer, ask any layer as a model, go on from any layer, and trace who fed whom."""

from collections.abc import Callable, Iterator, Sequence
from contextlib import ExitStack, contextmanager
from copy import copy
from typing import Any, NamedTuple

import torch
from torch import Tensor, fx, nn

from xai_utils.tensors import check_model


@contextmanager
def record(
    model: nn.Module, layers: Sequence[str], *, keep: Callable[[str, Tensor], Tensor] | None = None
) -> Iterator[dict[str, Tensor]]:
    """Collects the outputs of the named layers during the forward passes of the block.

    Args:
        model: any module.
        layers: dotted module names, as in `model.named_modules()`.
        keep: called as `keep(layer, output)`; what it returns is collected instead of a copy of the output. To be used
            where a number will do: the output itself may be overwritten by a following layer that works in place.

    Yields:
        A dictionary layer -> its last output, filled by each forward pass. All hooks are gone afterwards, also
        after an error.

    Raises:
        ValueError: a layer that the model does not have.

    Example:
        >>> import torch
        >>> model = nn.Sequential(nn.Linear(4, 3), nn.ReLU())
        >>> with record(model, ["0"]) as outputs:
        ...     answer = model(torch.ones(2, 4))
        >>> outputs["0"].shape
        torch.Size([2, 3])
    """
    outputs: dict[str, Tensor] = {}

    def kept(name: str):
        def hook(module: nn.Module, inputs: tuple, output: Tensor) -> None:
            outputs[name] = keep(name, output) if keep else output.clone()  # an in-place layer would overwrite it

        return hook

    with ExitStack() as stack:
        for name in layers:
            stack.callback(find_layer(model, name).register_forward_hook(kept(name)).remove)
        yield outputs


def find_layer(model: nn.Module, layer: str) -> nn.Module:
    """The module of that dotted name.

    Raises:
        ValueError: the model has none; names the layers it has.
    """
    try:
        if layer:
            return model.get_submodule(layer)
    except (AttributeError, TypeError):
        pass
    some = [name for name, _ in model.named_modules() if name]
    listed = ", ".join(some[:30]) + (", ..." if len(some) > 30 else "")
    raise ValueError(f"layer: expected the name of a layer ({listed}), got {layer!r}")


class LayerModel(nn.Module):
    """A model whose outputs are the units of one layer of another model; made by `as_model`."""

    def __init__(self, model: nn.Module, layer: str, average: bool) -> None:
        super().__init__()
        find_layer(model, layer)
        self.model, self.layer, self.average = model, layer, average
        self.training = model.training

    def forward(self, images: Tensor) -> Tensor:
        """[batch, 3, height, width] -> [batch, units], or [batch, channels] of averages."""
        with record(self.model, [self.layer]) as outputs:
            self.model(images)
        return self.units(outputs[self.layer])

    def units(self, output: Tensor) -> Tensor:
        """The layer's output [batch, channels, ...] -> [batch, units], or [batch, channels] of averages."""
        units = output.flatten(2) if output.ndim > 2 else output[..., None]
        return units.mean(dim=2) if self.average else units.flatten(1)


def as_model(model: nn.Module, layer: str, *, average: bool = False) -> LayerModel:
    """Any layer asked like a classifier, so that `target` keeps its one meaning for every method.

    Args:
        model: the whole model.
        layer: dotted module name, as in `model.named_modules()`.
        average: one output for each feature map (the mean of its units) instead of one for each unit.

    Returns:
        A model whose output [batch, units] are that layer's units, in the order channel, row, column.

    Raises:
        ValueError: a layer that the model does not have.

    Example:
        >>> import torch
        >>> model = nn.Sequential(nn.Conv2d(3, 5, 3), nn.ReLU()).eval()
        >>> as_model(model, "1")(torch.rand(2, 3, 8, 8)).shape
        torch.Size([2, 180])
        >>> as_model(model, "1", average=True)(torch.rand(2, 3, 8, 8)).shape
        torch.Size([2, 5])
    """
    return LayerModel(model, layer, average)


class RestOfModel(nn.Module):
    """A model from one of its own layers on; made by `rest_of_model`."""

    def __init__(self, model: nn.Module, layer: str, image: Tensor) -> None:
        super().__init__()
        find_layer(model, layer)
        self.model, self.layer = model, layer
        self.register_buffer("image", image, persistent=False)
        self.training = model.training

    def forward(self, activations: Tensor) -> Tensor:
        """Activations of the layer, [batch, channels, height, width] -> the model's outputs [batch, ...]."""
        module = find_layer(self.model, self.layer)
        with ExitStack() as stack:
            stack.callback(module.register_forward_hook(lambda *_: activations.clone()).remove)
            return self.model(self.image.expand(len(activations), -1, -1, -1))


def rest_of_model(model: nn.Module, layer: str, image: Tensor) -> RestOfModel:
    """The model as a function of one layer's activations; what by-passes the layer is computed from the image.

    Args:
        model: the whole model.
        layer: dotted module name of a layer that a forward pass reaches once.
        image: float [1, 3, height, width].

    Returns:
        A model from the layer's activations [batch, channels, height, width] to the outputs of `model`.
    """
    return RestOfModel(model, layer, image)


class Trace(NamedTuple):
    """One forward pass with what happened in it; made by `trace`."""

    model: nn.Module
    graph: fx.Graph
    layers: dict[str, fx.Node]  # the output of every layer that was reached, by its dotted name
    values: dict[fx.Node, Any]  # what the nodes gave: all sizes, and what else was to be kept
    shapes: dict[fx.Node, torch.Size]  # of every node that gave a tensor
    device: torch.device  # where the pictures were

    def module(self, node: fx.Node) -> nn.Module | None:
        """The module that the node calls; None if it calls a function."""
        return self.model.get_submodule(node.target) if node.op == "call_module" else None

    def output(self) -> fx.Node:
        """The node whose value the model returns.

        Raises:
            ValueError: the model returns something else than one tensor.
        """
        answer = next(node for node in self.graph.nodes if node.op == "output").args[0]
        if answer not in self.shapes:
            raise ValueError(f"model: expected one that returns one tensor, got {type(answer).__name__} {answer}")
        return answer

    def node(self, layer: str) -> fx.Node:
        """The node that gives a layer's output; of its last call, if there are several.

        Raises:
            ValueError: the model has no such layer, a forward pass does not reach it, or it gives no tensor.
        """
        find_layer(self.model, layer)
        if self.layers.get(layer) not in self.shapes:
            raise ValueError(f"layer: expected a layer that is reached and gives one tensor, got {layer!r}")
        return self.layers[layer]


class _Tracer(fx.Tracer):
    """Goes into every module but PyTorch's own layers, and notes what each module gives."""

    def __init__(self) -> None:
        super().__init__()
        self.layers: dict[str, fx.Node] = {}

    def is_leaf_module(self, module: nn.Module, name: str) -> bool:
        return isinstance(module, nn.RNNCellBase) or super().is_leaf_module(module, name)

    def call_module(self, module: nn.Module, forward: Callable, args: tuple, kwargs: dict) -> Any:
        output = super().call_module(module, forward, args, kwargs)
        if isinstance(output, fx.Proxy):
            self.layers[self.path_of_module(module)] = output.node
        return output


class _Recorder(fx.Interpreter):
    """Runs a graph and keeps the values asked for, which nothing may overwrite then."""

    def __init__(self, model: nn.Module, graph: fx.Graph, keep: Callable[[fx.Node], bool]) -> None:
        super().__init__(model, graph=graph)
        self.kept = {node: None for node in graph.nodes if keep(node)}
        self.shapes: dict[fx.Node, torch.Size] = {}
        self.untouchable: set[int] = set()  # memory of the pictures and of what is kept

    def run_node(self, node: fx.Node) -> Any:
        output = self._run_beside(node) if _overwrites(self.module, node) else super().run_node(node)
        if isinstance(output, Tensor):
            self.shapes[node] = output.shape
        if node in self.kept or isinstance(output, int | float | torch.Size):
            self.kept[node] = output
        if node in self.kept or node.op == "placeholder":
            self.untouchable |= _memory(output)
        return output

    def _run_beside(self, node: fx.Node) -> Any:
        """What an operation in place gives; on a copy, if its input is to stay as it is."""
        source = node.all_input_nodes[0]
        value = self.env[source]
        if any(other is not source and _memory(self.env[other]) & _memory(value) for other in self.env):
            raise ValueError(
                "model: expected no operation in place on a part of what is read later, got "
                f"{node.format_node()}, which overwrites part of another value"
            )
        if _memory(value) & self.untouchable:
            self.env[source] = value.clone()
        return super().run_node(node)


def _memory(value: Any) -> set[int]:
    """Addresses of the memory in which a tensor, or a tuple of them, lies; views share it."""
    tensors = value if isinstance(value, tuple | list) else (value,)
    return {tensor.untyped_storage().data_ptr() for tensor in tensors if isinstance(tensor, Tensor)}


def _overwrites(model: nn.Module, node: fx.Node) -> bool:
    """Whether a node computes in place, such as `nn.ReLU(inplace=True)` or `add_`."""
    if node.op == "call_module":
        return getattr(model.get_submodule(node.target), "inplace", False)
    name = node.target if node.op == "call_method" else getattr(node.target, "__name__", "")
    return node.op in ("call_method", "call_function") and (
        bool(node.kwargs.get("inplace")) or (name.endswith("_") and not name.endswith("__"))
    )


def _rewire_overwritten(model: nn.Module, graph: fx.Graph) -> None:
    """Whoever read a value after it was overwritten reads the operation that did so."""
    for node in graph.nodes:
        if _overwrites(model, node):
            later = {user for user in node.all_input_nodes[0].users if user > node}
            node.all_input_nodes[0].replace_all_uses_with(node, delete_user_cb=later.__contains__)


def trace(model: nn.Module, images: Tensor, *, keep: Callable[[fx.Node], bool] = lambda node: True) -> Trace:
    """Runs the model once and keeps what every operation gave and who fed whom, `add` and `cat` included.

    Hooks see modules only. A `torch.fx` graph sees every operation between them as well, which is what it takes to go
    from an output back to the pixels. The model must be one that `torch.fx` can trace: what is computed may not
    depend on the values in the pictures.

    Args:
        model: in eval mode.
        images: [batch, ...], whatever the model takes.
        keep: whether the value of a node of the graph is kept; all of them by default, which takes memory. Sizes
            (numbers) are always kept.

    Returns:
        The model, its graph, the layers' nodes, the kept values and the shapes of all.

    Raises:
        TypeError, ValueError: no module, or one in train mode; a model that cannot be traced; images that it does
            not take.

    Example:
        >>> model = nn.Sequential(nn.Conv2d(3, 5, 3), nn.ReLU(inplace=True)).eval()
        >>> traced = trace(model, torch.rand(1, 3, 8, 8))
        >>> traced.output(), tuple(traced.values[traced.node("0")].shape)
        (_1, (1, 5, 6, 6))
    """
    model = copy(check_model(model))  # torch.fx hangs constants on the module it traces; the layers are the same
    tracer = _Tracer()
    try:
        graph = tracer.trace(model)
    except Exception as error:  # torch.fx passes on whatever the model's own code raises when it meets a proxy
        raise ValueError(
            "model: expected one that torch.fx can trace (no control flow that depends on the pictures), got "
            f"{type(model).__name__}: {error}"
        ) from error
    _rewire_overwritten(model, graph)
    recorder = _Recorder(model, graph, keep)
    try:
        with torch.no_grad():
            recorder.run(images)
    except torch.OutOfMemoryError:
        raise
    except (RuntimeError, AssertionError) as error:  # what PyTorch's layers raise, and torch._assert
        raise ValueError(
            f"images: expected a size and a type that the model takes, got {images.dtype} {list(images.shape)}: "
            f"{str(error).splitlines()[0]}"
        ) from error
    return Trace(model, graph, tracer.layers, recorder.kept, recorder.shapes, images.device)
