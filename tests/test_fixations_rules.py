"""Each rule of the walk on a network whose path is known by mental arithmetic.

Where a channel has to be recognised, the columns of the picture serve as channels (`columns_as_channels`): a point in
column 2 was a unit of channel 2. Which way a question is asked shows where an average or a sum comes below: a unit
asked about as high comes from the larger number, one asked about as low from the smaller one.
"""

import pytest
import torch
from torch import nn
from torch.nn import functional as F

from xai_utils.activations import trace
from xai_utils.papers.cnn_fixations import cnn_fixations, needed, start_units, unravel


class Written(nn.Module):
    """A model from a function and what it needs."""

    def __init__(self, function, **parts):
        super().__init__()
        self.function = function
        for name, part in parts.items():
            if isinstance(part, torch.Tensor):
                self.register_buffer(name, part)
            else:
                setattr(self, name, part)  # a layer or a function

    def forward(self, images):
        return self.function(self, images)


def walk(function, images, unit=0, words=None, **parts):
    """The points of the first image, as a set."""
    model = Written(function, **parts).eval()
    return set(map(tuple, cnn_fixations(model, images, unit, **(words or {}))[0].tolist()))


def unsupported(function, images, unit=0, **parts):
    model = Written(function, **parts).eval()
    traced = trace(model, images, keep=needed(model))
    start = traced.output()
    return unravel(traced, start, start_units(traced, start, torch.full((len(images),), unit))).unsupported.tolist()


def grey(*rows):
    """A picture whose three colours are the same."""
    return torch.tensor(rows)[None, None].repeat(1, 3, 1, 1)


def columns_as_channels(images):
    """[1, 3, height, width] -> [1, width, height, 3]: pixel (row, column) is channel `column` in row `row`."""
    return images.permute(0, 3, 2, 1)


def filters(*weights):
    """1 x 1 filters, one list of weights for each output."""
    return torch.tensor(weights)[:, :, None, None]


# --- layers with weights ----------------------------------------------------------------------------------------


def test_a_linear_layer_hands_down_what_is_positive_or_the_strongest():
    images = grey([0.5, 0.2], [0.0, 0.9])  # of one colour; the others get no weight
    weight = torch.tensor([[1.0, 2.0, 3.0, -1.0] + 8 * [0.0]])  # products 0.5, 0.4, 0, -0.9
    flattened = lambda self, x: F.linear(x.flatten(1), self.weight)  # noqa: E731
    assert walk(flattened, images, words={"variant": "paper"}, weight=weight) == {(0, 0), (0, 1)}
    assert walk(flattened, images, words={"variant": "official"}, weight=weight) == {(0, 0)}


@pytest.mark.parametrize(
    "flat",
    [
        lambda x: x.view(x.size(0), -1),
        lambda x: x.reshape(x.shape[0], -1),
        lambda x: F.dropout(torch.flatten(x, 1).relu(), training=False),
        lambda x: F.batch_norm(x.flatten(1), torch.zeros(12), torch.ones(12)),
    ],
)
def test_a_flattened_map_is_seen_however_it_is_flattened(flat):
    images = grey([0.5, 0.2], [0.0, 0.9])
    weight = torch.tensor([[1.0, 2.0, 3.0, -1.0] + 8 * [0.0]])
    assert walk(lambda self, x: F.linear(flat(x), self.weight), images, weight=weight) == {(0, 0)}


def test_a_linear_layer_at_every_place_is_a_1_x_1_convolution():
    images = grey([0.5, 0.2, 0.9], [0.3, 0.8, 0.1])
    weight = torch.tensor([[1.0, 3.0, 0.5]])  # row 0: 0.5, 0.6, 0.45; row 1: 0.3, 2.4, 0.05
    assert walk(lambda self, x: F.linear(x, self.weight), images, unit=0, weight=weight) == {(0, 1)}
    assert walk(lambda self, x: F.linear(x.flip(3), self.weight), images, unit=1, weight=weight) == {(1, 1)}


def test_a_convolution_hands_down_its_strongest_channel():
    images = grey([0.5, 0.2, 0.9])
    weight = filters([1.0, 3.0, 0.5], [1.0, -3.0, 0.5])
    network = lambda self, x: F.conv2d(columns_as_channels(x), self.weight)  # noqa: E731
    assert walk(network, images, unit=0, weight=weight) == {(0, 1)}
    assert walk(network, images, unit=3, weight=weight) == {(0, 0)}


def test_a_convolution_stays_at_its_centre_or_moves_to_the_strongest_place():
    images = grey([0.1, 0.2, 0.3], [0.4, 0.5, 0.6], [0.7, 0.8, 0.9])
    weight = torch.ones(1, 3, 3, 3) / 9
    network = lambda self, x: F.conv2d(x, self.weight, padding=1)  # noqa: E731
    assert walk(network, images, unit=4, weight=weight) == {(1, 1)}
    assert walk(network, images, unit=4, words={"move": True}, weight=weight) == {(2, 2)}
    assert walk(network, images, unit=0, words={"move": True}, weight=weight) == {(1, 1)}  # a corner sees 2 x 2
    assert walk(network, images, unit=0, words={"move": True}, weight=-weight) == {(0, 0)}  # never into the padding


@pytest.mark.parametrize("activation", [nn.SiLU(), nn.GELU(), nn.Hardswish()])
def test_a_negative_activation_with_a_negative_weight_is_a_positive_contribution(activation):
    images = grey([0.4, 0.6])  # 0.4 -> -1, 0.6 -> 1
    network = lambda self, x: F.conv2d(self.act(columns_as_channels(x) * 10 - 5), self.weight)  # noqa: E731
    assert walk(network, images, act=activation, weight=filters([-10.0, 1.0])) == {(0, 0)}
    assert walk(network, images, act=activation, weight=filters([-0.1, 1.0])) == {(0, 1)}
    assert walk(network, images, act=activation, weight=filters([10.0, 1.0])) == {(0, 1)}


def test_a_unit_chosen_because_it_is_negative_is_asked_about_as_low():
    images = grey([0.1, 0.3])
    mean = lambda self, x: F.conv2d(F.avg_pool2d(x, (1, 2)) - 0.5, self.weight)  # noqa: E731
    assert walk(mean, images, weight=filters([-1.0, 0.0, 0.0])) == {(0, 0)}  # what made -0.3 low is 0.1
    same_but_high = lambda self, x: F.conv2d(F.avg_pool2d(x, (1, 2)) + 0.5, self.weight)  # noqa: E731
    assert walk(same_but_high, images, weight=filters([1.0, 0.0, 0.0])) == {(0, 1)}


# --- pools ------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "pool",
    [
        nn.MaxPool2d(2),
        nn.AvgPool2d(2),
        nn.AdaptiveMaxPool2d((1, 2)),
        nn.AdaptiveAvgPool2d((1, 2)),
        lambda x: F.max_pool2d(x, 2),
        lambda x: F.avg_pool2d(x, 2),
        lambda x: F.adaptive_max_pool2d(x, (1, 2)),
        lambda x: F.adaptive_avg_pool2d(x, (1, 2)),
    ],
)
def test_a_pool_goes_to_the_largest_value_of_its_window(pool):
    images = grey([0.1, 0.2, 0.9, 0.3], [0.4, 0.3, 0.5, 0.6])
    assert walk(lambda self, x: self.pool(x), images, unit=0, pool=pool) == {(1, 0)}
    assert walk(lambda self, x: self.pool(x), images, unit=1, pool=pool) == {(0, 2)}


def test_an_adaptive_pool_has_windows_of_uneven_size():
    images = grey([0.9, 0.1, 0.8, 0.2, 0.7])  # windows 0..1, 1..3, 3..4
    assert [walk(lambda self, x: F.adaptive_avg_pool2d(x, (1, 3)), images, unit=unit) for unit in range(3)] == [
        {(0, 0)},
        {(0, 2)},
        {(0, 4)},
    ]


@pytest.mark.parametrize(
    "mean", [lambda x: x.mean((2, 3)), lambda x: x.mean([-1, -2], keepdim=True), lambda x: torch.mean(x, dim=(3, 2))]
)
def test_a_mean_over_places_is_an_average_pool(mean):
    assert walk(lambda self, x: mean(x) * 2.0, grey([0.1, 0.2], [0.6, 0.3])) == {(1, 0)}
    assert walk(lambda self, x: mean(x), grey([0.1, 0.0], [0.6, 0.3])) == {(0, 0), (1, 0), (1, 1)}  # the answer itself


def test_an_average_asked_about_as_low_goes_to_the_smallest_value():
    assert walk(lambda self, x: F.avg_pool2d(x, 2) * -1.0, grey([0.1, 0.2], [0.6, 0.3])) == {(0, 0)}
    assert walk(lambda self, x: F.max_pool2d(x, 2) * -1.0, grey([0.1, 0.2], [0.6, 0.3])) == {(1, 0)}


# --- sums, differences, products --------------------------------------------------------------------------------

LEFT, RIGHT = (slice(None), slice(None), slice(None), slice(0, 1)), (..., slice(1, 2))


def test_a_sum_comes_from_its_larger_term_and_from_the_first_of_equals():
    network = lambda self, x: x[LEFT] + x[RIGHT]  # noqa: E731
    assert walk(network, grey([0.3, 0.4])) == {(0, 1)}
    assert walk(network, grey([0.4, 0.3])) == {(0, 0)}
    assert walk(network, grey([0.4, 0.4])) == {(0, 0)}
    assert walk(lambda self, x: (x[LEFT] + x[RIGHT]) * -1.0, grey([0.3, 0.4])) == {(0, 0)}


def test_a_difference_comes_from_what_is_large_or_from_what_was_subtracted_and_low():
    shifted = lambda self, x: (x[LEFT] - 0.5) - (x[RIGHT] - 0.5)  # noqa: E731
    assert walk(shifted, grey([0.9, 0.4])) == {(0, 0)}  # 0.4 - -0.1
    assert walk(shifted, grey([0.6, 0.1])) == {(0, 1)}  # 0.1 - -0.4
    assert walk(lambda self, x: 1 - F.avg_pool2d(x, (1, 2)), grey([0.9, 0.4])) == {(0, 1)}
    assert walk(lambda self, x: F.avg_pool2d(x, (1, 2)) - 1, grey([0.9, 0.4])) == {(0, 0)}


def test_squeeze_and_excitation_follows_the_map_and_not_its_gate():
    images = grey([0.3, 0.4], [0.1, 0.9])

    def network(self, x):
        gate = torch.sigmoid(F.adaptive_avg_pool2d(x, 1))
        return gate * x

    assert walk(network, images, unit=0) == {(0, 0)}
    assert walk(lambda self, x: x * torch.sigmoid(x), images, unit=2) == {(1, 0)}


def test_a_negative_layer_scale_turns_the_question_round():
    images = grey([0.3, 0.4])
    scaled = lambda self, x: F.avg_pool2d(x, (1, 2)) * self.scale  # noqa: E731
    assert walk(scaled, images, unit=0, scale=torch.tensor([-0.1, 0.1, 0.1])[:, None, None]) == {(0, 0)}
    assert walk(scaled, images, unit=1, scale=torch.tensor([-0.1, 0.1, 0.1])[:, None, None]) == {(0, 1)}
    assert walk(lambda self, x: F.avg_pool2d(x, (1, 2)) / -2, images) == {(0, 0)}
    assert walk(lambda self, x: F.avg_pool2d(x, (1, 2)) * -2 * -3, images) == {(0, 1)}


def test_the_normalisation_of_a_classifier_may_have_a_negative_scale():
    network = lambda self, x: torch.addcmul(self.shift, F.avg_pool2d(x, (1, 2)), self.scale)  # noqa: E731
    for scale, column in ((2.0, 1), (-2.0, 0)):
        assert walk(network, grey([0.3, 0.4]), shift=torch.ones(1), scale=torch.tensor(scale)) == {(0, column)}


# --- normalisation ----------------------------------------------------------------------------------------------


def norm(kind, gamma, *size):
    layer = kind(*size)
    layer.weight.data.copy_(torch.tensor(gamma))
    return layer


@pytest.mark.parametrize(("gamma", "column"), [(1.0, 1), (-1.0, 0)])
def test_behind_a_convolution_a_negative_gamma_asks_for_the_channel_that_lowers(gamma, column):
    network = lambda self, x: self.norm(F.conv2d(columns_as_channels(x), self.weight))  # noqa: E731
    words = {"weight": filters([-1.0, 1.0]), "norm": norm(nn.BatchNorm2d, [gamma], 1)}
    assert walk(network, grey([0.5, 0.5]), **words) == {(0, column)}


@pytest.mark.parametrize(("bias", "weight", "column"), [(1.0, 1.0, 0), (0.0, -1.0, 1)])
def test_before_a_convolution_what_the_norm_gives_meets_the_weight(bias, weight, column):
    def network(self, x):
        return F.conv2d(self.norm(F.avg_pool2d(x, (1, 2))), self.weight)

    layer = norm(nn.BatchNorm2d, [-1.0, 1.0, 1.0], 3)
    layer.bias.data[0] = bias  # the norm gives 0.65, high because the mean is low; or -0.35, low because it is high
    assert walk(network, grey([0.3, 0.4]), weight=filters([weight, 0.0, 0.0]), norm=layer) == {(0, column)}


@pytest.mark.parametrize(
    ("kind", "size"), [(nn.BatchNorm2d, (3,)), (nn.GroupNorm, (3, 3)), (nn.LayerNorm, ((3, 1, 2),))]
)
def test_gamma_turns_the_channels_where_it_is_negative(kind, size):
    gamma = [[[[-1.0, -1.0]], [[1.0, 1.0]], [[1.0, 1.0]]]] if kind is nn.LayerNorm else [-1.0, 1.0, 1.0]
    layer = norm(kind, gamma[0] if kind is nn.LayerNorm else gamma, *size)
    network = lambda self, x: self.norm(F.avg_pool2d(x, (1, 2)))  # noqa: E731
    images = grey([0.1, 0.2, 0.6, 0.5])
    assert [walk(network, images, unit=unit, norm=layer) for unit in range(4)] == [{(0, c)} for c in (0, 3, 1, 2)]


def test_norms_as_functions_have_gammas_too():
    images, gamma = grey([0.1, 0.2]), torch.tensor([-1.0, 1.0, 1.0])
    calls = {
        "batch": lambda self, x: F.batch_norm(F.avg_pool2d(x, (1, 2)), self.gamma * 0, self.gamma**2, self.gamma),
        "group": lambda self, x: F.group_norm(F.avg_pool2d(x, (1, 2)), 1, self.gamma * 2.0),
        "layer": lambda self, x: F.layer_norm(F.avg_pool2d(x, (1, 2)).permute(0, 2, 3, 1), (3,), self.gamma),
    }
    for call in calls.values():
        assert [walk(call, images, unit=unit, gamma=gamma) for unit in (0, 1)] == [{(0, 0)}, {(0, 1)}]


# --- what only moves numbers ------------------------------------------------------------------------------------


def test_a_concatenation_comes_from_the_right_piece():
    network = lambda self, x: torch.cat([x.flip(3), x, self.token], dim=1)  # noqa: E731
    token = torch.full((1, 1, 1, 2), 3.0)
    assert walk(network, grey([0.1, 0.2]), unit=0, token=token) == {(0, 1)}
    assert walk(network, grey([0.1, 0.2]), unit=6, token=token) == {(0, 0)}
    assert walk(network, grey([0.1, 0.2]), unit=12, token=token) == set()


def test_pieces_and_a_channel_shuffle_lead_to_their_channels():
    def network(self, x):
        first, second = columns_as_channels(x).chunk(2, dim=1)  # channels 0, 1 and 2, 3
        both = torch.cat([second, first], dim=1)  # 2, 3, 0, 1
        batch, channels, height, width = both.shape
        shuffled = both.view(batch, 2, channels // 2, height, width).transpose(1, 2).contiguous()
        return shuffled.view(batch, channels, height, width)  # 2, 0, 3, 1

    assert [walk(network, grey([0.1, 0.2, 0.3, 0.4]), unit=3 * channel) for channel in range(4)] == [
        {(0, column)} for column in (2, 0, 3, 1)
    ]
    assert walk(lambda self, x: torch.stack(x.unbind(3)[::-1], 3), grey([0.1, 0.2])) == {(0, 1)}


def test_permute_slice_roll_and_select():
    images = grey([0.1, 0.2, 0.3], [0.4, 0.5, 0.6])
    assert walk(lambda self, x: x.permute(0, 1, 3, 2), images, unit=1) == {(1, 0)}
    assert walk(lambda self, x: x[:, :, 1:, 1:], images, unit=1) == {(1, 2)}
    assert walk(lambda self, x: torch.roll(x, 1, 3), images, unit=0) == {(0, 2)}
    assert walk(lambda self, x: x[:, self.order, 0], images, unit=5, order=torch.tensor([2, 1])) == {(0, 2)}


@pytest.mark.parametrize(
    ("pad", "unit", "column"),
    [
        (lambda x: F.pad(x, (1, 1)), 1, 0),
        (lambda x: F.pad(x, (1, 1)), 0, None),
        (lambda x: F.pad(x, (2, 0), value=-float("inf")), 1, None),
        (lambda x: F.pad(x, (2, 0, 0, 0), mode="reflect"), 0, 2),
        (lambda x: F.pad(x, (2, 0, 0, 0), mode="replicate"), 1, 0),
        (lambda x: F.pad(x, (2, 0, 0, 0), mode="circular"), 0, 1),
        (lambda x: F.pad(x, (-1, 0)), 0, 1),  # a negative padding crops
        (nn.ZeroPad2d((1, 0, 0, 0)), 1, 0),
    ],
)
def test_a_padded_number_comes_from_where_it_was_copied(pad, unit, column):
    points = walk(lambda self, x: self.pad(x), grey([0.1, 0.2, 0.3]), unit=unit, pad=pad)
    assert points == (set() if column is None else {(0, column)})


# --- LSTM cells -------------------------------------------------------------------------------------------------


def cell():
    """Two inputs, one state. Only the gates' first inputs, the content's second and the output's state count."""
    lstm = nn.LSTMCell(2, 1)
    for parameter in lstm.parameters():
        nn.init.zeros_(parameter)
    lstm.weight_ih.data[0, 0] = 1.0  # input gate
    lstm.weight_ih.data[2, 1] = -1.0  # content
    lstm.weight_hh.data[3, 0] = 1.0  # output gate
    return lstm


def test_every_gate_of_an_lstm_cell_is_a_fully_connected_layer():
    single = lambda self, x: self.cell(x[:, 0, 0])[0]  # noqa: E731
    assert walk(single, grey([0.5, 0.5]), cell=cell()) == {(0, 0)}
    with_state = lambda self, x: self.cell(x[:, 0, 0], (self.zero, self.zero))[0]  # noqa: E731
    assert walk(with_state, grey([0.5, 0.5]), cell=cell(), zero=torch.zeros(1, 1)) == {(0, 0)}


def test_the_steps_of_an_lstm_are_walked_through_the_state():
    def unpacked(self, x):
        m, c = self.cell(x[:, 0, 0], (self.zero, self.zero))
        m, c = self.cell(x[:, 0, 1] * 0, (m, c))
        return m

    def whole(self, x):
        return self.cell(x[:, 0, 1] * 0, self.cell(x[:, 0, 0]))[0]

    raising = cell()
    raising.weight_ih.data[2, 1] = 1.0  # the first state is positive, which opens the second step's output gate
    images = grey([0.5, 0.5], [0.9, 0.9])
    assert walk(unpacked, images, cell=raising, zero=torch.zeros(1, 1)) == {(0, 0), (0, 1)}
    assert walk(whole, images, cell=raising) == {(0, 0), (0, 1)}
    assert walk(whole, images, cell=cell()) == set()  # a negative state closes it: nothing contributes


# --- what has no evidence, and what has no rule -----------------------------------------------------------------


def test_units_without_a_positive_contribution_are_counted_and_walked_on():
    images = torch.cat([grey([0.5, 0.2]), grey([0.0, 0.0])])
    positive = lambda self, x: F.conv2d(columns_as_channels(x), self.weight)  # noqa: E731
    assert unsupported(positive, images, weight=filters([1.0, 1.0])) == [0, 1]
    assert unsupported(positive, images, weight=filters([-1.0, -1.0])) == [1, 1]
    assert walk(positive, images, weight=filters([-1.0, -1.0])) == {(0, 1)}  # the least negative
    fully = lambda self, x: F.linear(x[:, 0, 0], self.weight)  # noqa: E731
    assert unsupported(fully, images, weight=-torch.ones(1, 2)) == [1, 1]
    assert walk(fully, images, weight=-torch.ones(1, 2)) == set()
    assert unsupported(lambda self, x: (x[LEFT] - 0.5) + (x[RIGHT] - 0.5), images) == [1, 1]
    assert unsupported(lambda self, x: F.pad(x, (1, 1)), images) == [1, 1]


@pytest.mark.parametrize(
    ("function", "name"),
    [
        (lambda self, x: torch.sin(x), "sin"),
        (lambda self, x: self.inside(x), "cumsum"),
        (lambda self, x: torch.max(x, dim=3)[0], "max"),
        (lambda self, x: F.max_pool2d(x, 1, return_indices=True)[0], "max_pool2d"),
        (lambda self, x: x.max(dim=3).values, "getattr"),
        (lambda self, x: x.mean(1), "mean"),
        (lambda self, x: F.pad(x, (1, 1), value=1.0), "pad"),
        (lambda self, x: x[LEFT] * x[RIGHT], "mul"),
        (lambda self, x: 1 / x, "div"),
        (lambda self, x: torch.add(x[LEFT], x[RIGHT], alpha=-1), "add"),
        (lambda self, x: torch.addcmul(x[LEFT], x[RIGHT], self.one, value=-1), "addcmul"),
    ],
)
def test_an_operation_without_a_rule_is_named_with_its_place(function, name):
    inside = Written(lambda self, x: x.cumsum(1))
    with pytest.raises(ValueError, match="model: expected operations that fixations can be traced through") as error:
        walk(function, grey([0.1, 0.2]), inside=inside, one=torch.ones(1))
    assert name in str(error.value)
    assert ("in inside" if name == "cumsum" else "in the model itself") in str(error.value)


def test_logits_that_are_averages_go_back_to_every_place_that_adds_to_them():
    images = grey([0.0, 0.5, 0.0], [1.0, 0.0, 0.25])
    for head in (nn.AdaptiveAvgPool2d(1), nn.Sequential(nn.AdaptiveAvgPool2d((1, 1)), nn.Identity())):
        found = walk(lambda self, x: torch.flatten(self.head(self.conv(x)), 1), images, conv=ones(), head=head)
        assert found == {(0, 1), (1, 0), (1, 2)}


def test_an_average_below_another_layer_goes_back_to_its_largest_place_alone():
    linear = nn.Linear(3, 2, bias=False)
    nn.init.ones_(linear.weight)
    network = lambda self, x: self.linear(torch.flatten(F.adaptive_avg_pool2d(x, 1), 1))  # noqa: E731
    assert walk(network, grey([0.0, 0.5, 0.0], [1.0, 0.0, 0.25]), linear=linear) == {(1, 0)}


def ones():
    conv = nn.Conv2d(3, 2, 1, bias=False)
    nn.init.ones_(conv.weight)
    return conv
