"""Slow twins of the baselines, in plain loops from the words of their papers."""

import torch
from torch import nn


def winning_probability(layers, image, unit, *, stop, negate_last=False):
    """Zhang et al. (2016): P(a_j) is the sum over its parents of P(a_j | a_i) P(a_i), from one unit down.

    P(a_j | a_i) is a_j w_ij for w_ij >= 0, divided by the sum of all such products of i; 0 for other weights.

    Args:
        layers: a list of layers; convolutions, linear layers and average pools are connections between neurons.
        image: [3, height, width].
        unit: the output at which all probability begins.
        stop: how many of the layers come before the neurons that are asked for.
        negate_last: whether the last layer's weights are negated (the dual unit).

    Returns:
        The probability of each neuron there, of their shape.
    """
    values = [image]
    for layer in layers:
        values.append(layer(values[-1][None])[0])
    probability = torch.zeros(values[-1].numel())
    probability[unit] = 1
    for number in range(len(layers) - 1, stop - 1, -1):
        below = values[number].flatten()
        weights = connections(layers[number], values[number].shape)
        if weights is None:  # a ReLU or a flatten: one neuron below each
            continue
        if negate_last and number == len(layers) - 1:
            weights = -weights
        winners = torch.zeros(len(below))
        for parent in range(len(weights)):
            products = [max(weights[parent, j].item(), 0) * below[j].item() for j in range(len(below))]
            if sum(products) > 0:
                for j, product in enumerate(products):
                    winners[j] += probability[parent] * product / sum(products)
        probability = winners
    return probability.reshape(values[stop].shape)


def connections(layer, shape):
    """The weight from each neuron below to each above, [above, below]: what each neuron alone brings about."""
    if not isinstance(layer, nn.Conv2d | nn.Linear | nn.AvgPool2d | nn.AdaptiveAvgPool2d):
        return None
    below = torch.eye(torch.Size(shape).numel()).reshape(-1, *shape)
    return (layer(below) - layer(torch.zeros(1, *shape))).flatten(1).T


class GuidedReLU(torch.autograd.Function):
    """Springenberg et al. (2015), fig. 1c: back through open ReLUs, positive gradients only."""

    @staticmethod
    def forward(ctx, values):
        ctx.save_for_backward(values)
        return values.clamp(min=0)

    @staticmethod
    def backward(ctx, gradient):
        return gradient * (ctx.saved_tensors[0] > 0) * (gradient > 0)


class DeconvolvedReLU(GuidedReLU):
    """Zeiler and Fergus (2014), section 2.1: back through every ReLU, positive gradients only."""

    @staticmethod
    def backward(ctx, gradient):
        return gradient * (gradient > 0)
