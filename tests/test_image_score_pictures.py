"""What trained networks say of scores: areas by arithmetic, planted truths, and rows again."""

import os

import numpy as np
import pytest
import torch
from scipy.stats import spearmanr
from sklearn.metrics import roc_auc_score
from torch import nn

from xai_utils.experiments.image_score import background, errors, extremes, outside, quality, shares, unusual
from xai_utils.experiments.image_score.areas import aurocs
from xai_utils.experiments.records import read_records
from xai_utils.models import outputs
from xai_utils.papers.image_score import fit_reference, image_score
from xai_utils.parts import CLASSES, Parts

NETWORK = "parts/alexnet"
QUALITY, ERRORS, PLACES, OUTSIDE = (
    read_records(name) for name in (quality.RECORD, errors.RECORD, background.RECORD, outside.RECORD)
)


@pytest.fixture
def network():
    torch.manual_seed(4)
    return nn.Sequential(
        nn.Conv2d(3, 6, 3), nn.ReLU(), nn.MaxPool2d(2), nn.Conv2d(6, 4, 3), nn.ReLU(), nn.Flatten(), nn.Linear(100, 3)
    ).eval()


# --- areas ------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("paired", [True, False])
def test_areas_are_those_of_scikit_learn_and_lie_in_their_intervals(paired):
    draw = np.random.default_rng(0)
    usual, unusual = (np.round(draw.normal(mean, 1, 40), 1) for mean in (1, 0))  # rounded, so that some are equal
    area, low, high = aurocs({"any": usual}, {"any": unusual}, paired=paired)["any"]
    truth = roc_auc_score([1] * 40 + [0] * 40, np.concatenate([usual, unusual]))
    assert area == pytest.approx(truth, abs=1e-4)
    assert 0.5 < low < area < high <= 1


def test_pictures_are_compared_within_their_groups_only():
    usual, unusual = {"any": np.array([1.0, 11.0])}, {"any": np.array([0.0, 10.0])}
    groups = (np.array([0, 1]), np.array([0, 1]))
    assert aurocs(usual, unusual, groups)["any"][0] == 1.0
    assert aurocs(usual, unusual)["any"][0] == 0.75
    with pytest.raises(ValueError, match="usual, unusual: expected pictures of both kinds in some group"):
        aurocs(usual, unusual, (np.array([0, 0]), np.array([1, 1])))
    with pytest.raises(ValueError, match="unusual: expected as many as usual ones in each group, got 1, 2"):
        aurocs(usual, {"any": np.array([1.0])}, paired=True)


def test_pairing_narrows_the_interval_of_scenes_that_change_together():
    scene = np.random.default_rng(1).normal(0, 1, 60)
    usual, unusual = {"any": scene + 0.3}, {"any": scene}
    (_, low, high), (_, lowest, highest) = (aurocs(usual, unusual, paired=paired)["any"] for paired in (True, False))
    assert high - low < (highest - lowest) / 2


def test_a_difference_to_an_equal_measure_is_0_whatever_is_drawn():
    values = {name: np.arange(9.0) for name in ("one", "other")}
    others = {name: np.arange(9.0) - 1 for name in ("one", "other")}
    assert aurocs(values, others, against=[("one", "other")])["one - other"] == [0, 0, 0]


def test_an_interval_of_chance_holds_chance_most_of_the_time():
    draw = np.random.default_rng(2)
    held = [
        low <= 0.5 <= high
        for _ in range(60)
        for _, low, high in aurocs({"any": draw.normal(size=50)}, {"any": draw.normal(size=50)}, draws=200).values()
    ]
    assert 0.85 <= np.mean(held) < 1


# --- terms of the score -----------------------------------------------------------------------------------------------


def test_the_terms_of_all_references_sum_to_their_scores(network, generator):
    images = torch.rand(7, 3, 16, 16, generator=generator)
    references = [fit_reference(network, images[:3]), fit_reference(network, images[3:].square())]
    logits, terms = shares.answers(network, images, references, batch_size=4)
    assert torch.equal(logits, outputs(network, images, batch_size=4))
    for number, reference in enumerate(references):
        torch.testing.assert_close(terms[:, number].sum(dim=1), image_score(network, images, reference))
    labels = torch.tensor([0, 1, 1, 0, 0, 1, 0])
    found = shares.formula_scores(network, images, references, labels)
    both = torch.stack([image_score(network, images, one, intersect=False) for one in references], dim=1)
    torch.testing.assert_close(found, both[torch.arange(7), labels])


def test_a_layer_that_a_reference_skips_adds_nothing(network, generator):
    images = torch.rand(5, 3, 16, 16, generator=generator)
    whole = fit_reference(network, images)
    part = whole._replace(layers=whole.layers[1:])
    terms = shares.answers(network, images, [whole, part]).shares
    assert (terms[:, 1, 0] == 0).all()
    assert torch.equal(terms[:, 1, 1:], terms[:, 0, 1:])


def test_an_untrained_network_is_the_same_each_time_and_leaves_the_randomness_alone():
    torch.manual_seed(5)
    expected = torch.rand(3)
    torch.manual_seed(5)
    model = shares.network_of("untrained/vgg")
    assert torch.equal(torch.rand(3), expected)
    shares.network_of.cache_clear()
    pictures = torch.rand(2, 3, 128, 128)
    assert torch.equal(model(pictures), shares.network_of("untrained/vgg")(pictures))
    assert not any(parameter.requires_grad for parameter in model.parameters())


# --- what was made bad ------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("cause", quality.CAUSES)
def test_a_cause_changes_one_knob_and_goes_beyond_the_range_of_training(cause):
    easy, within, beyond = quality.CAUSES[cause]
    knobs = {"occlusion": "occluder", "clutter": "distractors"}
    knob = knobs.get(cause, cause)
    low, high = getattr(quality.DIFFICULTY, knob)
    assert set(easy) | set(within) == set(within) == set(beyond) <= {cause, knob}
    assert all(low <= end <= high for end in within[knob])
    assert all(not low <= end <= high for end in beyond[knob])


def test_the_scenes_made_bad_are_the_same_scenes():
    images, labels = quality.degraded("noise", pictures=1)
    assert images.keys() == {"easy", *quality.STRENGTHS}
    assert labels.tolist() == Parts("test").labels[:10].tolist()
    apart = {name: (of - images["easy"]).abs().mean(dim=(1, 2, 3)) for name, of in images.items()}
    assert (apart["easy"] == 0).all()
    assert (apart["beyond"] > 2 * apart["within"]).all()
    assert apart["within"].max() < 0.1  # the same objects in the same places


def test_measures_that_know_the_class_are_no_evidence_for_errors():
    draw = np.random.default_rng(0)
    right = np.arange(20) % 2 == 0
    names = (*quality.SCORES, *quality.RIVALS, quality.LOSS, "edges")
    values = {name: right + draw.normal(0, 0.1, 20) for name in names}
    found = quality.right_against_wrong(values, right)
    assert not any(name.startswith("true class") for name in found)
    assert found["predicted class"] == [1, 1, 1]
    assert found["predicted class - softmax"] == [0, 0, 0]


# --- where the units lie ----------------------------------------------------------------------------------------------


def test_units_on_the_object_are_counted_by_the_cells_that_it_covers():
    model = nn.Sequential(nn.Conv2d(3, 1, 1), nn.AvgPool2d(2), nn.Flatten(), nn.Linear(4, 1)).eval()
    model[0].weight.data.fill_(1 / 3)
    model[0].bias.data.zero_()
    images = torch.zeros(2, 3, 4, 4)
    images[:, :, :, :2] = 1  # the left half is bright
    images[1, :, 2:, :2] = 0  # of the second picture only the upper left quarter
    regions = torch.zeros(2, 4, 4, dtype=torch.bool)
    regions[:, :, 0] = True  # half of the cells on the left
    regions[1, :2, :2] = True  # all of the upper left one
    reference = fit_reference(model, images, layers=["1"])  # means 1, 0 and 1/2, 0
    found = background.on_object(model, images, regions, reference)
    assert found.layers == ("1",)
    for chain in background.CHAINS:
        assert found.shares[chain][:, 0].tolist() == pytest.approx([0.5, 1.0])
    assert found.important[:, 0].tolist() == pytest.approx([0.5, 0.75])
    assert found.area.tolist() == pytest.approx([0.25, 0.375])


def test_a_picture_that_activates_nothing_has_no_share():
    model = nn.Sequential(nn.Conv2d(3, 1, 1, bias=False)).eval()
    model[0].weight.data.fill_(1)
    images = torch.cat([torch.ones(1, 3, 4, 4), torch.zeros(1, 3, 4, 4)])
    found = background.on_object(model, images, torch.ones(2, 4, 4).bool(), fit_reference(model, images))
    assert found.shares["activated"][:, 0].isnan().tolist() == [False, True]


def test_rank_correlations_are_those_of_scipy_and_partial_ones_see_through_a_common_cause():
    draw = np.random.default_rng(3)
    cause = draw.normal(size=400)
    first, second = (cause + draw.normal(0, 0.3, 400) for _ in range(2))
    assert background.spearman(first, second) == pytest.approx(spearmanr(first, second).statistic)
    assert background.spearman(first, second) > 0.8
    assert abs(background.spearman(first, second, given=cause)) < 0.15
    assert background.spearman(first, 2 * first, given=cause) == pytest.approx(1)
    assert np.isnan(background.spearman(first, np.ones(400)))
    table = background.spearman(np.stack([first, -first]), np.stack([second, second]))
    assert table[0] == pytest.approx(-table[1])


def test_extreme_pictures_are_the_ends_of_the_class_and_their_filter_was_chosen_elsewhere():
    found = extremes.extreme_pictures(NETWORK, "robin", most=3, pictures=24, training=20)
    scenes, images = background.pictures_of("robin", 24)
    model = shares.network_of(NETWORK)
    reference = shares.class_reference(NETWORK, CLASSES.index("robin"), 20)
    scores = image_score(model, images, reference)[6:]
    torch.testing.assert_close(found.best.scores, scores.sort(descending=True).values[:3])
    torch.testing.assert_close(found.worst.scores, scores.sort().values[:3])
    for shown in (found.best, found.worst):
        for image, scene, score in zip(shown.images, shown.scenes, shown.scores, strict=True):
            assert torch.equal(image, scene.image)
            assert scene.class_name == "robin"
            assert scene not in scenes[:6]
            torch.testing.assert_close(image_score(model, image[None], reference)[0], score)
        assert shown.maps.shape[0] == 3
        assert ((shown.shares >= 0) & (shown.shares <= 1)).all()


# --- what is unusual --------------------------------------------------------------------------------------------------


def test_unusual_pictures_are_pictures_of_the_right_size_and_differ():
    kinds = [kind for kind in (*unusual.CORRUPTIONS, *unusual.MAKERS) if kind != outside.NEED_DATA]
    made = {kind: unusual.unusual_pictures(NETWORK, kind, 2) for kind in kinds}
    for images in made.values():
        assert images.shape == (2, 3, 128, 128)
        assert 0 <= images.min() <= images.max() <= 1
        assert not torch.equal(images[0], images[1])
    usual = unusual.usual_pictures(NETWORK, 2)
    assert torch.equal(made["Parts"], usual)
    assert not torch.equal(made["the same kind"], usual)  # others than those they are compared with
    assert all(not torch.equal(of, made["the same kind"]) for kind, of in made.items() if kind != "the same kind")
    with pytest.raises(ValueError, match="kind: expected one of"):
        unusual.unusual_pictures(NETWORK, "odd", 2)


def test_empty_scenes_differ_from_their_scenes_at_the_object_only():
    empty, whole = (unusual.unusual_pictures(NETWORK, kind, 2)[1] for kind in ("empty scenes", "the same kind"))
    scene = Parts("test").scene(3)
    changed = (empty != whole).any(dim=0)
    assert torch.equal(whole, scene.image)
    assert changed[scene.region].double().mean() > 0.9
    assert changed[~scene.region].double().mean() < 0.2  # what the blur carries over the border


# --- records ----------------------------------------------------------------------------------------------------------


@pytest.mark.skipif(not QUALITY, reason="not recorded yet")
def test_recorded_scores_of_scenes_made_bad_come_out_again():
    row = next(row for row in QUALITY if row["configuration"]["network"] == NETWORK)
    about, first = row["configuration"], row["result"]["first"]
    images, labels = quality.degraded(about["cause"], 1)
    reference = shares.class_reference(NETWORK, int(labels[0]), about["training"], about["norm"])
    for name in ("easy", *quality.STRENGTHS):
        found = image_score(shares.network_of(NETWORK), images[name][:1], reference)
        assert found[0].item() == pytest.approx(first[name][0], abs=0.02)


@pytest.mark.skipif(not PLACES, reason="not recorded yet")
def test_recorded_places_of_units_come_out_again():
    row = next(row for row in PLACES if row["configuration"]["network"] == NETWORK)
    about, result = row["configuration"], row["result"]
    again = background.measure_background(NETWORK, about["class_name"], 4, about["training"])
    assert again["layers"] == result["layers"]
    for name in ("score", "area", "important", *background.CHAINS):
        assert again[name] == pytest.approx(result[name][:4], abs=0.02)


@pytest.mark.skipif(not OUTSIDE, reason="not recorded yet")
def test_recorded_values_of_unusual_pictures_come_out_again():
    row = next(
        row for row in OUTSIDE if (row["configuration"]["network"], row["configuration"]["kind"]) == (NETWORK, "blur")
    )
    about, first = row["configuration"], row["result"]["first"]
    other = unusual.CORRUPTIONS["blur"](unusual.usual_pictures(NETWORK, 1, first=about["pictures"]))
    model = shares.network_of(NETWORK)
    logits = outputs(model, other)
    reference = shares.class_reference(NETWORK, int(logits.argmax()), about["training"])
    assert image_score(model, other, reference).item() == pytest.approx(first["predicted class"][0], abs=0.02)
    assert logits.softmax(dim=1).max().log().item() == pytest.approx(first["softmax"][0], abs=0.01)
    assert logits.logsumexp(dim=1).item() == pytest.approx(first["energy"][0], abs=0.01)


@pytest.mark.real
@pytest.mark.skipif("XAI_DATA" not in os.environ, reason="needs $XAI_DATA")
def test_a_row_of_small_photographs_comes_out_again():
    row = next(row for row in OUTSIDE if row["configuration"]["network"] == shares.SMALL)
    again = outside.measure_outside(**row["configuration"])
    for name, area in row["result"]["areas"].items():
        assert again["areas"][name] == pytest.approx(area, abs=0.01)


@pytest.mark.real
@pytest.mark.skipif("XAI_DATA" not in os.environ, reason="needs $XAI_DATA")
def test_the_errors_of_small_photographs_come_out_again():
    row = next(row for row in ERRORS if row["configuration"]["network"] == shares.SMALL)
    again = errors.measure_errors(**row["configuration"])
    assert again["accuracy"] == pytest.approx(row["result"]["accuracy"], abs=0.002)
    for name, area in row["result"]["all"].items():
        assert again["all"][name] == pytest.approx(area, abs=0.01)
