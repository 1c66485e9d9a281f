"""The captioner of chapter two: its equations, its words, and the walk from a word back to the picture."""

import math

import pytest
import torch
from torch import nn

from xai_utils.baselines import grad_cam
from xai_utils.experiments.cnn_fixations import captions
from xai_utils.experiments.cnn_fixations.captions import grounding, network, training
from xai_utils.experiments.records import read_records
from xai_utils.papers.cnn_fixations import cnn_fixations
from xai_utils.parts import PAIRS, Parts, draw_scene
from xai_utils.training import Recipe

WORDS = (",", "a", "meadow", "on", "robin")


@pytest.fixture
def captioner():
    torch.manual_seed(0)
    untrained = network.Captioner(WORDS, longest=6, width=5).eval()
    untrained.requires_grad_(False)
    untrained.embedding.weight *= 3  # so that words change states as much as pictures do
    return untrained


@pytest.fixture
def images(generator):
    return torch.rand(3, 3, 128, 128, generator=generator)


# --- the network ------------------------------------------------------------------------------------------------


def test_a_cell_of_one_unit_is_the_five_equations():
    cell = network.Cell(1, 1)
    cell.weight_ih.data = torch.tensor([[1.0], [2.0], [3.0], [4.0]])  # i, f, c, o
    cell.weight_hh.data = torch.tensor([[-0.1], [-0.2], [-0.3], [-0.4]])
    x, m, c = 0.2, 0.5, -0.7
    gates = [w * x + u * m for w, u in zip((1, 2, 3, 4), (-0.1, -0.2, -0.3, -0.4), strict=True)]
    i, f, o = (1 / (1 + math.exp(-gates[number])) for number in (0, 1, 3))
    after = f * c + i * math.tanh(gates[2])
    found = cell(torch.tensor([[x]]), (torch.tensor([[m]]), torch.tensor([[c]])))
    assert [value.item() for value in found] == pytest.approx([o * after, after])


def test_a_cell_begins_with_a_state_of_zeros():
    cell, nothing = network.Cell(4, 3), torch.zeros(2, 3)
    inputs = torch.rand(2, 4)
    assert all(torch.equal(a, b) for a, b in zip(cell(inputs), cell(inputs, (nothing, nothing)), strict=True))


def test_what_is_spoken_is_the_likeliest_word_of_each_state(captioner, images):
    words = captioner.speak(images)
    likeliest = captioner.readout(captioner(images, words)).argmax(dim=2)
    assert torch.equal(network.ended(likeliest), words)


def test_a_sentence_survives_the_way_into_numbers_and_back(captioner):
    captions = ["a robin, on a", "meadow"]
    numbers = captioner.encode(captions)
    assert numbers.shape == (2, 6)
    assert (numbers[1] == 1).sum() == 5  # one word, then END
    assert captioner.decode(numbers) == captions


@pytest.mark.parametrize("caption", ["a robin on a meadow, a", "a penguin"])
def test_a_sentence_that_is_too_long_or_unknown_is_refused(captioner, caption):
    with pytest.raises(ValueError, match="captions: expected fewer than 6 words"):
        captioner.encode(["a robin", caption])


def test_the_loss_of_a_sentence_counts_its_words_and_one_end(captioner, images):
    for parameter in (captioner.readout.weight, captioner.readout.bias):
        parameter.zero_()  # every word is equally likely
    words = captioner.encode(["a robin", "a", "meadow on a"])
    assert training.sentence_loss(captioner, images, words).item() == pytest.approx(math.log(7) * (3 + 2 + 4) / 3)


def test_training_is_repeatable_and_lowers_the_loss(images):
    told = ((images * 255).byte().repeat(4, 1, 1, 1), ["a robin", "a meadow", "on a"] * 4)
    recipe = Recipe(epochs=4, batch_size=4, learning_rate=2e-3, shift=2)

    def losses():
        torch.manual_seed(0)
        learner = training.untrained_captioner(told[1])
        return [epoch.loss for epoch in training.train_captioner(learner, told, told, recipe)]

    first = losses()
    assert losses() == first
    assert first[-1] < 0.8 * first[0]


# --- the walk ---------------------------------------------------------------------------------------------------


class Row(nn.Module):
    """An encoder whose embedding I is a row of pixels, so that the fixations are elements of I."""

    def forward(self, images):
        return images[:, 0, 0] - 0.5


@pytest.fixture
def sparse(captioner):
    """A captioner with few connections: what a word goes back to depends on the word."""
    captioner.encoder = Row()
    dropped = torch.Generator().manual_seed(1)
    for weight in (captioner.cell.weight_ih, captioner.cell.weight_hh):
        weight *= torch.rand(weight.shape, generator=dropped) > 0.8
    return captioner


def elements_of_the_embedding(captioner, picture, words, step):
    """Section III-D by plain loops: the elements of I for one word of one sentence."""
    vocabulary = captioner.embedding.weight.tolist()
    inputs = [captioner.encoder(picture[None])[0].tolist(), vocabulary[0]]
    inputs += [vocabulary[word] for word in words[:step]]
    state, states = None, [[0.0] * captioner.width]  # before each step
    for given in inputs:
        state = captioner.cell(torch.tensor([given]), state)
        states.append(state[0][0].tolist())
    weight_x, weight_m = captioner.cell.weight_ih.tolist(), captioner.cell.weight_hh.tolist()
    asked = {(states[-1].index(max(states[-1])), 1)}  # (unit, whether it is asked what made it high or low)
    for time in range(len(inputs) - 1, -1, -1):
        of_state, of_input = set(), set()
        for unit, high in asked:
            for gate in range(4):
                row, wanted = gate * captioner.width + unit, high if gate == 2 else 1
                for values, weights, found in (inputs[time], weight_x, of_input), (states[time], weight_m, of_state):
                    for number, (value, weight) in enumerate(zip(values, weights[row], strict=True)):
                        if value * weight * wanted > 0:
                            found.add((number, 1 if value >= 0 else -1))
        asked = of_state
    return {element for element, _ in of_input}


def test_a_word_goes_back_through_all_gates_and_steps_to_the_embedding(sparse, generator):
    words, seen = torch.tensor([2, 4, 6, 3, 1]), set()
    for picture in torch.rand(20, 3, 1, sparse.width, generator=generator):
        found = [points[:, 1].tolist() for points in grounding.word_fixations(sparse, picture, words)]
        expected = [elements_of_the_embedding(sparse, picture, words.tolist(), step) for step in range(5)]
        assert found == [sorted(elements) for elements in expected]
        seen.add(len({tuple(elements) for elements in found}))
    assert max(seen) > 2  # the words of a sentence do not all come from the same elements


def test_with_all_connections_every_word_comes_from_all_of_the_embedding(generator):
    """Why fixations cannot tell words apart: each step reaches every state with some positive product."""
    torch.manual_seed(0)
    wide = network.Captioner(WORDS, longest=6, width=32).eval()
    wide.encoder = Row()
    picture = torch.rand(3, 1, 32, generator=generator)
    points = grounding.word_fixations(wide, picture, torch.tensor([2, 4, 6, 3, 1]))
    assert [len(some) for some in points] == [32] * 5


def test_all_words_at_once_are_each_word_alone(captioner, images):
    words = torch.tensor([2, 4, 1])
    together = grounding.word_fixations(captioner, images[0], words)
    speaker = network.Speaker(captioner, words[None])
    states = captioner(images[:1], words[None])[0]
    for step, points in enumerate(together):
        unit = step * captioner.width + int(states[step].argmax())
        assert torch.equal(cnn_fixations(speaker, images[:1], unit, layer="states")[0], points)


def test_the_grad_cam_of_a_word_is_that_of_its_logit(captioner, images):
    words = torch.tensor([2, 4, 1])
    maps = grounding.word_grad_cam(captioner, images[0], words)
    alone = grad_cam(network.Speaker(captioner, words[None]), images[:1], 1, layer=grounding.LAST_MAPS)
    assert maps.shape == (3, 128, 128)
    assert torch.allclose(maps[1], alone[0], atol=1e-6)


def test_a_speaker_gives_the_logits_of_its_own_words(captioner, images):
    words = captioner.encode(["a robin", "on a meadow", ""])
    logits = network.Speaker(captioner, words)(images)
    every = captioner.readout(captioner(images, words))
    assert torch.equal(logits[1, 2], every[1, 2, words[1, 2]])


# --- the numbers ------------------------------------------------------------------------------------------------


def test_shares_are_counted_where_the_word_points():
    left = torch.tensor([[True, False]])
    shares = torch.tensor([[[0.9, 0.1]], [[0.4, 0.6]], [[0.2, 0.8]]])
    (row,) = grounding.shares_inside(shares, ["a", "robin", "meadow"], {"robin": left})
    assert row.tolist() == pytest.approx([0.4, 0.5, 0.55, -0.15])
    assert grounding.shares_inside(shares, ["a", "robin", "meadow"], {"eagle": left}) == []
    silent = shares.clone()
    silent[1] = torch.nan
    assert grounding.shares_inside(silent, ["a", "robin", "meadow"], {"robin": left}) == []


def test_the_named_parts_are_those_of_the_captions():
    named = {}
    for label in range(10):
        for seed in range(5):  # a part may be hidden
            named.setdefault(label, set()).update(grounding.named_regions(draw_scene(seed, label=label))["part"])
    telling = [set(pair.telling) for pair in PAIRS for _ in pair.classes]
    assert {label: words for label, words in named.items() if words} == {
        0: {"breast"}, 1: {"beak"}, 2: {"ears"}, 3: {"ears", "saddle"}, 8: {"bell"}, 9: {"bell"},
    }  # fmt: skip
    assert all(word.removesuffix("s") in telling[label] for label, words in named.items() for word in words)


def test_regions_lie_where_the_words_say():
    scene = draw_scene(0, label=1, background="snow")
    regions = grounding.named_regions(scene)
    assert torch.equal(regions["class"]["eagle"], scene.region)
    assert torch.equal(regions["place"]["snow"], ~scene.region)
    assert torch.equal(regions["part"]["beak"], scene.parts["beak"])


@pytest.mark.parametrize(
    ("spoken", "right"),
    [
        ("a bald eagle with a hooked yellow beak, {}, facing {}, in the snow", (True, True, True)),
        ("a robin with a red breast, {}, facing {}, in the snow", (False, True, False)),
        ("a bald eagle on a meadow", (True, False, False)),
        ("", (False, False, False)),
    ],
)
def test_words_are_right_as_the_caption_has_them(spoken, right):
    scene = draw_scene(0, label=1, background="snow")
    pose, side = scene.caption.split(", ")[1], scene.caption.split("facing ")[1].split(",")[0]
    assert tuple(training.right_words(spoken.format(pose, side), scene).values()) == right


def test_the_captioner_tells_class_and_place_rightly_and_fits_into_two_megabytes():
    (row,) = read_records("captions")
    assert row["configuration"]["pictures"][2] >= 1000
    assert row["result"]["class"][0] >= 0.85
    assert row["result"]["place"][0] >= 0.85
    assert (network.weights_folder() / f"{captions.MODEL}.safetensors").stat().st_size <= 2e6


def test_a_recorded_share_of_right_words_can_be_measured_again():
    (row,) = read_records("captions")
    few = training.measure_captions(row["configuration"]["model"], ["test", 0, 100])
    for what, (share, *_) in row["result"].items():
        assert few[what][1] <= share <= few[what][2]


@pytest.mark.parametrize("method", ["fixations", "Grad-CAM"])
def test_recorded_groundings_can_be_measured_again(method):
    """On so few scenes means differ by chance, so the intervals must meet."""
    row = next(row for row in read_records("grounding") if row["configuration"]["method"] == method)
    few = captions.measure_grounding(row["configuration"]["model"], method, ["test", 0, 6])
    for kind in ("class", "place", "caption"):
        _, low, high = few[kind]["inside"]
        _, recorded_low, recorded_high = row["result"][kind]["inside"]
        assert low <= recorded_high
        assert recorded_low <= high


def test_a_grounded_caption_has_points_for_each_of_its_words():
    told = captions.grounded_caption(captions.load_captioner(), Parts("test").scene(0).image)
    assert told.words[-1] == network.END
    assert network.split_words(told.caption) == told.words[:-1]
    assert len(told.points) == len(told.words)
