"""CNN Fixations against a slow twin written from the paper, and the promises of the functions."""

import math

import pytest
import torch
from torch import nn

from tests.oracles.cnn_fixations import Network, fixations
from xai_utils.activations import trace
from xai_utils.papers.cnn_fixations import (
    cnn_fixations,
    fixation_map,
    needed,
    points_to_box,
    remove_outliers,
    start_units,
    unravel,
)

SIDE = 17


def conv(ins, outs, size=3, **settings):
    return nn.Conv2d(ins, outs, size, **settings)


NETWORKS = {
    "two linear layers": lambda: [
        *(conv(3, 5, padding=1), nn.ReLU(), nn.MaxPool2d(4), nn.Flatten()),
        *(nn.Linear(80, 12), nn.ReLU(), nn.Dropout(), nn.Linear(12, 4)),
    ],
    "strides and even kernels": lambda: [
        *(conv(3, 6, 5, stride=2, padding=2), nn.ReLU(), conv(6, 8, 4, stride=(1, 2)), nn.ReLU()),
        *(nn.Flatten(), nn.Linear(8 * 6 * 3, 4)),
    ],
    "dilation": lambda: [conv(3, 6, dilation=2, padding=2), nn.ReLU(), *tail(conv(6, 5, (3, 5), dilation=(1, 2)), 5)],
    "groups": lambda: [conv(3, 8, 1), nn.ReLU(), *tail(conv(8, 12, 3, groups=4, padding=1), 12)],
    "depthwise": lambda: [conv(3, 8, 3, stride=2), nn.ReLU(), *tail(conv(8, 8, 3, groups=8, padding=1), 8)],
    "reflect": lambda: [conv(3, 6, 5, padding=2, padding_mode="reflect"), nn.ReLU(), *tail(conv(6, 5), 5)],
    "replicate": lambda: [conv(3, 6, 5, padding=(2, 1), padding_mode="replicate"), nn.ReLU(), *tail(conv(6, 5), 5)],
    "circular": lambda: [conv(3, 6, 5, padding=2, padding_mode="circular"), nn.ReLU(), *tail(conv(6, 5), 5)],
    "same": lambda: [
        conv(3, 6, 4, padding="same"),
        nn.ReLU(),
        *tail(conv(6, 5, (2, 3), padding="same", dilation=3), 5),
    ],
    "same and reflect": lambda: [
        conv(3, 6, 4, padding="same", padding_mode="reflect"),
        nn.ReLU(),
        *tail(conv(6, 5), 5),
    ],
    "pools that overlap the edge": lambda: [
        *(conv(3, 6), nn.ReLU(), nn.MaxPool2d(3, stride=2, ceil_mode=True), conv(6, 6, 1), nn.ReLU()),
        *(nn.MaxPool2d((2, 3), stride=(1, 2), padding=1, dilation=1), nn.AvgPool2d(3, 2, 1, ceil_mode=True)),
        *(nn.Flatten(), nn.Linear(6 * 5 * 3, 4)),
    ],
    "dilated max pool": lambda: [conv(3, 6), nn.ReLU(), nn.MaxPool2d(3, 2, dilation=2), *tail(conv(6, 5), 5)],
    "batch norm": lambda: [
        *(conv(3, 6, padding=1), nn.BatchNorm2d(6), nn.ReLU(), conv(6, 6, stride=2), nn.BatchNorm2d(6), nn.ReLU()),
        *(nn.AdaptiveAvgPool2d(1), nn.Flatten(), nn.Linear(6, 4)),
    ],
    "residual": lambda: [
        *(conv(3, 6, padding=1), nn.BatchNorm2d(6), nn.ReLU()),  # 3
        *(conv(6, 6, padding=1), nn.BatchNorm2d(6), ("add", [3, 5]), nn.ReLU()),  # 7
        *(conv(6, 8, stride=2, padding=1), nn.BatchNorm2d(8), nn.ReLU()),  # 10
        *(conv(8, 8, padding=1), nn.BatchNorm2d(8), (conv(6, 8, 1, stride=2), [7]), nn.BatchNorm2d(8)),  # 14
        *(("add", [12, 14]), nn.ReLU(), nn.AdaptiveAvgPool2d(1), nn.Flatten(), nn.Linear(8, 4)),
    ],
    "inception": lambda: [
        *(conv(3, 6, stride=2), nn.ReLU()),  # 2
        *((conv(6, 4, 1), [2]), nn.ReLU()),  # 4
        *((conv(6, 3, 1), [2]), nn.ReLU(), conv(3, 5, 5, padding=2), nn.ReLU()),  # 8
        *((nn.MaxPool2d(3, 1, 1), [2]), conv(6, 2, 1), nn.ReLU()),  # 11
        *(("cat", [4, 8, 11]), conv(11, 7), nn.ReLU(), ("cat", [14, 14]), nn.AvgPool2d(3)),
        *(nn.Flatten(), nn.Linear(14 * 4, 10), nn.ReLU(), nn.Linear(10, 4)),
    ],
    "dense": lambda: [
        *(conv(3, 4, padding=1), nn.ReLU()),  # 2
        *(conv(4, 3, padding=1), nn.ReLU(), ("cat", [2, 4])),  # 5
        *(conv(7, 3, padding=1), nn.ReLU(), ("cat", [5, 7])),  # 8
        *(conv(10, 5, 1), nn.ReLU(), nn.AvgPool2d(2), nn.AdaptiveAvgPool2d(1), nn.Flatten(), nn.Linear(5, 4)),
    ],
}


def tail(layer, channels):
    """A last convolution and global average pooling."""
    return [layer, nn.ReLU(), nn.AdaptiveAvgPool2d(1), nn.Flatten(), nn.Linear(channels, 4)]


def network(name, seed=0):
    """A random network in double precision: no ties, no difference in the order of sums. Half the gammas are < 0."""
    torch.manual_seed(seed)
    model = Network(*NETWORKS[name]()).double().eval()
    for module in model.modules():
        if isinstance(module, nn.BatchNorm2d):
            for values in (module.weight, module.bias, module.running_mean):
                nn.init.normal_(values)
            nn.init.uniform_(module.running_var, 0.5, 2)
    return model.requires_grad_(False)


def pictures(batch=3, seed=9):
    return torch.rand(batch, 3, SIDE, SIDE, generator=torch.Generator().manual_seed(seed)).double()


def as_sets(points):
    return [set(map(tuple, places.tolist())) for places in points]


@pytest.mark.parametrize("move", [False, True])
@pytest.mark.parametrize("variant", ["official", "paper"])
@pytest.mark.parametrize("name", NETWORKS)
def test_the_points_are_those_of_the_paper_s_algorithms(name, variant, move):
    model, images, target = network(name), pictures(), [2, 0, 3]
    points = as_sets(cnn_fixations(model, images, target, variant=variant, move=move))
    twin = [
        fixations(model, image, (unit,), variant=variant, move=move) for image, unit in zip(images, target, strict=True)
    ]
    assert points == twin
    assert any(points)


@pytest.mark.parametrize("name", ["residual", "inception", "dense"])
def test_any_unit_of_any_layer_and_any_place_to_stop(name):
    model, images = network(name, seed=1), pictures()
    numbers = {number: layer for number, (layer, _) in enumerate(model.steps, start=1) if isinstance(layer, nn.ReLU)}
    names = {module: name for name, module in model.named_modules()}
    values = model.values(images)
    starts = [number for number in numbers if values[number].ndim == 4]
    for number in starts:
        units = values[number].flatten(1).argmax(dim=1)
        places = [tuple(map(int, torch.unravel_index(unit, values[number].shape[1:]))) for unit in units]
        for stop in [0, starts[0]]:
            words = {"until": names[numbers[stop]]} if stop else {}
            points = cnn_fixations(model, images, units, layer=names[numbers[number]], **words)
            assert as_sets(points) == [
                fixations(model, image, place, start=number, stop=stop)
                for image, place in zip(images, places, strict=True)
            ]


def test_the_two_readings_of_a_fully_connected_layer_differ_only_on_flattened_maps():
    differ = {"two linear layers", "strides and even kernels", "pools that overlap the edge", "inception"}
    for name in NETWORKS:
        one, all_positive = (
            as_sets(cnn_fixations(network(name), pictures(), 1, variant=variant)) for variant in ("official", "paper")
        )
        assert (one != all_positive) == (name in differ), name


def test_moving_and_staying_differ():
    model, images = network("residual"), pictures()
    stay, move = (as_sets(cnn_fixations(model, images, 1, move=move)) for move in (False, True))
    assert stay != move


# --- promises ---------------------------------------------------------------------------------------------------


def test_a_batch_is_its_images_one_by_one_and_any_batch_size_the_same():
    model, images, target = network("residual"), pictures(5), [0, 1, 2, 3, 0]
    together = cnn_fixations(model, images, target)
    alone = [cnn_fixations(model, images[i : i + 1], target[i])[0] for i in range(5)]
    for size in (1, 2, 100):
        pieces = cnn_fixations(model, images, target, batch_size=size)
        for points, single, piece in zip(together, alone, pieces, strict=True):
            assert torch.equal(points, single)
            assert torch.equal(points, piece)


def test_points_are_sorted_and_each_is_there_once():
    for points in cnn_fixations(network("inception"), pictures(), 0, variant="paper"):
        assert points.dtype == torch.int64
        assert torch.equal(points, torch.unique(points, dim=0))


def test_stopping_at_the_start_gives_the_start():
    model, images = network("dense"), pictures()
    assert as_sets(cnn_fixations(model, images, 17 * 3 + 5, layer="layers.1", until="layers.1")) == 3 * [{(3, 5)}]


def test_a_pool_stopped_at_leads_to_the_same_pixels_when_walked_on():
    model, images = network("two linear layers"), pictures()
    traced = trace(model, images, keep=needed(model))
    whole = unravel(traced, traced.output(), start_units(traced, traced.output(), torch.zeros(3, dtype=torch.int64)))
    for image, points in enumerate(cnn_fixations(model, images, 0, until="layers.2")):
        on = set()
        for row, column in points.tolist():
            for channel in range(5):  # the point stands for one channel or more
                unit = (channel * 4 + row) * 4 + column
                on |= as_sets(cnn_fixations(model, images[image : image + 1], unit, layer="layers.2"))[0]
        assert set(map(tuple, whole.points[image].tolist())) <= on


@pytest.mark.parametrize("fails", [False, True])
def test_model_and_images_are_left_as_they_were(fails):
    layers = [nn.ReLU(inplace=True), nn.Conv2d(3, 4, 3), nn.ReLU(inplace=True), nn.Flatten(), nn.Linear(900, 4)]
    model, images = nn.Sequential(*layers).eval(), torch.rand(2, 3, 17, 17)
    images[:, :, 0] = -1e-5  # still a picture, but ReLU would change it
    with torch.no_grad():
        before, answer = images.clone(), model(images.clone())
    state = {name: value.clone() for name, value in model.state_dict().items()}
    attributes = [sorted(vars(module)) for module in model.modules()]
    if fails:
        for words in ({"target": 99}, {"target": 0, "until": "4"}, {"target": 0, "layer": "none"}):
            with pytest.raises(ValueError, match="expected"):
                cnn_fixations(model, images, **words)
    else:
        cnn_fixations(model, images, 1)
    assert torch.equal(images, before)
    assert torch.equal(model(images.clone()), answer)
    assert all(torch.equal(state[name], value) for name, value in model.state_dict().items())
    assert [sorted(vars(module)) for module in model.modules()] == attributes
    assert all(parameter.requires_grad and parameter.grad is None for parameter in model.parameters())
    assert model[0].inplace
    assert model[2].inplace
    assert not any(module._forward_hooks or module.training for module in model.modules())


# --- bad input --------------------------------------------------------------------------------------------------


class DependsOnValues(nn.Module):
    def forward(self, images):
        return images.flatten(1) if images.mean() > 0.5 else images.flatten(1) * 2


class SkipsALayer(nn.Module):
    def __init__(self):
        super().__init__()
        self.used, self.unused, self.side = nn.Conv2d(3, 4, 3), nn.Conv2d(3, 4, 3), nn.Conv2d(3, 4, 1)

    def forward(self, images):
        self.side(images)
        return self.used(images).flatten(1)


class GivesTwo(nn.Module):
    def forward(self, images):
        return images.flatten(1), images


@pytest.mark.parametrize(
    ("change", "error", "message"),
    [
        ({"model": nn.Conv2d(3, 4, 3)}, ValueError, "model: expected eval mode"),
        ({"model": "resnet"}, TypeError, "model: expected a torch.nn.Module"),
        ({"model": DependsOnValues().eval()}, ValueError, "model: expected one that torch.fx can trace"),
        ({"model": GivesTwo().eval()}, ValueError, "model: expected one that returns one tensor, got tuple"),
        ({"images": pictures() * 255}, ValueError, r"images: expected RGB values in \[0, 1\]"),
        ({"images": pictures()[0]}, ValueError, r"images: expected shape \[batch, 3, height, width\]"),
        ({"images": torch.rand(1, 3, 9, 17).double()}, ValueError, r"images: expected a size and a type .*1, 3, 9, 17"),
        ({"images": torch.rand(1, 3, 17, 17)}, ValueError, "images: expected a size and a type .* got torch.float32"),
        ({"target": 4}, ValueError, "target: expected classes in 0..3"),
        ({"target": -1}, ValueError, "target: expected classes in 0..3"),
        ({"target": [0, 1]}, ValueError, "target: expected one class, or one for each image"),
        ({"target": 0.5}, TypeError, "target: expected an int"),
        ({"target": 5 * 15 * 15 * 9, "layer": "layers.1"}, ValueError, "target: expected classes in 0..1444"),
        ({"layer": "none"}, ValueError, "layer: expected the name of a layer"),
        ({"layer": ""}, ValueError, "layer: expected the name of a layer"),
        ({"until": "none"}, ValueError, "until: expected the name of a layer"),
        ({"until": "layers.5"}, ValueError, "until: expected a layer that gives maps"),
        ({"layer": "layers.1", "until": "layers.2"}, ValueError, "until: expected a layer that gives maps and that"),
        ({"model": SkipsALayer().eval(), "layer": "unused"}, ValueError, "layer: expected a layer that is reached"),
        ({"model": SkipsALayer().eval(), "until": "unused"}, ValueError, "until: expected a layer that is reached"),
        ({"model": SkipsALayer().eval(), "until": "side"}, ValueError, "until: expected a layer that gives maps"),
        ({"variant": "mine"}, ValueError, "variant: expected one of 'official', 'paper'"),
        ({"batch_size": 0}, ValueError, "batch_size: expected an int of at least 1"),
    ],
)
def test_bad_input_is_refused(change, error, message):
    model = change.get("model", network("two linear layers"))
    images = pictures().float() if isinstance(model, SkipsALayer) else pictures()
    words = {"model": model, "images": images, "target": 0} | change
    with pytest.raises(error, match=message):
        cnn_fixations(**words)


# --- points -----------------------------------------------------------------------------------------------------


def test_a_map_is_the_blurred_count_of_its_points():
    points = [torch.tensor([[10, 12]]), torch.tensor([[5, 5], [5, 6], [25, 30]])]
    maps = fixation_map(points, (32, 40), sigma=2.0)
    rows, columns = torch.meshgrid(torch.arange(32), torch.arange(40), indexing="ij")
    bumps = [[(-((rows - r) ** 2 + (columns - c) ** 2) / 8).exp() for r, c in some.tolist()] for some in points]
    torch.testing.assert_close(maps[0], bumps[0][0], atol=2e-3, rtol=0)
    both = sum(bumps[1])  # far from the edges reflection adds next to nothing
    torch.testing.assert_close(maps[1, 3:29, 3:37], (both / both.max())[3:29, 3:37], atol=2e-2, rtol=0)
    assert maps.amax(dim=(1, 2)).tolist() == [1, 1]


def test_a_map_of_no_points_is_zero_and_the_usual_width_is_the_authors():
    nothing = torch.empty(0, 2, dtype=torch.int64)
    maps = fixation_map([nothing, torch.tensor([[112, 112]])], (224, 224))
    assert maps[0].abs().max() == 0
    assert maps[1, 112, 132] == pytest.approx(math.exp(-0.5), abs=2e-3)  # one sigma away


@pytest.mark.parametrize("size", [(1, 1), (2, 9), (1, 5)])
def test_even_a_tiny_picture_has_a_map(size):
    assert fixation_map([torch.tensor([[0, 0]])], size).shape == (1, *size)


def test_outliers_have_few_neighbours_nearer_than_the_radius():
    crowd = [[50, column] for column in range(40, 59)]
    alone, half = [5, 5], [[0, 0], [99, 99]]
    (kept,) = remove_outliers([torch.tensor([*crowd, alone])], (100, 100))
    assert kept.tolist() == crowd  # 1 of 20 is 5%, which is not more than 5%
    (kept,) = remove_outliers([torch.tensor([*crowd[:18], alone])], (100, 100))
    assert kept.tolist() == [*crowd[:18], alone]  # 1 of 19 is more
    (kept,) = remove_outliers([torch.tensor(half)], (100, 100), share=0.5)
    assert kept.tolist() == half  # none would stay, so all do


def test_nearer_means_strictly_nearer():
    points = torch.tensor([[0, 0], [0, 5], [30, 0], [30, 4]])  # the picture's diagonal is 50
    (kept,) = remove_outliers([points], (40, 30), share=0.25, radius=0.1)
    assert kept.tolist() == [[30, 0], [30, 4]]


def test_no_points_stay_no_points():
    nothing = torch.empty(0, 2, dtype=torch.int64)
    assert remove_outliers([nothing], (9, 9))[0].shape == (0, 2)


def test_a_box_is_tight_and_its_right_and_bottom_are_exclusive():
    assert points_to_box([torch.tensor([[4, 9]]), torch.tensor([[4, 9], [7, 2]])]).tolist() == [
        [9, 4, 10, 5],
        [2, 4, 10, 8],
    ]


@pytest.mark.parametrize(
    ("call", "error", "message"),
    [
        (lambda: fixation_map([torch.tensor([[0.5, 1.0]])], (9, 9)), TypeError, "points: expected an int64 tensor"),
        (lambda: fixation_map([[(0, 1)]], (9, 9)), TypeError, "points: expected an int64 tensor"),
        (lambda: fixation_map([torch.tensor([0, 1])], (9, 9)), ValueError, r"points: expected shape \[points, 2\]"),
        (lambda: fixation_map([torch.tensor([[9, 0]])], (9, 9)), ValueError, "points: expected places within 9 x 9"),
        (lambda: fixation_map([torch.tensor([[0, -1]])], (9, 9)), ValueError, "points: expected places within"),
        (lambda: fixation_map([], (9, 0)), ValueError, "size: expected an int of at least 1"),
        (lambda: fixation_map([], 9), TypeError, "size: expected"),
        (lambda: fixation_map([], (9, 9, 9)), ValueError, "size: expected"),
        (lambda: fixation_map([], (9, 9), sigma=0), ValueError, "sigma: expected a positive number"),
        (lambda: fixation_map([], (9, 9), sigma=float("nan")), ValueError, "sigma: expected a positive number"),
        (lambda: remove_outliers([], (9, 9), share=1.5), ValueError, "share: expected a share"),
        (lambda: remove_outliers([], (9, 9), radius=0), ValueError, "radius: expected a positive share"),
        (lambda: points_to_box([torch.tensor([0, 1])]), ValueError, "points: expected shape"),
        (lambda: points_to_box([[1, 2]]), TypeError, "points: expected an int64 tensor"),
        (lambda: points_to_box(torch.tensor([[[1.0, 2.0]]])), TypeError, "points: expected an int64 tensor"),
    ],
)
def test_what_are_no_points_is_refused(call, error, message):
    with pytest.raises(error, match=message):
        call()
