"""What summaries truly show: boxes against parts, purity against chance, and what removing a part costs."""

import numpy as np
import pytest
import torch

from xai_utils.experiments.claims import claims_table
from xai_utils.experiments.records import read_records
from xai_utils.experiments.visual_summaries import causes, truth
from xai_utils.experiments.visual_summaries.setting import class_pictures
from xai_utils.experiments.visual_summaries.verdicts import truth as verdicts
from xai_utils.papers.visual_summaries import Summaries, Summary
from xai_utils.parts import CLASSES, draw_scene


@pytest.fixture
def scene():
    return draw_scene(3, label=0)


def bounding(mask):
    rows, columns = mask.any(1).nonzero()[:, 0], mask.any(0).nonzero()[:, 0]
    return torch.stack([columns[0], rows[0], columns[-1] + 1, rows[-1] + 1])


def counted(scene, box):
    """The slow twin of `part_shown`: pixel by pixel."""
    left, top, right, bottom = box.tolist()
    pixels = [(row, column) for row in range(top, bottom) for column in range(left, right)]
    if sum(bool(scene.region[pixel]) for pixel in pixels) < len(pixels) / 2:
        return "background"
    counts = {name: sum(bool(mask[pixel]) for pixel in pixels) for name, mask in scene.parts.items()}
    return max(counts, key=counts.get)


def test_a_box_shows_the_part_that_fills_most_of_it(scene):
    rng = np.random.default_rng(0)
    corners, sizes = rng.integers(0, 100, (40, 2)), rng.integers(4, 28, (40, 2))
    boxes = torch.from_numpy(np.concatenate([corners, corners + sizes], axis=1))
    found = truth.part_shown(scene, boxes)
    assert found == [counted(scene, box) for box in boxes]
    assert len(set(found)) > 3
    row, column = torch.stack(torch.where(scene.parts["wing"]), dim=1).median(dim=0).values.tolist()
    assert truth.part_shown(scene, torch.tensor([[column, row, column + 1, row + 1]])) == ["wing"]


def test_random_boxes_have_the_size_and_lie_in_the_regions():
    regions = torch.zeros(2, 40, 40, dtype=torch.bool)
    regions[0, 5:20, 5:15] = regions[1, 30:40, 20:40] = True
    drawn = truth.random_boxes(regions, torch.tensor([0, 0, 8, 6]), 300, np.random.default_rng(0))
    assert ((drawn[:, 2:] - drawn[:, :2]) == torch.tensor([8, 6])).all()
    covered = [regions.any(0)[top:bottom, left:right].float().mean() for left, top, right, bottom in drawn.tolist()]
    assert min(covered) > 0.75
    assert (drawn[:, 1] < 20).any()
    assert (drawn[:, 1] > 20).any()
    with pytest.raises(ValueError, match="box: expected a size that regions cover"):
        truth.random_boxes(regions, torch.tensor([0, 0, 30, 30]), 1, np.random.default_rng(0))


def test_purity_by_hand_and_against_chance():
    assert truth.purity(["a", "b", "a", "c"]) == 0.5
    assert truth.commonest(["a", "b", "b", "a"]) == "a"  # the exemplar's
    pure = [["a"] * 4, ["b"] * 4]

    # of 70 equally likely halves 2 are pure, 32 are three to one, 36 two to two: (2 + 24 + 18) / 70
    assert truth.regrouped(pure, 4000) == pytest.approx([44 / 70] * 2, abs=0.01)
    assert truth.regrouped([["a"] * 3, ["a"] * 2], 5) == [1.0, 1.0]
    with pytest.raises(ValueError, match="names: expected those of at least one member, got none"):
        truth.purity([])
    with pytest.raises(ValueError, match="class_name: expected one of"):
        truth.telling("pick-up")


def test_log_odds_by_hand():
    logits = torch.tensor([[0.0, 0.0, 0.0], [2.0, 1.0, -1.0]])
    bits, probability = truth.odds(logits, 1)
    shares = logits.double().softmax(dim=1)[:, 1]
    assert probability.tolist() == pytest.approx(shares.tolist())
    assert bits.tolist() == pytest.approx((shares / (1 - shares)).log2().tolist())
    assert bits[0] == pytest.approx(-1)


@pytest.fixture
def planted(monkeypatch):
    """Summaries that are known to show beaks, and one that shows wings and beaks in turn."""
    scenes = class_pictures("robin", 0, 6).scenes
    regions = torch.stack([scene.region for scene in scenes])
    beaks, wings = (torch.stack([bounding(scene.parts[name]) for scene in scenes]) for name in ("beak", "wing"))
    mixed = torch.where(torch.arange(6)[:, None] % 3 == 0, beaks, wings)
    numbers, scores = torch.arange(6), torch.ones(6).double()
    summaries = tuple(Summary(numbers, boxes, regions, 0, scores, 0.5) for boxes in (beaks, mixed))
    found = Summaries(summaries, 0.5, 0, 0, 0, 0, (), ())
    monkeypatch.setattr(truth, "recorded_summaries", lambda network, class_name: found)
    monkeypatch.setattr(truth, "recorded_maps", lambda network, class_name: torch.ones(6, 128, 128))
    monkeypatch.setattr(truth, "DRAWS", 20)
    return [
        [truth.part_shown(scene, box[None])[0] for scene, box in zip(scenes, b, strict=True)] for b in (beaks, mixed)
    ]


def test_planted_summaries_are_seen_as_what_they_are(planted):
    found = truth.measure_truth("any", "robin", 6)
    assert found["names"] == planted
    assert found["images"] == [[0, 1, 2, 3, 4, 5]] * 2
    assert found["purity"] == pytest.approx([truth.purity(names) for names in planted], abs=1e-4)
    for drawn in found["drawn"]:
        assert sum(drawn.values()) == pytest.approx(1, abs=1e-3)
        assert max(drawn, key=drawn.get) == "background"  # regions are the whole picture
    assert found["in boxes"][0] == pytest.approx(truth.purity(["background"] * 5 + ["x"]), abs=0.25)


def rows_of(names, drawn, part_costs, network="parts/x", class_name="robin"):
    """A row of each table, with six pictures and parts of given areas and costs."""
    key = {"network": network, "class_name": class_name}
    result = {"images": [list(range(len(some))) for some in names], "names": names, "drawn": drawn}
    result |= {"purity": [truth.purity(some) for some in names], "in boxes": [0.5] * len(names)}
    result["regrouped"] = [0.4] * len(names)
    parts = {
        part: {"area": [area] * 6, "removed": [cost] * 6, "probability": [cost / 10] * 6}
        | ({"swapped": [cost * 2] * 6} if part in truth.telling(class_name) else {})
        for part, (area, cost) in part_costs.items()
    }
    return {"configuration": key, "result": result}, {
        "configuration": key,
        "result": {"whole": [5] * 6, "parts": parts},
    }


def test_costs_are_of_the_members_that_show_the_part_and_of_a_part_of_similar_area():
    parts = {"beak": (100, 3.0), "legs": (150, 1.0), "wing": (900, 9.0), "tail": (10, 7.0)}
    one, effects = rows_of([["beak"] * 3 + ["wing"], ["wing", "wing"], ["background"] * 2], [{"beak": 1.0}] * 3, parts)
    effects["result"]["parts"]["beak"]["area"][1] = 19  # too little to be seen
    beak, wing = causes.costs(one, effects)
    assert beak["removed"] == [3.0, 3.0]
    assert beak["other"] == [1.0, 1.0]  # legs; the wing is too large, the tail cannot be seen
    assert beak["paired"] == [2.0, 2.0]
    assert beak["swapped"] == [6.0, 6.0]
    assert wing["removed"] == [9.0, 9.0]
    assert wing["other"] == wing["swapped"] == []
    assert causes.needed([effects]) == {("parts/x", "robin"): "wing"}
    own, chance, more = causes.needed_found([one], [effects])
    assert (own[0], chance[0], more[0]) == (1.0, 0.0, 1.0)  # random boxes would all show the beak


def test_what_the_masks_already_point_at_is_taken_off():
    parts = {"beak": (100, 3.0), "legs": (150, 1.0)}
    drawn = [{"beak": 0.25, "legs": 0.25, "background": 0.5}] * 2
    one, effects = rows_of([["beak"] * 2, ["background"] * 2], drawn, parts)
    assert causes.beyond_masks(one, effects) == pytest.approx([1.0])  # 3 less the mean of 3 and 1
    assert causes.telling_ahead(one) == pytest.approx([0.75, -0.25])


@pytest.mark.parametrize(("beak", "says"), [(3.0, "holds"), (-3.0, "does not hold")])
def test_claims_hold_for_planted_causes_only(beak, says):
    drawn, parts = [{"beak": 0.1, "legs": 0.9}], {"beak": (100, beak), "legs": (120, 0.1)}
    pairs = [rows_of([["beak"] * 5], drawn, parts, class_name=name) for name in CLASSES[:2]]
    truths, effects = ([pair[index] for pair in pairs] for index in (0, 1))
    verdict = {claim.says: claim.verdict for claim in verdicts.truth_claims(truths, effects)}
    assert (
        verdict[
            "summaries are what the network uses: drawn without its part, the class loses more than without another"
        ]
        == says
    )
    assert verdict["what the network uses most is among the summaries"] == says
    assert verdict["clustering finds what matters within the regions, more than the masks alone"] == says
    assert verdict["clusters consistently identify a particular portion of an object"] == "holds"
    with pytest.raises(ValueError, match="rows: expected some with summaries, got none"):
        causes.by_class(truths, lambda row: [])


def test_the_cost_of_removal_is_what_the_code_computes_today():
    rows = {tuple(row["configuration"].values()): row["result"] for row in read_records("part_effects")}
    recorded = next(found for key, found in rows.items() if "parts/alexnet" in key and "robin" in key)
    found = truth.measure_effects("parts/alexnet", "robin", 2)
    assert found["whole"] == pytest.approx(recorded["whole"][:2], abs=0.05)
    for part, lists in found["parts"].items():
        assert lists["area"] == recorded["parts"][part]["area"][:2]
        assert lists["removed"] == pytest.approx(recorded["parts"][part]["removed"][:2], abs=0.05)
        assert ("swapped" in lists) == (part in truth.telling("robin"))


def test_the_record_says_what_its_own_names_say():
    rows, effects = read_records(truth.RECORD), read_records(truth.EFFECTS)
    assert rows
    for row in rows:
        result = row["result"]
        assert result["purity"] == pytest.approx([truth.purity(names) for names in result["names"]], abs=1e-4)
        assert [len(some) for some in result["images"]] == [len(some) for some in result["names"]]
    assert "section 3.2" in repr(claims_table(verdicts.truth_claims(rows, effects)))
