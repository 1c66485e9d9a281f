"""What masks keep of what a black box does not use: what is taken out of a scene, and what the rows say."""

from dataclasses import replace

import numpy as np
import pytest
import torch
from torch import nn

from xai_utils.experiments.realtime_saliency import interventions as room
from xai_utils.experiments.realtime_saliency.training import BLACK_BOXES
from xai_utils.experiments.records import read_records
from xai_utils.parts import DIFFICULTY, draw_scene

CLEAR = replace(DIFFICULTY, blur=(0.0, 0.0), occlusion=1.0, distractors=(2, 2))


@pytest.fixture
def scene():
    return draw_scene(5, label=0, difficulty=CLEAR)


def test_a_scene_comes_apart_into_its_parts_and_its_things(scene):
    found = {name: visible for name, visible, _ in room.pieces(scene)}
    parts = {name for name in found if not name.startswith("thing ")}
    assert parts <= set(scene.parts)
    assert {name for name in found if name not in parts} <= {"thing 0", "thing 1", "thing occluder"}
    assert "thing occluder" in found
    assert sum(found.values()).max() == 1  # no pixel shows two of them


def test_taking_a_thing_out_changes_the_picture_where_it_was_and_nowhere_else(scene):
    covers = {one.layer.name: torch.from_numpy(one.cover > 0) for one in scene._visible if one.layer.owner < 0}
    for name, visible, without in room.pieces(scene):
        if name.startswith("thing "):
            changed = (without.image != scene.image).any(dim=0)
            assert changed[visible].float().mean() > 0.9
            assert not (changed & ~covers[name.removeprefix("thing ")]).any()
            assert without.label == scene.label


class Light(nn.Module):
    """Says class 0 the more, the lighter the part is."""

    def __init__(self, part):
        super().__init__()
        self.part = part

    def forward(self, images):
        light = images.mean(dim=1)[:, self.part].mean(dim=1)
        return torch.stack([4 * light, torch.zeros_like(light)], dim=1)


def test_only_what_the_black_box_looks_at_has_an_effect(scene):
    parts = {name: (visible, without) for name, visible, without in room.pieces(scene)}
    beak = parts["beak"][0]
    found = room.effects(Light(beak).eval(), scene, {name: without for name, (_, without) in parts.items()})
    assert abs(found["beak"]) > 0.01
    untouched = [name for name, one in parts.items() if torch.equal(one[1].image[:, beak], scene.image[:, beak])]
    assert len(untouched) >= 3
    assert all(found[name] == pytest.approx(0, abs=1e-4) for name in untouched)


def test_likeness_of_equal_opposite_and_empty_masks():
    mask = torch.zeros(1, 4, 4)
    mask[:, :2] = 1
    assert room.likeness(mask, mask) == [[1, 1]]
    assert room.likeness(mask, 1 - mask) == [[-1, 0]]
    assert room.likeness(torch.zeros(1, 4, 4), torch.zeros(1, 4, 4)) == [[0, 1]]


def rows_of(keep, effect):
    """One row in which each of two black boxes has the keeps and effects given, in 12 scenes that are nearly equal."""
    scenes = range(12)

    def varied(pieces):
        return [{name: value + 1e-4 * scene for name, value in pieces.items()} for scene in scenes]

    result = {
        "scene": list(scenes),
        "effect": {name: varied(pieces) for name, pieces in effect.items()},
        "keep": {name: varied(pieces) for name, pieces in keep.items()},
        "alike": {"a|b": [[0.5 + 0.01 * scene, 0.2] for scene in scenes]},
    }
    return [{"configuration": {"method": "mask", "black_boxes": ["a", "b"], "scenes": [0, 12]}, "result": result}]


@pytest.fixture
def rows():
    """The mask for a keeps what a uses; the mask for b is the same, but b uses the other end."""
    keep = {"head": 0.9, "wing": 0.6, "leg": 0.1, "thing 0": 0.3}
    used = {"head": 2.0, "wing": 0.2, "leg": 0.0, "thing 0": 0.0}
    other = {"head": 0.0, "wing": 0.2, "leg": 2.0, "thing 0": 0.0}
    return rows_of({"a": keep, "b": keep}, {"a": used, "b": other})


def test_pieces_are_sorted_into_used_and_unused(rows):
    found = room.kept_by_use(rows, "mask", "a")
    assert found["used parts"][0] == pytest.approx(0.9, abs=0.01)
    assert found["unused parts"][0] == pytest.approx(0.1, abs=0.01)
    assert found["unused things"][0] == pytest.approx(0.3, abs=0.01)
    assert found["used - unused parts"][0] == pytest.approx(0.8, abs=0.01)
    assert room.kept_by_use(rows, "mask", "b")["used - unused parts"][0] == pytest.approx(-0.8, abs=0.01)


def test_a_mask_that_does_not_change_with_the_black_box_agrees_with_one_of_them_only(rows):
    assert room.own_against_others(rows, "mask", "a")["own"] == pytest.approx((1, 1, 1))
    assert room.own_against_others(rows, "mask", "b")["own"] == pytest.approx((-1, -1, -1))
    assert room.own_against_others(rows, "mask", "b")["own - others"] == pytest.approx((0, 0, 0))
    pair = room.likeness_of_pairs(rows, "mask")["a|b"]
    assert pair["use"] == pytest.approx((-1, -1, -1))
    assert pair["overlap"] == pytest.approx((0.2, 0.2, 0.2))


def test_one_row_from_pictures_to_numbers(monkeypatch):
    """Masks that keep the left half: what they keep of a piece is the share of it that lies there."""

    def left_half(black_box, method, images, target):
        maps = torch.zeros_like(images[:, 0])
        maps[:, :, :64] = 1
        return maps

    monkeypatch.setattr(room, "maps_of", left_half)
    found = room.measure_interventions("mask", ["parts/alexnet", "parts/resnet"], [100, 104])
    assert 1 <= len(found["scene"]) <= 4
    scene = room.Parts("test").scene(found["scene"][0])
    for name, visible, _ in room.pieces(scene):
        share = float(visible[:, :64].sum() / visible.sum())
        assert found["keep"]["parts/resnet"][0][name] == pytest.approx(share, abs=1e-3)
    assert found["alike"] == {"parts/alexnet|parts/resnet": [[1, 1]] * len(found["scene"])}
    assert found["effect"]["parts/alexnet"] != found["effect"]["parts/resnet"]


def test_the_record_holds_both_methods_and_all_black_boxes():
    rows = read_records("interventions")
    for method in room.METHODS:
        for name in BLACK_BOXES:
            found = room.kept_by_use(rows, method, name)
            assert all(low <= mean <= high for mean, low, high in found.values())
            assert found["unused parts"][2] <= 1
        assert len(room.likeness_of_pairs(rows, method)) == 3


def test_a_cell_of_the_record_is_what_the_code_computes_today():
    row = next(row for row in read_records("interventions") if row["configuration"]["method"] == "masking model")
    asked, result = row["configuration"], row["result"]
    first = result["scene"][0]
    found = room.measure_interventions("masking model", asked["black_boxes"], [first, first + 1])
    for name in asked["black_boxes"]:
        assert found["keep"][name][0] == pytest.approx(result["keep"][name][0], abs=0.01)
        assert found["effect"][name][0] == pytest.approx(result["effect"][name][0], abs=0.02)
    np.testing.assert_allclose(
        next(iter(found["alike"].values()))[0][0], next(iter(result["alike"].values()))[0][0], atol=0.02
    )
