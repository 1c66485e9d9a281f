"""Numbers of summaries, what flipping changes, and what adjacent classes share."""

from itertools import combinations, permutations

import numpy as np
import pytest
import torch
from scipy.stats import rankdata

from xai_utils.experiments.records import read_records
from xai_utils.experiments.visual_summaries import counts, neighbours, orientation
from xai_utils.experiments.visual_summaries.masks import unpacked
from xai_utils.experiments.visual_summaries.setting import class_pictures
from xai_utils.experiments.visual_summaries.verdicts import counts as verdicts
from xai_utils.papers.visual_summaries import match_proposals
from xai_utils.parts import CLASSES, PAIRS


def row(network, class_name, number, right=20):
    of = {str(value): number + extra for value, extra in zip(counts.PREFERENCES, (2, 1, 0, 0), strict=True)}
    common = dict.fromkeys(of, 3)
    result = {"all": of, "common": common, "right": right, "common right": 15, "area": number / 100}
    return {"configuration": {"network": network, "class_name": class_name}, "result": result}


def table(**numbers):
    return [row(f"parts/{name}", kind, number) for name, number in numbers.items() for kind in CLASSES]


def test_the_rank_correlation_is_that_of_ranks():
    rng = np.random.default_rng(0)
    accuracy = {name: float(value) for name, value in zip("abcde", rng.random(5), strict=True)}
    numbers = {name: rng.integers(0, 9, 10) for name in "edcba"}  # another order
    ranks = [rankdata([of(name) for name in "abcde"]) for of in (accuracy.get, lambda name: numbers[name].mean())]
    found, low, high = counts.rank_correlation(accuracy, numbers)
    assert found == pytest.approx(np.corrcoef(*ranks)[0, 1], abs=1e-4)
    assert low < found < high
    assert counts.rank_correlation({"a": 1, "b": 2, "c": 3}, {name: np.ones(4) for name in "abc"})[0] == 0
    with pytest.raises(ValueError, match=r"counts: expected those of .*at least three, got \['a'\]"):
        counts.rank_correlation({"a": 1.0}, {"a": numbers["a"]})


def test_counts_are_taken_from_the_rows_asked_for():
    rows = table(alexnet=2, vgg=3, googlenet=5)
    assert counts.counts_by(rows, "network")["parts/vgg"].tolist() == [3] * 10
    assert counts.counts_by(rows, "network", "all", 1.0)["parts/vgg"].tolist() == [5] * 10
    assert counts.counts_by(rows, "network", "common")["parts/vgg"].tolist() == [3] * 10
    assert counts.counts_by(rows, "network", "right")["parts/vgg"].tolist() == [20] * 10
    assert counts.counts_by(rows, "network", "area")["parts/vgg"].tolist() == [0.03] * 10
    assert counts.most_and_fewest(rows, "pickup") == ("parts/googlenet", "parts/alexnet")
    with pytest.raises(ValueError, match="class_name: expected one that several networks are recorded for, got 'van'"):
        counts.most_and_fewest(rows, "van")


def test_nothing_is_repeated_in_a_single_picture():
    images = torch.rand(2, 3, 32, 32)
    maps = torch.zeros(2, 32, 32)
    maps[0, 4:28, 4:28] = 1
    assert counts.count_all(images, maps) == dict.fromkeys(("1.0", "1.15", "1.3", "1.5"), 0)


@pytest.mark.parametrize(("numbers", "says"), [((2, 4, 6), "holds"), ((6, 4, 2), "does not hold")])
def test_table_3_holds_if_better_networks_have_more(numbers, says):
    accuracy = counts.accuracies_of(["parts/alexnet", "parts/resnet", "parts/googlenet"])
    rows = table(**{name.split("/")[1]: n for name, n in zip(sorted(accuracy, key=accuracy.get), numbers, strict=True)})
    claims = verdicts.network_claims(rows)
    assert claims[0].verdict == says
    assert claims[1].verdict == "undecided"  # as many summaries of the same pictures
    assert claims[2].verdict == "shown"  # the preference decides


def test_every_scene_faces_one_way_and_can_be_turned():
    scenes = class_pictures("pickup", 0, 12).scenes
    right = torch.tensor([orientation.faces_right(scene) for scene in scenes])
    assert 2 < right.sum() < 10
    assert not orientation.turned(scenes, "as drawn").any()
    assert torch.equal(orientation.turned(scenes, "one way"), right)
    half = orientation.turned(scenes, "half turned")
    for way in (right, ~right):
        assert half[way].sum() == (way.sum() + 1) // 2
    with pytest.raises(ValueError, match="facing: expected one of"):
        orientation.turned(scenes, "up")
    with pytest.raises(ValueError, match="scene: expected one object that faces left or right"):
        orientation.faces_right(scenes[0].without_object())


def test_flipping_twice_is_nothing_and_boxes_go_along():
    pictures, which = torch.rand(3, 2, 8, 10), torch.tensor([True, False, True])
    once = orientation.flipped(pictures, which)
    assert torch.equal(orientation.flipped(once, which), pictures)
    assert torch.equal(once[1], pictures[1])
    left, top, right, bottom = orientation._flipped_back(torch.tensor([[1, 2, 4, 7]]), 10, True)[0].tolist()
    assert torch.equal(once[0, :, top:bottom, left:right].flip(-1), pictures[0, :, 2:7, 1:4])


def test_hits_by_hand():
    scores = torch.tensor([[4.0, 1.0, 0.0], [0.0, 3.0, 2.0], [0.0, 0.0, 0.0], [5.0, 0.0, 0.0]])
    first, second = np.array(["head", "tail", "tail", "background"]), np.array(["head", "body", "tail"])
    assert orientation.hits(scores, first, second) == (0.5, 4.0, 3.0)
    nothing = orientation.hits(scores[2:3], first[2:3], second)
    assert np.isnan(nothing).all()


def test_a_mirrored_pair_is_matched_worse_than_a_pair_that_faces_one_way():
    boxes = torch.tensor([[0, 0, 20, 20], [10, 5, 40, 30], [60, 0, 80, 20]])
    mirrored = orientation._flipped_back(boxes, 80, True)
    looks = torch.tensor([[1.0, 0.2, 0.9], [0.2, 1.0, 0.2], [0.9, 0.2, 1.0]])  # both ends look alike
    names = np.array(["front", "body", "rear"])
    same = match_proposals((boxes, boxes), (looks, torch.eye(3)))
    other = match_proposals((boxes, mirrored), (looks, torch.eye(3)))
    assert orientation.hits(same.scores, names, names)[0] == 1
    assert orientation.hits(other.scores, names, names)[2:] != orientation.hits(same.scores, names, names)[2:]


def test_changes_are_paired_by_picture():
    def result(hits):
        return {way: dict.fromkeys(("hits", "right", "wrong"), hits) for way in ("same", "opposite")}

    rows = [
        {"configuration": {"class_name": "pickup", "facing": facing}, "result": result(hits)}
        for facing, hits in {"as drawn": [0.1, None, 0.5], "one way": [0.3, 0.9, 0.7]}.items()
    ]
    assert verdicts.paired(rows, "opposite", "hits") == pytest.approx((0.2, 0.2, 0.2))
    assert verdicts.mean_of(rows, "as drawn", "same", "wrong")[0] == pytest.approx(0.3)


def test_common_names_by_hand_and_by_chance():
    assert neighbours.common_names(["head", "head", "wing"], ["head", "tail"]) == pytest.approx((2 / 3 + 1 / 2) / 2)
    assert neighbours.common_names(["background"], ["head"]) is None
    parts = range(4)
    shares = [
        neighbours.common_names([str(a), str(b)], [str(c)]) for a in parts for b in parts for c in parts
    ]  # fmt: skip
    assert neighbours.names_by_chance(2, 1, 4) == pytest.approx(np.mean(shares))


def neighbour_row(adjacent, others):
    pairs = [(one // 2 == other // 2) for one, other in combinations(range(len(CLASSES)), 2)]
    values = [adjacent if same else others for same in pairs]
    part = {name: [PAIRS[CLASSES.index(name) // 2].parts[0][0]] for name in CLASSES}
    return {"result": {"names": values, "look": values, "own": 0.5, "part": part}}


def test_neighbours_are_compared_with_the_rest():
    rows = [neighbour_row(0.5, 0.1), neighbour_row(0.7, 0.3)]
    found = neighbours.table_of(rows, "names")
    assert (found[0, 1], found[1, 0], found[0, 2]) == pytest.approx((0.6, 0.6, 0.2))
    assert np.isnan(np.diag(found)).all()
    assert neighbours.advantage(found)[0] == pytest.approx((0.4, 0.4, 0.4))
    assert [claim.verdict for claim in verdicts.neighbour_claims(rows)] == ["shown", "holds", "holds"]
    assert {claim.verdict for claim in verdicts.neighbour_claims([neighbour_row(0.1, 0.5)])[1:]} == {"does not hold"}
    only = neighbours.with_common_names()
    birds, dogs, cars = (CLASSES.index(name) for name in ("robin", "golden retriever", "pickup"))
    assert (birds, dogs) in only
    assert (dogs, dogs + 1) not in only
    assert (birds, cars) in only  # both have a "body"
    with pytest.raises(ValueError, match="table: expected values of some neighbours"):
        neighbours.advantage(np.full((10, 10), np.nan))


def test_the_same_look_is_more_alike_than_another():
    one, other = torch.eye(4)[:2], torch.eye(4)[2:]
    assert neighbours.likeness_of([one[:1]], [one[:1]]) == 1
    assert neighbours.likeness_of([one], [other]) == 0
    assert neighbours.likeness_of([], [one]) is None
    for order in permutations([one[:1], other[:1]]):  # the best partner counts, wherever it stands
        assert neighbours.likeness_of([one[:1]], list(order)) == pytest.approx(0.75)


def test_a_count_of_the_record_is_what_the_code_computes_today():
    rows = [each for each in read_records(counts.EPOCH_RECORD) if len(each["result"]["picture"]) >= 2]
    row = min(rows, key=lambda each: len(each["result"]["picture"]))
    asked, result = row["configuration"], row["result"]
    images = class_pictures(asked["class_name"], 0, asked["pictures"]).images
    maps = torch.zeros_like(images[:, 0])
    maps[result["picture"]] = unpacked(result["packed"], maps[result["picture"]].shape).float()
    assert counts.count_all(images, maps) == result["all"]


def test_where_a_class_is_never_seen_nothing_is_counted():
    for each in read_records(counts.EPOCH_RECORD):
        if len(each["result"]["picture"]) < 2:
            assert set(each["result"]["all"].values()) == {0}
