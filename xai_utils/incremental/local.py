"""Operations that read, for each place of their output, the same place of their inputs: they can do with a window."""

import operator
from collections.abc import Callable
from typing import Any, NamedTuple

from torch import Tensor, fx, nn

from xai_utils.activations import Trace

MODULES = (
    *(nn.ReLU, nn.ReLU6, nn.LeakyReLU, nn.PReLU, nn.ELU, nn.SELU, nn.CELU, nn.GELU, nn.SiLU, nn.Mish, nn.Softplus),
    *(nn.Hardtanh, nn.Hardsigmoid, nn.Hardswish, nn.Sigmoid, nn.Tanh, nn.LocalResponseNorm, nn.ChannelShuffle),
    *(nn.Identity, nn.Dropout, nn.Dropout2d),
)
POINTWISE = {
    *("relu", "relu6", "leaky_relu", "elu", "selu", "celu", "gelu", "silu", "mish", "softplus"),
    *("hardtanh", "hardsigmoid", "hardswish", "sigmoid", "tanh", "abs", "exp", "log", "sqrt", "rsqrt", "square", "neg"),
    *("add", "iadd", "sub", "isub", "mul", "imul", "div", "truediv", "itruediv", "pow", "addcmul"),
    *("clamp", "clamp_min", "clamp_max", "maximum", "minimum"),
    *("dropout", "dropout2d", "stochastic_depth", "contiguous", "clone", "detach", "float"),
}
JOINING = ("cat", "concat", "concatenate")
CUTTING = {"chunk": 2, "split": 2, "unbind": 1}  # and where the dimension stands among the arguments

RESHAPING = ("view", "reshape", "flatten")


class Local(NamedTuple):
    """An operation that reads the same place of all its inputs."""

    sources: tuple[fx.Node, ...]  # the maps among them
    apply: Callable[..., Any]  # what the node does, given windows instead of maps


def local(traced: Trace, node: fx.Node, maps: set[fx.Node], apply: Callable[..., Any]) -> Local | None:
    """The rule of such an operation; None if a node is something else.

    Args:
        traced: the forward pass.
        node: of its graph.
        maps: the nodes whose values are maps of the picture; all else is a constant.
        apply: what the node does to its arguments.
    """
    sources = tuple(source for source in node.all_input_nodes if source in maps)
    if not sources or len({map_size(traced.values[each]) for each in (node, *sources)}) != 1:
        return None
    module, name = traced.module(node), called(node)
    constants = [traced.values[other] for other in node.all_input_nodes if other not in maps]
    if not all(map(_is_same_everywhere, constants)) or (len(sources) > 1 and not traced.shapes.keys() >= {*sources}):
        return None
    if (
        isinstance(module, MODULES)
        or is_fixed_norm(module)
        or name in POINTWISE
        or _moves_channels(traced, node, name)
        or (node.target is operator.getitem and sources[0] not in traced.shapes)  # one of several pieces
    ):
        return Local(sources, apply)
    if name in RESHAPING and _keeps_batch(node, name):  # rows and columns stay the last dimensions
        shape = traced.shapes[node][1:-2]
        return Local(sources, lambda windows, *_, **__: windows.reshape(len(windows), *shape, *windows.shape[-2:]))
    return None


def called(node: fx.Node) -> str:
    """The name of the function or method that a node calls, without the underscore of an operation in place."""
    name = node.target if isinstance(node.target, str) else getattr(node.target, "__name__", "")
    return "" if node.op == "call_module" else name.removesuffix("_")


def map_size(value: Tensor | tuple[Tensor, ...]) -> tuple[int, int]:
    """Rows and columns of a map, or of the pieces of one."""
    return tuple((value if isinstance(value, Tensor) else value[0]).shape[-2:])


def is_fixed_norm(module: nn.Module | None) -> bool:
    """Whether this is a batch norm in eval mode, which is one factor and one summand for each channel."""
    return isinstance(module, nn.BatchNorm2d) and not module.training and module.running_mean is not None


def _is_same_everywhere(constant: Any) -> bool:
    """Whether a constant has no rows and columns of its own."""
    if isinstance(constant, tuple | list):
        return all(map(_is_same_everywhere, constant))
    return not isinstance(constant, Tensor) or constant.shape[-2:].numel() == 1


def _keeps_batch(node: fx.Node, name: str) -> bool:
    """Whether the first dimension of a new shape is the number of pictures, and not 1 whatever that is."""
    shape = node.args[1] if len(node.args) > 1 else None
    first = shape[0] if isinstance(shape, tuple | list) and shape else shape
    return first != 0 if name == "flatten" else isinstance(first, fx.Node) or first == -1


def _moves_channels(traced: Trace, node: fx.Node, name: str) -> bool:
    """Whether a node joins, cuts, picks or swaps channels, and leaves rows and columns alone."""
    dimensions = max((len(traced.shapes.get(source, ())) for source in node.all_input_nodes), default=0)
    if dimensions < 3:
        return False

    def between(position: int, name: str) -> bool:
        """Whether an argument names a dimension between the batch and the rows."""
        value = node.args[position] if len(node.args) > position else node.kwargs.get(name, 0)
        return isinstance(value, int) and value % dimensions in range(1, dimensions - 2)

    if name in JOINING:
        return between(1, "dim")
    if name in CUTTING:
        return between(CUTTING[name], "dim")
    if name == "transpose":
        return between(1, "dim0") and between(2, "dim1")
    if name == "unsqueeze":
        return len(node.args) > 1 and node.args[1] in range(1, dimensions - 1)
    return node.target is operator.getitem and _picks_channels(node.args[1], dimensions)


def _picks_channels(index: Any, dimensions: int) -> bool:
    """Whether an index such as `[:, 0]` or `[:, 2:4]` leaves the last two dimensions whole."""
    if not isinstance(index, tuple) or not 0 < len(index) <= dimensions - 2:
        return False
    numbers = all(isinstance(each, int | slice) and not isinstance(each, bool) for each in index)
    return numbers and index[0] == slice(None)
