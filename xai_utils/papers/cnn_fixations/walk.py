"""From a unit back to the pixels: the graph of a forward pass, walked against its arrows."""

from collections.abc import Sequence
from typing import NamedTuple

import torch
from torch import Tensor, fx, nn

from xai_utils.activations import Trace, trace
from xai_utils.papers.cnn_fixations.rules import needed, rule_of
from xai_utils.papers.cnn_fixations.units import Units, Walk, called, join, unflat_index, unknown
from xai_utils.papers.cnn_fixations.wiring import moving, same_place
from xai_utils.tensors import Progress, check_choice, check_count, check_images, check_model, check_target, quiet

BLANK = ("new_zeros", "new_ones", "new_full", "zeros_like", "ones_like", "full_like")  # take only a size and a type


class Unravelled(NamedTuple):
    """Where a walk arrived."""

    points: list[Tensor]  # for each image int64 [points, 2]: (row, column), sorted, each once
    unsupported: Tensor  # int64 [batch]: how many units on the way had no positive contribution to go on from


def cnn_fixations(
    model: nn.Module,
    images: Tensor,
    target: int | Sequence[int] | Tensor,
    *,
    layer: str | None = None,
    until: str | None = None,
    variant: str = "official",
    move: bool = False,
    batch_size: int = 8,
    progress: Progress = quiet,
) -> list[Tensor]:
    """The pixels that one unit goes back to when a forward pass is unravelled: where the network looked.

    From the unit asked about, every layer hands over to those units of the layer below that contributed to it: the
    positive products of activation and weight in a fully connected layer, the strongest channel in a convolution, the
    largest activation in a pool, the larger branch of a sum, the right piece of a concatenation. What is left on the
    picture are the fixations. One forward pass, no gradient.

    **Source**: Mopuri, Garg and Venkatesh Babu (2017), algorithms 1 and 2 and section III. Where text and code differ:
    `variant` and `move`. Beyond the paper: a batch norm's negative gamma turns the question round ("what made it
    low?"), as folding it into the weights would; so does a negative activation that meets a negative weight; a gate
    counts as a constant; and logits that are averages over maps (SqueezeNet) go back to every place that adds to them.

    Args:
        model: in eval mode; any that `torch.fx` can trace and whose operations have a rule.
        images: float [batch, 3, height, width], RGB in [0, 1].
        target: the unit asked about, one for all images or one each: a class, or a unit of `layer` in the order
            channel, row, column (as for `as_model`).
        layer: dotted name of the layer to start from; the model's output by default.
        until: dotted name of the layer to stop at; the picture by default.
        variant: what a fully connected layer hands down to a feature map that was flattened into its input:
            "official" (the authors' code) the one strongest contribution of each unit, "paper" (algorithm 1) every
            positive one. Between vectors both take every positive one.
        move: whether a convolution moves to the strongest place within the strongest channel, as algorithm 2 prints,
            instead of staying at the centre of its receptive field, as the paper's text and experiments have it.
        batch_size: images that are run, and whose activations are kept, at a time.
        progress: wraps the batches.

    Returns:
        For each image int64 [points, 2]: (row, column) of the picture, or of the map that `until` gives; sorted, each
        once. None at all if nothing contributed positively.

    Raises:
        TypeError, ValueError: bad images, target, layer or knobs; a model in train mode; one that cannot be traced;
            an operation without a rule (named with its place); images of a size that the model does not take.

    Example:
        >>> from xai_utils import load_model
        >>> model = load_model("parts/alexnet")
        >>> points = cnn_fixations(model, torch.rand(2, 3, 128, 128), 0)
        >>> len(points), points[0].shape[1]
        (2, 2)
    """
    results = []
    check_model(model)
    check_images(images)
    check_choice("variant", variant, ("official", "paper"))
    check_count("batch_size", batch_size)
    target = check_target(target, len(images), None)
    pairs = list(zip(images.split(batch_size), target.split(batch_size), strict=True))
    for some, asked in progress(pairs):
        traced = trace(model, some, keep=needed(model))
        start = traced.output() if layer is None else traced.node(layer)
        stop = None if until is None else _stop(traced, until, start)
        units = start_units(traced, start, asked)
        results += unravel(traced, start, units, stop=stop, variant=variant, move=move).points
    return results


def _stop(traced: Trace, until: str, start: fx.Node) -> fx.Node:
    """The node to stop at: one that gives maps, from which the start is computed."""
    try:
        stop = traced.node(until)
    except ValueError as error:
        raise ValueError(f"until: {str(error).removeprefix('layer: ')}") from error
    reached = {start}
    for node in reversed(traced.graph.nodes):
        if node in reached:
            reached.update(node.all_input_nodes)
    if stop not in reached or len(traced.shapes[stop]) != 4:
        raise ValueError(f"until: expected a layer that gives maps and that {start} comes from, got {until!r}")
    return stop


def start_units(traced: Trace, start: fx.Node, target: Tensor) -> Units:
    """One unit of each image, asked what made it high.

    Args:
        traced: the forward pass.
        start: the node whose units are counted.
        target: int64 [batch], a unit for each image, in the order of the node's value.
    """
    batch, *sizes = traced.shapes[start]
    target = check_target(target, batch, torch.Size(sizes).numel()).to(traced.device)
    image = torch.arange(batch, device=traced.device) * torch.Size(sizes).numel()
    return Units(unflat_index(image + target, traced.shapes[start]), torch.ones_like(target))


def unravel(
    traced: Trace,
    start: fx.Node,
    units: Units,
    *,
    stop: fx.Node | None = None,
    variant: str = "official",
    move: bool = False,
) -> Unravelled:
    """Walks from some units of one node back to the picture, or to another node.

    Args:
        traced: the forward pass, with the values that are `needed`.
        start: the node to start from.
        units: of its value.
        stop: the node to stop at; the model's first input by default.
        variant: see `cnn_fixations`.
        move: see `cnn_fixations`.

    Returns:
        The points, and how many units on the way had no positive contribution.

    Raises:
        ValueError: an operation without a rule.
    """
    stop = stop or next(node for node in traced.graph.nodes if node.op == "placeholder")
    unsupported = torch.zeros(traced.shapes[start][0], dtype=torch.int64, device=traced.device)
    walk = Walk(traced, _variable(traced), _same_numbers(traced, start), variant == "paper", move, unsupported)
    waiting: dict[fx.Node, list[Units]] = {start: [units]}
    for node in reversed(traced.graph.nodes):
        if node is stop:
            break
        if node in waiting and node in walk.variable and node.op != "placeholder":
            rule = rule_of(traced.model, node)
            if rule is None:
                raise unknown(traced, node)
            for source, handed in rule(walk, node, join(waiting.pop(node), traced.shapes[node])):
                waiting.setdefault(source, []).append(handed)
    arrived = join(waiting.get(stop, [units.where(units.sign == 0)]), traced.shapes[stop])
    return Unravelled(_points(arrived, traced.shapes[stop]), walk.unsupported)


def _variable(traced: Trace) -> set[fx.Node]:
    """The nodes that depend on the pictures by their values, and not only by their sizes."""
    variable: set[fx.Node] = set()
    for node in traced.graph.nodes:
        if node.op == "placeholder" or (
            not variable.isdisjoint(node.all_input_nodes)
            and not isinstance(traced.values.get(node), int | float | torch.Size)
            and called(traced, node) not in BLANK
            and (called(traced, node) != "getattr" or node in traced.shapes)  # x.device, x.dtype
        ):
            variable.add(node)
    return variable


def _same_numbers(traced: Trace, start: fx.Node) -> set[fx.Node]:
    """A node and those below it, down to the first that does more than give numbers another shape."""
    nodes = {start}
    while rule_of(traced.model, start) in (moving, same_place) and len(start.all_input_nodes) == 1:
        (start,) = start.all_input_nodes
        nodes.add(start)
    return nodes


def _points(units: Units, shape: torch.Size) -> list[Tensor]:
    """The places (row, column) of each image's units, whatever their channel."""
    places = torch.unique(units.index[:, [0, -2, -1]], dim=0)
    return [places[places[:, 0] == image, 1:] for image in range(shape[0])]
