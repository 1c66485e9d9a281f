"""The masks' objective by arithmetic, and a search that finds what it should and leaves everything else alone."""

import math
from dataclasses import replace

import pytest
import torch
from torch import nn
from torch.nn import functional

from xai_utils.masks import (
    DESTROYING,
    OFFICIAL,
    PRINTED,
    SWAPPED,
    Objective,
    area,
    destroy,
    destroy_margin,
    iterative_mask,
    optimise_keep,
    preserve,
    preserve_margin,
    total_variation,
)
from xai_utils.models import load_model, target_probability
from xai_utils.parts import load_images
from xai_utils.perturb import blurred_baseline, draw_baselines, remove_evidence

PRESETS = {"printed": PRINTED, "swapped": SWAPPED, "official": OFFICIAL, "destroying": DESTROYING}
presets = pytest.mark.parametrize("objective", PRESETS.values(), ids=PRESETS)


def seeded(seed=0):
    return torch.Generator().manual_seed(seed)


@pytest.fixture
def half():
    """The left half kept, of 4 x 6 pixels."""
    keep = torch.zeros(1, 4, 6)
    keep[:, :, :3] = 1
    return keep


def test_the_terms_of_a_half_kept_mask(half):
    assert total_variation(half).tolist() == [4.0]  # one step in each of four rows
    assert total_variation(half / 2).tolist() == [1.0]
    assert total_variation(half / 2, power=3).tolist() == [0.5]
    assert total_variation(half, border=0.3).tolist() == [pytest.approx(4 + 0.3 * (3 + 3 + 4))]  # top, bottom, left
    assert area(half).tolist() == [0.5]
    assert area(half / 2).tolist() == [0.25]
    assert area(half, power=0.3).tolist() == [pytest.approx((1.0005**0.3 + 0.0005**0.3) / 2)]


def test_the_terms_of_the_class():
    logits, target = torch.tensor([[math.log(3), 0.0], [0.0, 2.0]]), torch.tensor([0, 0])
    share = 1 / (1 + math.exp(2))
    assert preserve(logits, target).tolist() == [pytest.approx(-math.log(0.75)), pytest.approx(-math.log(share))]
    assert destroy(logits, target, 0.3).tolist() == [pytest.approx(0.75**0.3), pytest.approx(share**0.3)]
    assert preserve_margin(logits, target).tolist() == [0.0, 3.0]
    assert destroy_margin(logits, target).tolist() == [pytest.approx(math.log(3) + 5), 3.0]


def test_enlarging_a_mask_changes_its_variation_little_and_its_area_not():
    coarse = torch.zeros(1, 1, 32, 32)
    coarse[:, :, 10:20, 8:20] = 1
    small, large = (functional.interpolate(coarse, side, mode="bilinear")[:, 0] for side in (128, 224))
    assert total_variation(large) / total_variation(small) == pytest.approx(1, abs=0.2)  # 3.06 times the pixels
    torch.testing.assert_close(area(large), area(small))


@pytest.mark.parametrize("objective", [SWAPPED, DESTROYING])
def test_the_weight_of_roughness_holds_for_small_and_large_pictures(objective):
    cells = torch.zeros(1, 1, objective.size, objective.size)
    cells[:, :, 10:20, 8:20] = 1

    def roughness(side):
        images, keep = torch.zeros(1, 3, side, side), functional.interpolate(cells, side, mode="bilinear")[:, 0]
        model = nn.Sequential(nn.AdaptiveAvgPool2d(1), nn.Flatten()).eval()
        return objective.terms(model, images, torch.tensor([0]), keep, draw_baselines(images, "grey"))["tv"].item()

    assert roughness(224) == pytest.approx(roughness(128), rel=0.3)


def test_terms_are_finite_and_have_slopes_at_probability_zero_and_at_empty_and_full_masks():
    logits = torch.tensor([[-1e4, 1e4], [1e4, -1e4]], requires_grad=True)
    for term in (preserve, destroy, preserve_margin, destroy_margin):
        values = term(logits, torch.tensor([0, 0]))
        assert torch.isfinite(values).all()
        assert torch.isfinite(torch.autograd.grad(values.sum(), logits)[0]).all()
    for value in (0.0, 1.0):
        keep = torch.full((1, 4, 4), value, requires_grad=True)
        for measure in (total_variation(keep, power=3, border=0.3), area(keep, power=0.3)):
            assert torch.isfinite(torch.autograd.grad(measure.sum(), keep)[0]).all()


def test_the_loss_is_equation_4(linear_model, images):
    keep, target = torch.rand(2, 16, 16, generator=seeded()), torch.tensor([1, 3])
    objective = Objective(2.0, 3.0, preserve_weight=1.0, destroy_weight=5.0, exponent=0.3, baseline="grey")
    terms = objective.terms(linear_model, images, target, keep, draw_baselines(images, "grey"))
    steps = keep.diff(dim=1).square().sum(dim=(1, 2)) + keep.diff(dim=2).square().sum(dim=(1, 2))
    kept, rest = (
        target_probability(linear_model, images * part + 0.5 * (1 - part), target)
        for part in (keep[:, None], 1 - keep[:, None])
    )
    expected = 2 * steps + 3 * keep.mean(dim=(1, 2)) - kept.log() + 5 * rest**0.3
    torch.testing.assert_close(objective.loss(terms), expected)


def test_the_presets_are_what_their_sources_say():
    assert (PRINTED.tv_weight, PRINTED.area_weight) == (SWAPPED.area_weight, SWAPPED.tv_weight) == (10, 1e-3)
    for paper in (PRINTED, SWAPPED):
        assert (paper.destroy_weight, paper.exponent, paper.baseline, paper.sigma) == (5, 0.3, "random", 10)
    assert OFFICIAL.margins
    assert OFFICIAL.area_power == 0.3
    assert DESTROYING.preserve_weight == 0


@pytest.mark.parametrize("objective", [SWAPPED, OFFICIAL, DESTROYING])
def test_a_search_lowers_its_loss_and_shows_all_its_states(small_model, images, objective):
    objective = replace(objective, baseline="blur")
    small_model[-1].weight.data *= 30  # a model that is sure of itself: its answer is worth a region
    states = list(optimise_keep(small_model, images, [0, 1], objective=objective, steps=12))
    assert [state.step for state in states] == list(range(13))
    assert (states[-1].loss < states[0].loss).all()
    for state in states:
        assert state.keep.shape == (2, 16, 16)
        assert 0 <= state.keep.min() <= state.keep.max() <= 1.00001
        assert not state.keep.requires_grad
        torch.testing.assert_close(objective.loss(state.terms), state.loss)
    assert ("preserve" in states[0].terms) == bool(objective.preserve_weight)


@presets
def test_a_hopeless_class_and_a_certain_one_stop_no_search(images, objective):
    model = nn.Sequential(nn.Flatten(), nn.Linear(3 * 16 * 16, 2)).eval()
    nn.init.zeros_(model[1].weight)
    model[1].bias.data = torch.tensor([1e4, -1e4])
    *_, last = optimise_keep(model, images, [0, 1], objective=objective, steps=3, generator=seeded())
    assert torch.isfinite(last.keep).all()
    assert torch.isfinite(last.loss).all()


@presets
def test_a_batch_of_two_is_two_of_one(small_model, images, objective):
    both = iterative_mask(small_model, images, [2, 3], objective=objective, steps=4, generator=seeded())
    for number, target in enumerate([2, 3]):
        alone = iterative_mask(
            small_model, images[number][None], target, objective=objective, steps=4, generator=seeded()
        )
        torch.testing.assert_close(both[number], alone[0], rtol=1e-4, atol=1e-5)


def test_the_loop_and_its_reader_do_not_share_a_gradient_mode(small_model, images):
    small_model.requires_grad_(True)
    with torch.no_grad():
        for _ in optimise_keep(small_model, images, 0, steps=2):
            assert not torch.is_grad_enabled()
    for _ in optimise_keep(small_model, images, 0, steps=2):
        assert torch.is_grad_enabled()
    assert all(parameter.grad is None and parameter.requires_grad for parameter in small_model.parameters())


class BreaksDown(nn.Module):
    """Answers as another model, then with NaN for the second half of a batch."""

    def __init__(self, model, calls):
        super().__init__()
        self.model, self.calls = model, calls

    def forward(self, images):
        self.calls -= 1
        logits = self.model(images)
        return logits if self.calls >= 0 else torch.cat([logits[:-1], logits[-1:] * float("nan")])


def test_a_loss_that_is_not_finite_stops_the_search_and_leaves_the_last_good_state(small_model, images):
    model, states = BreaksDown(small_model, calls=4).eval(), []  # one call asks how many classes there are
    with pytest.raises(RuntimeError, match=r"loss: expected finite values, got others in step 3 for images \[1\]"):
        states.extend(state for state in optimise_keep(model, images, 0, steps=9))
    assert states[-1].step == 2
    assert torch.isfinite(states[-1].keep).all()


def test_where_the_search_starts(small_model, images):
    def first(objective=SWAPPED, **words):
        return next(iter(optimise_keep(small_model, images, 0, objective=objective, steps=0, **words))).keep

    assert torch.equal(first(replace(SWAPPED, start=0.0)), torch.zeros(2, 16, 16))
    torch.testing.assert_close(first(replace(SWAPPED, start=1.0)), torch.ones(2, 16, 16))
    torch.testing.assert_close(first(OFFICIAL), torch.full((2, 16, 16), 0.5), rtol=2e-3, atol=0)
    circle = first(replace(SWAPPED, start="circle"))
    assert circle.mean() == pytest.approx(math.pi / 4, abs=0.05)
    assert circle[0, 8, 8] == 1
    assert circle[0, 0, 0] == 0
    given = torch.rand(2, 16, 16, generator=seeded())
    torch.testing.assert_close(first(start=given), given)  # as many cells as pixels
    few = first(replace(SWAPPED, size=4), start=given)
    torch.testing.assert_close(few.mean(), given.mean(), rtol=0.05, atol=0)


def test_the_masks_given_as_a_start_are_not_touched(small_model, images):
    given = torch.rand(2, 16, 16, generator=seeded())
    before = given.clone()
    list(optimise_keep(small_model, images, 0, start=given, steps=2))
    assert torch.equal(given, before)
    assert not given.requires_grad


def test_pictures_need_not_be_square(images):
    model = nn.Sequential(nn.AdaptiveAvgPool2d(2), nn.Flatten(), nn.Linear(12, 3)).eval()
    wide = torch.rand(1, 3, 16, 40, generator=seeded())
    for objective in (replace(SWAPPED, size=8), replace(DESTROYING, size=5)):
        assert iterative_mask(model, wide, 0, objective=objective, steps=1).shape == (1, 16, 40)


def test_progress_sees_every_step_of_every_batch(small_model, images):
    seen = []

    def progress(iterable):
        for item in iterable:
            seen.append(item)
            yield item

    iterative_mask(small_model, images, 0, steps=3, batch_size=1, progress=progress)
    assert seen == list(range(2 * 4))


def test_on_parts_the_mask_is_a_small_region_that_shows_the_class_and_without_which_it_is_gone():
    images, labels = load_images("test", range(4))
    model, hidden = load_model("parts/resnet"), blurred_baseline(images)
    keep = iterative_mask(model, images, labels, steps=40, generator=seeded())
    whole, blurred, kept, rest = (
        target_probability(model, picture, labels)
        for picture in (
            images,
            hidden,
            remove_evidence(images, keep, hidden),
            remove_evidence(images, 1 - keep, hidden),
        )
    )
    assert (kept > whole - 0.1).all()
    assert rest.mean() < blurred.mean() / 2
    assert rest.mean() < 0.05 * whole.mean()
    assert keep.mean() < 0.2


@pytest.mark.parametrize(
    ("call", "message"),
    [
        (lambda: replace(SWAPPED, tv_weight=-1.0), "tv_weight: expected 0 or more"),
        (lambda: replace(SWAPPED, baseline="black"), "baseline: expected one of"),
        (lambda: replace(SWAPPED, optimiser="lbfgs"), "optimiser: expected one of"),
        (lambda: replace(SWAPPED, start=2.0), "start: expected 'circle' or a value in 0..1"),
        (lambda: replace(SWAPPED, start="square"), "start: expected 'circle' or a value in 0..1"),
        (lambda: replace(SWAPPED, size=0), "size: expected an int of at least 1"),
    ],
)
def test_an_objective_that_makes_no_sense_is_refused(call, message):
    with pytest.raises(ValueError, match=message):
        call()


@pytest.mark.parametrize(
    ("words", "message"),
    [
        ({"steps": -1}, "steps: expected an int of at least 0"),
        ({"start": torch.ones(2, 4, 4)}, r"start: expected masks \[2, 16, 16\]"),
        ({"start": torch.full((2, 16, 16), 1.5)}, r"start: expected masks \[2, 16, 16\]"),
    ],
)
def test_a_bad_search_is_refused_before_it_starts(small_model, images, words, message):
    with pytest.raises(ValueError, match=message):
        optimise_keep(small_model, images, 0, **words)
