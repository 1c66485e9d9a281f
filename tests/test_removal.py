"""Evidence removal: blends that are arithmetic, blurs against scipy, draws with the moments they promise."""

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.ndimage import gaussian_filter

from xai_utils.perturb import (
    blur_matrix,
    blurred_baseline,
    constant_baseline,
    draw_baselines,
    gaussian_blur,
    noisy_baseline,
    remove_evidence,
    varying_blur,
)


def seeded(seed=0):
    return torch.Generator().manual_seed(seed)


def test_kept_pixels_stay_hidden_ones_become_the_baseline_and_half_kept_ones_the_mean(images):
    keep = torch.ones(2, 16, 16)
    keep[:, :, :8], keep[:, 0] = 0.0, 0.5
    blend = remove_evidence(images, keep, constant_baseline(images, (0.1, 0.2, 0.3)))
    colour = torch.tensor([0.1, 0.2, 0.3]).reshape(3, 1, 1)
    assert torch.equal(blend[:, :, 1:, 8:], images[:, :, 1:, 8:])
    assert torch.equal(blend[:, :, 1:, :8], colour.expand(2, 3, 15, 8))
    torch.testing.assert_close(blend[:, :, 0], (images[:, :, 0] + colour[..., 0]) / 2)


def test_the_baseline_zero_is_the_product_of_equation_1(images):
    keep = torch.rand(2, 16, 16, generator=seeded())
    assert torch.equal(remove_evidence(images, keep, torch.zeros(1)), images * keep[:, None])


def test_only_the_mask_has_a_slope(images):
    keep, baseline = torch.full((2, 16, 16), 0.3, requires_grad=True), torch.rand(2, 3, 16, 16, requires_grad=True)
    images.requires_grad_()
    remove_evidence(images, keep, baseline).sum().backward()
    torch.testing.assert_close(keep.grad, (images - baseline).sum(dim=1).detach())
    assert images.grad is None
    assert baseline.grad is None


def test_what_is_hidden_by_degrees_passes_through_every_level(images):
    levels = torch.rand(4, 2, 3, 16, 16, generator=seeded())
    for share, expected in ((0, images), (0.25, levels[0]), (0.5, levels[1]), (1, levels[3])):
        torch.testing.assert_close(remove_evidence(images, torch.full((2, 16, 16), 1.0 - share), levels), expected)
    between = remove_evidence(images, torch.full((2, 16, 16), 0.375), levels)
    torch.testing.assert_close(between, (levels[1] + levels[2]) / 2)
    keep = torch.full((2, 16, 16), 0.4, requires_grad=True)
    remove_evidence(images, keep, levels).sum().backward()
    torch.testing.assert_close(keep.grad, 4 * (levels[1] - levels[2]).sum(dim=1))
    assert torch.equal(*(remove_evidence(images, keep.detach(), some) for some in (levels[0], levels[:1])))


def test_a_varying_blur_comes_close_to_the_integral_of_the_paper(images):
    """Every pixel by a Gaussian of its own, one by one."""
    hidden = torch.rand(2, 16, 16, generator=seeded(3))
    found = remove_evidence(images, 1 - hidden, varying_blur(images, 2 * 224 / 16, levels=40))  # 2 pixels of 16
    for image, row, column in ((0, 3, 4), (1, 15, 0), (0, 8, 8), (1, 1, 14)):
        matrix = blur_matrix(16, 2 * hidden[image, row, column].item())
        expected = torch.einsum("i,cij,j->c", matrix[row], images[image].double(), matrix[column])
        assert (found[image, :, row, column] - expected).abs().max() < 0.004
    coarse = remove_evidence(images, 1 - hidden, varying_blur(images, 2 * 224 / 16))
    assert (coarse - found).abs().mean() < 0.004
    assert (coarse - found).abs().max() < 0.06  # where half a pixel's blur matters most, beside none


@settings(deadline=None, max_examples=30)
@given(st.integers(1, 40), st.integers(1, 40), st.floats(0.3, 12))
def test_the_blur_is_scipys_for_any_size_and_width(height, width, sigma):
    pictures = torch.rand(2, height, width, generator=seeded(), dtype=torch.float64)
    expected = gaussian_filter(pictures.numpy(), (0, sigma, sigma), mode="mirror")
    np.testing.assert_allclose(gaussian_blur(pictures, sigma).numpy(), expected, atol=1e-12)


def test_a_blur_of_zero_changes_nothing_and_none_changes_a_constant_picture(images):
    assert torch.equal(gaussian_blur(images, 0), images)
    flat = torch.full((1, 3, 9, 7), 0.4)
    torch.testing.assert_close(gaussian_blur(flat, 30.0), flat)
    assert torch.equal(blur_matrix(1, 5.0), torch.ones(1, 1, dtype=torch.float64))


def test_the_blurred_baseline_grows_with_the_picture():
    picture = torch.rand(1, 3, 112, 150, generator=seeded())
    torch.testing.assert_close(blurred_baseline(picture, 10.0), gaussian_blur(picture, 5.0))


def test_noise_has_the_codes_spread_halved_for_pixels_in_0_1():
    baseline = noisy_baseline(torch.zeros(400, 3, 16, 16), generator=seeded())
    colours, noise = baseline.mean(dim=(2, 3)), baseline.std(dim=(2, 3)).mean()
    assert noise == pytest.approx(0.055, rel=0.02)
    assert colours.mean() == pytest.approx(0.5, abs=0.01)
    assert colours.std() == pytest.approx(0.165 / 3**0.5, rel=0.05)  # of a uniform distribution
    assert 0.31 < colours.min() < 0.36 < 0.64 < colours.max() < 0.69


def test_the_mixture_blurs_half_of_the_pictures_and_colours_the_others():
    images = torch.rand(200, 3, 8, 8, generator=seeded())
    baseline = next(draw_baselines(images, generator=seeded(1)))
    blurred = (baseline == blurred_baseline(images)).flatten(1).all(dim=1)
    assert 75 <= blurred.sum() <= 125
    other = baseline[~blurred]
    assert other.mean(dim=(2, 3)).std() > 0.05
    assert (other - blurred_baseline(images)[~blurred]).abs().amax(dim=(1, 2, 3)).min() > 0


@pytest.mark.parametrize("kind", ["noise", "random"])
def test_every_draw_is_new_and_follows_from_the_generator(images, kind):
    draws, again = (draw_baselines(images, kind, generator=seeded()) for _ in range(2))
    first = [next(draws) for _ in range(8)]
    assert all(torch.equal(one, next(again)) for one in first)
    assert len({float(one.sum()) for one in first}) > 2


@pytest.mark.parametrize("kind", ["grey", "blur", "noise", "random"])
def test_drawn_together_a_batch_of_two_is_two_of_one(images, kind):
    both = draw_baselines(images, kind, generator=seeded(), together=True)
    alone = [draw_baselines(image[None], kind, generator=seeded(), together=True) for image in images]
    for _ in range(6):
        torch.testing.assert_close(next(both), torch.cat([next(one) for one in alone]))


def test_drawn_apart_pictures_do_not_share_a_colour(images):
    baseline = next(draw_baselines(images, "noise", generator=seeded()))
    assert (baseline[0] - baseline[1]).mean().abs() > 0.01


@pytest.mark.parametrize(
    ("call", "message"),
    [
        (lambda x: remove_evidence(x, torch.ones(2, 16, 15), x), "keep: expected shape"),
        (lambda x: remove_evidence(x, torch.ones(2, 1, 16, 16), x), "keep: expected shape"),
        (lambda x: draw_baselines(x, "black"), "kind: expected one of"),
        (lambda x: draw_baselines(x * 255), "images: expected RGB"),
        (lambda x: blurred_baseline(x, -1.0), "sigma: expected"),
        (lambda x: gaussian_blur(x, float("nan")), "sigma: expected"),
    ],
)
def test_bad_input_is_refused(images, call, message):
    with pytest.raises(ValueError, match=message):
        call(images)
