"""Small networks for pictures of 32 x 32 pixels."""

import json
from collections.abc import Callable, Sequence
from itertools import pairwise
from pathlib import Path

import torch
from torch import nn

from xai_utils.models import Classifier
from xai_utils.networks import Residual
from xai_utils.weights import read_about, read_weights, weights_folder

FOLDERS = ("cifar/", "small/")  # of weights
CHANNELS = (24, 48, 96, 160)  # at 32, 16, 8 and 4 pixels a side
LAYERS = ("layer1", "layer2", "layer3")  # the last of each scale but the largest, as in the paper


def cifar_network(classes: int, channels: Sequence[int] = CHANNELS, dropout: float = 0.0) -> nn.Sequential:
    """A residual network of eleven convolutions whose maps have 32, 16, 8 and 4 pixels a side.

    **Source**: ResNet (He et al., 2016). The authors of Real Time Image Saliency took a network with four scales for
    their small pictures too, of three convolutions each.

    Args:
        classes: number of outputs.
        channels: of the four scales.
        dropout: probability that a feature is left out before the last layer, in training.

    Returns:
        A module from normalised images [batch, 3, 32, 32] to logits [batch, classes].
    """
    network = nn.Sequential()
    network.add_module("stem", _conv(3, channels[0], stride=1))
    for number, (ins, outs) in enumerate(pairwise(channels), start=1):
        network.add_module(f"layer{number}", nn.Sequential(_conv(ins, outs), Residual(outs, outs, 1)))
    network.add_module("pool", nn.AdaptiveAvgPool2d(1))
    network.add_module("flat", nn.Flatten())
    network.add_module("dropout", nn.Dropout(dropout))
    network.add_module("linear", nn.Linear(channels[-1], classes))
    return network


def small_resnet(classes: int) -> nn.Sequential:
    """`cifar_network` with two thirds of its channels, and with dropout: ResNet for many runs.

    Args:
        classes: number of outputs.
    """
    return cifar_network(classes, (16, 32, 64, 128), dropout=0.3)


def small_vgg(classes: int) -> nn.Sequential:
    """VGG (Simonyan and Zisserman, 2014) with batch norm for many runs: six convolutions, three pools, two linear maps.

    Args:
        classes: number of outputs.

    Returns:
        A module from normalised images [batch, 3, 32, 32] to logits [batch, classes].
    """
    network = nn.Sequential()
    for number, (ins, outs) in enumerate(pairwise((3, 16, 32, 64)), start=1):
        stack = (_conv(ins, outs, stride=1), _conv(outs, outs, stride=1), nn.MaxPool2d(2))
        network.add_module(f"stack{number}", nn.Sequential(*stack))
    hidden = nn.Sequential(nn.Flatten(), nn.Dropout(0.3), nn.Linear(64 * 16, 128), nn.ReLU(), nn.Dropout(0.3))
    network.add_module("hidden", hidden)
    network.add_module("linear", nn.Linear(128, classes))
    return network


NETWORKS: dict[str, Callable[[int], nn.Sequential]] = {"vgg": small_vgg, "resnet": small_resnet}
"""The networks of many runs by name, each a function from the number of classes to an untrained network."""


def _conv(ins: int, outs: int, stride: int = 2) -> nn.Sequential:
    """3 x 3 convolution, batch norm, ReLU."""
    return nn.Sequential(nn.Conv2d(ins, outs, 3, stride, padding=1, bias=False), nn.BatchNorm2d(outs), nn.ReLU())


def cifar_classifier(
    classes: Sequence[str], training_images: int = 0, build: Callable[[int], nn.Module] = cifar_network
) -> Classifier:
    """An untrained classifier of small pictures; random weights from PyTorch's global generator.

    Args:
        classes: the name of every class.
        training_images: how many pictures it is going to be trained on.
        build: the network, from the number of classes.
    """
    return Classifier(
        build(len(classes)), mean=(0.5, 0.5, 0.5), std=(0.25, 0.25, 0.25), classes=classes,
        input_size=(32, 32), training_images=training_images,
    )  # fmt: skip


def load_classifier(model: str) -> Classifier:
    """A trained classifier of small pictures, in eval mode and with nothing left to train.

    Args:
        model: "cifar/resnet-DATA", where DATA names the folder of pictures that it was trained on, or
            "small/NETWORK-DATA-EPOCHS", where NETWORK is a name of `NETWORKS`.

    Raises:
        ValueError: another name, or a name without weights, or weights of another network.
    """
    path = weights_file("model", model)
    about, build = read_about(path), NETWORKS[path.stem.split("-")[0]] if model.startswith("small/") else cifar_network
    try:
        classifier = cifar_classifier(json.loads(about["classes"]), int(about["training_images"]), build)
        classifier.network.load_state_dict(read_weights(path))
    except (RuntimeError, KeyError) as error:
        raise ValueError(f"model: expected weights of `{build.__name__}` in {path}, got others: {error}") from error
    return classifier.eval().requires_grad_(False).to(memory_format=torch.channels_last)


def weights_file(name: str, value: str) -> Path:
    """The file of a trained network by its name, such as "cifar/resnet-cifar10"; `name` is the argument's."""
    path = weights_folder() / f"{value}.safetensors"
    if not (value.startswith(FOLDERS) and path.is_file()):
        files = sorted(file for folder in FOLDERS for file in (weights_folder() / folder).glob("*.safetensors"))
        known = ", ".join(f"{file.parent.name}/{file.stem}" for file in files)
        raise ValueError(f"{name}: expected one of {known or '(none trained yet)'}, got {value!r}")
    return path
