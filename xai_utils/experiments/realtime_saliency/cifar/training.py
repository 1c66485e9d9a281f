"""Trains the classifier of small pictures and its masking model."""

import json
from collections.abc import Iterator, Sequence
from dataclasses import replace
from pathlib import Path

import torch
from torch import Tensor, nn
from torch.nn.functional import cross_entropy
from tqdm.auto import tqdm

from xai_utils.experiments.cifar.data import Pictures, cifar_classes, cifar_pictures
from xai_utils.experiments.cifar.network import cifar_classifier
from xai_utils.models import Classifier
from xai_utils.tensors import Progress, quiet
from xai_utils.training import InBfloat16, Recipe, accuracy, cropped, fit, flipped, padded, shifted
from xai_utils.weights import weights_folder, write_weights

COMMAND = "python -m xai_utils.experiments.realtime_saliency.cifar"
CHECKPOINTS = Path(".cache") / "training"
CROPS = Recipe(epochs=30, batch_size=128, learning_rate=4e-3, weight_decay=0.05, shift=4, crop=0.5)
RECIPES = (CROPS, replace(CROPS, epochs=10, learning_rate=2e-3, crop=0.8))  # crops first, then nearly whole pictures


def train_classifier(data: str, recipes: Sequence[Recipe] = RECIPES, *, progress: Progress = quiet) -> Path:
    """Trains the classifier on a folder of small pictures and writes its weights.

    Random crops belong to it because the saliency metric asks what a network says of a stretched crop. What batch norms
    subtract and divide by is measured on whole pictures in the end, see `settle`. An interrupted training goes on with
    the epoch in which it was interrupted.

    Args:
        data: name of the folder, as `cifar_pictures` takes it.
        recipes: how, one after the other; the first one's seed is the network's.
        progress: wraps the batches of each epoch.

    Returns:
        The weights file.
    """
    training, validation = cifar_pictures(data, "train"), cifar_pictures(data, "validation")
    classes = cifar_classes(data)
    torch.manual_seed(recipes[0].seed)
    model = cifar_classifier(classes, len(training[1])).to(memory_format=torch.channels_last)
    for phase, recipe in enumerate(recipes, start=1):
        file = CHECKPOINTS / f"cifar-resnet-{data}-{phase}.pt"
        for number, loss in learn(model, training, recipe, checkpoint=file, progress=progress):
            share = accuracy(model, *validation)
            tqdm.write(f"{data}: phase {phase}, epoch {number}, loss {loss:.3f}, validation accuracy {share:.3f}")
    settle(model, training[0])
    tqdm.write(f"{data}: settled, validation accuracy {accuracy(model, *validation):.3f}")
    about = {"classes": json.dumps(classes), "training_images": str(len(training[1])), "recipe": repr(recipes)}
    return write_weights(weights_folder() / f"cifar/resnet-{data}.safetensors", model.network.state_dict(), about)


def learn(model: Classifier, training: Pictures, recipe: Recipe, **knobs) -> Iterator[tuple[int, float]]:
    """Trains a classifier in place on shifted, cropped and mirrored pictures; see `xai_utils.training.fit`."""
    images, labels, fast = padded(training[0], recipe.shift), training[1], InBfloat16(model)

    def loss_of(chosen: Tensor, generator: torch.Generator) -> Tensor:
        pictures = cropped(shifted(images[chosen], recipe.shift, generator), recipe.crop, generator)
        logits = fast(flipped(pictures, generator))
        return cross_entropy(logits, labels[chosen], label_smoothing=recipe.label_smoothing)

    return fit(model, len(images), loss_of, recipe, **knobs)


def settle(model: nn.Module, images: Tensor, batch_size: int = 250) -> None:
    """Measures what every batch norm subtracts and divides by once more, on whole pictures.

    Stretched crops are blurred, and what was measured on them does not fit the pictures that the network is for. The
    model is changed in place and left in eval mode; its weights stay as they are.

    Args:
        model: any with batch norms.
        images: uint8 [pictures, 3, height, width].
        batch_size: pictures per forward pass; the mean over the passes is taken.
    """
    norms = [part for part in model.modules() if isinstance(part, nn.BatchNorm2d)]
    momenta = [norm.momentum for norm in norms]
    for norm in norms:
        norm.reset_running_stats()
        norm.momentum = None  # of all passes alike
    model.train()
    with torch.no_grad():
        for chunk in images.split(batch_size):
            model(chunk.float().div(255).contiguous(memory_format=torch.channels_last))
    model.eval()
    for norm, momentum in zip(norms, momenta, strict=True):
        norm.momentum = momentum
