"""Tables 1 to 3, the worth of masking models, the ablations and the claims; and one row of each again."""

import pytest
import torch

from xai_utils.experiments.realtime_saliency import ablations, quality, tables, training
from xai_utils.experiments.realtime_saliency.verdicts import claims_of_the_paper
from xai_utils.experiments.records import read_records
from xai_utils.papers.realtime_saliency import load_masking_model
from xai_utils.weights import weights_folder

RESNET = "parts/resnet-crops"
ROWS = {
    (row["configuration"]["black_box"], row["configuration"]["method"]): row for row in read_records("saliency_boxes")
}


def close(first, second):
    """The numbers of a row, again: within a hundredth, or five per cent."""
    for name in second:
        assert first[name] == pytest.approx(second[name], rel=0.05, abs=0.01), name


def test_every_method_draws_boxes_within_the_picture():
    shown = tables.boxed_pictures("test", range(2), (128, 128))
    for method in tables.METHODS:
        for boxes in tables.boxes_of(RESNET, method, shown).values():
            assert boxes.shape == (2, 4)
            assert 0 <= boxes.min()
            assert boxes.max() <= 128


def test_a_true_box_never_misses_and_a_box_around_everything_nearly_always():
    of = [tables.measure_boxes(RESNET, box, ["validation", 0, 4], ["test", 0, 40]) for box in ("true box", "max box")]
    assert of[0]["error"] == (0, 0, 0)
    assert of[0]["area"] < 0.6
    assert of[1]["error"][0] > 0.8
    assert of[1]["area"] == 1


def test_the_setting_is_tuned_on_other_scenes():
    found = tables.measure_boxes(RESNET, "gradient", ["validation", 0, 10], ["test", 0, 10])
    assert found["setting"][0] in tables.THRESHOLDS
    assert found["best_metric"][1] <= found["best_metric"][0] <= found["best_metric"][2]


def test_the_table_has_every_method_for_every_black_box():
    assert {method for name, method in ROWS if name == RESNET} == set(tables.METHODS)
    assert ("parts/alexnet-crops", "CAM") not in ROWS
    assert set(tables.BOXES) == {method for name, method in ROWS if name == "parts/resnet"}


def test_recorded_boxes_come_out_again():
    row = ROWS[RESNET, "center box"]
    again = tables.measure_boxes(**row["configuration"])
    close(
        {k: again[k] for k in ("error", "metric", "area")}, {k: row["result"][k] for k in ("error", "metric", "area")}
    )


def test_what_the_paper_prints_stands_beside_our_names():
    printed = tables.printed_tables()
    assert set(printed) == set(tables.METHODS)
    assert printed["center box"] == "46% / +0.65"
    assert printed["Grad-CAM"] == "-"


def test_a_masking_model_s_worth_comes_out_again():
    whole = {row["configuration"]["black_box"]: row["result"] for row in read_records("masking_models")}
    few = quality.measure_masking_model(RESNET, RESNET.replace("parts", "masking"), 100, 140)
    for name in ("kept", "removed", "area", "overlap"):
        assert few[name][1] - 0.05 <= whole[RESNET][name][0] <= few[name][2] + 0.05, name


@pytest.mark.parametrize("black_box", training.ENCODERS)
def test_a_trained_masking_model_keeps_the_class_destroys_it_and_listens(black_box):
    found = {row["configuration"]["black_box"]: row["result"] for row in read_records("masking_models")}[black_box]
    assert found["removed"][2] < found["kept"][1]
    assert found["fake_area"][2] < 0.05
    assert found["fake_area"][2] < found["area"][1]


@pytest.mark.parametrize("black_box", training.ENCODERS)
def test_weights_are_small_and_their_losses_fall(black_box):
    file = weights_folder() / f"{black_box.replace('parts/', 'masking/')}.safetensors"
    assert file.stat().st_size <= 4_000_000
    losses = training.losses_of(black_box)
    assert len(losses) == training.LEARNING.epochs
    assert losses[-1] < losses[0]
    keep = load_masking_model(black_box)(torch.rand(1, 3, 128, 128), torch.tensor([0]))
    assert keep.shape == (1, 128, 128)


def test_a_small_ablation_can_be_trained_again():
    rows = read_records("masking_ablations")
    assert {row["configuration"]["change"] for row in rows} == set(ablations.CHANGES)
    small = next(row for row in rows if row["configuration"]["pictures"] == ablations.SMALL["pictures"])
    again = ablations.measure_ablation(**small["configuration"])
    assert again["losses"] == pytest.approx(small["result"]["losses"], rel=0.05)
    assert again["area"] == pytest.approx(small["result"]["area"], abs=0.05)


def test_every_claim_has_a_verdict_and_a_measurement():
    claims = claims_of_the_paper()
    assert {claim.verdict for claim in claims} <= {"holds", "does not hold", "undecided", "not tried"}
    assert all(claim.measured and "nan" not in claim.measured for claim in claims)
    assert len(claims) == len({(claim.place, claim.says) for claim in claims}) >= 24
