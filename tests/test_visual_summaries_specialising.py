"""SVMs on summaries: who learns from what, scores that sum to one, planted parts that are found, and a row again."""

import os

import numpy as np
import pytest
import torch
from torch import nn

from xai_utils.experiments.records import read_records
from xai_utils.experiments.visual_summaries import real, real_pictures, specialising, svms
from xai_utils.experiments.visual_summaries.specialising import Correction
from xai_utils.experiments.visual_summaries.svms import Answers
from xai_utils.models import load_model
from xai_utils.parts import CLASSES, Parts

ROWS = read_records("specialising")
NEEDS_DATA = pytest.mark.skipif(
    not {"XAI_WEIGHTS", "XAI_DATA"} <= set(os.environ), reason="needs $XAI_WEIGHTS and $XAI_DATA"
)


# --- features, examples and scores ----------------------------------------------------------------------------------


def test_features_are_behind_the_first_linear_layer_or_before_the_only_one():
    torch.manual_seed(0)
    deep = nn.Sequential(nn.Flatten(), nn.Linear(12, 5), nn.ReLU(), nn.Linear(5, 3)).eval()
    shallow = nn.Sequential(nn.Flatten(), nn.Linear(12, 3)).eval()
    images = torch.rand(70, 3, 2, 2)  # more than one batch
    for model, wanted in ((deep, deep[:3](images)), (shallow, images.flatten(1))):
        features, logits = svms.features_and_logits(model, images)
        torch.testing.assert_close(features, wanted)
        torch.testing.assert_close(logits, model(images))
        assert not any(layer._forward_hooks for layer in model.modules())
    with pytest.raises(ValueError, match="model: expected one with a linear layer"):
        svms.features_and_logits(nn.Sequential(nn.Flatten()).eval(), images)


def test_no_picture_of_a_summary_is_an_example_against_it():
    positives = [[np.array([0, 2]), np.array([2, 3]), np.array([5])], [np.array([1])], []]
    chosen, own = svms.examples(positives, 0, 1, pictures=6)
    assert chosen[own].tolist() == [2, 3]
    assert chosen[~own].tolist() == [0, 5, *range(6, 18)]  # 2 is its own, 1 and 4 are in no summary of the class
    chosen, own = svms.examples(positives, 1, 0, pictures=6)
    assert chosen[own].tolist() == [7]
    assert chosen[~own].tolist() == [*range(6), *range(12, 18)]  # nothing else of its own class


@pytest.mark.parametrize("share", svms.SHARES)
def test_shares_sum_to_one_keep_the_order_and_leave_classes_without_svms_alone(share):
    generator = np.random.default_rng(0)
    probabilities = generator.dirichlet(np.ones(5), size=20)
    scores = generator.normal(size=(20, 5))
    scores[:, 3] = np.nan
    found = svms.shared(scores, probabilities, share)
    assert found.sum(axis=1) == pytest.approx(1)
    assert found.min() >= 0
    assert np.array_equal(found[:, 3], probabilities[:, 3])
    known = [0, 1, 2, 4]
    assert np.array_equal(found[:, known].argsort(axis=1), scores[:, known].argsort(axis=1))
    assert np.array_equal(svms.shared(np.full((20, 5), np.nan), probabilities, share), probabilities)
    equal = svms.shared(np.zeros((1, 5)), probabilities[:1], share)
    assert equal == pytest.approx(0.2)  # all alike: nothing divides by zero


def test_svms_find_a_part_that_is_planted_and_the_right_one_is_named():
    generator = np.random.default_rng(0)
    learned = generator.normal(size=(3 * 8, 12))
    positives = [[np.arange(4), np.arange(4, 8)], [np.arange(8)], [np.arange(8)]]
    parts = {(0, 0): 0, (0, 1): 1, (1, 0): 2, (2, 0): 3}  # of each SVM: its feature
    for (label, number), feature in parts.items():
        learned[label * 8 + positives[label][number], feature] += 8
    asked = 0.1 * generator.normal(size=(4, 12))
    asked[range(4), range(4)] += 8
    (scores,) = svms.svm_scores(learned, positives, 0.1, [asked])
    assert svms.class_scores(scores).argmax(axis=1).tolist() == [0, 0, 1, 2]
    assert scores[0].argmax(axis=0)[:2].tolist() == [0, 1]


# --- what is chosen and what changes --------------------------------------------------------------------------------


def planted(count, wrong, generator):
    """Pictures of ten classes whose first features say the class, and a network that takes some of them for others."""
    labels = np.arange(count) % len(CLASSES)
    features = generator.normal(size=(count, 20)) * 0.2
    features[np.arange(count), labels] += 4
    says = np.where(np.arange(count) % wrong == 0, (labels + 1) % len(CLASSES), labels)
    probabilities = np.full((count, len(CLASSES)), 0.05)
    probabilities[np.arange(count), says] = 0.55
    return Answers(features, probabilities, labels)


@pytest.mark.parametrize("training", specialising.TRAININGS)
def test_a_network_that_confuses_what_its_features_tell_is_put_right(training, monkeypatch):
    generator = np.random.default_rng(0)
    splits = {"validation": planted(500, 7, generator), "test": planted(len(Parts("test")), 9, generator)}
    monkeypatch.setattr(specialising, "answers", lambda network, split: splits[split])
    monkeypatch.setattr(specialising, "PENALTIES", (0.01,))
    sets = [[np.arange(0, 16), np.arange(16, 32)] for _ in CLASSES]
    monkeypatch.setattr(specialising, "positives_of", lambda *_: sets)
    found = specialising.measure_specialising("any", training, 0, "")
    assert found["choice"]["weight"] < 1
    assert found["before"] == pytest.approx(1 - 223 / 2000, abs=1e-3)  # one of nine is wrong
    assert found["chosen on"][1] > 0.99
    assert found["at best"] > 0.99
    assert len(found["changes"]) == pytest.approx(223, abs=5)
    labels = splits["test"].labels
    assert all(Correction(*change).after == labels[change[0]] for change in found["changes"])


def test_an_answer_that_stays_wrong_is_no_change_and_the_helper_is_that_of_the_new_answer():
    labels = np.array([0, 0, 1, 2])
    test = Answers(np.zeros((4, 1)), np.eye(3)[[0, 1, 2, 2]], labels)
    combined = np.eye(3)[[1, 0, 0, 2]]  # spoiled, corrected, wrong both times, right both times
    helpers = np.array([[5, 6, 7]] * 4)
    assert specialising.changes(test, combined, helpers) == [Correction(0, 0, 1, 6), Correction(1, 1, 0, 5)]


def test_gains_are_means_over_seeds_and_intervals_are_paired():
    labels = Parts("test").labels
    right, wrong = int(labels[0]), (int(labels[1]) + 1) % 10

    def row(training, seed, changes):
        about = {"network": "any", "training": training, "seed": seed, "summaries": ""}
        return {"configuration": about, "result": {"changes": changes}}

    rows = [row(name, 0, []) for name in ("whole classes", "logistic regression")]
    rows += [row("summaries", 0, [[0, wrong, right, 2], [1, int(labels[1]), wrong, 0]])]
    rows += [row("random subsets", 0, [[0, wrong, right, 0]]), row("random subsets", 1, [])]
    assert specialising.gains(rows, "any", "summaries")[:3].tolist() == [1, -1, 0]
    assert specialising.gains(rows, "any", "random subsets")[:3].tolist() == [0.5, 0, 0]
    table = specialising.gain_table(rows, "any")
    assert table["summaries"][0] == 0
    assert table["random subsets against summaries"][0] == pytest.approx(-0.5 / 2000)
    assert table["summaries"][1] < 0 < table["summaries"][2]
    right_now, spoiled = specialising.corrected(rows, "any")
    assert [change.scene for change in right_now] == [0]
    assert [change.scene for change in spoiled] == [1]
    assert right_now[0].helper == 2
    with pytest.raises(ValueError, match="network, training: expected those of some row, got 'other'"):
        specialising.gains(rows, "other", "summaries")


def test_random_subsets_have_the_sizes_of_the_summaries(monkeypatch):
    class Found:
        def __init__(self, images):
            self.images = torch.tensor(images)

    monkeypatch.setattr(specialising, "recorded_summaries", lambda *_: [Found([3, 1]), Found([4, 5, 9])])
    sizes = [[2, 3]] * len(CLASSES)
    one, other = (specialising.positives_of("any", "random subsets", seed) for seed in (0, 1))
    assert [[len(some) for some in sets] for sets in one] == sizes
    assert all(len(set(some)) == len(some) and max(some) < 32 for sets in one for some in sets)
    assert not all(np.array_equal(a, b) for a, b in zip(one[0], other[0], strict=True))
    assert specialising.fingerprint("any") == specialising.fingerprint("any")


@pytest.mark.skipif(not ROWS, reason="not recorded yet")
def test_pictures_that_the_record_calls_corrected_were_wrong_before():
    network = ROWS[0]["configuration"]["network"]
    right, spoiled = specialising.corrected(ROWS, network)
    scenes = (right + spoiled)[:12]
    split = Parts("test")
    images = torch.stack([split.scene(change.scene).image for change in scenes])
    with torch.inference_mode():
        says = load_model(network)(images).argmax(dim=1).tolist()
    assert says == [change.before for change in scenes]
    labels = split.labels
    assert all(change.before != labels[change.scene] for change in right)
    assert all(change.before == labels[change.scene] for change in spoiled)


# --- real pictures --------------------------------------------------------------------------------------------------


def test_a_pixel_lies_in_the_box_that_holds_its_centre():
    boxes = [torch.tensor([[0.6, 0.0, 2.4, 1.0], [0.0, 1.4, 1.0, 3.0]]), torch.zeros(0, 4)]
    found = real_pictures.in_boxes(boxes, (3, 4)).int()
    assert found[0].tolist() == [[0, 1, 0, 0], [1, 0, 0, 0], [1, 0, 0, 0]]
    assert not found[1].any()


@pytest.mark.real
@NEEDS_DATA
def test_enlarged_pictures_are_answered_like_small_ones():
    model = "cifar/resnet-cifar10-subset"
    numbers = real_pictures.right_pictures(model, "automobile", 8)
    shown = real_pictures.real_pictures("automobile", numbers)
    assert shown.images.shape == (8, 3, 128, 128)
    small = real_pictures.cifar_pictures(real_pictures.CIFAR, "test")[0][numbers].float() / 255
    averaged = nn.functional.avg_pool2d(shown.images, real_pictures.SCALE)
    assert (averaged - small).abs().mean() < 0.02


@pytest.mark.real
@NEEDS_DATA
def test_a_recorded_picture_has_the_probability_and_the_box_of_today():
    for row in read_records("real_crisp_masks")[:3]:
        about, result = row["configuration"], row["result"]
        shown = real_pictures.real_pictures(about["source"], about["pictures"][:4])
        probability = real_pictures.predict(real_pictures.network_of(about["model"]), shown.images)
        assert probability[range(4), shown.labels].tolist() == pytest.approx(result["whole"][:4], abs=2e-3)
        if about["model"] == "resnet18":
            boxes = real_pictures.in_boxes(shown.boxes, (224, 224)).float().mean(dim=(1, 2))
            assert boxes.tolist() == pytest.approx(result["boxes"][:4], abs=1e-3)
            masks = real.unpacked(result["packed"], (len(about["pictures"]), 224, 224)).float()
            assert masks.mean(dim=(1, 2)).tolist() == pytest.approx(result["crisp area"], abs=0.03)
