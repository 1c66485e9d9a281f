"""Who finds the part that matters most."""

from dataclasses import replace

import pytest
import torch

from xai_utils.experiments.cnn_fixations import hits
from xai_utils.experiments.explanations import METHODS
from xai_utils.experiments.records import read_records
from xai_utils.parts import DIFFICULTY, draw_scene


@pytest.fixture
def scene():
    return draw_scene(5, label=0, difficulty=replace(DIFFICULTY, occlusion=0.0))


@pytest.fixture
def effects(scene):
    """Made up: the beak decides, the other parts count for something."""
    parts = [name for name, mask in scene.parts.items() if mask.any()]
    return {part: 5.0 if part == "beak" else 1.0 for part in parts}


def test_a_map_of_the_part_hits_and_a_map_of_another_misses(scene, effects):
    right, wrong = (scene.parts[name].float() for name in ("beak", "wing"))
    found = hits._hits(scene, effects, {"right": (right, right), "wrong": (wrong, wrong)})
    for game in ("pointing", "density"):
        assert (found[game]["right"], found[game]["wrong"]) == (1, 0)


def test_density_is_the_mean_and_not_the_mass(scene, effects):
    """Evidence everywhere is nowhere denser; a little more of it on a small part is."""
    more = torch.ones(128, 128) + scene.parts["beak"]
    parts = {name: scene.parts[name] for name in effects}
    assert sum(mask.sum() for mask in parts.values()) > 10 * parts["beak"].sum()
    assert hits.densest(more, parts) == "beak"
    assert hits.densest(torch.zeros(128, 128), parts) is None


def test_chance_is_what_a_blind_method_hits(scene, effects, generator):
    parts = {name: scene.parts[name] for name in effects}
    chance = hits._hits(scene, effects, {})
    pointed = [hits.points_at(torch.rand(128, 128, generator=generator), parts["beak"]) for _ in range(3000)]
    assert sum(pointed) / 3000 == pytest.approx(chance["pointing"]["chance"], abs=0.01)
    assert chance["density"]["chance"] == pytest.approx(1 / len(parts), abs=1e-4)
    assert chance["pointing"]["chance on the object"] > chance["pointing"]["chance"]
    assert chance["density"]["largest part"] == 0


def test_more_than_two_hundred_scenes_of_each_network_are_recorded():
    rows = read_records("fixation_hits")
    for model in hits.MODELS:
        results = [row["result"] for row in rows if row["configuration"]["model"] == model]
        assert sum(len(result["scene"]) for result in results) >= 200
        assert all(bits > 0 for result in results for bits in result["bits"])
        for game in ("pointing", "density"):
            assert hits.hit_rates(rows, model, game).keys() >= {*METHODS, "marginal PDA", "chance"}


def test_a_cell_of_the_record_is_what_the_code_computes_today():
    rows = read_records("fixation_hits")
    row = next(row for row in rows if row["configuration"] == {"model": "parts/alexnet", "scenes": [0, 20]})["result"]
    result = hits.measure_hits("parts/alexnet", [0, 2])
    assert result["scene"] == row["scene"][:2]
    assert result["part"] == row["part"][:2]
    assert result["bits"] == pytest.approx(row["bits"][:2], abs=0.1)
    for game in ("pointing", "density"):
        pairs = [(found, row[game][method][:2]) for method, found in result[game].items()]
        different = sum(one != other for found, recorded in pairs for one, other in zip(found, recorded, strict=True))
        assert different <= 1  # another processor may change the order of two values that are nearly equal
