"""The order of methods: games whose winner is known, and differences that are there or not."""

import numpy as np
import pytest

from xai_utils.experiments.verdict import agreement, standings, truth

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
    monkeypatch.setattr(standings, "recorded_truth", lambda model: SCENES)
    monkeypatch.setattr(agreement, "recorded_truth", lambda model: SCENES)
    monkeypatch.setattr(standings, "recorded_measures", lambda model: {"LRP": right, "gradient": wrong})
    monkeypatch.setattr(standings, "methods_for", lambda model: ["LRP", "gradient"])


def test_a_map_that_says_the_truth_wins_every_game_and_another_loses():
    means = {name: standings.standings(standings.values(name, [NETWORK])) for name in standings.CAUSAL}
    found = {name: of["LRP"][0] for name, of in means.items()}
    wanted = {"order of parts": 1, "order by mean": 1, "neediest part": 1, "telling part": 0, "sign": 1}
    assert found == pytest.approx(wanted)
    assert means["neediest part"]["gradient"][0] == 0
    assert means["order of parts"]["gradient"][0] == pytest.approx(-1)
    assert means["telling part"]["gradient"][0] == 1  # the second part tells the pair apart
    assert "gradient" not in means["sign"]  # it has no signs
    assert next(iter(means["order of parts"])) == "LRP"


def test_the_control_that_knows_sizes_plays_games_only():
    assert standings.values("neediest part", [NETWORK])[standings.SIZE][0] == 0  # the largest part costs nothing
    assert standings.SIZE not in standings.values("on the object", [NETWORK])
    assert standings.values("sign", [NETWORK])[standings.SIZE][0] == 0.5  # of two that are decided one speaks against


def test_values_stand_at_their_scene_and_their_network():
    found = standings.values("on the object", [NETWORK, "parts/vgg"])["LRP"]
    assert found.shape == (5, 2)
    assert found[[0, 4], 1].tolist() == [0.9, 0.7]
    assert np.isnan(found[1:4]).all()


def test_guessing_hits_one_of_so_many():
    known = {name: standings.guessing(name, [NETWORK]) for name in standings.MEASURES}
    assert known["neediest part"] == pytest.approx(1 / 3)
    assert known["telling part"] == pytest.approx(1 / 2)
    assert (known["order of parts"], known["sign"], known["deletion"]) == (0, 0.5, None)


def test_a_network_whose_scenes_are_not_all_recorded_is_refused(monkeypatch):
    monkeypatch.setattr(standings, "recorded_measures", lambda model: {"LRP": {"mass": [[1.0, 2.0, 3.0]]}})
    with pytest.raises(ValueError, match=r"'parts/alexnet' to be recorded, missing LRP, gradient; run python"):
        standings.values("order of parts", [NETWORK])
    assert standings.recorded_networks([NETWORK]) == []


def test_a_network_whose_scenes_are_all_recorded_is_known():
    assert standings.recorded_networks([NETWORK]) == [NETWORK]


def test_ways_to_remove_are_measured_against_drawing():
    found = agreement.removal_table(NETWORK)["blur"]
    assert found["off"][0] == pytest.approx((1.5 / 3 + 0) / 2)
    assert found["bias"][0] == pytest.approx((1.5 / 3 + 0) / 2)
    assert found["invented"][0] == pytest.approx(1 / 2)  # the silent part speaks in one scene of two
    assert found["rank"][0] == pytest.approx(1)


@pytest.fixture
def drawn():
    """Two networks; one method is better in each scene, another is the first one's equal but for chance."""
    draw = np.random.default_rng(0)
    scenes = draw.normal(size=(200, 2))
    scenes[draw.random((200, 2)) < 0.1] = np.nan
    return {
        "first": scenes,
        "better": scenes + 0.3 + draw.normal(0, 0.5, (200, 2)),
        "equal": scenes + draw.normal(0, 0.5, (200, 2)),
        "one network": np.where([True, False], scenes - 1, np.nan),
    }


def test_means_are_those_of_networks_and_intervals_hold_them(drawn):
    found = standings.standings(drawn)
    assert next(iter(found)) == "better"
    assert next(iter(standings.standings(drawn, higher=False))) == "one network"
    assert found["first"][0] == pytest.approx(np.nanmean(drawn["first"], axis=0).mean())
    for mean, low, high in found.values():
        assert low < mean < high
    width = found["first"][2] - found["first"][1]
    assert width == pytest.approx(2 * 1.96 * 1 / np.sqrt(2 * 180), rel=0.15)  # 2 networks of 180 scenes, deviation 1


def test_a_difference_that_is_there_is_decided_and_chance_is_not(drawn):
    found = standings.leads(drawn, "first")
    assert found["better"].decided
    assert found["better"].mean == pytest.approx(0.3, abs=0.1)
    assert not found["equal"].decided
    assert found["one network"].mean == pytest.approx(-1)  # compared where both were asked
    lower = standings.leads(drawn, "first", higher=False)
    assert lower["better"].mean == pytest.approx(-found["better"].mean)
    with pytest.raises(ValueError, match="rival: expected one of first, better"):
        standings.leads(drawn, "none")


def test_methods_that_share_no_scene_decide_nothing():
    ours, theirs = np.full((40, 1), np.nan), np.full((40, 1), np.nan)
    ours[:20], theirs[20:] = 1.0, 0.0
    lead = standings.leads({"ours": ours, "theirs": theirs}, "theirs")["ours"]
    assert (lead.decided, lead.p) == (False, 1)
    assert np.isnan(lead.mean)


def test_corrected_for_many_methods_chance_decides_nothing():
    draw = np.random.default_rng(1)
    alarms = 0
    for _ in range(20):
        some = {str(number): draw.normal(size=(60, 1)) for number in range(15)}
        alarms += any(lead.decided for lead in standings.leads(some, "0").values())
    assert alarms <= 4  # one in twenty is what the correction allows


def test_orders_that_are_the_same_or_reversed_are_found_to_be(drawn):
    names = ["first", "better", "one network"]
    turned = {method: -of for method, of in drawn.items()}
    found = {"order of parts": drawn, "pointing": turned, "deletion": turned}
    assert standings.orders_alike("order of parts", "pointing", found, names) == pytest.approx((-1, -1, -1))
    assert standings.orders_alike("order of parts", "deletion", found, names) == pytest.approx(
        (1, 1, 1)
    )  # less is better
    of = standings.orders_alike("order of parts", "order of parts", found, ["first", "equal", "better"])
    assert of == pytest.approx((1, 1, 1))


def test_an_order_that_only_chance_made_has_a_wide_interval():
    draw = np.random.default_rng(2)
    found = {
        measure: {str(number): draw.normal(size=(80, 1)) for number in range(8)}
        for measure in ("order of parts", "pointing")
    }
    _, low, high = standings.orders_alike("order of parts", "pointing", found, list(found["pointing"]))
    assert high - low > 0.8
