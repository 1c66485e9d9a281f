"""Figure 8 of CNN Fixations: evidence on the object that was named, or on the one that was meant."""

import pytest
import torch

from xai_utils.experiments.cnn_fixations import mistakes
from xai_utils.experiments.explanations import METHODS
from xai_utils.experiments.records import read_records
from xai_utils.models import load_model, outputs


@pytest.fixture
def regions():
    """A predicted object of two pixels and a labelled one of four."""
    found = torch.zeros(1, 2, 4, 4, dtype=torch.bool)
    found[0, 0, 0, :2] = True
    found[0, 1, 3] = True
    return found


def test_evidence_on_the_predicted_object_is_counted_there(regions):
    shares = mistakes.on_objects(regions[:, 0].float(), regions)
    assert {name: float(value) for name, value in shares.items()} == {
        "on_predicted": 1,
        "on_labelled": 0,
        "for_predicted": 1,
    }


def test_evidence_that_is_everywhere_is_for_neither(regions):
    shares = mistakes.on_objects(torch.ones(1, 4, 4), regions)
    assert shares["on_predicted"] == 2 / 16
    assert shares["on_labelled"] == 4 / 16
    assert shares["for_predicted"] == 0.5


def test_the_same_evidence_does_not_move_and_other_evidence_moves_by_its_share(regions):
    one, other = regions[:, 0].float(), regions[:, 1].float()
    assert mistakes.moved(one, 3 * one) == 0
    assert mistakes.moved(one, other) == 1
    assert mistakes.moved(one, one / 2 + other / 4) == 0.5


def test_two_objects_are_of_different_pairs_and_both_to_be_seen():
    scenes = [mistakes.two_objects(seed) for seed in range(mistakes.FIRST_SEED, mistakes.FIRST_SEED + 40)]
    assert None in scenes
    for scene in filter(None, scenes):
        assert scene.objects[0].label // 2 != scene.objects[1].label // 2
        assert min(one.region.sum() for one in scene.objects) >= mistakes.MIN_PIXELS


def test_a_mistake_names_the_object_that_is_not_the_label():
    found = mistakes.mistakes("parts/alexnet", 8)
    assert torch.equal(outputs(load_model("parts/alexnet"), found.images).argmax(1), found.classes[:, 0])
    assert torch.all(found.classes[:, 0] != found.classes[:, 1])
    assert not (found.regions[:, 0] & found.regions[:, 1]).any()
    assert found.tried >= 8


def test_more_than_a_hundred_mistakes_of_each_network_are_recorded():
    rows = [row["configuration"] for row in read_records("mistakes")]
    found = {(row["model"], row["method"]) for row in rows if row["pictures"] == mistakes.FULL}
    assert mistakes.FULL >= 100
    assert found == {(model, method) for model in mistakes.MODELS for method in METHODS}


@pytest.mark.parametrize("method", ["fixations", "Grad-CAM"])
def test_a_small_cell_of_the_record_is_what_the_code_computes_today(method):
    wanted = {"model": "parts/alexnet", "method": method, "pictures": mistakes.QUICK}
    row = next(row for row in read_records("mistakes") if row["configuration"] == wanted)
    result = mistakes.measure_mistakes(**wanted)
    assert result["tried"] == row["result"]["tried"]
    for asked in ("predicted", "labelled"):
        for name, value in row["result"][asked].items():
            assert result[asked][name] == pytest.approx(value, abs=0.05), name
    assert result["moved"] == pytest.approx(row["result"]["moved"], abs=0.02)
