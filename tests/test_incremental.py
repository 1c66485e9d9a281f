"""Incremental inference: the answers of full forward passes, for the work of the windows that change."""

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from torch import nn
from torch.nn import functional
from torchvision.ops import SqueezeExcitation

from tests.test_fixations_networks import NETWORKS, load
from xai_utils import ConstantSampler, MarginalSampler, as_model, prediction_difference, window_corners
from xai_utils.activations import rest_of_model, trace
from xai_utils.experiments.benchmark import incremental_gain
from xai_utils.incremental import incremental_model
from xai_utils.perturb import patched_outputs

PATCH, SIDES, SQUARE = 3, (13, 16), (14, 14)


def in_full(model, image, corners, contents):
    return patched_outputs(model, image, corners, contents, 16)


def places(side, patch):
    """A window in every corner, at every border, and at three places with different phases within."""
    middle, end = side // 2 - 5, side - patch
    outside = [(0, 0), (0, end), (end, 0), (end, end), (0, middle), (middle, 0), (end, middle), (middle, end)]
    return torch.tensor([*outside, (middle, middle + 3), (17, 38), (50, 21)])


def difference(model, image, corners, contents, batch_size=5):
    """By how much the two answers differ, in parts of what the patches change at all."""
    expected = in_full(model, image, corners, contents)
    with torch.inference_mode():
        change = (expected - model(image[None])).abs().max()
    found = incremental_model(model, image).outputs(corners, contents, batch_size)
    assert found.shape == expected.shape
    return ((found - expected).abs().max() / change).item()


def small(*layers):
    """A network of these layers in double precision, with random statistics in its batch norms."""
    torch.manual_seed(0)
    model = nn.Sequential(*layers).double().eval().requires_grad_(False)
    for module in model.modules():
        if isinstance(module, nn.BatchNorm2d):
            for values in (module.running_mean, module.running_var, module.weight, module.bias):
                values.uniform_(0.5, 1.5)
    return model


def all_places(channels=3, sides=SIDES, patch=PATCH):
    """A small picture, all windows in it, and what to put there."""
    generator = torch.Generator().manual_seed(1)
    image = torch.rand(channels, *sides, generator=generator, dtype=torch.float64)
    corners = window_corners(sides, patch)
    return image, corners, torch.rand(len(corners), channels, patch, patch, generator=generator, dtype=torch.float64)


class Lambda(nn.Module):
    """A function as a layer, together with the layers that it needs."""

    def __init__(self, function, *layers):
        super().__init__()
        self.function, self.layers = function, nn.ModuleList(layers)

    def forward(self, maps):
        return self.function(maps, *self.layers)


@pytest.mark.parametrize("name", NETWORKS)
def test_every_network_says_what_it_says_in_full(name):
    model, images = load(name)
    side = 128 if name.startswith("parts/") else 96  # enough for windows, and quick
    model, image = model.double(), images[0, :, :side, :side].double()
    for patch, corners in ((10, places(side, 10)), (1, places(side, 1)[-3:])):
        contents = torch.rand(len(corners), 3, patch, patch, generator=torch.Generator().manual_seed(2)).double()
        assert difference(model, image, corners, contents) < 1e-6


def shuffle(maps):
    batch, channels, height, width = maps.size()
    maps = maps.view(batch, 2, channels // 2, height, width).transpose(1, 2).contiguous()
    return maps.view(batch, channels, height, width)


def halves(maps, layer):
    left, right = maps.chunk(2, dim=1)
    return torch.cat([left, layer(right)], dim=1)


def own_colours(maps):
    colours = [torch.unsqueeze(maps[:, colour], 1) * (colour + 1) + 0.5 for colour in range(3)]
    return torch.cat(colours, 1)


def with_places(maps, layer):
    rows = torch.linspace(0, 1, SQUARE[0], dtype=maps.dtype)[:, None].expand(1, 1, *SQUARE)
    return layer(torch.cat([maps, rows.expand(maps.size(0), -1, -1, -1)], dim=1))


def in_place(maps, layer):
    maps = layer(maps)
    other = maps * 2
    maps.relu_()
    maps += other
    return functional.relu(maps - 0.3, inplace=True)


LOCAL_AND_SLIDING = {
    "a convolution with padding": nn.Conv2d(3, 4, 3, padding=1),
    "a convolution with a stride": nn.Conv2d(3, 4, 3, stride=2, padding=1),
    "a stride longer than the kernel": nn.Conv2d(3, 4, 2, stride=3),
    "a dilated convolution": nn.Conv2d(3, 4, 3, dilation=2, padding=2),
    "a convolution in groups": nn.Conv2d(3, 6, 3, groups=3, padding=1),
    "other settings for rows than for columns": nn.Conv2d(3, 4, (1, 5), (2, 1), padding=(0, 3), dilation=(1, 2)),
    "padding to the same size": nn.Conv2d(3, 4, (5, 3), padding="same"),
    "a kernel as large as the map": nn.Conv2d(3, 4, SIDES),
    "a function that convolves": Lambda(
        lambda maps, layer: functional.conv2d(maps, layer.weight, padding=1), nn.Conv2d(3, 4, 3)
    ),
    "a max pool": nn.MaxPool2d(3, 2, padding=1),
    "a max pool that rounds up": nn.MaxPool2d(3, 2, ceil_mode=True),
    "a max pool that dilates and rounds up": nn.MaxPool2d(3, 3, padding=1, dilation=2, ceil_mode=True),
    "a function that pools": Lambda(lambda maps: functional.max_pool2d(maps - 5, 2, stride=1, padding=1)),
    "an average pool": nn.AvgPool2d(2),
    "an average that counts its padding": nn.AvgPool2d(3, 2, padding=1),
    "an average that does not": nn.AvgPool2d(3, 2, padding=1, count_include_pad=False),
    "an average that rounds up": nn.AvgPool2d(4, 3, ceil_mode=True),
    "an average that rounds up and counts": nn.AvgPool2d(4, 3, padding=2, ceil_mode=True),
    "an average that rounds up and does not": nn.AvgPool2d(4, 3, padding=2, ceil_mode=True, count_include_pad=False),
    "a divisor of one's own": nn.AvgPool2d(3, 2, padding=1, divisor_override=5),
    "a function that averages": Lambda(lambda maps: functional.avg_pool2d(maps, (3, 2), 1, (1, 0))),
    "a batch norm": nn.Sequential(nn.Conv2d(3, 4, 3, bias=False), nn.BatchNorm2d(4), nn.ReLU()),
    "a batch norm alone": nn.BatchNorm2d(3),
    "a local response norm": nn.LocalResponseNorm(2),
    "dropout": nn.Dropout(),
    "a weight for each channel": nn.PReLU(3),
    "a shortcut": Lambda(lambda maps, layer: maps + layer(maps), nn.Conv2d(3, 3, 3, padding=1)),
    "branches": Lambda(
        lambda maps, *layers: torch.cat([maps] + [layer(maps) for layer in layers], 1),
        *(nn.Conv2d(3, 2, 1), nn.Conv2d(3, 2, 5, padding=2), nn.MaxPool2d(3, 1, padding=1)),
    ),
    "pieces": nn.Sequential(nn.Conv2d(3, 4, 1), Lambda(halves, nn.Conv2d(2, 2, 3, padding=1))),
    "shuffled channels": nn.Sequential(nn.Conv2d(3, 4, 3), Lambda(shuffle)),
    "colours one by one": Lambda(own_colours),
    "operations in place": Lambda(in_place, nn.Conv2d(3, 4, 3, padding=1)),
    "a block of a hidden size": nn.Sequential(
        nn.Conv2d(3, 4, 3), Lambda(lambda maps: maps.flatten(1, 1).unsqueeze(1)[:, 0])
    ),
    "a layer used twice": Lambda(lambda maps, layer: layer(layer(maps)), nn.Conv2d(3, 3, 3, padding=1)),
}


def own_filters(maps):
    """Filters that each picture makes for itself, applied in one go to all pictures side by side."""
    batch, channels, height, width = maps.size()
    filters = maps.mean((2, 3)).reshape(batch * channels, 1, 1, 1)
    side_by_side = maps.reshape(1, batch * channels, height, width)
    return functional.conv2d(side_by_side, filters, groups=batch * channels).reshape(batch, channels, height, width)


OF_ALL_THE_MAP = {
    "filters of its own": Lambda(own_filters),
    "a view in the order of memory": Lambda(lambda maps: maps.relu().contiguous().view(maps.size(0), -1)),
    "a gate": Lambda(lambda maps, layer: layer(maps), SqueezeExcitation(3, 2)),
    "a mean": Lambda(lambda maps: maps - maps.mean((2, 3), keepdim=True)),
    "a layer norm": nn.LayerNorm([3, *SQUARE]),
    "padding that reflects": nn.Conv2d(3, 4, 3, padding=2, padding_mode="reflect"),
    "a mirror": Lambda(lambda maps: maps.flip(-1)),
    "a roll": Lambda(lambda maps: maps.roll(2, -2)),
    "rows for columns": Lambda(lambda maps: maps.transpose(2, 3)),
    "a slice of the rows": Lambda(lambda maps: maps[:, :, 2:-1]),
    "concatenation along the rows": Lambda(lambda maps: torch.cat([maps, maps], 2)),
    "a sum over the columns": Lambda(lambda maps: maps.cumsum(-1)),
    "another size": nn.Upsample(scale_factor=2, mode="bilinear"),
    "a softmax over the rows": nn.Softmax(dim=2),
    "a linear layer over the columns": nn.Linear(SQUARE[1], 4),
    "a map of places": Lambda(with_places, nn.Conv2d(4, 4, 3)),
    "a weight for each place": Lambda(lambda maps: maps * torch.linspace(0, 1, SQUARE[1], dtype=maps.dtype)),
}


@pytest.mark.parametrize("name", LOCAL_AND_SLIDING)
def test_windows_are_enough_for(name):
    model = small(LOCAL_AND_SLIDING[name], nn.Tanh(), nn.Flatten())
    image, corners, contents = all_places()
    assert difference(model, image, corners, contents, batch_size=7) < 1e-10
    plan = incremental_model(model, image).plan
    assert plan.moving - {plan.source, plan.end} <= plan.rules.keys()


@pytest.mark.parametrize("name", OF_ALL_THE_MAP)
def test_all_of_the_map_is_computed_for(name):
    model = small(nn.Conv2d(3, 3, 1), OF_ALL_THE_MAP[name], nn.ReLU(), nn.Flatten())
    image, corners, contents = all_places(sides=SQUARE)  # where rows are easily taken for columns
    assert difference(model, image, corners, contents, batch_size=7) < 1e-10


@st.composite
def networks(draw):
    """Small networks: layers in a row, some of them with a branch beside them that is added or concatenated."""
    layers, channels = [], 3
    for _ in range(draw(st.integers(1, 5))):
        kind = draw(st.sampled_from(["conv", "max", "average", "norm", "relu", "add", "cat"]))
        size, stride = draw(st.integers(1, 4)), draw(st.integers(1, 2))
        padding = draw(st.integers(0, size // 2))
        if kind == "conv":
            layers.append(nn.Conv2d(channels, 4, size, stride, padding, dilation=draw(st.integers(1, 2))))
            channels = 4
        elif kind == "max":
            layers.append(nn.MaxPool2d(size, stride, padding, ceil_mode=draw(st.booleans())))
        elif kind == "average":
            layers.append(nn.AvgPool2d(size, stride, padding, draw(st.booleans()), draw(st.booleans())))
        elif kind == "norm":
            layers.append(nn.BatchNorm2d(channels))
        elif kind == "relu":
            layers.append(nn.LeakyReLU(0.1))
        else:
            beside = nn.Conv2d(channels, channels, 3, padding=1)
            if kind == "add":
                layers.append(Lambda(lambda maps, layer: maps + layer(maps), beside))
            else:
                layers.append(Lambda(lambda maps, layer: torch.cat([layer(maps), maps], 1), beside))
                channels *= 2
    return small(*layers, nn.Flatten())


@settings(max_examples=60, deadline=None)
@given(networks(), st.integers(1, 6), st.tuples(st.integers(14, 20), st.integers(14, 20)))
def test_any_network_says_what_it_says_in_full(model, patch, sides):
    image, corners, contents = all_places(sides=sides, patch=patch)
    try:
        in_full(model, image, corners[:1], contents[:1])
    except RuntimeError:
        return  # the maps have become too small for the next layer
    expected = in_full(model, image, corners, contents)
    found = incremental_model(model, image).outputs(corners, contents, 11)
    torch.testing.assert_close(found, expected, rtol=1e-8, atol=1e-8)


def test_spans_are_the_lines_that_really_change():
    layers = [
        nn.Conv2d(3, 4, 3, 2, padding=1),
        nn.AvgPool2d(3, 2, ceil_mode=True),
        nn.Conv2d(4, 4, 3, dilation=2, padding=2),
    ]
    model = small(*layers)
    for parameter in model.parameters():
        parameter.uniform_(0.5, 1)  # nothing cancels
    image, corners, contents = all_places(sides=(33, 40), patch=4)
    incremental = incremental_model(model, image)
    spans, before = incremental.spans(4), trace(model, image[None])
    for corner, content in list(zip(corners, contents, strict=True))[::7]:
        (row, column), copy = corner, image[None].clone()
        copy[0, :, row : row + 4, column : column + 4] = content
        after = trace(model, copy)
        for layer in ("0", "1", "2"):
            changed = (before.values[before.node(layer)] != after.values[after.node(layer)])[0].any(dim=0)
            rows, columns = next(spans[node] for node in spans if node.target == layer)
            assert changed.any(dim=1).nonzero()[[0, -1], 0].tolist() == [rows.first[row], rows.end[row] - 1]
            assert changed.any(dim=0).nonzero()[[0, -1], 0].tolist() == [columns.first[column], columns.end[column] - 1]


def test_little_more_is_multiplied_than_what_changes(monkeypatch):
    layers = [nn.Conv2d(3, 4, 3, padding=1), nn.MaxPool2d(2), nn.Conv2d(4, 4, 3, padding=1), nn.MaxPool2d(2)]
    model = small(*layers, nn.Conv2d(4, 4, 3, padding=1))
    image, corners, contents = all_places(sides=(64, 64), patch=4)
    incremental = incremental_model(model, image)
    counts = []

    def counted(maps, weight, *settings):
        answer = convolve(maps, weight, *settings)
        counts.append(answer.numel() * weight[0].numel())
        return answer

    convolve = functional.conv2d
    monkeypatch.setattr(functional, "conv2d", counted)
    incremental.outputs(corners, contents, 64)
    windows = sum(counts)
    counts.clear()
    in_full(model, image, corners, contents)
    saved = len(corners) * sum(incremental.plan.work.values()) / windows
    assert 0.9 * incremental.bound(4) < saved < 1.01 * incremental.bound(4)


def test_the_bound_of_pointwise_layers_is_the_ratio_of_the_areas():
    model = nn.Sequential(nn.Conv2d(3, 5, 1), nn.ReLU(), nn.Conv2d(5, 2, 1)).eval()
    assert incremental_model(model, torch.rand(3, 24, 30)).bound(6) == pytest.approx(24 * 30 / 36)


def test_nothing_is_saved_where_everything_is_connected(linear_model, images):
    assert incremental_model(linear_model, images[0]).bound(4) == 1


@pytest.mark.parametrize("batch_size", [1, 3, 64])
def test_neither_batch_size_nor_order_changes_an_answer(batch_size):
    model = small(nn.Conv2d(3, 4, 3, 2, padding=1), nn.ReLU(), nn.MaxPool2d(2, 2), nn.Flatten())
    image, corners, contents = all_places()
    order = torch.randperm(len(corners), generator=torch.Generator().manual_seed(3))
    incremental = incremental_model(model, image)
    expected = incremental.outputs(corners, contents, 16)
    found = incremental.outputs(corners[order], contents[order], batch_size)
    torch.testing.assert_close(found, expected[order])


def test_the_picture_itself_is_answered_as_it_is():
    model = small(nn.Conv2d(3, 4, 3, padding=1), nn.BatchNorm2d(4), nn.ReLU(), nn.MaxPool2d(2), nn.Flatten())
    image, corners, _ = all_places()
    contents = torch.stack([image[:, r : r + PATCH, c : c + PATCH] for r, c in corners.tolist()])
    found = incremental_model(model, image).outputs(corners, contents)
    torch.testing.assert_close(found, model(image[None]).expand_as(found))


def test_model_and_contents_stay_as_they_were(small_model, images):
    image, corners = images[0], window_corners((16, 16), 4)
    contents = torch.rand(len(corners), 3, 4, 4).to(memory_format=torch.channels_last)
    kept = {name: value.clone() for name, value in small_model.state_dict().items()}, contents.clone(), image.clone()
    incremental_model(nn.Sequential(nn.ReLU(inplace=True), small_model).eval(), image - 0.5).outputs(
        corners, contents - 0.5
    )
    incremental_model(small_model, image).outputs(corners, contents)
    for name, value in small_model.state_dict().items():
        assert value.equal(kept[0][name])
    assert contents.equal(kept[1])
    assert image.equal(kept[2])
    assert not small_model.training
    assert not any(module._forward_hooks for module in small_model.modules())


@pytest.mark.parametrize("layer", ["0", "1", "4"])
@pytest.mark.parametrize("average", [False, True])
def test_units_of_a_layer_say_what_they_say_in_full(small_model, images, layer, average):
    model = as_model(small_model, layer, average=average)
    corners, contents = window_corners((16, 16), 4, 3), torch.rand(25, 3, 4, 4)
    found = incremental_model(model, images[0]).outputs(corners, contents, 4)
    torch.testing.assert_close(found, in_full(model, images[0], corners, contents), rtol=1e-4, atol=1e-5)


@pytest.mark.parametrize("layer", ["conv1", "layer1.0.conv1", "layer2.0.relu", "layer2.1.bn1", "layer3"])
def test_the_rest_of_a_model_says_what_it_says_in_full(layer):
    model, images = load("resnet18")
    model, image = model.double(), images[:1, :, :96, :96].double()
    traced = trace(model, image)
    activations = traced.values[traced.node(layer)]
    rest, corners = rest_of_model(model, layer, image), torch.tensor([[0, 0], [2, 1], [3, 3], [1, 0]])
    contents = torch.rand(4, activations.shape[1], 3, 3, dtype=torch.float64)
    assert difference(rest, activations[0], corners, contents) < 1e-8


SAMPLED = {"pixels": {}, "logits": {"output": "activation"}, "a hidden layer": {"source": "0", "output": "activation"}}


@pytest.mark.parametrize("name", SAMPLED)
def test_maps_are_those_of_full_forward_passes(small_model, images, name):
    knobs = {"patch": 3, "stride": 2, "samples": 3, **SAMPLED[name]}
    others = torch.rand(9, *images.shape[1:]) if name != "a hidden layer" else torch.rand(9, 8, 8, 8)
    maps, full = (
        prediction_difference(
            small_model,
            *(images, [1, 2]),
            sampler=MarginalSampler(others),
            generator=torch.Generator().manual_seed(0),
            incremental=incremental,
            **knobs,
        )
        for incremental in (True, False)
    )
    torch.testing.assert_close(maps, full, rtol=1e-3, atol=1e-4)


class Undecided(nn.Module):
    """Its way depends on the pictures, so nobody can trace it."""

    def forward(self, images):
        return (images if images.sum() > 0 else -images).flatten(1)[:, :4]


def test_a_model_that_cannot_be_traced_is_refused_and_asked_in_full(images):
    with pytest.raises(ValueError, match=r"model: expected one that torch\.fx can trace"):
        incremental_model(Undecided().eval(), images[0])
    knobs = {"sampler": ConstantSampler(), "patch": 4, "stride": 4}
    maps, full = (prediction_difference(Undecided().eval(), images, 0, incremental=i, **knobs) for i in (True, False))
    assert maps.equal(full)


def test_a_model_that_its_hooks_change_is_refused(small_model, images):
    small_model.register_forward_hook(lambda module, inputs, output: output * 2)
    with pytest.raises(ValueError, match="whose graph says what it computes"):
        incremental_model(small_model, images[0])


def test_a_layer_that_its_hooks_change_says_what_it_says_in_full(small_model, images):
    small_model[3].register_forward_hook(lambda module, inputs, output: output * 2)
    corners, contents = window_corners((16, 16), 4, 3), torch.rand(25, 3, 4, 4)
    assert difference(small_model, images[0], corners, contents) < 1e-3


def test_windows_outside_the_picture_are_refused(small_model, images):
    incremental = incremental_model(small_model, images[0])
    with pytest.raises(ValueError, match="corners: expected windows inside"):
        incremental.outputs(torch.tensor([[0, 13]]), torch.rand(1, 3, 4, 4))
    with pytest.raises(ValueError, match="corners, contents: expected shapes"):
        incremental.outputs(torch.tensor([[0, 0], [1, 1]]), torch.rand(1, 3, 4, 4))
    with pytest.raises(ValueError, match="patch: expected an int in 1..16"):
        incremental.outputs(torch.tensor([[0, 0]]), torch.rand(1, 3, 20, 20))


def test_the_bench_says_how_much_of_the_bound_is_reached(small_model):
    row = incremental_gain(small_model, torch.rand(3, 32, 32), patch=4, positions=4, samples=2, batch_size=4)
    assert row["bound"] == round(incremental_model(small_model, torch.rand(3, 32, 32)).bound(4), 2)
    assert row["reached"] == pytest.approx(row["share"] * row["bound"], abs=0.005 * row["bound"] + 0.01)
    assert row["milliseconds_per_image"] >= 0
