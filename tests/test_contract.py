"""Every map method keeps the same promises: shapes, types, the model as it was, the same maps for the same draws."""

from functools import partial

import pytest
import torch

from xai_utils import (
    ConditionalSampler,
    ConstantSampler,
    MarginalSampler,
    cnn_fixations,
    fixation_map,
    gradient,
    iterative_mask,
    prediction_difference,
)
from xai_utils.baselines import (
    contrastive_mwp,
    deconvolution,
    excitation_backprop,
    grad_cam,
    gradient_times_input,
    guided_backprop,
    integrated_gradients,
    lrp,
)

OTHERS = torch.rand(12, 3, 16, 16, generator=torch.Generator().manual_seed(7))
GAUSSIAN = ConditionalSampler.fit(OTHERS, outer=6, patches=1000, generator=torch.Generator().manual_seed(8))
KNOBS = {"patch": 4, "stride": 3, "samples": 2}


def at_once(method, **knobs):
    """A method that draws nothing and takes all images at once, which the house words do not concern."""
    return lambda model, images, target, **_: method(model, images, target, **knobs)


def integrated(model, images, target, *, generator, **words):
    return integrated_gradients(model, images, target, steps=4, **words)


def fixations(model, images, target, *, generator, **words):
    return fixation_map(cnn_fixations(model, images, target, **words), images.shape[2:])


METHODS = {
    "gradient": at_once(gradient),
    "gradient x input": at_once(gradient_times_input),
    "guided backprop": at_once(guided_backprop),
    "deconvolution": at_once(deconvolution),
    "grad-cam": at_once(grad_cam),
    "excitation backprop": at_once(excitation_backprop, layer="2"),
    "contrastive mwp": at_once(contrastive_mwp, layer="2"),
    "lrp": at_once(lrp),
    "integrated gradients": integrated,
    "cnn fixations": fixations,
    "occlusion": partial(prediction_difference, sampler=ConstantSampler(), **KNOBS),
    "marginal": partial(prediction_difference, sampler=MarginalSampler(OTHERS), **KNOBS),
    "conditional": partial(prediction_difference, sampler=GAUSSIAN, **KNOBS),
    "iterative mask": partial(iterative_mask, steps=4),
    "logits": partial(prediction_difference, sampler=GAUSSIAN, output="activation", **KNOBS),
}


@pytest.fixture(params=METHODS, ids=str)
def method(request):
    def run(model, images, target, **words):
        words.setdefault("generator", torch.Generator().manual_seed(0))
        return METHODS[request.param](model, images, target, **words)

    return run


def state_of(model):
    return (
        {name: value.clone() for name, value in model.state_dict().items()},
        [(parameter.requires_grad, parameter.grad) for parameter in model.parameters()],
        [(module.training, len(module._forward_hooks), len(module._backward_hooks)) for module in model.modules()],
    )


def assert_same_state(before, after):
    assert all(torch.equal(before[0][name], after[0][name]) for name in before[0])
    assert before[1:] == after[1:]


def test_one_map_for_each_image(method, small_model, images):
    maps = method(small_model, images, [0, 1])
    assert maps.shape == (2, 16, 16)
    assert maps.dtype == images.dtype
    assert maps.device == images.device
    assert not maps.requires_grad
    assert torch.isfinite(maps).all()
    assert maps.abs().sum() > 0


def test_the_model_is_left_as_it_was(method, small_model, images):
    before = state_of(small_model)
    method(small_model, images, 0)
    assert_same_state(before, state_of(small_model))
    with pytest.raises(ValueError, match="target"):
        method(small_model, images, 99)
    assert_same_state(before, state_of(small_model))


def test_the_same_generator_gives_the_same_maps(method, small_model, images):
    assert torch.equal(method(small_model, images, 1), method(small_model, images, 1))


def test_a_batch_of_two_is_two_of_one(method, small_model, images):
    together = method(small_model, images, [2, 3])
    for number, target in enumerate([2, 3]):
        alone = method(small_model, images[number : number + 1], target)
        torch.testing.assert_close(together[number], alone[0], rtol=1e-3, atol=1e-5)


def test_the_batch_size_changes_nothing(method, small_model, images):
    few, many = (method(small_model, images, 1, batch_size=size) for size in (3, 1000))
    torch.testing.assert_close(few, many, rtol=1e-3, atol=1e-5)


def test_the_callers_images_are_not_touched(method, small_model, images):
    before = images.clone()
    method(small_model, images, 0)
    assert torch.equal(before, images)
    assert not images.requires_grad


@pytest.mark.parametrize(
    ("bad", "error", "message"),
    [
        (lambda x: x * 255, ValueError, r"images: expected RGB values in \[0, 1\]"),
        (lambda x: x[:, :1], ValueError, r"images: expected shape \[batch, 3, height, width\]"),
        (lambda x: x[0], ValueError, r"images: expected shape \[batch, 3, height, width\]"),
        (lambda x: (x * 255).byte(), TypeError, "images: expected a floating-point tensor"),
        (lambda x: x.numpy(), TypeError, "images: expected a floating-point tensor"),
        (lambda x: x.clone().index_fill_(3, torch.tensor([0]), float("nan")), ValueError, "got NaN"),
    ],
)
def test_bad_images_are_refused(method, small_model, images, bad, error, message):
    with pytest.raises(error, match=message):
        method(small_model, bad(images), 0)


@pytest.mark.parametrize(
    ("target", "error"),
    [(4, ValueError), (-1, ValueError), ([0, 1, 2], ValueError), (0.5, TypeError), ("a", TypeError)],
)
def test_a_bad_target_is_refused(method, small_model, images, target, error):
    with pytest.raises(error, match="target: expected"):
        method(small_model, images, target)


def test_a_model_in_train_mode_is_refused(method, small_model, images):
    with pytest.raises(ValueError, match="model: expected eval mode"):
        method(small_model.train(), images, 0)


def test_something_else_than_a_model_is_refused(method, images):
    with pytest.raises(TypeError, match=r"model: expected a torch.nn.Module"):
        method(lambda x: x, images, 0)
