"""The terms of image scores: what every layer says of every picture against the references of all classes at once."""

from collections.abc import Sequence
from functools import cache
from typing import NamedTuple

import torch
from torch import Tensor, nn

from xai_utils.activations import record
from xai_utils.experiments.cifar.data import cifar_pictures
from xai_utils.experiments.cifar.network import load_classifier
from xai_utils.experiments.classifiers import classifier
from xai_utils.models import Classifier, miniature
from xai_utils.networks import ARCHITECTURES
from xai_utils.papers.image_score import LayerReference, Reference, fit_reference, image_score
from xai_utils.parts import CLASSES, Parts
from xai_utils.tensors import check_count, check_images, check_model

NETWORKS = tuple(f"parts/{name}" for name in ARCHITECTURES)
CIFAR = "cifar/resnet-"  # what follows is the name of its pictures
SMALL = "cifar/resnet-cifar10-subset"
UNTRAINED = "untrained/"  # what follows is the name of a miniature; a control
CONTROLS = ("untrained/vgg", "untrained/resnet")  # what scores say without anything learned
TRAINING = 200  # pictures of a class from which its reference is made


class Answers(NamedTuple):
    """What a network says of some pictures, and how it came to say it."""

    logits: Tensor  # [batch, classes]
    shares: Tensor  # float64 [batch, references, layers], log shares; their sum over the layers is the image score


def answers(model: nn.Module, images: Tensor, references: Sequence[Reference], *, batch_size: int = 64) -> Answers:
    """Each layer's term of the image score, for several references in one pass.

    Args:
        model: the network of the references, in eval mode.
        images: float [batch, 3, height, width], RGB in [0, 1].
        references: of several classes; a layer that one of them skips adds 0 to its scores.
        batch_size: pictures per forward pass.

    Returns:
        Logits and terms; layers in the order of the references'.

    Raises:
        TypeError, ValueError: bad images, a model in train mode.
    """
    check_model(model)
    check_images(images)
    check_count("batch_size", batch_size)
    of_layer: dict[str, dict[int, LayerReference]] = {}
    for number, reference in enumerate(references):
        for layer in reference.layers:
            of_layer.setdefault(layer.layer, {})[number] = layer

    def terms(name: str, output: Tensor) -> Tensor:
        found = torch.zeros(len(output), len(references), dtype=torch.float64, device=output.device)
        for number, layer in of_layer[name].items():
            units = output[:, *layer.important.nonzero(as_tuple=True)]
            count = (units >= layer.threshold).sum(dim=1).clamp(min=1)
            found[:, number] = (count / layer.important.sum().double()).log()
        return found

    logits, shares = [], []
    with torch.inference_mode(), record(model, list(of_layer), keep=terms) as found:
        for chunk in images.split(batch_size):
            logits.append(model(chunk))
            shares.append(torch.stack([found[name] for name in of_layer], dim=2))
    return Answers(torch.cat(logits).clone(), torch.cat(shares).clone())


def formula_scores(model: nn.Module, images: Tensor, references: Sequence[Reference], labels: Tensor) -> Tensor:
    """Image scores as the formula has them, of each picture by the reference of one class: float64 [batch].

    Args:
        model: the network of the references, in eval mode.
        images: float [batch, 3, height, width], RGB in [0, 1].
        references: of all classes.
        labels: int64 [batch], whose reference.
    """
    found = torch.zeros(len(images), dtype=torch.float64)
    for label in labels.unique().tolist():
        own = labels == label
        found[own] = image_score(model, images[own], references[label], intersect=False)
    return found


@cache
def network_of(name: str) -> Classifier:
    """A network by its name, loaded once: one of `NETWORKS`, "cifar/resnet-DATA", or "untrained/vgg" and its like."""
    if name.startswith(UNTRAINED):
        with torch.random.fork_rng(devices=[]):
            torch.manual_seed(0)
            return miniature(name.removeprefix(UNTRAINED), CLASSES).eval().requires_grad_(False)
    return load_classifier(name) if name.startswith(CIFAR) else classifier(name)


def training_pictures(network: str, label: int, pictures: int = TRAINING) -> Tensor:
    """The first pictures of a class among those that a network was trained on: float [pictures, 3, height, width].

    Raises:
        FileNotFoundError: the pictures of a network for CIFAR-10 are not there; says how to get them.
    """
    if network.startswith(CIFAR):
        images, labels = cifar_pictures(network.removeprefix(CIFAR), "train")
        return images[labels == label][:pictures].float() / 255
    return _drawn(label, pictures).float() / 255


@cache
def class_reference(network: str, label: int, pictures: int = TRAINING, norm: str = "max") -> Reference:
    """The reference of a class, from training pictures that truly are of it.

    Args:
        network: as `network_of` takes it.
        label: the class.
        pictures: how many.
        norm: as `fit_reference` takes it.
    """
    return fit_reference(network_of(network), training_pictures(network, label, pictures), norm=norm)


def class_references(network: str, pictures: int = TRAINING, norm: str = "max") -> list[Reference]:
    """The references of all classes of a network, in the order of its logits."""
    return [class_reference(network, label, pictures, norm) for label in range(len(network_of(network).classes))]


@cache
def _drawn(label: int, pictures: int) -> Tensor:
    split = Parts("train")
    return split.tensors(indices=(split.labels == label).nonzero()[:pictures, 0].tolist())[0]
