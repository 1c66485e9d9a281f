"""What joins layers: sums, products, concatenations, normalisation, and whatever only moves numbers about."""

import torch
from torch import Tensor, fx, nn

from xai_utils.papers.cnn_fixations.layers import positive_inputs
from xai_utils.papers.cnn_fixations.units import Handed, Units, Walk, argument, called, join, unflat_index, unknown

GATES = ("sigmoid", "hardsigmoid", "softmax")  # what makes a factor a gate, as modules and as functions
PIECES = ("chunk", "split", "unbind", "getitem")  # what gives a tuple of pieces of a tensor


def same_place(walk: Walk, node: fx.Node, units: Units) -> Handed:
    """An activation function, dropout, or nothing at all: each unit comes from the one below it.

    An activation is a gate that its own input opens: SiLU(z) = z * sigmoid(z), GELU(z) = z * P(Z < z). A negative
    value comes from a negative input.
    """
    yield argument(node, 0, "input"), units


def normalisation(walk: Walk, node: fx.Node, units: Units) -> Handed:
    """Batch, layer or group norm: each unit comes from the one below it, turned where gamma is negative.

    Mean and deviation count as constants. For a batch norm behind a convolution this is the same as folding it into
    the weights, the argmax being the same for W and for W * |gamma| / sigma.
    """
    layer = walk.trace.module(node)
    gamma = layer.weight if layer else walk.trace.values.get(node.kwargs.get("weight"))
    if gamma is not None:
        last = called(walk.trace, node).lower().replace("_", "") == "layernorm"  # scales the last axes, others channels
        units = units.turned(gamma[tuple(units.index[:, -gamma.ndim :].T) if last else units.index[:, 1]])
    yield argument(node, 0, "input"), units


def addition(walk: Walk, node: fx.Node, units: Units) -> Handed:
    """A sum: the larger of its terms (skip or delta, section III-C); the earlier one if they are equal."""
    yield from _largest_term(walk, node, units, subtracted=1)


def subtraction(walk: Walk, node: fx.Node, units: Units) -> Handed:
    """A difference: the sum of one term and of the other one's negative."""
    yield from _largest_term(walk, node, units, subtracted=-1)


def _largest_term(walk: Walk, node: fx.Node, units: Units, subtracted: int) -> Handed:
    terms = [(node.args[0], 1), (argument(node, 1, "other"), subtracted)]
    terms = sorted((term, sign) for term, sign in terms if isinstance(term, fx.Node) and term in walk.variable)
    if node.kwargs.get("alpha", 1) != 1:
        raise unknown(walk.trace, node)
    chosen = torch.zeros_like(units.sign)
    if len(terms) == 2:
        values = torch.stack([_value_at(walk, units, term) * sign for term, sign in terms])
        strength, chosen = (values * units.sign).max(dim=0)
        walk.count(units, strength)
    for number, (term, sign) in enumerate(terms):
        some = units.where(chosen == number)
        yield term, _below(walk, Units(some.index, some.sign * sign), term)


def product(walk: Walk, node: fx.Node, units: Units) -> Handed:
    """A product with a gate or a constant: evidence follows the gated map, turned where the factor is negative."""
    operands = walk.operands(node)
    gated = operands[0] if len(operands) == 1 else _gated(walk, node, *operands)
    first, second = node.args[0], argument(node, 1, "other")
    factor = second if first is gated else first
    yield gated, _below(walk, units.turned(_value_at(walk, units, factor)), gated)


def division(walk: Walk, node: fx.Node, units: Units) -> Handed:
    """A quotient: evidence follows what is divided."""
    above, under = node.args[0], argument(node, 1, "other")
    if above not in walk.operands(node):
        raise unknown(walk.trace, node)
    yield above, _below(walk, units.turned(_value_at(walk, units, under)), above)


def scaling(walk: Walk, node: fx.Node, units: Units) -> Handed:
    """`torch.addcmul` of a constant and one product, as in the normalisation of our classifiers."""
    if len(walk.operands(node)) != 1 or len(node.args) != 3 or node.kwargs:
        raise unknown(walk.trace, node)
    (term,), (added, first, second) = walk.operands(node), node.args
    if term is not added:
        units = units.turned(_value_at(walk, units, second if term is first else first))
    yield term, _below(walk, units, term)


def _gated(walk: Walk, node: fx.Node, first: fx.Node, second: fx.Node) -> fx.Node:
    """Which factor is the map, the other being its gate: the smaller one, or the one that a sigmoid made."""
    sizes = [walk.trace.shapes[factor].numel() for factor in (first, second)]
    if sizes[0] != sizes[1]:
        return first if sizes[0] > sizes[1] else second
    gates = [factor for factor in (first, second) if called(walk.trace, factor).lower() in GATES]
    if len(gates) != 1:
        raise unknown(walk.trace, node)
    return second if gates == [first] else first


def _below(walk: Walk, units: Units, source: fx.Node) -> Units:
    """The units of a result as units of one operand, which may have been repeated along some dimensions."""
    return Units(_broadcast(units.index, walk.trace.shapes[source]), units.sign)


def _broadcast(index: Tensor, shape: torch.Size) -> Tensor:
    """Places in a result -> places in an operand of that shape."""
    repeated = torch.tensor([size == 1 for size in shape], dtype=torch.bool, device=index.device)
    return index[:, index.shape[1] - len(shape) :].masked_fill(repeated, 0)


def _value_at(walk: Walk, units: Units, operand: fx.Node | float) -> Tensor:
    """What an operand adds or multiplies at each unit of the result, [units]."""
    value = walk.trace.values[operand] if isinstance(operand, fx.Node) else operand
    if not isinstance(value, Tensor):
        return torch.full_like(units.sign, value, dtype=torch.float64)
    return value[tuple(_broadcast(units.index, value.shape).T)]


def moving(walk: Walk, node: fx.Node, units: Units) -> Handed:
    """An operation that only moves numbers (reshape, permute, cat, chunk, slice, pad, ...).

    Every number is replaced by its own address, and the operation itself says where each of them went.
    """
    sources: list[fx.Node] = []
    came_from = _addresses(walk, node, sources)[tuple(units.index.T)].long()
    walk.count(units, came_from)  # a padded zero comes from nowhere
    first = 1
    for source in sources:
        size = walk.trace.shapes[source].numel()
        inside = (came_from >= first) & (came_from < first + size)
        index = unflat_index(came_from[inside] - first, walk.trace.shapes[source])
        yield source, Units(index, units.sign[inside])
        first += size


def _addresses(walk: Walk, node: fx.Node, sources: list[fx.Node]) -> Tensor:
    """The result of a moving operation on addresses (from 1 on); collects the nodes that they count through."""

    def address(source: fx.Node):
        if source not in walk.variable:
            value = walk.trace.values[source]  # a size, or a constant: its numbers come from nowhere
            is_content = isinstance(value, Tensor) and value.is_floating_point()
            return torch.zeros_like(value, dtype=torch.float64) if is_content else value
        if source not in walk.trace.shapes:
            if called(walk.trace, source) not in PIECES:
                raise unknown(walk.trace, source)
            return _addresses(walk, source, sources)  # a tuple of pieces
        shape = walk.trace.shapes[source]
        first = 1 + sum(walk.trace.shapes[other].numel() for other in sources)
        sources.append(source)
        return torch.arange(first, first + shape.numel(), dtype=torch.float64, device=walk.trace.device).reshape(shape)

    if called(walk.trace, node) == "pad" and (argument(node, 3, "value") or 0) > 0:
        raise unknown(walk.trace, node)  # the filling would look like an address
    args, kwargs = fx.map_arg(node.args, address), fx.map_arg(node.kwargs, address)
    if node.op == "call_module":
        return walk.trace.module(node)(*args, **kwargs)
    if node.op == "call_method":
        return getattr(args[0], node.target)(*args[1:], **kwargs)
    return node.target(*args, **kwargs)


def item(walk: Walk, node: fx.Node, units: Units) -> Handed:
    """A slice, a piece of a tuple, or one of the two states that an LSTM cell gives."""
    source = node.args[0]
    if isinstance(walk.trace.module(source), nn.LSTMCell):
        yield from lstm(walk, source, units)
    else:
        yield from moving(walk, node, units)


def lstm(walk: Walk, node: fx.Node, units: Units) -> Handed:
    """An LSTM cell (section III-D): each of the four gates as a fully connected layer over [x_t, m_{t-1}].

    A state that is low is one whose content is low; the three gates that let it through are high all the same.
    The memory c_{t-1} is not followed; what it holds came through the gates of earlier steps.
    """
    cell = walk.trace.module(node)
    inputs, state = argument(node, 0, "input"), argument(node, 1, "hx")
    sources = [inputs] if state is None else [inputs, state if isinstance(state, fx.Node) else state[0]]
    values = [walk.trace.values[source] for source in sources]
    values = [value[0] if isinstance(value, tuple) else value for value in values]  # (m, c) of the step before
    weight = torch.cat([cell.weight_ih, cell.weight_hh][: len(values)], dim=1)
    image, output = units.index.unbind(dim=1)
    gates = [  # PyTorch's order: input, forget, content, output
        Units(torch.stack([image, output + gate * cell.hidden_size], dim=1), units.sign if gate == 2 else units.sign**2)
        for gate in range(4)
    ]
    value = torch.cat(values, dim=1)
    found = positive_inputs(walk, value, weight, join(gates, torch.Size([len(value), len(weight)])))
    first = 0
    for source, part in zip(sources, values, strict=True):
        some = found.where((found.index[:, 1] >= first) & (found.index[:, 1] < first + part.shape[1]))
        some = Units(some.index - some.index.new_tensor([0, first]), some.sign)
        if isinstance(walk.trace.module(source), nn.LSTMCell):
            yield from lstm(walk, source, some)
        elif source in walk.variable:
            yield source, some
        first += part.shape[1]
