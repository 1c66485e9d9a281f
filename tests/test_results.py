"""What is recorded of methods, by every measure: games whose winner is known."""

import numpy as np
import pytest

from xai_utils.experiments.verdict import agreement, results, truth
from xai_utils.experiments.verdict.standings import standings

NETWORK = "parts/alexnet"
CALM = {"size": [10, 10, 20], "drawn": [1.0, -0.5, 0.0], "exchanged": [0.0, 2.0, 1.0]}
SCENES = {
    0: CALM | {way: [2.0, -0.5, 0.5] for way in truth.FILLINGS},
    4: CALM | {way: [1.0, -0.5, 0.0] for way in truth.FILLINGS},
}


@pytest.fixture(autouse=True)
def told(monkeypatch):
    """Two scenes of three parts whose truth is known, and two methods: one right, one wrong."""
    right = {"mass": [[5.0, -4.0, 1.0]] * 2, "inside": [0.9, 0.7], "deletion": [0.1, 0.2]}
    wrong = {"mass": [[1.0, 9.0, 2.0]] * 2, "inside": [0.1, 0.3], "deletion": [0.3, 0.4]}
    for of in (right, wrong):
        of["localisation error"] = [[0, 1], [1, 0]]
    monkeypatch.setattr(results, "recorded_truth", lambda model: SCENES)
    monkeypatch.setattr(agreement, "recorded_truth", lambda model: SCENES)
    monkeypatch.setattr(results, "recorded_measures", lambda model: {"LRP": right, "gradient": wrong})
    monkeypatch.setattr(results, "methods_for", lambda model: ["LRP", "gradient"])


def test_a_map_that_says_the_truth_wins_every_game_and_another_loses():
    means = {name: standings(results.values(name, [NETWORK])) for name in results.CAUSAL}
    found = {name: of["LRP"][0] for name, of in means.items()}
    wanted = {"order of parts": 1, "order by mean": 1, "neediest part": 1, "telling part": 0, "sign": 1}
    assert found == pytest.approx(wanted)
    assert means["neediest part"]["gradient"][0] == 0
    assert means["order of parts"]["gradient"][0] == pytest.approx(-1)
    assert means["telling part"]["gradient"][0] == 1  # the second part tells the pair apart
    assert "gradient" not in means["sign"]  # it has no signs
    assert next(iter(means["order of parts"])) == "LRP"


def test_the_control_that_knows_sizes_plays_games_only():
    assert results.values("neediest part", [NETWORK])[results.SIZE][0] == 0  # the largest part costs nothing
    assert results.SIZE not in results.values("on the object", [NETWORK])
    assert results.values("sign", [NETWORK])[results.SIZE][0] == 0.5  # as always: it has no doubt


def test_values_stand_at_their_scene_and_their_network():
    found = results.values("on the object", [NETWORK, "parts/vgg"])["LRP"]
    assert found.shape == (5, 2)
    assert found[[0, 4], 1].tolist() == [0.9, 0.7]
    assert np.isnan(found[1:4]).all()


def test_guessing_hits_one_of_so_many():
    known = {name: results.guessing(name, [NETWORK]) for name in results.MEASURES}
    assert known["neediest part"] == pytest.approx(1 / 3)
    assert known["telling part"] == pytest.approx(1 / 2)
    assert (known["order of parts"], known["sign"], known["deletion"]) == (0, 0.5, None)


def test_a_network_whose_scenes_are_not_all_recorded_is_refused(monkeypatch):
    monkeypatch.setattr(results, "recorded_measures", lambda model: {"LRP": {"mass": [[1.0, 2.0, 3.0]]}})
    with pytest.raises(ValueError, match=r"'parts/alexnet' to be recorded, missing LRP, gradient; run python"):
        results.values("order of parts", [NETWORK])
    assert results.recorded_networks([NETWORK]) == []


def test_a_network_without_a_truth_is_not_recorded(monkeypatch):
    monkeypatch.setattr(results, "recorded_truth", lambda model: {})
    assert results.recorded_networks([NETWORK]) == []


def test_a_network_whose_scenes_are_all_recorded_is_known():
    assert results.recorded_networks([NETWORK]) == [NETWORK]


def test_ways_to_remove_are_measured_against_drawing():
    found = agreement.removal_table(NETWORK)["blur"]
    assert found["off"][0] == pytest.approx((1.5 / 3 + 0) / 2)
    assert found["bias"][0] == pytest.approx((1.5 / 3 + 0) / 2)
    assert found["invented"][0] == pytest.approx(1 / 2)  # the silent part speaks in one scene of two
    assert found["rank"][0] == pytest.approx(1)
