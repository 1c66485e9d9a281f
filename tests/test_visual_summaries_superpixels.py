"""Superpixels and ranked regions: masks of whole pieces, drops by arithmetic, planted truths, and a row again."""

import numpy as np
import pytest
import torch
from torch import nn

from xai_utils.experiments.records import read_records
from xai_utils.experiments.visual_summaries import ranking, superpixels
from xai_utils.experiments.visual_summaries.setting import class_pictures
from xai_utils.parts import draw_scene

ROWS = read_records("region_ranking")


class Bright(nn.Module):
    """Asks how bright the pixels of one place are: logits 0 and `slope` times their mean."""

    def __init__(self, place, slope=8.0):
        super().__init__()
        self.register_buffer("place", place.float())
        self.slope = slope

    def forward(self, images):
        mean = (images.mean(dim=1) * self.place).sum(dim=(1, 2)) / self.place.sum()
        return torch.stack([self.slope * mean, torch.zeros_like(mean)], dim=1)


def spots(*places, side=64):
    """A dark picture with bright squares of 8 pixels, and where they are."""
    image, masks = torch.zeros(3, side, side), torch.zeros(len(places), side, side, dtype=torch.bool)
    for mask, (top, left) in zip(masks, places, strict=True):
        mask[top : top + 8, left : left + 8] = True
    image[:, masks.any(dim=0)] = 1
    return image, masks


def test_superpixels_follow_colours_and_their_number_follows_the_size():
    image, masks = spots((8, 8), (40, 32))
    pieces = superpixels.superpixels(image[None], sigma=0.0)[0]
    inside = [pieces[mask].unique() for mask in masks]
    assert all(len(own) < 12 for own in inside)
    outside = pieces[~masks.any(dim=0)].unique()
    assert not set(torch.cat(inside).tolist()) & set(outside.tolist())  # no piece is both
    smooth = [torch.linspace(0, 1, side).expand(1, 3, side, side) for side in (56, 112)]
    counts = [int(superpixels.superpixels(images).max()) + 1 for images in smooth]
    assert counts[0] == pytest.approx(2000 / 16, rel=0.3)
    assert counts[1] == pytest.approx(4 * counts[0], rel=0.3)
    with pytest.raises(ValueError, match="segments: expected an int"):
        superpixels.superpixels(image[None], segments=0)


def test_superpixel_masks_hide_what_the_network_looks_at_in_whole_pieces():
    image, masks = spots((8, 8), (40, 32))
    images = torch.stack([image, image.flip(2)])
    model = Bright(masks[0] | masks[0].flip(1)).eval()
    pieces = superpixels.superpixels(images)
    start = torch.full((2, 64, 64), 0.5)
    found = superpixels.superpixel_masks(model, images, 0, start=start)
    for hide, own in zip(found, pieces, strict=True):
        assert all(len(hide[own == piece].unique()) == 1 for piece in own.unique())
    seen = torch.stack([masks[0], masks[0].flip(1)])
    other = torch.stack([masks[1], masks[1].flip(1)])
    assert found[seen].mean() > 0.8
    assert found[other].mean() < 0.2
    alone = superpixels.superpixel_masks(model, images[1:], 0, start=start[1:])
    torch.testing.assert_close(found[1:], alone)  # pictures do not touch each other


def test_the_start_is_the_mean_of_each_piece():
    image, _ = spots((8, 8))
    start = torch.rand(1, 64, 64, generator=torch.Generator().manual_seed(0))
    pieces = superpixels.superpixels(image[None])
    still = superpixels.replace(superpixels.SUPERPIXEL, steps=0)
    model = Bright(torch.ones(64, 64)).eval()
    found = superpixels.superpixel_masks(model, image[None], 0, start=start, pieces=pieces, objective=still)[0]
    for piece in pieces[0].unique()[::17]:
        own = pieces[0] == piece
        torch.testing.assert_close(found[own], start[0][own].mean().expand(int(own.sum())))


@pytest.mark.parametrize("start", [torch.zeros(1, 8, 8), torch.full((1, 64, 64), 1.5)])
def test_masks_to_begin_with_have_to_fit(start):
    image, masks = spots((8, 8))
    with pytest.raises(ValueError, match=r"start: expected masks \[1, 64, 64\] in \[0, 1\], got"):
        superpixels.superpixel_masks(Bright(masks[0]).eval(), image[None], 0, start=start)


def test_regions_are_ranked_by_what_hiding_each_of_them_costs():
    image, masks = spots((4, 4), (4, 44), (44, 24))
    place = masks.float() * torch.tensor([1.0, 3.0, 2.0])[:, None, None]
    model = Bright(place.sum(dim=0)).eval()
    hide = masks.any(dim=0).float()
    found = ranking.rank_regions(model, image, 0, hide)
    assert [int((region & masks[1]).sum()) for region in found.regions] == [64, 0, 0]
    assert torch.equal(found.regions[1], masks[2])
    assert torch.equal(found.regions[2], masks[0])
    baseline = next(ranking.draw_baselines(image[None], "blur", sigma=10.0))[0]
    for region, drop, density in zip(*found, strict=True):
        whole, hidden = (
            model(some[None]).softmax(dim=1)[0, 0] for some in (image, torch.where(region, baseline, image))
        )
        assert drop == pytest.approx(float(whole - hidden), abs=1e-5)
        assert density == pytest.approx(float(drop) / (64 / 64**2), rel=1e-4)
    assert len(ranking.rank_regions(model, image, 0, hide, most=1).drops) == 1
    assert len(ranking.rank_regions(model, image, 0, torch.zeros(64, 64)).drops) == 0


def test_the_telling_part_is_what_changes_when_the_neighbour_is_drawn():
    scene = draw_scene(3, label=6)
    truth = ranking.telling_part(scene)
    names = [name for name in scene.cast[0].pair.telling if name in scene.parts]
    assert int(truth.sum()) <= sum(int(scene.parts[name].sum()) for name in names)
    assert all(bool(truth[scene.parts[name]].all()) for name in names)
    others = [mask for name, mask in scene.parts.items() if name not in names]
    assert int((truth & torch.stack(others).any(dim=0)).sum()) < int(truth.sum())


def test_rankings_are_counted_where_there_is_a_choice():
    result = {
        "picture": [0, 1, 2, 3],
        "drops": [[0.9, 0.1], [0.5, 0.4], [0.9], [0.3, 0.2]],
        "areas": [[0.1, 0.2], [0.5, 0.1], [0.1], [0.1, 0.1]],
        "telling": [[0.8, 0.0], [0.0, 0.7], [1.0], [0.0, 0.0]],  # the last two leave no choice
    }
    rows = [{"configuration": {"network": "any"}, "result": result}]
    table = ranking.ranking_table(rows, "any")
    means = {name: interval[0] for name, interval in table.items()}
    expected = {"drop": 0.5, "density": 1.0, "area": 0.0, "chance": 0.5, "drop against chance": 0.0}
    assert means == pytest.approx(expected | {"drop against area": 0.5})
    with pytest.raises(ValueError, match="network: expected one with several regions in some picture, got 'other'"):
        ranking.ranking_table(rows, "other")


def test_the_comparison_is_paired_and_empty_masks_have_no_inside():
    result = {
        "picture": [0, 1], "whole": [0.5, 1.0], "pieces": [9, 9], "grey": [0, 0], "crisp": [0.0, 0.5],
        "crisp area": [0.1, 0.2], "crisp inside": [0.5, 0.7], "superpixel": [0.25, 0.5],
        "superpixel area": [0.2, 0.0], "superpixel inside": [0.6, None],
    }  # fmt: skip
    table = superpixels.superpixel_table([{"configuration": {"network": "any"}, "result": result}], "any")
    assert table["crisp drop"][0] == pytest.approx(0.75)
    assert table["drop"][0] == pytest.approx(-0.25)
    assert table["inside"] == pytest.approx((0.1, 0.1, 0.1))
    with pytest.raises(ValueError, match="network: expected one that rows speak of, got 'other'"):
        superpixels.superpixel_table([], "other")


@pytest.mark.skipif(not ROWS, reason="not recorded yet")
def test_a_recorded_ranking_comes_out_again():
    row = ROWS[0]
    about = row["configuration"]

    again = ranking.measure_ranking(about["network"], about["class_name"], 3)
    assert len(class_pictures(about["class_name"]).scenes) == about["pictures"]
    for name in ("drops", "areas", "telling"):
        for found, recorded in zip(again[name], row["result"][name], strict=False):
            assert np.allclose(found, recorded, atol=2e-3)
