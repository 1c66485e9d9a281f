"""Algorithms 1 and 2 of Mopuri, Garg and Venkatesh Babu, word by word: plain loops over one point at a time.

For networks in which every activation is positive or zero where a layer with weights reads it, as the paper's are.
"""

import torch
from torch import nn


class Network(nn.Module):
    """A network as a list of steps: (layer, "add" or "cat"; numbers of the values it reads). Value 0 is the picture."""

    def __init__(self, *steps):
        super().__init__()
        steps = [step if isinstance(step, tuple) else (step, [number]) for number, step in enumerate(steps)]
        self.layers = nn.ModuleList(layer for layer, _ in steps if isinstance(layer, nn.Module))
        self.steps = steps

    def values(self, images):
        values = [images]
        for layer, sources in self.steps:
            given = [values[source] for source in sources]
            if layer == "add":
                values.append(given[0] + given[1])
            else:
                values.append(torch.cat(given, dim=1) if layer == "cat" else layer(*given))
        return values

    def forward(self, images):
        return self.values(images)[-1]


def fixations(network, image, unit, *, variant="official", move=False, start=-1, stop=0):
    """The places {(row, column)} of one image that a unit of one value goes back to, in another value.

    Args:
        network: a `Network` in eval mode.
        image: [3, height, width].
        unit: of the value to start from: (unit,) or (channel, row, column).
        variant: "official": one contribution to a flattened map; "paper": all that are positive.
        move: Algorithm 2 as printed; else the place is kept.
        start: number of the value to start from.
        stop: number of the value to stop at.
    """
    with torch.no_grad():
        values = [value[0].tolist() for value in network.values(image[None])]
        shapes = [value.shape[1:] for value in network.values(image[None])]
    start = start % len(values)
    found = {number: set() for number in range(len(values))}
    found[start].add(unit)
    for number in range(start, stop, -1):
        layer, sources = network.steps[number - 1]
        factor = None
        if isinstance(layer, nn.BatchNorm2d):  # folded into the convolution before it
            factor = (layer.weight / (layer.running_var + layer.eps) ** 0.5).tolist()
            layer, sources = network.steps[sources[0] - 1]
        for point in found[number]:
            for source, below in _step(network, values, shapes, layer, sources, point, factor, variant, move):
                found[source].add(below)
    return {point[1:] for point in found[stop]}


def _step(network, values, shapes, layer, sources, point, factor, variant, move):
    """What one layer hands down for one point: pairs of (value, point)."""
    source = sources[0]
    if layer == "add":
        terms = [_at(values[source], point) for source in sources]
        return [(sources[0] if terms[0] >= terms[1] else sources[1], point)]
    if layer == "cat":
        channel, *place = point
        for source in sources:
            if channel < shapes[source][0]:
                return [(source, (channel, *place))]
            channel -= shapes[source][0]
    if isinstance(layer, nn.Flatten):
        _, height, width = shapes[source]
        return [(source, (point[0] // (height * width), point[0] // width % height, point[0] % width))]
    if isinstance(layer, nn.Linear):
        everything = variant == "paper" or not _is_flattened_map(network, shapes, source)
        return [
            (source, (below,)) for below in algorithm_1(values[source], layer.weight[point[0]].tolist(), everything)
        ]
    if isinstance(layer, nn.Conv2d):
        return [(source, algorithm_2(values[source], layer, 1.0 if factor is None else factor[point[0]], point, move))]
    if isinstance(layer, nn.MaxPool2d | nn.AvgPool2d):
        return [(source, _pool(values[source], layer, point))]
    if isinstance(layer, nn.AdaptiveAvgPool2d):
        assert tuple(shapes[source + 1][1:]) == (1, 1)
        _, height, width = shapes[source]
        places = [(point[0], row, column) for row in range(height) for column in range(width)]
        return [(source, max(places, key=lambda place: _at(values[source], place)))]
    assert isinstance(layer, nn.ReLU | nn.Dropout)
    return [(source, point)]


def _at(value, point):
    for position in point:
        value = value[position]
    return value


def _is_flattened_map(network, shapes, number):
    """Whether a vector is made, without another fully connected layer, from a map of several places."""
    while number and not isinstance(network.steps[number - 1][0], nn.Linear):
        number = network.steps[number - 1][1][0]
        if len(shapes[number]) == 3:
            return shapes[number][1] * shapes[number][2] > 1
    return False


def algorithm_1(activations, weights, everything):
    """Inputs of a fully connected neuron: args(C > 0), or the one with the largest C."""
    contributions = [a * w for a, w in zip(activations, weights, strict=True)]
    if everything:
        return [number for number, c in enumerate(contributions) if c > 0]
    return [contributions.index(max(contributions))]


def algorithm_2(activations, layer, factor, point, move):
    """The channel of a convolution that contributes most to a neuron, at the neuron's place or at the strongest."""
    neuron, row, column = point
    weights = (layer.weight[neuron] * factor).tolist()
    height, width = layer.kernel_size
    rows, columns = (_lines(layer, axis, len(line)) for axis, line in enumerate((activations[0], activations[0][0])))
    taps = [(i, j) for i in range(height) for j in range(width)]

    def place(i, j):
        return rows(row, i), columns(column, j)

    def product(channel, i, j):
        y, x = place(i, j)
        return 0.0 if y is None or x is None else activations[first + channel][y][x] * weights[channel][i][j]

    first = neuron // (layer.out_channels // layer.groups) * (layer.in_channels // layer.groups)
    sums = [sum(product(channel, i, j) for i, j in taps) for channel in range(len(weights))]
    channel = sums.index(max(sums))
    best = ((height - 1) // 2, (width - 1) // 2)
    if move:
        best = max((tap for tap in taps if None not in place(*tap)), key=lambda tap: product(channel, *tap))
    return first + channel, *place(*best)


def _lines(layer, axis, length):
    """(position of a neuron, tap) -> row or column of the layer's input; None in a padding of zeros."""
    size, stride, dilation = layer.kernel_size[axis], layer.stride[axis], layer.dilation[axis]
    if layer.padding == "same":
        before = dilation * (size - 1) // 2
        after = dilation * (size - 1) - before
    else:
        before = after = layer.padding[axis]
    mode, inside = layer.padding_mode, list(range(length))
    left = {
        "zeros": [None] * before,
        "reflect": inside[1 : before + 1][::-1],
        "replicate": [0] * before,
        "circular": inside[length - before :],
    }[mode]
    right = {
        "zeros": [None] * after,
        "reflect": inside[::-1][1 : after + 1],
        "replicate": [length - 1] * after,
        "circular": inside[:after],
    }[mode]
    padded = left + inside + right
    return lambda position, tap: padded[position * stride + tap * dilation]


def _pool(activations, layer, point):
    """The place of the highest activation in a pool's window."""
    channel, row, column = point
    size, stride, padding = (
        (setting, setting) if isinstance(setting, int) else setting
        for setting in (layer.kernel_size, layer.stride, layer.padding)
    )
    dilation = getattr(layer, "dilation", 1)
    places = [
        (row * stride[0] - padding[0] + i * dilation, column * stride[1] - padding[1] + j * dilation)
        for i in range(size[0])
        for j in range(size[1])
    ]
    here = activations[channel]
    places = [(y, x) for y, x in places if 0 <= y < len(here) and 0 <= x < len(here[0])]
    y, x = max(places, key=lambda place: here[place[0]][place[1]])
    return channel, y, x
