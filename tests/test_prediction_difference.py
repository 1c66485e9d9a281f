import math

import pytest
import torch
from torch import nn

from tests.oracles.prediction_difference import algorithm_1, conditional_gaussian
from xai_utils import (
    ConditionalSampler,
    ConstantSampler,
    MarginalSampler,
    as_model,
    prediction_difference,
    prediction_differences,
    top_pixels,
    weight_of_evidence,
)
from xai_utils.perturb import window_corners


@pytest.fixture
def others(generator):
    return torch.rand(12, 3, 16, 16, generator=generator)


@pytest.fixture
def gaussian(generator):
    noise = torch.rand(30, 3, 24, 24, generator=generator)
    smooth = nn.functional.avg_pool2d(noise, 3, stride=1, padding=1)  # neighbours must depend on one another
    return ConditionalSampler.fit(smooth, outer=7, patches=4000, generator=generator, clip=None)


def probability_of(model, target):
    return lambda image: model(image[None]).softmax(1)[0, target].item()


def test_the_slow_twin_agrees_for_samples_from_other_pictures(small_model, images, others):
    maps = prediction_difference(
        small_model,
        images,
        [1, 3],
        sampler=MarginalSampler(others, variant="official"),
        patch=4,
        samples=3,
        instances=500,
    )
    for image, target, relevance in zip(images, [1, 3], maps, strict=True):
        twin = algorithm_1(
            probability_of(small_model, target),
            image,
            lambda row, column, s: others[s, :, row : row + 4, column : column + 4],
            patch=4,
            samples=3,
            instances=500,
            classes=4,
        )
        torch.testing.assert_close(relevance, twin, rtol=1e-3, atol=1e-4)


def test_the_slow_twin_agrees_for_samples_from_the_gaussian(small_model, images, gaussian):
    patch, samples, size = 4, 2, (16, 16)
    corners = window_corners(size, patch)
    seed = torch.Generator().manual_seed(5)
    maps = prediction_difference(
        small_model, images[:1], 2, sampler=gaussian, patch=patch, samples=samples, instances=500, generator=seed
    )
    seed = torch.Generator().manual_seed(5)
    draws = gaussian.draw(len(corners), samples, patch, seed)
    jitter = gaussian.jitter * gaussian.covariance.diagonal().mean() * torch.eye(len(gaussian.mean))
    cache = {}

    def sample_window(row, column, s):
        if (row, column) not in cache:
            top, left = (min(max(start - 1, 0), 16 - 7) for start in (row, column))
            window = torch.zeros(3, 7, 7, dtype=torch.bool)
            window[:, row - top : row - top + 4, column - left : column - left + 4] = True
            inside, ring = window.flatten().nonzero()[:, 0], (~window).flatten().nonzero()[:, 0]
            outer = images[0, :, top : top + 7, left : left + 7].flatten().double()
            mean, covariance = conditional_gaussian(
                gaussian.mean, gaussian.covariance + jitter, inside, ring, outer[ring]
            )
            cache[row, column] = mean, torch.linalg.cholesky(covariance)
        mean, root = cache[row, column]
        noise = draws[row * 13 + column, s].double()
        return (mean + root @ noise).float().reshape(3, patch, patch)

    twin = algorithm_1(probability_of(small_model, 2), images[0], sample_window, patch, samples, 500, 4)
    torch.testing.assert_close(maps[0], twin, rtol=1e-3, atol=1e-4)


def test_a_linear_model_gives_its_weights_times_what_was_lost(linear_model, images):
    maps = prediction_difference(
        linear_model, images, 2, sampler=ConstantSampler(0.25), patch=1, samples=1, output="activation"
    )
    weights = linear_model[1].weight[2].reshape(3, 16, 16)
    torch.testing.assert_close(maps, (weights * (images - 0.25)).sum(1), rtol=1e-3, atol=1e-5)


def test_a_linear_model_and_a_gaussian_give_the_closed_form_in_the_limit_of_many_samples(images, gaussian, generator):
    patch, model = 3, nn.Sequential(nn.Flatten(), nn.Linear(3 * 16 * 16, 1)).eval()
    maps = prediction_difference(
        model, images[:1], 0, sampler=gaussian, patch=patch, stride=patch, samples=4000, output="activation",
        generator=generator, batch_size=512,
    )  # fmt: skip
    weights = model[1].weight[0].reshape(3, 16, 16)
    inside, ring, gain, offset, _ = gaussian.conditional((2, 2), patch)
    outer = images[0, :, 4:11, 4:11].flatten()
    expected = offset + gain @ outer[ring]  # E[x_w | ring] of the window at (6, 6)
    closed = weights[:, 6:9, 6:9].flatten() @ (outer[inside] - expected)
    assert maps[0, 7, 7].item() == pytest.approx(closed.item(), abs=5e-3)


def test_the_evidence_is_bounded_by_the_laplace_correction():
    instances, classes = 1000, 10
    bound = math.log2((instances + 1) * (instances + classes - 1) / (classes - 1))
    extreme = weight_of_evidence(torch.tensor([1.0, 0.0]), torch.tensor([0.0, 1.0]), instances, classes)
    torch.testing.assert_close(extreme, torch.tensor([bound, -bound]))


def test_a_pixel_that_no_answer_depends_on_has_no_relevance(images, others, generator):
    model = nn.Sequential(nn.Flatten(), nn.Linear(3 * 16 * 16, 3)).eval()
    with torch.no_grad():
        model[1].weight.reshape(3, 3, 16, 16)[..., 8:] = 0
    maps = prediction_difference(
        model, images, 0, sampler=MarginalSampler(others), patch=3, samples=4, generator=generator
    )
    assert maps[..., :8].abs().min() > 0
    assert maps[..., 10:].abs().max() < 1e-4


def test_several_targets_in_one_run_are_the_single_runs(small_model, images, others):
    knobs = {"sampler": MarginalSampler(others), "patch": 5, "stride": 2, "samples": 3}
    together = prediction_differences(small_model, images, [0, 3], generator=torch.Generator().manual_seed(3), **knobs)
    for number, target in enumerate([0, 3]):
        alone = prediction_difference(small_model, images, target, generator=torch.Generator().manual_seed(3), **knobs)
        torch.testing.assert_close(together[:, number], alone)


def test_hidden_units_are_explained_by_their_activation_difference(small_model, images, others):
    layer = as_model(small_model, "2", average=True)
    maps = prediction_difference(
        layer, images, 5, sampler=MarginalSampler(others, variant="official"), patch=16, samples=3, output="activation"
    )
    expected = layer(images)[:, 5] - layer(others[:3])[:, 5].mean()
    torch.testing.assert_close(maps[:, 0, 0], expected)


def test_a_hidden_layer_can_be_made_unknown_instead_of_the_pixels(small_model, images, others):
    with torch.no_grad():
        units, other_units = (small_model[:3](pictures) for pictures in (images, others))
    maps = prediction_difference(
        small_model,
        images,
        0,
        source="2",
        sampler=MarginalSampler(other_units, variant="official"),
        patch=1,
        samples=1,
        output="activation",
    )
    assert maps.shape == (2, 8, 8)
    changed = units.clone()
    changed[:, :, 3, 4] = other_units[0, :, 3, 4]
    expected = (small_model[3:](units) - small_model[3:](changed))[:, 0]
    torch.testing.assert_close(maps[:, 3, 4], expected)


def test_the_analysed_picture_is_no_sample_of_itself(linear_model, others, generator):
    maps = prediction_difference(
        linear_model, others[:1], 0, sampler=MarginalSampler(others[:2]), patch=16, samples=5, output="activation",
        generator=generator,
    )  # fmt: skip
    difference = (linear_model(others[:1]) - linear_model(others[1:2]))[0, 0]
    torch.testing.assert_close(maps, difference.expand_as(maps))


def test_the_top_share_is_exact_even_among_ties():
    assert top_pixels(torch.zeros(2, 10, 10), share=0.05).sum((1, 2)).tolist() == [5, 5]
    with pytest.raises(ValueError, match="share: expected"):
        top_pixels(torch.zeros(1, 2, 2), share=5)


@pytest.mark.parametrize(
    ("knobs", "message"),
    [
        ({"patch": 17}, r"patch: expected an int in 1..16, got 17"),
        ({"patch": 4, "stride": 5}, r"stride: expected an int in 1..4, got 5"),
        ({"samples": 0}, r"samples: expected an int of at least 1, got 0"),
        ({"output": "logit"}, r"output: expected one of 'probability', 'activation', got 'logit'"),
        ({"source": "nowhere"}, r"layer: expected the name of a layer"),
        ({"source": "8"}, r"source: expected a layer of feature maps"),
        ({"batch_size": 0}, r"batch_size: expected an int of at least 1"),
        ({"instances": 0}, r"instances: expected an int of at least 1"),
    ],
)
def test_bad_knobs_are_refused_by_name(small_model, images, knobs, message):
    with pytest.raises(ValueError, match=message):
        prediction_difference(small_model, images, 0, sampler=ConstantSampler(), **knobs)


@pytest.mark.parametrize("targets", [[], [[0], [1], [2]], [7], ["a"], [0.5]])
def test_bad_targets_are_refused(small_model, images, targets):
    with pytest.raises((TypeError, ValueError), match="targets?: expected"):
        prediction_differences(small_model, images, targets, sampler=ConstantSampler(), patch=4)


def test_images_that_ask_for_gradients_cost_no_graph(small_model, images, others):
    maps = prediction_difference(
        small_model, images.requires_grad_(), 0, sampler=MarginalSampler(others), patch=8, stride=8, samples=2
    )
    assert not maps.requires_grad


def test_a_sampler_made_for_other_pictures_is_refused(small_model, images, generator):
    with pytest.raises(ValueError, match=r"sampler: expected images of shape \[3, 8, 8\]"):
        prediction_difference(small_model, images, 0, sampler=MarginalSampler(torch.rand(3, 3, 8, 8)), patch=4)
    with pytest.raises(ValueError, match=r"images: expected enough pictures for"):
        ConditionalSampler.fit(images[:1], outer=12, generator=generator)
    with pytest.raises(ValueError, match=r"reference: expected at least 2 pictures"):
        MarginalSampler(images[:1])


def test_the_probability_of_a_single_output_is_refused(images):
    model = nn.Sequential(nn.Flatten(), nn.Linear(3 * 16 * 16, 1)).eval()
    with pytest.raises(ValueError, match="output: expected 'activation' for a model with a single output"):
        prediction_difference(model, images, 0, sampler=ConstantSampler(), patch=4)


def test_probabilities_of_a_hidden_layer_are_refused(small_model, images):
    with pytest.raises(ValueError, match="output: expected 'activation'"):
        prediction_difference(as_model(small_model, "2"), images, 0, sampler=ConstantSampler(), patch=4)
