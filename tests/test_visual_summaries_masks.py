"""Crisp masks: weights by the sources' numbers, a planted patch that is found, and nothing where nothing is needed."""

from dataclasses import replace

import pytest
import torch
from torch import nn

from xai_utils.masks import Objective, sparsity
from xai_utils.models import target_probability
from xai_utils.papers.visual_summaries import (
    MIXED,
    OFFICIAL,
    PAPER,
    STAGES,
    Stages,
    crisp_masks,
    mask_regions,
    thresholded,
)
from xai_utils.perturb import blurred_baseline, remove_evidence


class Checks(nn.Module):
    """Two classes: the first is how much a pattern of stripes stands out in one place, 12:20 x 4:12."""

    def forward(self, images):
        stripes = images.new_tensor([1.0, -1.0]).repeat(4)
        seen = (images[:, :, 12:20, 4:12] * stripes).mean(dim=(1, 2, 3))
        return torch.stack([30 * seen - 4, torch.zeros_like(seen)], dim=1)


class Constant(nn.Module):
    """Certain of the first class, whatever it sees."""

    def forward(self, images):
        return images.mean(dim=(1, 2, 3))[:, None] * 0 + images.new_tensor([3.0, 0.0])


@pytest.fixture
def striped():
    images = torch.rand(2, 3, 32, 32, generator=torch.Generator().manual_seed(0)) * 0.2 + 0.4
    images[:, :, 12:20, 4:12] = torch.tensor([1.0, 0.0]).repeat(4)
    return images


def test_sparsity_is_the_mean_of_the_product():
    keep = torch.tensor([[[0.25, 1.0], [0.0, 0.5]]], requires_grad=True)
    assert sparsity(keep).tolist() == [pytest.approx((0.1875 + 0.25) / 4)]
    assert torch.autograd.grad(sparsity(keep).sum(), keep)[0].flatten().tolist() == [0.125, -0.25, 0.25, 0.0]


def test_the_weight_of_sparsity_enters_the_loss(linear_model, images):
    keep, baseline = torch.rand(2, 16, 16, generator=torch.Generator().manual_seed(0)), torch.zeros(1)
    plain, asked = (Objective(1.0, 1.0, sparsity_weight=weight) for weight in (0.0, 2.0))
    loss = [
        o.loss(o.terms(linear_model, images, torch.tensor([0, 1]), keep, iter([baseline] * 2))) for o in (plain, asked)
    ]
    torch.testing.assert_close(loss[1] - loss[0], 2 * sparsity(keep))


def test_the_presets_are_what_their_sources_say():
    for smooth, crisp in STAGES.values():
        assert (smooth.steps, crisp.steps, smooth.sparsity_weight, crisp.sparsity_weight) == (300, 150, 0, 2)
        assert smooth.tv_power == crisp.tv_power == 3
        assert crisp.area_weight == 0.01
        assert crisp.tv_weight == pytest.approx(1 / crisp.size**2)  # a mean there, a sum here
        assert smooth.preserve_weight == crisp.preserve_weight == 0
    assert PAPER.smooth.area_weight == 0.01
    assert PAPER.smooth.tv_weight == pytest.approx(1e-4 / 28**2)
    assert OFFICIAL.smooth.area_weight == 0.5
    assert PAPER.smooth.baseline == "varying blur"
    assert PAPER.smooth.sigma == MIXED.smooth.sigma == 10


@pytest.mark.parametrize("name", ["mixed", "paper"])
def test_a_planted_patch_is_found_with_crisp_borders(striped, name):
    sharper = 32 / 224  # the patch is 8 of 32 pixels, which a blur of 10 of 224 hardly hides
    stages = Stages(*(replace(s, sigma=3 / sharper, smooth=0.0) for s in STAGES[name]))
    smooth, crisp = crisp_masks(Checks().eval(), striped, 0, stages=stages)
    patch = torch.zeros(32, 32, dtype=torch.bool)
    patch[12:20, 4:12] = True
    assert ((crisp > 0.1) & (crisp < 0.9)).float().mean() < 0.005 <= ((smooth > 0.1) & (smooth < 0.9)).float().mean()
    assert (crisp > 0.5)[:, patch].all()
    assert (crisp > 0.5)[:, ~patch].float().mean() < 0.05
    before = target_probability(Checks().eval(), striped, 0)
    hidden = remove_evidence(striped, 1 - crisp, blurred_baseline(striped, 3 / sharper))
    assert (target_probability(Checks().eval(), hidden, 0) < 0.1 * before).all()


def test_where_nothing_is_needed_nothing_is_hidden(striped):
    """The authors' code stretches such a mask to [0, 1] and hides everything."""
    _, crisp = crisp_masks(Constant().eval(), striped, 0)
    assert crisp.max() == 0
    assert [len(regions) for regions in mask_regions(crisp)] == [0, 0]


def test_masks_of_a_batch_do_not_touch_each_other(striped):
    quick = Stages(*(replace(stage, steps=8) for stage in MIXED))
    striped[1] = striped[1].flip(-1)
    together = crisp_masks(Checks().eval(), striped, 0, stages=quick)
    alone = crisp_masks(Checks().eval(), striped, 0, stages=quick, batch_size=1)
    torch.testing.assert_close(together.crisp, alone.crisp)


def test_a_map_is_cut_to_the_area_of_another():
    maps = torch.rand(3, 10, 10, generator=torch.Generator().manual_seed(0))
    cut = thresholded(maps, torch.tensor([0.0, 0.254, 1.0]))
    assert cut.sum(dim=(1, 2)).tolist() == [0, 25, 100]
    assert maps[1][cut[1] > 0].min() > maps[1][cut[1] == 0].max()
    assert thresholded(torch.ones(1, 2, 2), torch.tensor([0.5])).tolist() == [[[1, 1], [0, 0]]]
    for areas in (0.1, torch.tensor([0.1]), torch.tensor([0.1, 0.2, 1.2])):
        with pytest.raises(ValueError, match="areas: expected a share"):
            thresholded(maps, areas)
