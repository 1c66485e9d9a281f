"""Trains the miniatures on Parts and measures them: `python -m xai_utils.experiments.classifiers`."""

import argparse
import json
from collections.abc import Sequence
from functools import cache
from itertools import groupby
from pathlib import Path
from typing import NamedTuple

import torch
from torch import Tensor
from tqdm.auto import tqdm

from xai_utils.experiments.records import grid, record_all
from xai_utils.experiments.statistics import wilson_interval
from xai_utils.models import Classifier, load_model, miniature
from xai_utils.networks import ARCHITECTURES, VARIANTS
from xai_utils.parts import CLASSES, Parts
from xai_utils.tensors import Progress, quiet
from xai_utils.training import Recipe, accuracy, train
from xai_utils.weights import weights_folder, write_weights

COMMAND = "python -m xai_utils.experiments.classifiers"
CHECKPOINTS = Path(".cache") / "training"


Pictures = tuple[Tensor, Tensor]  # uint8 images [pictures, 3, height, width], labels [pictures]


class Lesson(NamedTuple):
    """What makes a miniature."""

    architecture: str
    recipe: Recipe
    bias: float = 0.0  # of the training pictures


BIAS = 0.95  # how often the pictures of a biased classifier show a class at home
LESSONS = (
    {name: Lesson(name, Recipe()) for name in ARCHITECTURES | VARIANTS}
    # two of them from three seeds, to tell a network from its luck
    | {f"{name}-seed{seed}": Lesson(name, Recipe(seed=seed)) for name in ("alexnet", "resnet") for seed in (1, 2)}
    # the black boxes of Real Time Image Saliency; it asks what a network says of a stretched crop
    | {f"{name}-crops": Lesson(name, Recipe(crop=0.2)) for name in ("alexnet", "googlenet", "resnet")}
    | {"resnet-biased": Lesson("resnet", Recipe(), BIAS)}  # its polar bear
    | {"resnet-biased-seed1": Lesson("resnet", Recipe(seed=1), BIAS)}  # tells what the bias does from luck
)


def train_classifier(
    architecture: str,
    recipe: Recipe,
    training: Pictures,
    validation: Pictures,
    file: Path,
    *,
    classes: Sequence[str] = CLASSES,
    progress: Progress = quiet,
) -> Path:
    """Trains one miniature on the pictures and writes its weights in half precision.

    Args:
        architecture: a name of `ARCHITECTURES` or `VARIANTS`.
        recipe: how; its seed is the network's.
        training: the training split, all at once.
        validation: the validation split, only watched.
        file: where the weights go.
        classes: what the labels mean.
        progress: wraps the batches of each epoch.

    Returns:
        The weights file; its metadata hold the classes and the recipe.
    """
    torch.manual_seed(recipe.seed)
    model = miniature(architecture, classes, len(training[0])).to(memory_format=torch.channels_last)
    checkpoint = CHECKPOINTS / f"{file.stem}.pt"
    for epoch in train(model, training, validation, recipe, checkpoint=checkpoint, progress=progress):
        tqdm.write(
            f"{file.stem}: epoch {epoch.number}, loss {epoch.loss:.3f}, validation accuracy {epoch.accuracy:.3f}"
        )
    about = {"classes": json.dumps(classes), "training_images": str(len(training[0])), "recipe": repr(recipe)}
    return write_weights(file, model.network.state_dict(), about)


@cache
def classifier(name: str) -> Classifier:
    """The classifier of that name, loaded once.

    Args:
        name: as `load_model` takes it.
    """
    return load_model(name)


def measure_classifier(model: str, split: str) -> dict:
    """The accuracy of one trained miniature on a split of Parts, with its 95% interval.

    Args:
        model: as `load_model` takes it.
        split: "validation" or "test".
    """
    images, labels = Parts(split).tensors()
    share = accuracy(load_model(model), images, labels)
    low, high = wilson_interval(share, len(images))
    return {"accuracy": round(share, 4), "low": round(low, 4), "high": round(high, 4), "images": len(images)}


def accuracies(*, progress: Progress = quiet) -> list[dict]:
    """The table of all trained miniatures: test accuracy with interval, one row each."""
    names = sorted(file.stem for file in (weights_folder() / "parts").glob("*.safetensors"))
    wanted = grid(model=[f"parts/{name}" for name in names], split=["test"])
    return record_all("classifiers", wanted, measure_classifier, command=COMMAND, progress=progress)


def main() -> None:
    """Command line: trains what is named (all by default), then writes the table of accuracies."""
    parser = argparse.ArgumentParser(description=main.__doc__)
    parser.add_argument("names", nargs="*", choices=[*LESSONS, []], help="all by default")
    names = parser.parse_args().names or LESSONS
    for bias, group in groupby(names, key=lambda name: LESSONS[name].bias):
        training, validation = (Parts(split, bias=bias).tensors(progress=tqdm) for split in ("train", "validation"))
        for name in group:
            architecture, recipe, _ = LESSONS[name]
            file = weights_folder() / "parts" / f"{name}.safetensors"
            train_classifier(architecture, recipe, training, validation, file, progress=tqdm)
    for row in accuracies(progress=tqdm):
        print(row["configuration"]["model"], row["result"])


if __name__ == "__main__":
    main()
