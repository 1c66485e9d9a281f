"""Figure 7 of CNN Fixations: evidence on the strokes of a sketch."""

import pytest
import torch

from xai_utils.experiments.cnn_fixations import sketches
from xai_utils.experiments.explanations import FIXATIONS, METHODS
from xai_utils.experiments.records import read_records
from xai_utils.training import Recipe
from xai_utils.weights import read_weights, weights_folder


@pytest.fixture
def strokes():
    marks = torch.zeros(1, 40, 40, dtype=torch.bool)
    marks[0, 10, 5:35] = True
    marks[0, 30, 5:35] = True
    return marks


def test_evidence_that_is_the_strokes_lies_on_them_and_hits_them_all(strokes):
    shares = sketches.on_strokes(strokes.float(), strokes, strokes)
    assert shares["on"] == shares["near"] == shares["hit"] == 1


def test_evidence_on_one_of_two_strokes_hits_half(strokes):
    upper = strokes.clone()
    upper[0, 20:] = False
    shares = sketches.on_strokes(upper.float(), upper, strokes)
    assert shares["on"] == 1
    assert shares["hit"] == 0.5
    assert shares["hit_chance"] == pytest.approx(9 * 38 / 1600)  # rows 6..14, columns 1..38


def test_a_sketch_without_evidence_is_not_hit(strokes):
    nothing = torch.zeros(1, 40, 40)
    shares = sketches.on_strokes(nothing, nothing > 0, strokes)
    assert shares["on"] == shares["near"] == shares["hit"] == shares["hit_chance"] == 0


def test_chance_is_the_mean_over_all_shifts_of_the_evidence(strokes, generator):
    maps = torch.rand(1, 40, 40, generator=generator) * (torch.rand(1, 40, 40, generator=generator) > 0.99)
    shares = sketches.on_strokes(maps, maps > 0, strokes)
    reached, near = sketches.grown(maps > 0), sketches.grown(strokes)
    shifts = [(rows, columns) for rows in range(40) for columns in range(40)]
    hits = [(reached.roll(shift, (1, 2)) & strokes).sum() / strokes.sum() for shift in shifts]
    lies_near = [(maps.roll(shift, (1, 2)) * near).sum() / maps.sum() for shift in shifts]
    assert float(sum(hits) / len(hits)) == pytest.approx(float(shares["hit_chance"]), abs=1e-4)
    assert float(sum(lies_near) / len(lies_near)) == pytest.approx(float(shares["near_chance"]), abs=1e-4)


def test_a_mark_reaches_four_pixels_in_each_direction():
    mark = torch.zeros(1, 20, 20, dtype=torch.bool)
    mark[0, 10, 10] = True
    assert sketches.grown(mark)[0].nonzero().amin(0).tolist() == [6, 6]
    assert sketches.grown(mark).sum() == 81


def test_the_strongest_pixels_are_marked_and_none_that_is_zero():
    maps = torch.tensor([[[0.1, 0.9], [0.5, 0.0]], [[0.0, 0.2], [0.0, 0.0]]])
    marks = sketches.strongest(maps, torch.tensor([2, 3]))
    assert marks.tolist() == [[[False, True], [True, False]], [[False, True], [False, False]]]


def test_a_sketch_is_grey_and_its_strokes_are_dark():
    images, labels = sketches.sketches("test", range(3))
    assert images.shape == (3, 3, 128, 128)
    assert images.dtype == torch.uint8
    assert torch.equal(images[:, 0], images[:, 2])
    assert len(set(labels.tolist())) == 3
    share = (images[:, 0] < 255 * sketches.INK).float().mean((1, 2))
    assert torch.all((share > 0.03) & (share < 0.2))


def test_fine_tuning_starts_from_the_network_for_photographs(tmp_path, monkeypatch):
    monkeypatch.setattr(sketches, "weights_folder", lambda: tmp_path)
    monkeypatch.setattr(sketches, "CHECKPOINT", tmp_path / "checkpoint.pt")
    file = sketches.fine_tune(scenes=80, recipe=Recipe(epochs=1, batch_size=40, learning_rate=1e-6))
    tuned, base = read_weights(file), read_weights(weights_folder() / f"{sketches.BASE}.safetensors")
    assert all(torch.allclose(tuned[name].float(), base[name].float(), atol=1e-3) for name in base)


def test_an_untrained_network_is_the_same_every_time_and_knows_nothing():
    first, second = (sketches.sketch_classifier(sketches.UNTRAINED) for _ in range(2))
    assert all(torch.equal(a, b) for a, b in zip(first.parameters(), second.parameters(), strict=True))
    assert sketches.measure_sketch_classifier(sketches.UNTRAINED, 50)["low"] < 0.2


def test_the_recorded_classifier_is_right_on_three_quarters_of_held_out_sketches():
    rows = {row["configuration"]["model"]: row["result"] for row in read_records("sketch_classifier")}
    assert rows[sketches.MODEL]["low"] >= 0.75
    assert rows[sketches.MODEL]["low"] > rows[sketches.BASE]["high"]
    assert (weights_folder() / f"{sketches.MODEL}.safetensors").stat().st_size <= 2e6
    few = sketches.measure_sketch_classifier(sketches.MODEL, 100)
    assert few["low"] <= rows[sketches.MODEL]["accuracy"] <= few["high"]


@pytest.mark.parametrize(("method", "form"), [("fixations", "points"), ("Grad-CAM", "map")])
def test_a_small_cell_of_the_record_is_what_the_code_computes_today(method, form):
    wanted = {"model": sketches.MODEL, "method": method, "form": form, "scenes": sketches.QUICK}
    row = next(row for row in read_records("sketches") if row["configuration"] == wanted)
    result = sketches.measure_sketches(**wanted)
    assert result.keys() == row["result"].keys()
    assert all(result[name] == pytest.approx(row["result"][name], rel=0.05, abs=0.02) for name in result)


def test_the_whole_table_is_recorded():
    rows = [row["configuration"] for row in read_records("sketches")]
    for model in (sketches.MODEL, sketches.UNTRAINED):
        mine = [row for row in rows if row["scenes"] == sketches.FULL and row["model"] == model]
        found = {(row["method"], row["form"]) for row in mine}
        assert found == {(m, "points") for m in FIXATIONS} | {(m, "map") for m in METHODS}
