import copy

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.oracles.prediction_difference import conditional_gaussian
from xai_utils.perturb import (
    ConditionalSampler,
    InpaintingSampler,
    MarginalSampler,
    average_over_windows,
    patched,
    window_corners,
)


def ramps(count, size, generator):
    """Pictures that are planes: any pixel follows exactly from a few others."""
    slopes = torch.rand(count, 3, 3, 1, 1, generator=generator)
    rows, columns = torch.meshgrid(torch.linspace(0, 1, size), torch.linspace(0, 1, size), indexing="ij")
    return (slopes[:, :, 0] + slopes[:, :, 1] * rows + slopes[:, :, 2] * columns) / 3


def test_every_pixel_counts_as_often_as_the_formula_says():
    n, k = 9, 4
    corners = window_corners((n, n), k)
    ones = average_over_windows(torch.ones(len(corners)), corners, k, (n, n))
    assert torch.equal(ones, torch.ones(n, n))
    for i in range(n):
        for j in range(n):
            covering = ((corners <= torch.tensor([i, j])) & (corners + k > torch.tensor([i, j]))).all(1).sum().item()
            along = [min(p + 1, k, n - k + 1, n - p) for p in (i, j)]
            assert covering == along[0] * along[1]


@settings(max_examples=40, deadline=None)
@given(st.integers(3, 20), st.integers(3, 20), st.data())
def test_any_stride_up_to_the_patch_covers_every_pixel(height, width, data):
    patch = data.draw(st.integers(1, min(height, width)))
    stride = data.draw(st.integers(1, patch))
    corners = window_corners((height, width), patch, stride)
    counts = torch.zeros(height, width)
    for row, column in corners.tolist():
        counts[row : row + patch, column : column + patch] += 1
    assert counts.min() >= 1
    assert len(torch.unique(corners, dim=0)) == len(corners)


def test_patched_copies_differ_from_the_image_in_their_window_only(images):
    corners = window_corners((16, 16), 5, 4)
    contents = torch.rand(len(corners), 3, 5, 5)
    copies = torch.cat([batch.clone() for batch in patched(images[0], corners, contents, batch_size=3)])
    for copy_, (row, column), content in zip(copies, corners.tolist(), contents, strict=True):
        expected = images[0].clone()
        expected[:, row : row + 5, column : column + 5] = content
        assert torch.equal(copy_, expected)


def test_the_conditional_is_the_textbooks(generator):
    sampler = ConditionalSampler.fit(torch.rand(9, 3, 20, 20, generator=generator), outer=6, patches=3000, jitter=0.0)
    outer = torch.rand(3, 6, 6, generator=generator).double().flatten()
    inside, ring, gain, offset, root = sampler.conditional((1, 2), 3)
    mean, covariance = conditional_gaussian(sampler.mean, sampler.covariance, inside, ring, outer[ring])
    torch.testing.assert_close(offset.double() + gain.double() @ outer[ring], mean, atol=1e-5, rtol=1e-4)
    torch.testing.assert_close((root @ root.T).double(), covariance, atol=1e-6, rtol=1e-4)


def test_the_fit_is_mean_and_covariance_of_the_patches(generator):
    image = torch.rand(1, 2, 40, 40, generator=generator)
    sampler = ConditionalSampler.fit(image, outer=2, patches=40_000, generator=generator)
    patches = torch.nn.functional.unfold(image, 2)[0].double()
    torch.testing.assert_close(sampler.mean, patches.mean(1), atol=0.01, rtol=0)
    torch.testing.assert_close(sampler.covariance, torch.cov(patches), atol=0.004, rtol=0)


def test_what_the_surroundings_determine_is_predicted(generator):
    sampler = ConditionalSampler.fit(ramps(60, 24, generator), outer=8, patches=5000, jitter=1e-7, generator=generator)
    image = ramps(1, 24, generator)[0]
    corners = torch.tensor([[0, 0], [9, 3], [20, 20]])
    draws = sampler.draw(3, 4, 4, generator)
    contents = sampler.bind(image)(corners, 4, draws)
    for (row, column), drawn in zip(corners.tolist(), contents, strict=True):
        truth = image[:, row : row + 4, column : column + 4].expand_as(drawn)
        torch.testing.assert_close(drawn, truth, atol=0.02, rtol=0)


def test_independent_colours_ignore_the_other_colours(generator):
    grey = torch.rand(20, 1, 20, 20, generator=generator).expand(-1, 3, -1, -1)
    joint = ConditionalSampler.fit(grey, outer=4, patches=3000, generator=generator)
    apart = ConditionalSampler.fit(grey, outer=4, patches=3000, generator=generator, per_channel=True)
    for sampler, across in ((joint, True), (apart, False)):
        inside, ring, gain, *_ = sampler.conditional((1, 1), 2)
        other_colour = inside[:, None] // 16 != ring // 16
        assert bool((gain[other_colour].abs() > 1e-3).any()) == across


def test_a_smaller_outer_patch_is_a_marginal_of_the_same_gaussian(generator):
    images = torch.rand(20, 3, 20, 20, generator=generator)
    sampler = ConditionalSampler.fit(images, outer=6, patches=3000, generator=generator)
    smaller = sampler.with_outer(4)
    grid = torch.arange(108).reshape(3, 6, 6)[:, 1:5, 1:5].flatten()
    assert torch.equal(smaller.covariance, sampler.covariance[grid][:, grid])
    with pytest.raises(ValueError, match="outer: expected an int in 2..6, got 7"):
        sampler.with_outer(7)


def test_a_sampler_can_be_saved_loaded_and_moved(generator, images, tmp_path):
    sampler = ConditionalSampler.fit(torch.rand(20, 3, 20, 20), outer=5, patches=2000, generator=generator)
    torch.save(sampler.state_dict(), tmp_path / "sampler.pt")
    loaded = ConditionalSampler(outer=5)
    draws = sampler.draw(1, 2, 3, generator)
    corner = torch.tensor([[4, 4]])
    before = loaded.bind(images[0])(corner, 3, draws)
    loaded.load_state_dict(torch.load(tmp_path / "sampler.pt", weights_only=True))
    expected = sampler.bind(images[0])(corner, 3, draws)
    assert not torch.allclose(before, expected)
    torch.testing.assert_close(loaded.bind(images[0])(corner, 3, draws), expected)
    moved = copy.deepcopy(sampler).to(torch.float32)
    torch.testing.assert_close(moved.bind(images[0])(corner, 3, draws), expected, atol=1e-3, rtol=1e-3)


def test_a_saved_sampler_keeps_its_options(generator, tmp_path):
    images = torch.rand(20, 3, 20, 20, generator=generator)
    sampler = ConditionalSampler.fit(images, outer=4, patches=500, per_channel=True, clip=(0.1, 0.8), jitter=0.01)
    torch.save(sampler.state_dict(), tmp_path / "sampler.pt")
    loaded = ConditionalSampler(4)
    loaded.load_state_dict(torch.load(tmp_path / "sampler.pt", weights_only=True))
    assert (loaded.per_channel, loaded.clip, loaded.jitter) == (True, (0.1, 0.8), 0.01)


@pytest.mark.parametrize("make", [MarginalSampler, lambda p: ConditionalSampler.fit(p, outer=3, patches=50)])
@pytest.mark.parametrize(
    ("bad", "error", "message"),
    [
        (torch.randint(255, (9, 3, 12, 12)).byte(), TypeError, "expected floating-point values, got uint8"),
        (torch.rand(9, 3, 12, 12) * 255, ValueError, r"expected RGB values in \[0, 1\]"),
        (torch.full((9, 3, 12, 12), float("nan")), ValueError, "expected finite values"),
    ],
)
def test_pictures_that_are_none_teach_a_sampler_nothing(make, bad, error, message):
    with pytest.raises(error, match=message):
        make(bad)


def test_samples_stay_in_the_range_of_the_pictures(generator):
    activations = 5 * torch.randn(20, 4, 20, 20, generator=generator)
    sampler = ConditionalSampler.fit(activations, outer=4, patches=500, generator=generator)
    assert sampler.clip == (float(activations.min()), float(activations.max()))


def test_a_window_as_large_as_the_outer_patch_is_refused(images, generator):
    sampler = ConditionalSampler.fit(torch.rand(20, 3, 20, 20), outer=5, patches=2000, generator=generator)
    with pytest.raises(ValueError, match=r"patch: expected an int in 1..4, got 5"):
        sampler.bind(images[0])(torch.tensor([[0, 0]]), 5, torch.zeros(1, 1, 75))


@pytest.mark.parametrize("method", ["telea", "navier-stokes"])
def test_inpainting_fills_a_flat_picture_with_its_colour(method):
    image = torch.tensor([0.2, 0.4, 0.8])[:, None, None].expand(3, 20, 20).clone()
    image[:, 8:12, 8:12] = 1.0
    sampler = InpaintingSampler(method)
    filled = sampler.bind(image)(torch.tensor([[8, 8]]), 4, sampler.draw(1, 2, 4, None))
    assert filled.shape == (1, 2, 3, 4, 4)
    torch.testing.assert_close(filled[0, 0], image[:, :4, :4], atol=0.01, rtol=0)
