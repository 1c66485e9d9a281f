"""Which operation hands its units down by which rule."""

from collections.abc import Callable
from functools import cache

from torch import fx, nn

from xai_utils.papers.cnn_fixations import layers, pools, wiring
from xai_utils.papers.cnn_fixations.units import Handed, Units, Walk

Rule = Callable[[Walk, fx.Node, Units], Handed]

READING: list[tuple[Rule, list[type[nn.Module]], list[str]]] = [
    (layers.linear, [nn.Linear], ["linear"]),
    (layers.convolution, [nn.Conv2d], ["conv2d"]),
    (pools.max_pool, [nn.MaxPool2d], ["max_pool2d"]),
    (pools.average_pool, [nn.AvgPool2d], ["avg_pool2d"]),
    (pools.adaptive_max_pool, [nn.AdaptiveMaxPool2d], ["adaptive_max_pool2d"]),
    (pools.adaptive_average_pool, [nn.AdaptiveAvgPool2d], ["adaptive_avg_pool2d"]),
    (pools.mean, [], ["mean"]),
    (wiring.addition, [], ["add"]),
    (wiring.product, [], ["mul"]),
    (wiring.subtraction, [], ["sub"]),
    (wiring.division, [], ["div", "truediv"]),
    (wiring.scaling, [], ["addcmul"]),
    (wiring.lstm, [nn.LSTMCell], []),
]
"""Rules that look at the values which come in, with the modules and the functions (or methods) that they explain."""

PASSING: list[tuple[Rule, list[type[nn.Module]], list[str]]] = [
    (
        wiring.normalisation,
        [nn.BatchNorm1d, nn.BatchNorm2d, nn.LayerNorm, nn.GroupNorm],
        ["batch_norm", "layer_norm", "group_norm"],
    ),
    (wiring.item, [], ["getitem"]),
    (  # activation functions
        wiring.same_place,
        [nn.ReLU, nn.ReLU6, nn.LeakyReLU, nn.Hardtanh, nn.Hardsigmoid, nn.Hardswish],
        ["relu", "relu6", "leaky_relu", "hardtanh", "hardsigmoid", "hardswish"],
    ),
    (  # smooth ones
        wiring.same_place,
        [nn.Sigmoid, nn.Tanh, nn.GELU, nn.SiLU, nn.Mish, nn.ELU, nn.SELU, nn.CELU, nn.Softplus],
        ["sigmoid", "tanh", "gelu", "silu", "mish", "elu", "selu", "celu", "softplus"],
    ),
    (  # what does nothing in eval mode, or leaves the order of the values as it is
        wiring.same_place,
        [nn.Identity, nn.Dropout, nn.Dropout2d, nn.LocalResponseNorm, nn.Softmax, nn.LogSoftmax],
        ["dropout", "dropout2d", "stochastic_depth", "contiguous", "clone", "detach", "softmax", "log_softmax"],
    ),
    (  # another shape or order
        wiring.moving,
        [nn.Flatten, nn.Unflatten, nn.PixelShuffle, nn.ChannelShuffle],
        ["flatten", "view", "reshape", "permute", "transpose", "unsqueeze", "squeeze", "roll", "flip", "pixel_shuffle"],
    ),
    (  # a piece, and what is made of pieces
        wiring.moving,
        [nn.ZeroPad2d, nn.ReflectionPad2d, nn.ReplicationPad2d],
        ["cat", "concat", "stack", "narrow", "select", "expand", "pad"],
    ),
]
"""Rules that need no values."""

MODULES = {kind: rule for rule, kinds, _ in READING + PASSING for kind in kinds}
FUNCTIONS = {name: rule for rule, _, names in READING + PASSING for name in names}


def rule_of(model: nn.Module, node: fx.Node) -> Rule | None:
    """The rule for what a node calls; None if there is none."""
    if node.op == "call_module":
        module = model.get_submodule(node.target)
        return next((rule for kind, rule in MODULES.items() if isinstance(module, kind)), None)
    name = node.target if isinstance(node.target, str) else getattr(node.target, "__name__", "")
    return FUNCTIONS.get(name.removesuffix("_"))


def needed(model: nn.Module) -> Callable[[fx.Node], bool]:
    """Which values `trace` has to keep for a walk: what weights, pools, sums and gates look at, and all constants."""
    reading = {rule for rule, _, _ in READING}

    @cache
    def is_constant(node: fx.Node) -> bool:
        return node.op != "placeholder" and all(is_constant(source) for source in node.all_input_nodes)

    def keep(node: fx.Node) -> bool:
        return is_constant(node) or any(rule_of(model, user) in reading for user in node.users)

    return keep
