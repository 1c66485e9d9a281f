"""Trains the captioner on Parts and counts what it says rightly."""

import json
from collections.abc import Iterator
from pathlib import Path

import torch
from torch import Tensor
from torch.nn.functional import cross_entropy

from xai_utils.experiments.cnn_fixations.captions.network import (
    MODEL,
    Captioner,
    load_captioner,
    split_words,
)
from xai_utils.experiments.statistics import wilson_interval
from xai_utils.models import load_model
from xai_utils.parts import Parts, Scene
from xai_utils.parts.backgrounds import PLACES
from xai_utils.tensors import Progress, quiet
from xai_utils.training import Epoch, Recipe, fit, padded, shifted
from xai_utils.weights import weights_folder, write_weights

TRUNK = "parts/resnet"
TRUNK_PACE = 0.4  # of the learning rate, for the CNN, which already knows the classes
RECIPE = Recipe(epochs=10, learning_rate=3e-3, label_smoothing=0.0)

Told = tuple[Tensor, list[str]]  # uint8 images [pictures, 3, height, width], and a caption for each


def told_pictures(split: str, *, progress: Progress = quiet) -> Told:
    """All pictures of a split of Parts with their captions.

    Args:
        split: of Parts.
        progress: wraps the scenes.
    """
    data = Parts(split)
    images, _ = data.tensors(progress=progress)
    return images, [data.scene(index).caption for index in range(len(data))]


def untrained_captioner(captions: list[str]) -> Captioner:
    """A captioner with the words of these captions, whose CNN is the trained classifier of Parts.

    Its other weights come from PyTorch's global generator.
    """
    sentences = [split_words(caption) for caption in captions]
    words = sorted({word for sentence in sentences for word in sentence})
    captioner = Captioner(words, longest=1 + max(map(len, sentences)))
    trunk = load_model(TRUNK).network.features.state_dict()
    captioner.encoder.network.features.load_state_dict(trunk)
    return captioner.to(memory_format=torch.channels_last)


def train_captioner(
    captioner: Captioner, training: Told, validation: Told, recipe: Recipe = RECIPE, *, progress: Progress = quiet
) -> Iterator[Epoch]:
    """Trains LSTM and CNN together, in place: the words' log-likelihood, each given those before it.

    Args:
        captioner: in eval mode after every epoch.
        training: see `told_pictures`.
        validation: the same, never trained on.
        recipe: AdamW under a one-cycle schedule, shifted pictures.
        progress: wraps the batches of each epoch.

    Yields:
        After each epoch its number, the mean loss of a sentence, and the share of validation captions told word by
        word.
    """
    images, words = padded(training[0], recipe.shift), captioner.encode(training[1])
    trunk = list(captioner.encoder.network.features.parameters())
    others = [one for one in captioner.parameters() if all(one is not other for other in trunk)]
    pace = recipe.learning_rate
    groups = [{"params": trunk, "lr": pace * TRUNK_PACE}, {"params": others, "lr": pace}]

    def loss_of(chosen: Tensor, generator: torch.Generator) -> Tensor:
        return sentence_loss(captioner, shifted(images[chosen], recipe.shift, generator), words[chosen])

    loop = fit(captioner, len(images), loss_of, recipe, groups=groups, clip=5.0, progress=progress)  # as Show and Tell
    for number, loss in loop:
        told = zip(spoken_captions(captioner, validation[0]), validation[1], strict=True)
        right = sum(spoken == true for spoken, true in told)
        yield Epoch(number, loss, right / len(validation[1]))


def sentence_loss(captioner: Captioner, images: Tensor, words: Tensor) -> Tensor:
    """Minus the log-likelihood of a sentence, its first END included; the mean over the batch."""
    logits = captioner.readout(captioner(images, words))  # [batch, steps, words]
    each = cross_entropy(logits.transpose(1, 2), words, reduction="none")
    return (each * ((words == 1).cumsum(dim=1) <= 1)).sum(dim=1).mean()


def spoken_captions(captioner: Captioner, images: Tensor, batch_size: int = 100) -> list[str]:
    """What the captioner says about uint8 images [pictures, 3, height, width]."""
    chunks = [chunk.float().div(255) for chunk in images.split(batch_size)]
    return [caption for chunk in chunks for caption in captioner.decode(captioner.speak(chunk))]


def write_captioner(captioner: Captioner, recipe: Recipe = RECIPE, model: str = MODEL) -> Path:
    """Writes the weights in half precision, with the dictionary beside them; returns the file."""
    about = {"words": json.dumps(captioner.vocabulary[2:]), "longest": str(captioner.longest), "recipe": repr(recipe)}
    return write_weights(weights_folder() / f"{model}.safetensors", captioner.state_dict(), about)


def measure_captions(model: str, pictures: list) -> dict[str, list[float]]:
    """How often the words for the class, the words for the place, and the whole caption are the right ones.

    Args:
        model: the captioner, as `load_captioner` takes it.
        pictures: [split, first, last] of Parts.

    Returns:
        "class", "place" and "whole": [share, low, high] with a 95% Wilson interval.
    """
    split, first, last = pictures
    images, _ = Parts(split).tensors(indices=range(first, last))
    spoken = spoken_captions(load_captioner(model), images)
    scenes = map(Parts(split).scene, range(first, last))
    hits = [right_words(said, scene) for said, scene in zip(spoken, scenes, strict=True)]
    shares = {what: sum(hit[what] for hit in hits) / len(hits) for what in hits[0]}
    intervals = {what: (share, *wilson_interval(share, len(hits))) for what, share in shares.items()}
    return {what: [round(value, 4) for value in interval] for what, interval in intervals.items()}


def right_words(spoken: str, scene: Scene) -> dict[str, bool]:
    """Whether class, place, and every word are told as the scene's own caption has them.

    Example:
        >>> from xai_utils.parts import draw_scene
        >>> scene = draw_scene(0, label=0, background="meadow")
        >>> right_words("a robin, asleep, on a meadow", scene)
        {'class': True, 'place': True, 'whole': False}
    """
    true, name = split_words(scene.caption), split_words(scene.class_name)
    said, place = split_words(spoken), split_words(PLACES[scene.background][0])
    beginning = 1 + len(name)  # "a", "bald", "eagle"
    return {
        "class": said[:beginning] == true[:beginning],
        "place": said[-len(place) :] == place,
        "whole": said == true,
    }
