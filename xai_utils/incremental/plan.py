"""What a patch can change in a model, and by which rule: worked out once for a model and a size of picture."""

from collections.abc import Callable
from functools import partial
from typing import Any, NamedTuple

from torch import Tensor, fx, nn

from xai_utils.activations import Trace
from xai_utils.incremental.local import Local, called, is_fixed_norm, local, map_size
from xai_utils.incremental.sliding import Slide, average_pool, convolution, max_pool, settings
from xai_utils.incremental.spans import Span, span_of_patch, union

SIZE_QUERIES = ("size", "dim", "shape", "ndim", "device", "dtype")
Rule = Local | Slide
Spans = dict[fx.Node, tuple[Span, Span]]  # rows and columns of a node's map that change


class Plan(NamedTuple):
    """The nodes of a graph that a forward pass of patched copies has to run, and how."""

    source: fx.Node  # what the patch is put into
    end: fx.Node  # what is asked
    nodes: list[fx.Node]  # to run, in order
    calls: dict[fx.Node, Callable[..., Any]]  # what each of them does to its arguments
    rules: dict[fx.Node, Rule]  # of those that can do with windows
    moving: set[fx.Node]  # nodes whose numbers depend on the patch
    still: set[fx.Node]  # nodes that are read, and whose numbers depend on the picture but not on the patch
    sizes: dict[fx.Node, tuple[int, int]]  # rows and columns of the maps
    work: dict[fx.Node, int]  # multiply-adds of the convolutions and linear layers for one picture
    last: dict[fx.Node, list[fx.Node]]  # the values that nobody reads after a node


def make_plan(traced: Trace, source: fx.Node, end: fx.Node) -> Plan:
    """Sorts the nodes between a source and an end into those that a patch changes and those that it does not.

    Args:
        traced: the forward pass, with all values.
        source: the picture, or the layer whose map is patched.
        end: what is asked.
    """
    needed = _ancestors(end)
    moving, running = {source}, set()
    for node in traced.graph.nodes:
        if node in needed and node is not source and node.op != "placeholder":
            if is_size_query(node):
                running.add(node)  # the number of copies is part of a size
            elif not moving.isdisjoint(node.all_input_nodes):
                moving.add(node)
            elif not running.isdisjoint(node.all_input_nodes):
                running.add(node)
    nodes = [node for node in traced.graph.nodes if node in (moving | running) - {source}]
    read = {each for node in nodes for each in node.all_input_nodes}
    still = {node for node in read - moving - running if not _is_constant(node)}
    interpreter = fx.Interpreter(traced.model, graph=traced.graph)
    calls = {node: partial(_call, getattr(interpreter, node.op), node.target) for node in nodes}
    maps = {node for node in moving | still if _is_map(traced.values[node])}
    rules = _rules(traced, [node for node in nodes if node in moving], calls, maps)
    return Plan(
        source,
        end,
        nodes,
        calls,
        rules,
        moving,
        still,
        sizes={node: map_size(traced.values[node]) for node in maps},
        work={node: multiply_adds(traced, node) for node in nodes},
        last=_last_uses(nodes, source, end),
    )


def is_size_query(node: fx.Node) -> bool:
    """Whether a node asks what kind of tensor it has, and not for its numbers."""
    about = node.args[1] if node.target is getattr and len(node.args) > 1 else node.target
    return node.op != "call_module" and about in SIZE_QUERIES


def _ancestors(end: fx.Node) -> set[fx.Node]:
    """A node and all that it is computed from."""
    found, waiting = set(), [end]
    while waiting:
        node = waiting.pop()
        if node not in found:
            found.add(node)
            waiting.extend(node.all_input_nodes)
    return found


def _call(operation: Callable, target: Any, *args: Any, **kwargs: Any) -> Any:
    """What a node does, as a function of its arguments."""
    return operation(target, args, kwargs)


def _rules(
    traced: Trace, moving: list[fx.Node], calls: dict[fx.Node, Callable[..., Any]], maps: set[fx.Node]
) -> dict[fx.Node, Rule]:
    """The rules of the nodes that have one; a batch norm is folded into the convolution before it."""
    rules: dict[fx.Node, Rule] = {}
    for node in moving:
        if node not in maps or node in rules or _has_hooks(traced.module(node)):
            continue
        norm = _following_norm(traced, node, moving)
        rule = _sliding(traced, node, maps, norm) or local(traced, node, maps, calls[node])
        if rule is not None:
            rules[node] = rule
        if norm is not None and isinstance(rule, Slide):
            (after,) = node.users
            rules[after] = Local((node,), _unchanged)
            calls[node], calls[after] = rule.whole, _unchanged
    return rules


def _has_hooks(module: nn.Module | None) -> bool:
    """Whether somebody has hung something on a module that changes what it computes, or wants to see all of it."""
    return module is not None and bool(module._forward_hooks or module._forward_pre_hooks)


def _unchanged(maps: Tensor) -> Tensor:
    """What is left of a batch norm that was folded into the weights."""
    return maps


def _sliding(traced: Trace, node: fx.Node, maps: set[fx.Node], norm: nn.Module | None) -> Slide | None:
    """The rule of a convolution or pool of one map with constant settings."""
    module, name = traced.module(node), called(node)
    if len(traced.shapes.get(node, ())) != 4 or maps.intersection(node.all_input_nodes) != {node.all_input_nodes[0]}:
        return None
    if isinstance(module, nn.Conv2d) or name == "conv2d":
        return convolution(traced, node, settings(traced, node), norm)
    if isinstance(module, nn.MaxPool2d) or name == "max_pool2d":
        return max_pool(traced, node, settings(traced, node))
    if isinstance(module, nn.AvgPool2d) or name == "avg_pool2d":
        return average_pool(traced, node, settings(traced, node))
    return None


def _following_norm(traced: Trace, node: fx.Node, moving: list[fx.Node]) -> nn.Module | None:
    """The batch norm that alone reads a convolution's output, if there is one."""
    reader = next(iter(node.users))
    if not isinstance(traced.module(node), nn.Conv2d) or len(node.users) != 1 or reader not in moving:
        return None
    norm = traced.module(reader)
    return norm if is_fixed_norm(norm) and not _has_hooks(norm) else None


def _is_map(value: Any) -> bool:
    """Whether a value is a map of one picture, or several pieces of one: rows and columns are the last dimensions."""
    parts = value if isinstance(value, tuple | list) and value else (value,)
    return all(isinstance(part, Tensor) and part.ndim >= 3 and len(part) == 1 for part in parts)


def multiply_adds(traced: Trace, node: fx.Node) -> int:
    """What a convolution or linear layer costs for one picture; 0 for everything else, which costs little."""
    module, name = traced.module(node), called(node)
    if isinstance(module, nn.Conv2d | nn.Linear):
        weight = module.weight
    elif name in ("conv2d", "linear"):
        weight = traced.values[node.args[1] if len(node.args) > 1 else node.kwargs["weight"]]
    else:
        return 0
    return traced.shapes[node].numel() * weight[0].numel()


def _is_constant(node: fx.Node) -> bool:
    """Whether nothing of the picture, its size included, is part of a value."""
    return not any(each.op == "placeholder" for each in _ancestors(node))


def _last_uses(nodes: list[fx.Node], source: fx.Node, end: fx.Node) -> dict[fx.Node, list[fx.Node]]:
    """After which node each value can be forgotten."""
    last: dict[fx.Node, fx.Node] = {}
    for node in nodes:
        last.update(dict.fromkeys(node.all_input_nodes, node))
    forget: dict[fx.Node, list[fx.Node]] = {node: [] for node in nodes}
    for node, reader in last.items():
        if node is not end:
            forget[reader].append(node)
    return forget


def spans_of(plan: Plan, patch: int) -> Spans:
    """Which rows and columns of every map a patch changes, for every place where the patch may be.

    Args:
        plan: of the model.
        patch: side of the patch, pixels of the source's map.

    Returns:
        The spans of the nodes that can do with windows.
    """
    rows, columns = (span_of_patch(length, patch) for length in plan.sizes[plan.source])
    spans = {plan.source: (rows, columns)}
    for node in plan.nodes:
        rule = plan.rules.get(node)
        below = [each for each in node.all_input_nodes if each in plan.moving]
        if rule is None or not all(each in spans for each in below):
            continue
        if isinstance(rule, Slide):
            rows, columns = spans[rule.source]
            spans[node] = rule.rows.changed(rows), rule.columns.changed(columns)
        else:
            spans[node] = tuple(union(each) for each in zip(*(spans[source] for source in below), strict=True))
    return spans


def work_on_windows(plan: Plan, spans: Spans, corners: Tensor) -> float:
    """Multiply-adds of exactly the windows that change, averaged over some places of the patch.

    Args:
        plan: of the model.
        spans: what a patch changes.
        corners: int [places, 2], (row, column).
    """
    total = 0.0
    for node, work in plan.work.items():
        share = 1.0
        if node in spans:
            rows, columns = spans[node]
            area = rows.sizes()[corners[:, 0]] * columns.sizes()[corners[:, 1]]
            share = area.double().mean().item() / (rows.length * columns.length)
        total += share * work
    return total


def remembered(plan: Plan) -> set[fx.Node]:
    """The nodes whose clean values are needed: constants, and maps with a reader that needs another window of them."""
    nodes = {plan.source, plan.end}
    for node in plan.nodes:
        rule = plan.rules.get(node)
        same_window = rule.sources if isinstance(rule, Local) and len(rule.sources) == 1 else ()
        nodes.update(each for each in node.all_input_nodes if each not in same_window)
    return nodes
