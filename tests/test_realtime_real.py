"""Tables 2 and 3 on real pictures: boxes and thresholds by arithmetic, and a recorded row again."""

import math
import os

import pytest
import torch
from torch import nn

from xai_utils.experiments.pictures import Boxed
from xai_utils.experiments.realtime_saliency import real
from xai_utils.experiments.records import read_records

ROWS = read_records("realtime_real")
NEEDS_DATA = pytest.mark.skipif(
    not {"XAI_WEIGHTS", "XAI_DATA"} <= set(os.environ), reason="needs $XAI_WEIGHTS and $XAI_DATA"
)


@pytest.fixture
def undecided():
    """A network for which every class of every picture has probability 1/2."""
    network = nn.Sequential(nn.Flatten(), nn.Linear(3 * 100, 2)).eval()
    nn.init.zeros_(network[1].weight)
    nn.init.zeros_(network[1].bias)
    return network


@pytest.fixture
def shown():
    """A picture with two objects, and one whose object is nearly everything."""
    boxes = [torch.tensor([[0.0, 0.0, 5.0, 4.0], [5.0, 5.0, 10.0, 10.0]]), torch.tensor([[0.0, 0.0, 10.0, 9.0]])]
    return Boxed(torch.rand(2, 3, 10, 10), torch.tensor([0, 1]), boxes)


@pytest.mark.parametrize(
    ("method", "missed", "areas"),
    [("true boxes", [0, 0], [(0.2, 0.25), (0.9,)]), ("max box", [1, 0], [(1,), (1,)]), ("center box", [1, 0], None)],
)
def test_boxes_are_judged_by_overlap_and_crop(undecided, shown, method, missed, areas):
    errors, scores = real.judged_boxes(undecided, shown, method)
    if areas is None:  # from 1 to 9 of 10 on each side
        areas = [(0.64,), (0.64,)]
    assert errors.tolist() == missed
    expected = [sum(math.log(area) + math.log(2) for area in some) / len(some) for some in areas]
    assert scores.tolist() == pytest.approx(expected, abs=1e-4)


def test_maps_are_judged_by_the_box_around_all_that_they_mark(undecided, shown):
    maps = torch.zeros(2, 10, 10)
    maps[0, :4, :5], maps[1, 0, 0] = 0.6, 0.4
    errors, scores = real.judged_maps(undecided, shown, maps, 0.5)
    assert errors.tolist() == [0, 1]  # the second marks nothing
    assert scores.tolist() == pytest.approx([math.log(0.2 / 0.5), math.log(1 / 0.5)], abs=1e-4)


def test_boxes_in_whole_pixels_stay_within_the_picture():
    boxes = torch.tensor([[-3.0, 2.4, 4.6, 99.0], [9.9, 9.9, 10.0, 10.0]])
    assert real.whole_pixels(boxes, (10, 10)).tolist() == [[0, 2, 5, 10], [9, 9, 10, 10]]


def test_thresholds_are_those_with_the_best_mean_on_other_pictures(monkeypatch):
    def measured(name, wanted, measure, **_):
        levels = torch.arange(len(real.THRESHOLDS))
        found = {"error": ((levels - 3) ** 2).tolist(), "score": ((levels - 6) ** 2).tolist()}
        return [{"configuration": row, "result": found} for row in wanted]

    monkeypatch.setattr(real, "record_all", measured)
    assert real.tuned_thresholds("m", "Grad-CAM") == [real.THRESHOLDS[3], real.THRESHOLDS[6]]
    assert real.tuned_thresholds("m", "center box") == []
    assert real.tuned_thresholds("m", real.SEARCHED) == [0.5, 0.5]
    assert real.TUNED[1] <= real.TESTED[0]


def test_the_rows_cover_the_test_pictures_once(monkeypatch):
    monkeypatch.setattr(real, "tuned_thresholds", lambda *_, **__: [0.1, 0.2])
    monkeypatch.setattr(real, "record_all", lambda _, wanted, *__, **___: wanted)
    wanted = real.real_rows(["resnet50"])
    for method in real.METHODS:
        pictures = [n for row in wanted if row["method"] == method for n in range(*row["pictures"])]
        last = 200 + real.SEARCHES["resnet50"] if method == real.SEARCHED else 1000
        assert pictures == list(range(200, last))
    assert wanted[-1]["method"] == real.SEARCHED  # the slow ones come last


def test_the_table_is_the_mean_over_pictures_and_can_be_asked_for_some():
    rows = [
        {
            "configuration": {"model": "m", "method": "max box", "pictures": [first, first + 2]},
            "result": {"error": [0.0, 1.0], "score": [0.5, 1.5]},
        }
        for first in (200, 202)
    ]
    assert real.real_table(rows, "m", "score")["max box"][0] == 1
    assert real.real_table(rows, "m", "error", range(202, 203)) == {"max box": (0.0, 0.0, 0.0)}
    assert real.real_table(rows, "other", "error") == {}


@pytest.mark.real
@NEEDS_DATA
@pytest.mark.parametrize("method", ["center box", "Grad-CAM"])
def test_a_recorded_row_comes_out_again(method):
    wanted = {"model": "squeezenet1_1", "method": method}
    row = next(row for row in ROWS if wanted.items() <= row["configuration"].items())
    again = real.measure_real(**row["configuration"])
    for measure in real.MEASURES:
        assert sum(again[measure]) == pytest.approx(sum(row["result"][measure]), abs=1)  # of 50 pictures


@pytest.mark.real
@NEEDS_DATA
def test_excitation_backprop_is_not_grad_cam_again():
    shown = real.boxed_pictures(real.IMAGENET, range(2), (224, 224))
    one, other = (real.maps_of("squeezenet1_1", method, shown) for method in ("Grad-CAM", "excitation backprop"))
    assert (one - other).abs().mean() > 0.02
