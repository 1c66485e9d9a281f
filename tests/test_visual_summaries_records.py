"""What chapter four recorded: rows computed again, masks that survive being written, claims with verdicts."""

import math

import pytest
import torch

from xai_utils.experiments.classifiers import classifier
from xai_utils.experiments.records import read_records
from xai_utils.experiments.visual_summaries import found, masks, photographs
from xai_utils.experiments.visual_summaries.setting import NETWORKS, PICTURES, class_pictures
from xai_utils.experiments.visual_summaries.verdicts import claims_of_the_paper
from xai_utils.papers.visual_summaries import Grouping, Summaries, mask_regions
from xai_utils.parts import CLASSES

VERDICTS = {"holds", "does not hold", "undecided", "shown", "not tried"}


def test_black_and_white_masks_survive_being_written():
    drawn = torch.rand(3, 7, 5, generator=torch.Generator().manual_seed(0)) > 0.5
    assert torch.equal(masks.unpacked(masks.packed(drawn), drawn.shape), drawn)


def test_pictures_of_a_class_are_the_first_of_the_split():
    scenes, images, labels = class_pictures("oboe", 2, 5)
    assert [scene.class_name for scene in scenes] == ["oboe"] * 3
    assert set(labels.tolist()) == {CLASSES.index("oboe")}
    assert torch.equal(images, class_pictures("oboe").images[2:5])


def test_a_recorded_mask_is_found_again():
    row = next(r for r in read_records(masks.RECORD) if r["configuration"]["network"] == "parts/alexnet")
    class_name, result = row["configuration"]["class_name"], row["result"]
    number = result["picture"][1]
    image, label = class_pictures(class_name).images[[number]], class_pictures(class_name).labels[[number]]
    again, found_masks = masks.drops(classifier("parts/alexnet"), image, label, "mixed")
    for name in ("whole", "smooth", "thresholded", "crisp", "crisp area"):
        assert again[name][0] == pytest.approx(result[name][1], abs=0.02)
    recorded = masks.recorded_maps("parts/alexnet", class_name)[number] > 0.5
    assert ((found_masks.crisp[0] > 0.5) != recorded).float().mean() < 0.03


def test_every_network_and_class_has_masks_and_summaries():
    for network in NETWORKS:
        for class_name in CLASSES:
            maps, summaries = masks.recorded_maps(network, class_name), found.recorded_summaries(network, class_name)
            mistaken = masks.mistaken(network, class_name)
            assert set(summaries.mistaken) <= set(mistaken)
            assert not maps[list(mistaken)].any()
            regions = mask_regions(maps)
            for summary in summaries:
                assert len(summary.images) >= 2
                assert set(summary.images.tolist()).isdisjoint(summaries.unused)
                for number, box, region in zip(summary.images, summary.boxes, summary.regions, strict=True):
                    left, top, right, bottom = box.tolist()
                    covered = regions[number].any(dim=0)[top:bottom, left:right]
                    assert covered.float().mean() > 0.75
                    assert region[top:bottom, left:right].equal(covered)


def test_a_class_whose_parts_fit_nothing_has_no_summaries_and_says_why(monkeypatch):
    def refuse(*_):
        raise ValueError("scores: expected some pairs")

    monkeypatch.setattr(found, "class_summaries", refuse)
    result = found.measure_summaries("parts/alexnet", "robin", PICTURES)
    assert result == {"refused": "scores: expected some pairs"}
    row = {"configuration": {"network": "n", "class_name": "robin", "pictures": PICTURES}, "result": result}
    monkeypatch.setattr(found, "read_records", lambda _: [row])
    assert found.recorded_summaries.__wrapped__("n", "robin") == found.NONE
    assert isinstance(found.NONE, Summaries)
    assert len(found.NONE) == 0
    assert math.isnan(found.NONE.quality)


def test_what_is_not_recorded_is_named_with_its_command():
    with pytest.raises(ValueError, match=r"expected recorded masks, got 'parts/none'.*visual_summaries.masks"):
        masks.recorded_maps("parts/none", "robin")
    with pytest.raises(ValueError, match=r"expected those recorded, got 'parts/none'.*visual_summaries.found"):
        found.recorded_summaries("parts/none", "robin")


def test_photographs_have_masks_of_their_size():
    kept = photographs.read_photographs()
    assert len(kept) == len(photographs.PHOTOGRAPHS)
    for one in kept.values():
        assert one.smooth.shape == one.crisp.shape == (224, 224)
        assert one.crisp.mean().item() == pytest.approx(one.measures["crisp area"], abs=0.01)
        assert one.measures["crisp"] < one.measures["whole"]


def test_every_claim_has_a_verdict():
    claims = claims_of_the_paper()
    assert len(claims) > 30
    assert {claim.verdict for claim in claims} <= VERDICTS
    assert not [claim for claim in claims if "nan" in claim.measured]


def test_clusters_that_do_not_settle_are_damped_more(monkeypatch):
    tried = []

    def summarise_maps(images, maps, *, grouping, cache):
        tried.append(grouping.damping)
        if grouping.damping < 0.97:
            raise ValueError("steps: expected enough for exemplars to settle")
        return found.NONE

    monkeypatch.setattr(found, "summarise_maps", summarise_maps)
    assert found.settled(torch.zeros(2), torch.zeros(2), Grouping(preference=1.0)) == found.NONE
    assert tried == [0.9, 0.95, 0.97]

    def refuse(images, maps, *, grouping, cache):
        raise ValueError("regions: expected some" if grouping.covered == 0.5 else "steps: expected enough")

    monkeypatch.setattr(found, "summarise_maps", refuse)
    for covered, words in ((0.5, "regions"), (0.75, "steps")):
        with pytest.raises(ValueError, match=words):
            found.settled(torch.zeros(2), torch.zeros(2), Grouping(covered=covered))


def test_table_2_is_the_mean_and_the_variance_of_relative_drops():
    result = {"whole": [0.5, 1.0], "smooth": [0.25, 1.0], "thresholded": [0.5, 1.0], "crisp": [0.0, 0.0]}
    rows = [{"configuration": {"model": "m", "stages": "mixed"}, "result": result}]
    table = masks.drop_table(rows, stages="mixed")
    assert table["smooth"]["relative"][0] == pytest.approx(0.25)
    assert table["smooth"]["absolute"][0] == pytest.approx(0.125)
    assert table["smooth"]["variance"] == pytest.approx(0.0625)
    assert table["crisp"]["relative"] == (1, 1, 1)
    with pytest.raises(ValueError, match="about: expected what some row is about, got"):
        masks.drop_table(rows, stages="paper")
    assert masks.difference(rows, "crisp", "smooth", stages="mixed")[0] == pytest.approx(0.75)


def test_rows_can_be_cut_to_the_first_pictures():
    result = {"picture": [0, 3, 5], "crisp": [0.1, 0.2, 0.3], "packed": "text"}
    (cut,) = masks.first_pictures([{"configuration": {}, "result": result}], 4)
    assert cut["result"] == {"picture": [0, 3], "crisp": [0.1, 0.2], "packed": "text"}
    assert result["crisp"] == [0.1, 0.2, 0.3]
