"""Introduced evidence: fillings and blur by arithmetic, and findings that are planted to be found."""

import numpy as np
import pytest
import torch

from xai_utils.experiments.realtime_saliency import introduced
from xai_utils.experiments.records import read_records
from xai_utils.parts import Parts

COLOURS, BLURS = read_records("introduced_colours"), read_records("introduced_blur")


def test_detail_is_little_in_smooth_pictures_and_nearly_all_of_noise():
    ramp = torch.linspace(0, 1, 64).expand(1, 3, 64, 64)
    noise = torch.rand(1, 3, 64, 64, generator=torch.Generator().manual_seed(0))
    smooth, fine, even = introduced.detail(torch.cat([ramp, noise, torch.full_like(ramp, 0.3)])).tolist()
    assert smooth < 0.05
    assert fine > 0.9
    assert even < 1e-6


def test_the_whole_box_of_the_object_is_filled_and_nothing_else(monkeypatch):
    seen = []
    monkeypatch.setattr(introduced, "predict", lambda _, images: seen.append(images) or torch.zeros(len(images), 2))
    introduced.measure_filling("parts/alexnet", "white", [100, 101])
    scene = Parts("test").scene(100)
    left, top, right, bottom = scene.box
    changed = (seen[0][0] != scene.image).any(dim=0)
    assert (seen[0][0, :, top:bottom, left:right] == 1).all()
    changed[top:bottom, left:right] = False
    assert not changed.any()


def rows_of(probabilities):
    return [
        {"configuration": {"model": "m", "fill": fill}, "result": {"probabilities": values.tolist()}}
        for fill, values in probabilities.items()
    ]


def test_a_colour_that_speaks_for_a_class_is_found_and_chance_is_not():
    random = np.random.default_rng(0)
    said = {fill: random.uniform(0, 0.2, size=(80, 3)) for fill in introduced.FILLS}
    said["green"][:, 2] += 0.3
    table = introduced.own_evidence(rows_of(said), "m", ["a", "b", "grass"])
    mean, low, _ = table["green: grass"]
    assert mean == pytest.approx(0.3 * 8 / 9, abs=0.03)
    assert low > 0.2
    others = {name: interval for name, interval in table.items() if name != "green: grass"}
    assert sum(low > 0 for _, low, _ in others.values()) <= 1  # of eight at 95%


def test_a_blur_that_leaves_smooth_pictures_standing_is_found():
    fine = np.linspace(0.1, 0.9, 60)
    result = {"label": [0] * 60, "detail": fine.tolist(), "before": [0.8] * 60, "after": (0.8 * (1 - fine)).tolist()}
    result = {name: [*values, values[0]] for name, values in result.items()}
    result["before"][-1] = 0.1  # not sure: left out
    table = introduced.blur_table([{"configuration": {"model": "m"}, "result": result}], "m")
    assert table["rank correlation"][0] == pytest.approx(-1)
    assert table["all"][0] == pytest.approx(0.5)
    assert table["smoothest third"][1] > table["finest third"][2]


def test_a_recorded_row_on_colours_comes_out_again():
    row = COLOURS[0]
    again = introduced.measure_filling(**row["configuration"])["probabilities"]
    assert np.abs(np.array(again) - np.array(row["result"]["probabilities"])).max() < 0.02


def test_a_recorded_row_on_the_blur_comes_out_again():
    row = next(row for row in BLURS if row["configuration"]["source"] == "test")
    again = introduced.measure_blur(**row["configuration"])
    assert again["label"] == row["result"]["label"]
    for name in ("detail", "before", "after"):
        assert np.abs(np.array(again[name]) - np.array(row["result"][name])).max() < 0.02
