"""Baselines that hand relevance back from layer to layer: LRP, excitation backprop and contrastive MWP."""

import operator
from collections.abc import Iterator, Sequence
from contextlib import contextmanager

import torch
from torch import Tensor, fx, nn

from xai_utils.activations import Trace
from xai_utils.baselines.unfolding import (
    Plus,
    after,
    checked,
    kind,
    merge_batch_norms,
    run_from,
    traced_once,
    unfolded,
    upsampled,
)

PASSIVE = (nn.Flatten, nn.Dropout, nn.Dropout2d, nn.Identity)  # modules that only move values, as these functions do
MOVES = {torch.cat, torch.concat, torch.flatten, torch.squeeze, torch.nn.functional.dropout, torch.permute}
MOVES |= {torch.nn.functional.max_pool2d, torch.max_pool2d, torch.nn.functional.adaptive_max_pool2d, torch.chunk}
MOVES |= {torch.split, torch.transpose, torch.reshape, operator.getitem}
MOVES |= {"flatten", "view", "reshape", "squeeze", "permute", "contiguous", "chunk", "split", "transpose"}

TINY = 1e-20  # keeps 0 / 0 at 0 and takes nothing from weak units, whatever the network's scale


def lrp(model: nn.Module, images: Tensor, target: int | Sequence[int] | Tensor) -> Tensor:
    """How the target's logit, handed back layer by layer in proportion to what each input contributed, ends up.

    **Source**: Bach et al. (2015) with the rules that Kohlbrenner et al. (2020) found best, by zennit's
    `EpsilonPlusFlat`: epsilon for linear layers, positive contributions (z+) for convolutions, evenly over its window
    for the first layer; a sum shares by contribution, an average by positive contribution, a max pooling gives to the
    winner. Batch norms are merged into the layer that feeds them; one that follows something else (DenseNet's, after a
    concatenation) hands on what it gets. The relevance is read where the first layer gets it, after the normalisation.

    Args:
        model: in eval mode; RGB in [0, 1] -> logits; one of linear layers, convolutions, poolings, sums,
            concatenations and activation functions that `torch.fx` can trace.
        images: float [batch, 3, height, width], RGB in [0, 1].
        target: the class asked about, one for all images or one each.

    Returns:
        float [batch, height, width], signed, logits; the sum over a map is the logit less what the biases took.

    Raises:
        TypeError, ValueError: bad images or target, a model in train mode, or one with an operation that has no rule.

    Example:
        >>> from xai_utils.models import load_model
        >>> model, images = load_model("parts/vgg"), torch.rand(2, 3, 128, 128)
        >>> lrp(model, images, [3, 0]).shape
        torch.Size([2, 128, 128])
    """
    from zennit.composites import EpsilonPlusFlat
    from zennit.types import AvgPool

    target = checked(model, images, target)
    copy = unfolded(traced_once(model, images))
    pixels = _pixels(copy)
    with _ruled(copy, pixels, EpsilonPlusFlat(layer_map=[(AvgPool, _in_proportion())])):
        begin, answers = run_from(copy, images, pixels)
        logits = answers.gather(1, target[:, None])
        (relevance,) = torch.autograd.grad(logits, begin, logits.detach())
    return relevance.sum(dim=1)


def _pixels(copy: Trace) -> fx.Node:
    """What the first layer with weights gets: the picture, normalised."""
    from zennit.types import Linear

    pixels = next(node for node in copy.graph.nodes if node.op == "placeholder")
    picture = copy.shapes[pixels]
    for node in copy.graph.nodes:
        if isinstance(copy.module(node), Linear):
            return pixels
        if copy.shapes.get(node) == picture and node.op != "get_attr":
            pixels = node
    raise ValueError("model: expected one with a linear layer or a convolution, got none")


def excitation_backprop(
    model: nn.Module, images: Tensor, target: int | Sequence[int] | Tensor, *, layer: str
) -> Tensor:
    """How likely a walk that starts at the target, and goes down to those who excited each unit, comes by each place.

    The marginal winning probability (MWP): of a unit's probability each unit below gets a share in proportion to its
    activation times the weight, if that weight is positive; inhibition and biases count for nothing.

    **Source**: Zhang et al. (2016), section 3, by zennit's `ExcitationBackprop` without biases. Where a unit below may
    be negative, which the paper excludes, its product with the weight decides; in sums and averages it gets nothing.
    Batch norms are as in `lrp`. Upsampled bilinearly (corners not aligned).

    Args:
        model: in eval mode; RGB in [0, 1] -> logits; of such operations as `lrp` takes.
        images: float [batch, 3, height, width], RGB in [0, 1].
        target: the class asked about, one for all images or one each.
        layer: dotted name of the layer at which the walk stops; the paper takes one in the middle of the network, so
            it is for the caller to say.

    Returns:
        float [batch, height, width], not negative. The probability at each place of the layer (summed over its
        channels; at most 1 in all, less where a unit has nothing below that excites it), upsampled.

    Raises:
        TypeError, ValueError: bad images or target, a model in train mode, a layer that the model does not have or
            that has no rows and columns, or an operation that has no rule.

    Example:
        >>> from xai_utils.models import load_model
        >>> model, images = load_model("parts/vgg"), torch.rand(2, 3, 128, 128)
        >>> bool(excitation_backprop(model, images, 3, layer="network.features.7").min() >= 0)
        True
    """
    target = checked(model, images, target)
    return upsampled(_winning(model, images, target, layer, contrast=False), images)


def contrastive_mwp(model: nn.Module, images: Tensor, target: int | Sequence[int] | Tensor, *, layer: str) -> Tensor:
    """Where the target is more likely excited than its opposite, a class with all its weights negated.

    **Source**: Zhang et al. (2016), section 3 (contrastive MWP): the winning probability of the target less that of
    its dual unit, at a layer in the middle, truncated at 0. Ours; neither captum nor zennit has it. As in the authors'
    code, the walk from the dual goes down the negative weights of the network's last layer instead of the positive
    ones, and from there on as before. Upsampled bilinearly (corners not aligned).

    Args:
        model: as for `excitation_backprop`.
        images: float [batch, 3, height, width], RGB in [0, 1].
        target: the class asked about, one for all images or one each.
        layer: dotted name of the layer at which the two are compared.

    Returns:
        float [batch, height, width], not negative: a difference of probabilities, upsampled.

    Raises:
        TypeError, ValueError: as `excitation_backprop`.

    Example:
        >>> from xai_utils.models import load_model
        >>> model, images = load_model("parts/vgg"), torch.rand(2, 3, 128, 128)
        >>> contrastive_mwp(model, images, [3, 0], layer="network.features.7").shape
        torch.Size([2, 128, 128])
    """
    maps = _winning(model, images, checked(model, images, target), layer, contrast=True)
    return upsampled(maps.clamp(min=0), images)


def _winning(model: nn.Module, images: Tensor, target: Tensor, layer: str, *, contrast: bool) -> Tensor:
    """The marginal winning probability of each place of a layer, [batch, rows, columns]; less the dual's, if asked."""
    from zennit.composites import ExcitationBackprop
    from zennit.layer import Sum
    from zennit.rules import Pass
    from zennit.types import Activation, AvgPool, BatchNorm

    traced = traced_once(model, images)
    start = traced.node(layer)
    if len(traced.shapes.get(start, ())) != 4:
        raise ValueError(f"layer: expected one with rows and columns, got {layer!r}")
    rules = [(Activation, Pass()), (BatchNorm, Pass()), (Sum, _in_proportion()), (AvgPool, _in_proportion())]
    composite = ExcitationBackprop(layer_map=rules, zero_params=["bias"], stabilizer=TINY)
    copy = unfolded(traced)
    with _ruled(copy, start, composite):
        begin, answers = run_from(copy, images, start)
        chosen = answers.gather(1, target[:, None]).sum()
        (winning,) = torch.autograd.grad(chosen, begin, retain_graph=contrast)
        if contrast:
            _negate_last(copy)
            winning = winning - torch.autograd.grad(chosen, begin)[0]
    return winning.sum(dim=1)


def _negate_last(copy: Trace) -> None:
    """Turns the sign of the last layer's weights, in the copy."""
    from zennit.types import Linear

    last = [module for module in copy.model.children() if isinstance(module, Linear)][-1]
    last.weight = nn.Parameter(-last.weight.detach())


def _in_proportion():
    """zennit's rule for sums and averages, with what is negative left out.

    zennit's own `Norm` divides by the sum of both signs, which may be near 0: an average of a convolution without a
    ReLU (DenseNet's transitions) would then blow up the relevance.
    """
    from zennit.core import BasicHook

    def shared(relevance: Tensor, sums: list[Tensor]) -> list[Tensor]:
        return [relevance / (sums[0] + TINY)]

    return BasicHook(input_modifiers=[lambda values: values.clamp(min=0)], gradient_mapper=shared)


@contextmanager
def _ruled(copy: Trace, start: fx.Node, composite) -> Iterator[None]:
    """Lets gradients follow the rules of one of zennit's composites, from the outputs back to a node."""
    _check_rules(copy, start)
    merge_batch_norms(copy)
    with composite.context(copy.model):
        yield


def _check_rules(copy: Trace, start: fx.Node) -> None:
    """Refuses an operation after the node that a composite would only differentiate."""
    from zennit.layer import Sum
    from zennit.types import Activation, AvgPool, BatchNorm, Linear, MaxPool

    known = (Linear, BatchNorm, Activation, AvgPool, MaxPool, Sum, Plus, *PASSIVE)
    nodes = after(copy, start)
    if copy.output() not in (start, *nodes):
        raise ValueError(f"layer: expected one that the outputs depend on, got {start}")
    for node in nodes:
        module = copy.module(node)
        if not isinstance(module, known) if module else node in copy.shapes and node.target not in MOVES:
            raise ValueError(f"model: expected operations that have a rule, got {kind(copy, node)} at {node}")
