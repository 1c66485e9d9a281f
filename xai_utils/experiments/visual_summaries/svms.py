"""Linear SVMs on a network's features: who learns from which pictures, and scores that sum to one (section 4.4)."""

from collections.abc import Sequence
from functools import cache
from typing import NamedTuple

import numpy as np
import torch
from sklearn.preprocessing import StandardScaler
from sklearn.svm import LinearSVC
from torch import Tensor, nn

from xai_utils.experiments.classifiers import classifier
from xai_utils.models import outputs
from xai_utils.parts import Parts

SHARES = ("softmax", "shift")  # how scores are made to sum to one


class Answers(NamedTuple):
    """What a network says of some pictures."""

    features: np.ndarray  # [pictures, features], see `features_and_logits`
    probabilities: np.ndarray  # [pictures, classes]
    labels: np.ndarray  # [pictures]


def features_and_logits(model: nn.Module, images: Tensor) -> tuple[Tensor, Tensor]:
    """The features on which the SVMs work, and the network's logits.

    **Source**: section 4.4, "the first fully connected layer", behind its ReLU. In a network that has one linear layer
    only, which gives the logits, its inputs stand in: the averages of the last feature maps.

    Args:
        model: classifier in eval mode.
        images: float [batch, 3, height, width], RGB in [0, 1].

    Returns:
        float [batch, features] and [batch, classes].

    Raises:
        ValueError: a model without linear layers.

    Example:
        >>> from xai_utils.models import load_model
        >>> [some.shape[1] for some in features_and_logits(load_model("parts/alexnet"), torch.rand(2, 3, 128, 128))]
        [256, 10]
    """
    layers = [layer for layer in model.modules() if isinstance(layer, nn.Linear)]
    if not layers:
        raise ValueError("model: expected one with a linear layer, got one without")
    seen: list[Tensor] = []

    def keep(_: nn.Module, inputs: tuple[Tensor], output: Tensor) -> None:
        seen.append(output.relu() if len(layers) > 1 else inputs[0].clone())

    handle = layers[0].register_forward_hook(keep)
    try:
        logits = outputs(model, images)
    finally:
        handle.remove()
    return torch.cat(seen), logits


@cache
def answers(network: str, split: str) -> Answers:
    """What a network says of a whole split of Parts.

    Args:
        network: as `load_model` takes it.
        split: "validation" or "test".
    """
    images, labels = _pictures(split)
    chunks = [features_and_logits(classifier(network), some.float() / 255) for some in images.split(250)]
    features, logits = (torch.cat(parts) for parts in zip(*chunks, strict=True))
    return Answers(features.numpy(), logits.double().softmax(dim=1).numpy(), labels.numpy())


@cache
def _pictures(split: str) -> tuple[Tensor, Tensor]:
    return Parts(split).tensors()


def examples(
    positives: Sequence[Sequence[np.ndarray]], label: int, number: int, pictures: int
) -> tuple[np.ndarray, np.ndarray]:
    """What one SVM learns from: its own pictures against those of other classes and of the class's other SVMs.

    A picture that is in several summaries of the class is no negative example in any of them; one that is in none is
    left out.

    Args:
        positives: for each class, for each of its SVMs the numbers of its pictures within the class.
        label: the class.
        number: of the SVM in the class.
        pictures: of each class.

    Returns:
        Indices of pictures, class * pictures + number within the class; and whether each is a positive one.

    Example:
        >>> examples([[np.array([0]), np.array([0, 1])], []], 0, 0, pictures=3)
        (array([0, 1, 3, 4, 5]), array([ True, False, False, False, False]))
    """
    own = positives[label][number]
    others = np.setdiff1d(np.concatenate(positives[label]), own)
    here = label * pictures
    elsewhere = np.setdiff1d(np.arange(len(positives) * pictures), np.arange(here, here + pictures))
    chosen = np.concatenate([own + here, others + here, elsewhere])
    return chosen, np.arange(len(chosen)) < len(own)


def svm_scores(
    learned: np.ndarray, positives: Sequence[Sequence[np.ndarray]], penalty: float, asked: Sequence[np.ndarray]
) -> list[list[np.ndarray]]:
    """The decision values of every SVM.

    Args:
        learned: float [classes * pictures, features], class by class.
        positives: for each class, for each of its SVMs the numbers of its pictures within the class.
        penalty: C; both kinds of examples weigh the same in all.
        asked: features of other pictures, [pictures, features] each.

    Returns:
        For each of `asked`, for each class float [SVMs, pictures].
    """
    pictures = len(learned) // len(positives)
    scale = StandardScaler().fit(learned)
    learned, asked = scale.transform(learned), [scale.transform(some) for some in asked]
    found = [[np.zeros((len(sets), len(some))) for sets in positives] for some in asked]
    for label, sets in enumerate(positives):
        for number in range(len(sets)):
            chosen, own = examples(positives, label, number, pictures)
            machine = LinearSVC(C=penalty, class_weight="balanced", dual="auto", random_state=0, max_iter=20_000)
            machine.fit(learned[chosen], own)
            for scores, some in zip(found, asked, strict=True):
                scores[label][number] = machine.decision_function(some)
    return found


def class_scores(scores: Sequence[np.ndarray]) -> np.ndarray:
    """Each class's highest score, [pictures, classes]; NaN for a class without SVMs.

    **Source**: section 4.4, "selecting the highest score among the SVMs for each class".

    Example:
        >>> class_scores([np.array([[1.0, 2.0], [3.0, 0.0]]), np.zeros((0, 2))])
        array([[ 3., nan],
               [ 2., nan]])
    """
    return np.stack([some.max(axis=0) if len(some) else np.full(some.shape[1], np.nan) for some in scores], axis=1)


def shared(scores: np.ndarray, probabilities: np.ndarray, share: str) -> np.ndarray:
    """Scores that sum to one.

    **Source**: section 4.4, "normalized to sum to unity", which does not say how. A class without SVMs keeps the
    network's probability, and the other classes share what is left.

    Args:
        scores: [pictures, classes], as `class_scores` returns them.
        probabilities: the network's, [pictures, classes].
        share: "softmax" of the scores, or "shift": the lowest score of a picture is 0, and the rest is in proportion.

    Returns:
        [pictures, classes]; each row sums to one.

    Example:
        >>> shared(np.array([[1.0, 2.0, 4.0, np.nan]]), np.array([[0.1, 0.1, 0.0, 0.8]]), "shift").round(3)
        array([[0.  , 0.05, 0.15, 0.8 ]])
    """
    known = ~np.isnan(scores).any(axis=0)
    if not known.any():
        return probabilities
    own = scores[:, known]
    if share == "softmax":
        own = np.exp(own - own.max(axis=1, keepdims=True))
    else:
        own = own - own.min(axis=1, keepdims=True) + np.finfo(float).tiny
    found = probabilities.copy()
    found[:, known] = own / own.sum(axis=1, keepdims=True) * (1 - probabilities[:, ~known].sum(axis=1, keepdims=True))
    return found
