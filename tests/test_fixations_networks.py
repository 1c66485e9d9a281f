"""CNN Fixations on the networks that readers have: what a unit goes back to lies in its receptive field."""

from copy import deepcopy

import pytest
import torch
from torch import nn
from torchvision.models import get_model
from torchvision.ops import SqueezeExcitation

from xai_utils.activations import record
from xai_utils.models import load_model
from xai_utils.papers.cnn_fixations import cnn_fixations

NETWORKS = {  # a layer in the middle, whose units see at most 60% of the picture
    "alexnet": "features.5",
    "vgg16": "features.16",
    "googlenet": "inception3b",
    "inception_v3": "Mixed_5b",
    "resnet18": "layer2",
    "resnet50": "layer2",
    "resnet101": "layer2",
    "densenet121": "features.transition1",
    "squeezenet1_1": "features.7",
    "mobilenet_v2": "features.6",
    "mobilenet_v3_large": "features.6",
    "shufflenet_v2_x1_0": "stage2",
    "efficientnet_b0": "features.3",
    "convnext_tiny": "features.2",
    "regnet_y_400mf": "trunk_output.block2",
    "mnasnet1_0": "layers.9",
    "parts/alexnet": "network.features.5",
    "parts/vgg": "network.features.6",
    "parts/googlenet": "network.features.inception3a",
    "parts/resnet": "network.features.layer2.0",
    "parts/densenet": "network.features.transition1",
}
NORMS = (nn.BatchNorm2d, nn.LayerNorm)
ACTIVATIONS = (nn.ReLU, nn.ReLU6, nn.SiLU, nn.GELU, nn.Hardswish)


def load(name):
    """The network and pictures for it; random weights for torchvision's."""
    if name.startswith("parts/"):
        model, side = load_model(name), 128
    else:
        torch.manual_seed(0)
        words = {"init_weights": False} if name in ("googlenet", "inception_v3") else {}
        model, side = get_model(name, weights=None, **words).eval().requires_grad_(False), 224
    return model, torch.rand(1 if name == "vgg16" else 2, 3, side, side, generator=torch.Generator().manual_seed(1))


def receptive_field(model, layer, image, row, column, monkeypatch):
    """Which pixels a place of a layer sees, bool [height, width].

    By the gradient of a copy in which nothing hides a pixel: positive weights, averages instead of maxima, neither
    norms nor activation functions. Gates are left out, since evidence does not pass through them.
    """
    monkeypatch.setattr(nn.functional, "max_pool2d", nn.functional.avg_pool2d)
    copy = deepcopy(model)
    for parent in list(copy.modules()):
        for name, child in parent.named_children():
            if isinstance(child, (*NORMS, *ACTIVATIONS, SqueezeExcitation)):
                setattr(parent, name, nn.Identity())
            elif isinstance(child, nn.MaxPool2d):
                setattr(parent, name, nn.AvgPool2d(child.kernel_size, child.stride, child.padding, child.ceil_mode))
    for parameter in copy.parameters():
        parameter.fill_(1 / parameter[0].numel() if parameter.ndim > 1 else 0)
    image = torch.ones_like(image[None], requires_grad=True)
    with record(copy, [layer]) as outputs:
        copy(image)
    (gradient,) = torch.autograd.grad(outputs[layer][0, :, row, column].sum(), image)
    return (gradient[0] > 0).any(dim=0)


@pytest.mark.parametrize("name", NETWORKS)
def test_the_fixations_of_a_unit_lie_in_its_receptive_field(name, monkeypatch):
    model, images = load(name)
    layer = NETWORKS[name]
    with torch.no_grad(), record(model, [layer]) as outputs:
        model(images)
    units = outputs[layer].flatten(1).argmax(dim=1)
    both = zip(*(cnn_fixations(model, images, units, layer=layer, move=move) for move in (False, True)), strict=True)
    for image, unit, found in zip(images, units, both, strict=True):
        _, row, column = torch.unravel_index(unit, outputs[layer].shape[1:])
        with monkeypatch.context() as patch:
            seen = receptive_field(model, layer, image, row, column, patch)
        assert 0 < seen.float().mean() < 0.6
        for points in found:
            assert len(points) > 0
            assert seen[points[:, 0], points[:, 1]].all()


@pytest.mark.parametrize("name", NETWORKS)
def test_every_network_goes_back_to_some_pixels_of_the_picture(name):
    model, images = load(name)
    for image, points in zip(images, cnn_fixations(model, images, [3, 7][: len(images)]), strict=True):
        assert 0 < len(points) < image[0].numel() / 4
        assert points.shape[1] == 2
        assert (points >= 0).all()
        assert (points < torch.tensor(image.shape[1:])).all()
