"""Sufficient and destroying regions: the best box by trying all, what the rows hold, and two of them again."""

import os
from itertools import product

import pytest
import torch

from xai_utils.experiments.realtime_saliency import photographs, regions
from xai_utils.experiments.records import read_records
from xai_utils.parts import Parts

ROWS = read_records("regions")
MODEL, OTHER = "parts/alexnet", "parts/resnet"


@pytest.fixture
def two_networks(monkeypatch):
    monkeypatch.setattr(regions, "BLACK_BOXES", (MODEL, OTHER))


def overlap(one, other):
    return (one & other).sum().item() / (one | other).sum().item()


@pytest.mark.parametrize("seed", range(8))
def test_no_box_segments_a_blob_better_than_the_best_box(seed):
    noise = torch.rand(12, 14, generator=torch.Generator().manual_seed(seed))
    region = regions.blurred_baseline(noise.expand(1, 3, -1, -1), sigma=40)[0, 0]
    region = region > region.quantile(0.7)
    every = []
    for top, left in product(range(12), range(14)):
        for bottom, right in product(range(top + 1, 13), range(left + 1, 15)):
            box = torch.zeros_like(region)
            box[top:bottom, left:right] = True
            every.append(overlap(box, region))
    assert overlap(regions.best_box(region), region) == max(every)


def test_the_best_box_leaves_out_what_sticks_out():
    region = torch.zeros(20, 20, dtype=torch.bool)
    region[5:15, 5:15] = True
    region[10, :] = True  # the tightest box would be 20 wide
    box = torch.zeros_like(region)
    box[5:15, 5:15] = True
    assert torch.equal(regions.best_box(region), box)


def test_objectives_ask_for_what_their_names_say():
    asked = {name: (o.preserve_weight > 0, o.destroy_weight > 0) for name, o in regions.OBJECTIVES.items()}
    assert asked == {"sufficient": (True, False), "destroying": (False, True), "both": (True, True)}


def test_the_mask_of_everything_keeps_the_whole_picture_and_leaves_nothing(two_networks):
    found = regions.measure_regions(MODEL, "everything", [100, 104])
    scenes = [Parts("test").scene(number) for number in found["scene"]]
    images, labels = torch.stack([s.image for s in scenes]), torch.tensor([s.label for s in scenes])
    whole = regions.target_probability(regions.classifier(MODEL), images, labels)
    elsewhere = regions.target_probability(regions.classifier(OTHER), images, labels)
    assert found["kept elsewhere"] == pytest.approx(elsewhere.tolist(), abs=1e-4)
    assert found["kept"] == found["kept, new baselines"] == pytest.approx(whole.tolist(), abs=1e-4)
    assert found["area"] == [1.0] * len(scenes)
    assert found["overlap"] == pytest.approx([s.region.float().mean().item() for s in scenes], abs=1e-4)
    assert "sufficient" not in found


def test_a_ranking_has_smallest_regions_only():
    found = regions.measure_regions(MODEL, "gradient", [100, 102])
    assert found.keys() == {"scene", "sufficient", "destroying"}


def test_the_object_alone_is_a_perfect_segmentation_and_better_than_its_best_box(two_networks):
    true, box = (regions.measure_regions(MODEL, mask, [100, 103]) for mask in ("object", "best box"))
    assert set(true["overlap"]) == {1.0}
    assert all(0.4 < value < 1 for value in box["overlap"])


def test_the_table_leaves_out_scenes_without_a_number():
    rows = [
        {
            "configuration": {"black_box": "m", "mask": "both", "scenes": [0, 3]},
            "result": {"scene": [0, 2], "destroying": [0.2, None], "area": [0.1, 0.3]},
        }
    ]
    assert regions.region_table(rows, "m", "destroying") == {"both": (0.2, 0.2, 0.2)}
    assert regions.region_table(rows, "m", "area")["both"][0] == pytest.approx(0.2)
    assert regions.values_of(rows, "m", "both", "area") == {0: 0.1, 2: 0.3}


@pytest.mark.parametrize("mask", ["gradient", "object"])
def test_a_recorded_row_comes_out_again(mask):
    row = next(row for row in ROWS if row["configuration"]["mask"] == mask)
    again = regions.measure_regions(**row["configuration"])
    assert again["scene"] == row["result"]["scene"]
    for name, values in row["result"].items():
        pairs = zip(again[name], values, strict=True)
        assert all(one == other if other is None else abs(one - other) <= 0.02 for one, other in pairs)


def test_stored_masks_are_what_is_drawn_and_measured():
    masks = torch.zeros(2, 224, 224)
    masks[0, 40:120, 80:200], masks[1] = 1.0, 0.5
    kept = photographs.stored(masks)
    assert kept.dtype == torch.uint8
    again = photographs.restored(kept, (224, 224))
    assert torch.allclose(again.mean(dim=(1, 2)), masks.mean(dim=(1, 2)), atol=0.003)
    assert torch.equal(photographs.stored(photographs.restored(photographs.stored(again), (224, 224)))[1], kept[1])


def test_the_recorded_masks_of_photographs_are_whole():
    kept = photographs.read_photographs()
    assert list(kept) == list(photographs.PHOTOGRAPHS)
    for found in kept.values():
        assert set(found.masks) == set(regions.OBJECTIVES)
        assert all(0 <= mask.min() < 0.5 < mask.max() <= 1 for mask in found.masks.values())
        assert {name: mask.mean().item() for name, mask in found.masks.items()} == pytest.approx(found.areas, abs=1e-3)


@pytest.mark.real
@pytest.mark.skipif("XAI_WEIGHTS" not in os.environ, reason="needs $XAI_WEIGHTS")
@pytest.mark.parametrize("photograph", photographs.PHOTOGRAPHS)
def test_the_network_says_of_recorded_masks_what_was_recorded(photograph):
    kept = photographs.read_photographs()[photograph]
    probabilities, _ = photographs.measure_masks(photograph, kept.masks)
    assert probabilities == pytest.approx(kept.probabilities, abs=0.02)
