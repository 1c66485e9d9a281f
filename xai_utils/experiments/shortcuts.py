"""Can Parts be solved without looking at parts? `python -m xai_utils.experiments.shortcuts` tries two ways."""

import argparse

import numpy as np
import torch
from sklearn.ensemble import ExtraTreesClassifier
from sklearn.neural_network import MLPClassifier
from torch import Tensor
from tqdm.auto import tqdm

from xai_utils.experiments.records import grid, record_all
from xai_utils.experiments.statistics import wilson_interval
from xai_utils.models import miniature, outputs
from xai_utils.parts import CLASSES, Parts
from xai_utils.tensors import Progress, quiet
from xai_utils.training import Recipe, train

COMMAND = "python -m xai_utils.experiments.shortcuts"
BINS = 6  # of each colour channel


def measure_shortcut(sees: str, training: int, test: int, epochs: int) -> dict:
    """The test accuracy of classifiers that see one thing only.

    Args:
        sees: "silhouette" (the main object's region, white on black, for the ResNet miniature) or "colours" (the
            picture's colour histogram, for a network with a hidden layer and for a forest; the better one counts).
        training: pictures of the training split.
        test: pictures of the test split.
        epochs: of the miniature's training.

    Returns:
        `accuracy` with its 95% interval, and `pair`, how often at least the pair of classes is right.
    """
    (seen, labels), (unseen, truth) = (_seen(sees, *split) for split in (("train", training), ("test", test)))
    if sees == "silhouette":
        torch.manual_seed(0)
        model = miniature("resnet", CLASSES).to(memory_format=torch.channels_last)
        list(train(model, (seen, labels), (unseen[:100], truth[:100]), Recipe(epochs=epochs)))
        answers = [outputs(model, unseen.float() / 255).argmax(1)]
    else:
        network = MLPClassifier((128,), early_stopping=True, max_iter=200, random_state=0)
        forest = ExtraTreesClassifier(300, min_samples_leaf=2, random_state=0)
        answers = [torch.from_numpy(c.fit(seen, labels).predict(unseen)) for c in (network, forest)]
    best = max(answers, key=lambda answer: (answer == truth).sum())
    share = (best == truth).double().mean().item()
    low, high = wilson_interval(share, test)
    pair = (best // 2 == truth // 2).double().mean().item()
    return {"accuracy": round(share, 4), "low": round(low, 4), "high": round(high, 4), "pair": round(pair, 4)}


def _seen(sees: str, split: str, count: int) -> tuple[Tensor, Tensor]:
    """What is seen of the first `count` pictures of a split, and their labels."""
    data = Parts(split)
    scenes = (data.scene(index) for index in range(count))
    if sees == "silhouette":
        return torch.stack([scene.region.expand(3, -1, -1).byte() * 255 for scene in scenes]), data.labels[:count]
    return torch.from_numpy(np.stack([colour_histogram(scene.pixels()) for scene in scenes])), data.labels[:count]


def colour_histogram(pixels: np.ndarray) -> np.ndarray:
    """The share of the pixels in each of 6 x 6 x 6 boxes of the colour cube.

    Args:
        pixels: uint8 [height, width, 3].

    Example:
        >>> float(colour_histogram(np.zeros((4, 4, 3), np.uint8))[0])
        1.0
    """
    level = pixels.reshape(-1, 3).astype(int) * BINS // 256
    counts = np.bincount(level @ [BINS**2, BINS, 1], minlength=BINS**3)
    return (counts / counts.sum()).astype(np.float32)


def shortcuts(*, training: int = 8000, test: int = 2000, epochs: int = 20, progress: Progress = quiet) -> list[dict]:
    """Both rows, recorded or computed now.

    Args:
        training: pictures of the training split.
        test: pictures of the test split.
        epochs: of the miniature's training.
        progress: wraps the rows.
    """
    wanted = grid(sees=["silhouette", "colours"], training=[training], test=[test], epochs=[epochs])
    return record_all("shortcuts", wanted, measure_shortcut, command=COMMAND, progress=progress)


def main() -> None:
    """Command line: computes and records both rows."""
    argparse.ArgumentParser(description=main.__doc__).parse_args()
    for row in shortcuts(progress=tqdm):
        print(row["configuration"]["sees"], row["result"])


if __name__ == "__main__":
    main()
