"""The order of methods: differences that are there or not, orders that are alike or not."""

import numpy as np
import pytest

from xai_utils.experiments.verdict import standings


def test_values_stand_at_their_scene_and_their_network():
    found = standings.side_by_side([{"LRP": {0: 0.9, 4: 0.7}}, {"LRP": {}, "CAM": {1: 0.2}}])
    assert found["LRP"].shape == found["CAM"].shape == (5, 2)
    assert found["LRP"][[0, 4], 0].tolist() == [0.9, 0.7]
    assert found["CAM"][1, 1] == 0.2
    assert np.isnan(found["LRP"]).sum() == 8
    assert set(standings.asked_everywhere(found)) == set()
    assert set(standings.asked_everywhere({"LRP": found["LRP"][:, :1]})) == {"LRP"}
    assert standings.side_by_side([]) == {}


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


def test_without_a_rival_methods_are_held_against_nothing(drawn):
    found = standings.leads({"some": drawn["first"] + 1, "none": drawn["first"] - np.nanmean(drawn["first"], axis=0)})
    assert found["some"].decided
    assert not found["none"].decided
    assert found["some"].mean == pytest.approx(1 + np.nanmean(drawn["first"], axis=0).mean())


def test_orders_that_are_the_same_or_reversed_are_found_to_be(drawn):
    names = ["first", "better", "one network"]
    turned = {method: -of for method, of in drawn.items()}
    assert standings.orders_alike(drawn, turned, names) == pytest.approx((-1, -1, -1))
    assert standings.orders_alike(drawn, turned, names, higher=(True, False)) == pytest.approx((1, 1, 1))
    assert standings.orders_alike(drawn, drawn, ["first", "equal", "better"]) == pytest.approx((1, 1, 1))


def test_an_order_that_only_chance_made_has_a_wide_interval():
    draw = np.random.default_rng(2)
    one, other = ({str(number): draw.normal(size=(80, 1)) for number in range(8)} for _ in range(2))
    _, low, high = standings.orders_alike(one, other, list(one))
    assert high - low > 0.8


def test_networks_that_order_methods_alike_are_told_from_those_that_do_not():
    draw = np.random.default_rng(3)

    def scenes(*means):
        return np.stack([draw.normal(mean, 0.1, 100) for mean in means], axis=1)

    alike = {"a": scenes(0, 1, 5), "b": scenes(1, 2, 6), "c": scenes(2, 3, 7)}
    assert standings.networks_alike(alike, list(alike)) == pytest.approx((1, 1, 1))
    turned = {"a": scenes(0, 1, 7), "b": scenes(1, 2, 6), "c": scenes(2, 3, 5)}
    assert standings.networks_alike(turned, list(turned)) == pytest.approx((-1 / 3,) * 3)  # of three pairs one agrees
    assert standings.more_alike(alike, turned, list(alike)) == pytest.approx((4 / 3,) * 3)
    noise = [{name: draw.normal(size=(80, 3)) for name in alike} for _ in range(2)]
    _, low, high = standings.more_alike(*noise, list(alike))
    assert low < 0 < high
    assert high - low > 0.5
    with pytest.raises(ValueError, match="found: expected values of at least two networks, got one"):
        standings.networks_alike({name: of[:, :1] for name, of in alike.items()}, list(alike))
