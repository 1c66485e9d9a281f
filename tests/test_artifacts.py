"""Adversarial masks: the measures against them one at a time, what is measured, and a row computed again."""

from dataclasses import asdict

import pytest
import torch

from xai_utils.experiments.realtime_saliency import artifacts
from xai_utils.experiments.records import read_records
from xai_utils.masks import SWAPPED
from xai_utils.parts import load_images

ROWS = read_records("adversarial_masks")
MODEL = "parts/alexnet"


def differences(first, second):
    first, second = asdict(first), asdict(second)
    return {name for name in first if first[name] != second[name]}


def test_each_measure_changes_one_thing_and_everything_is_the_objective_of_the_chapter():
    changed = {name: differences(artifacts.ADVERSARIAL, other) for name, other in artifacts.PROTECTED.items()}
    assert changed.pop("nothing") == set()
    assert changed.pop("everything") == {"baseline", "tv_weight", "size"}
    assert all(len(fields) == 1 for fields in changed.values())
    assert differences(artifacts.PROTECTED["everything"], SWAPPED) == {"preserve_weight"}


def test_roughness_is_the_outline_over_the_area_whatever_the_factor():
    square = torch.zeros(2, 32, 32)
    square[:, 8:24, 4:20] = torch.tensor([1.0, 0.03])[:, None, None]
    assert torch.allclose(artifacts.roughness(square), torch.tensor(4 * 16 / 16**2))
    assert artifacts.roughness(torch.zeros(1, 4, 4)).item() == 0


def test_an_unprotected_mask_is_scattered_and_still_destroys_the_class():
    images, labels = load_images("test", [100, 101])
    model = artifacts.classifier(MODEL)
    masks = {name: artifacts.adversarial_masks(model, images, labels, name) for name in ("nothing", "everything")}
    left = artifacts.remove_evidence(images, 1 - masks["nothing"], artifacts.baselines_of(images)["grey"])
    assert artifacts.target_probability(model, left, labels).max() < 0.05
    rough = {name: artifacts.roughness(found) for name, found in masks.items()}
    assert (rough["nothing"] > 3 * rough["everything"]).all()


def test_what_is_seen_under_its_own_baseline_and_under_others_is_kept_apart(monkeypatch):
    even = {name: torch.zeros(1) + level for level, name in enumerate(artifacts.BASELINES)}
    monkeypatch.setattr(artifacts, "baselines_of", lambda images: even)
    monkeypatch.setattr(artifacts, "adversarial_masks", lambda _, images, *__: torch.ones_like(images[:, 0]))
    monkeypatch.setattr(artifacts, "target_probability", lambda _, images, __: images[:, 0, 0, 0].clamp(min=0.5))
    found = artifacts.measure_artifacts(MODEL, "everything", [100, 102])
    assert found["own"] == [3.5, 3.5]  # blur and noise
    assert found["unseen"] == pytest.approx([(0.5 + 1 + 2) / 3] * 2, abs=1e-4)
    assert found["area"] == [1.0, 1.0]
    assert found["scene"] == [100, 101]
    assert 0 < found["inside"][0] < 1


def test_the_table_averages_scenes_and_knows_what_does_not_transfer():
    rows = [
        {
            "configuration": {"model": "m", "protection": protection, "scenes": [first, first + 1]},
            "result": {"own": [0.0, 0.1], "unseen": [0.5, 0.8]},
        }
        for protection in artifacts.PROTECTED
        for first in (0, 2)
    ]
    assert artifacts.artifact_table(rows, "m", "unseen")["blur"][0] == pytest.approx(0.65)
    mean, low, high = artifacts.artifact_table(rows, "m", "transfer")["nothing"]
    assert mean == pytest.approx(0.6)
    assert 0.49 < low <= high < 0.71


def test_a_recorded_row_comes_out_again():
    row = ROWS[0]
    again = artifacts.measure_artifacts(**row["configuration"])
    assert again["scene"] == row["result"]["scene"]
    for measure, tolerance in {"before": 0.01, "own": 0.02, "area": 0.005, "roughness": 0.2}.items():
        assert sum(again[measure]) == pytest.approx(sum(row["result"][measure]), abs=tolerance * len(again["scene"]))


def test_every_measure_is_recorded_for_every_scene():
    for row in ROWS:
        assert row["result"].keys() == {"scene", *artifacts.MEASURES}
        assert len({len(values) for values in row["result"].values()}) == 1
