import torch
from captum.attr import Occlusion, Saliency

from xai_utils import ConstantSampler, gradient, prediction_difference
from xai_utils.baselines import gradient_times_input


def test_the_gradient_of_a_linear_model_is_its_largest_weight(linear_model, images):
    weights = linear_model[1].weight[3].reshape(3, 16, 16)
    torch.testing.assert_close(gradient(linear_model, images, 3), weights.abs().amax(0).expand(2, -1, -1))


def test_the_gradient_is_captums(small_model, images):
    pixels = images.clone().requires_grad_()
    expected = Saliency(small_model).attribute(pixels, torch.tensor([0, 2])).amax(1)
    torch.testing.assert_close(gradient(small_model, images, [0, 2]), expected)


def test_gradient_times_input_of_a_linear_model_adds_up_to_its_logit(linear_model, images):
    maps = gradient_times_input(linear_model, images, 1)
    torch.testing.assert_close(maps.sum((1, 2)), linear_model(images)[:, 1] - linear_model[1].bias[1])


def test_a_grey_prediction_difference_is_captums_occlusion(small_model, images):
    """Zeiler and Fergus' grey patch is a prediction difference whose sampler always says grey."""
    maps = prediction_difference(
        small_model, images, 1, sampler=ConstantSampler(0.5), patch=4, stride=2, samples=1, output="activation"
    )
    expected = Occlusion(small_model).attribute(images, (3, 4, 4), (3, 2, 2), baselines=0.5, target=1)
    torch.testing.assert_close(maps, expected[:, 0], rtol=1e-3, atol=1e-5)
