"""Figures 2 to 4: scores of a class's pictures, seen and new, after little, more and much training."""

import argparse
import json
import math
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import NamedTuple

import numpy as np
import torch
from sklearn.metrics import roc_auc_score
from torch import Tensor, nn
from tqdm.auto import tqdm

from xai_utils.experiments.cifar.network import NETWORKS
from xai_utils.experiments.image_score.pictures import PARTS, split_of
from xai_utils.experiments.image_score.runs import EPOCHS, pretrained
from xai_utils.experiments.records import grid, read_records, record_all
from xai_utils.experiments.semi_supervised import RECIPE, Split, logits_of, pool_of
from xai_utils.experiments.statistics import wilson_interval
from xai_utils.papers.image_score import fit_reference, image_score
from xai_utils.tensors import Progress, quiet
from xai_utils.weights import weights_folder, write_weights

COMMAND = "python -m xai_utils.experiments.image_score.intervals"
STAGES = (5, 20, 80)  # epochs; the paper's 10, 50 and 500, for fewer pictures
PICTURES = {"labelled": "seen", "test": "new"}  # of a class, and how the chapter calls them
WIDTH = 1.4  # of an interval: twice the paper's (-0.7, 0.0], since small networks' scores lie further apart
COUNT = 6  # intervals; the lowest holds everything below it too
STEP, STEPS = 0.1, 100  # of the recorded intervals


class Scored(NamedTuple):
    """Pictures of a class with what a network makes of them."""

    scores: Tensor  # float [pictures]
    right: Tensor  # bool [pictures]: whether they are recognised


class Interval(NamedTuple):
    """The pictures whose scores lie in (low, high]."""

    low: float
    high: float
    share: float  # of the class's pictures
    accuracy: float  # nan if there is no picture
    sure: tuple[float, float]  # its 95% interval (Wilson)

    @classmethod
    def of(cls, low: float, high: float, pictures: float, right: float, total: float) -> "Interval":
        """An interval that holds some of all pictures, of which some are recognised."""
        if not pictures:
            return cls(low, high, 0.0, math.nan, (math.nan, math.nan))
        accuracy = float(right / pictures)
        return cls(low, high, float(pictures / total), accuracy, wilson_interval(accuracy, int(pictures)))


def scored(
    model: nn.Module,
    split: Split,
    target: int,
    *,
    layers: Sequence[str] | None = None,
    norm: str = "max",
    variant: str = "mean",
    intersect: bool = True,
) -> tuple[Scored, Scored]:
    """The scores of the labelled and of the test pictures that show a class, and whether they are recognised.

    **Source**: figures 2 to 4. The reference is made of the labelled pictures, on which the network was trained.

    Args:
        model: in eval mode.
        split: the pictures.
        target: the class.
        layers: see `fit_reference`, as are `norm` and `variant`.
        norm: "max", "L1" or "L2".
        variant: "mean" or "paper".
        intersect: see `image_score`.

    Returns:
        Of the labelled and of the test pictures.
    """
    shown = [images[labels == target] for images, labels in (split.labelled, split.test)]
    floats = [images.float().div(255) for images in shown]
    reference = fit_reference(model, floats[0], layers=layers, norm=norm, variant=variant, batch_size=250)
    return tuple(
        Scored(
            image_score(model, images, reference, intersect=intersect, batch_size=250),
            logits_of(model, levels).argmax(dim=1) == target,
        )
        for images, levels in zip(floats, shown, strict=True)
    )


def counted(pictures: Scored) -> tuple[np.ndarray, np.ndarray]:
    """How many pictures lie in each step of scores, from 0 downwards, and how many of them are recognised, int [steps].

    The last step holds everything below it too; what lies above 0 (which takes `intersect=False`) is in the first.
    """
    place = (pictures.scores.neg() / STEP).floor().clamp(0, STEPS - 1).int()
    return place.bincount(minlength=STEPS).numpy(), place[pictures.right].bincount(minlength=STEPS).numpy()


def in_intervals(count: np.ndarray, right: np.ndarray, width: float = WIDTH) -> list[Interval]:
    """Share and accuracy of the pictures in each interval of scores, from the lowest.

    Args:
        count: as `counted` returns it.
        right: the same.
        width: of an interval, a multiple of `STEP`.

    Example:
        >>> pictures = Scored(torch.tensor([-0.15, -0.25, -1.95]), torch.tensor([True, False, True]))
        >>> found = in_intervals(*counted(pictures))
        >>> [(round(one.low, 1), round(one.share, 2), one.accuracy) for one in found[-2:]]
        [(-2.8, 0.33, 1.0), (-1.4, 0.67, 0.5)]
    """
    steps, found = round(width / STEP), []
    for number in reversed(range(COUNT)):
        some = slice(number * steps, (number + 1) * steps if number < COUNT - 1 else None)
        pictures, known = count[some].sum(), right[some].sum()
        low = -width * (number + 1) if number < COUNT - 1 else -math.inf
        found.append(Interval.of(low, -width * number, pictures, known, count.sum()))
    return found


def in_bins(both: tuple[Scored, Scored], bins: int = 9) -> dict[str, list[Interval]]:
    """Share and accuracy of "seen" and "new" pictures in equal bins over all of their scores, from the lowest.

    Args:
        both: as `scored` returns them.
        bins: how many.
    """
    scores = torch.cat([pictures.scores for pictures in both])
    edges = torch.linspace(float(scores.min()), float(scores.max()), bins + 1, dtype=scores.dtype)
    found: dict[str, list[Interval]] = {}
    for name, pictures in zip(PICTURES.values(), both, strict=True):
        place = torch.bucketize(pictures.scores, edges[1:-1])
        inside = [pictures.right[place == number].double() for number in range(bins)]
        found[name] = [
            Interval.of(float(low), float(high), len(some), float(some.sum()), len(place))
            for low, high, some in zip(edges[:-1], edges[1:], inside, strict=True)
        ]
    return found


def measure_intervals(data: str, network: str, seed: int, epochs: int) -> dict:
    """Figures 2 to 4 for every class of a network that was trained so long.

    Args:
        data: as `split_of` takes it.
        network: a name of `NETWORKS`.
        seed: of network and pictures.
        epochs: of training on the labelled pictures.

    Returns:
        Of the "labelled" and the "test" pictures of each class how many there are, "count", and how many of them are
        recognised, "right", in each interval of `STEP`, from 0 downwards, int [classes, steps]; and, for the test
        pictures that are *taken* for a class, the areas under the curve with which its "score" and its probability,
        "softmax", tell those that show it from the others, float or None [classes].
    """
    split, model = split_of(data, seed), pretrained(data, network, seed, epochs)
    found = {name: {"count": [], "right": []} for name in PICTURES}
    areas = {"score": [], "softmax": []}
    for target in range(len(model.classes)):
        both = scored(model, split, target)
        for name, pictures in zip(found, both, strict=True):
            for what, counts in zip(("count", "right"), counted(pictures), strict=True):
                found[name][what].append(counts.tolist())
        pool, *trust = pool_of(model, split._replace(additional=split.test), target)
        shows = split.test[1][pool] == target
        for name, values in zip(areas, trust, strict=True):
            known = 0 < shows.sum() < len(shows)  # both kinds
            areas[name].append(round(float(roc_auc_score(shows, values)), 4) if known else None)
    return found | areas


def intervals(data: str, network: str, epochs: int, target: int, seed: int = 0) -> dict[str, list[Interval]]:
    """A recorded figure: "seen" and "new" pictures -> the intervals, from the lowest.

    Raises:
        ValueError: nothing of that kind is recorded.
    """
    return {says: in_intervals(*steps(data, network, epochs, target, name, seed)) for name, says in PICTURES.items()}


def steps(
    data: str, network: str, epochs: int, target: int, pictures: str, seed: int = 0
) -> tuple[np.ndarray, np.ndarray]:
    """What is recorded of the "labelled" or the "test" pictures of a class, as `counted` returns it."""
    row = _recorded(data, network, epochs, seed)[pictures]
    return np.array(row["count"][target]), np.array(row["right"][target])


def trend(data: str, network: str, value: str, seed: int = 0) -> dict[int, np.ndarray]:
    """What training changes: epochs -> value of each class, float [classes].

    Args:
        data: as `split_of` takes it.
        network: a name of `NETWORKS`.
        value: "high" (share of the test pictures whose score is as high as a tenth's of all classes after the fewest
            epochs), "accuracy" (of the class's test pictures), "score" or "softmax" (areas under the curve, see
            `measure_intervals`; nan where there are none).
        seed: of the network.
    """
    found, border = {}, None
    for epochs in STAGES:
        row = _recorded(data, network, epochs, seed)
        count, right = (np.array(row["test"][what], dtype=float) for what in ("count", "right"))
        below = count.sum(axis=0).cumsum() / count.sum()
        border = int(np.searchsorted(below, 0.1)) + 1 if border is None else border
        found[epochs] = {
            "high": count[:, :border].sum(axis=1) / count.sum(axis=1),
            "accuracy": right.sum(axis=1) / count.sum(axis=1),
        }.get(value, np.array(row.get(value, []), dtype=float))
    return found


def networks_of(data: str) -> list[str]:
    """The networks of which all `STAGES` are recorded."""
    rows = [row["configuration"] for row in read_records("score_intervals")]
    known = {(row["network"], row["epochs"]) for row in rows if row["data"] == data}
    return [network for network in NETWORKS if all((network, epochs) in known for epochs in STAGES)]


def record_intervals(data: str, network: str, seed: int = 0, *, progress: Progress = quiet) -> list[dict]:
    """Figures 2 to 4 for one network, recorded or computed now."""
    wanted = grid(data=[data], network=[network], seed=[seed], epochs=STAGES)
    return record_all("score_intervals", wanted, measure_intervals, command=COMMAND, progress=progress)


def keep_weights(data: str, network: str, epochs: int, seed: int = 0) -> Path:
    """Writes the weights of a trained network where `load_classifier` finds them, as "small/NETWORK-DATA-EPOCHS"."""
    model = pretrained(data, network, seed, epochs)
    about = {"classes": json.dumps(model.classes), "training_images": str(model.training_images)}
    recipe = {"recipe": repr(replace(RECIPE, epochs=epochs, seed=seed)), "command": COMMAND}
    file = weights_folder() / "small" / f"{network}-{data}-{epochs}.safetensors"
    return write_weights(file, model.network.state_dict(), about | recipe)


def main() -> None:
    """Command line: trains the networks of figures 2 to 4, keeps their weights, and records the figures."""
    parser = argparse.ArgumentParser(description=main.__doc__)
    parser.add_argument("--data", default=PARTS, choices=EPOCHS, help="%(default)s, or a folder of $XAI_DATA")
    parser.add_argument("--networks", nargs="+", default=list(NETWORKS), choices=NETWORKS)
    arguments = parser.parse_args()
    for network in arguments.networks:
        record_intervals(arguments.data, network, progress=tqdm)
        for epochs in STAGES:
            print(keep_weights(arguments.data, network, epochs))
        print(network, {value: trend(arguments.data, network, value) for value in ("high", "accuracy", "score")})


def _recorded(data: str, network: str, epochs: int, seed: int) -> dict:
    wanted = {"data": data, "network": network, "epochs": epochs, "seed": seed}
    found = [row["result"] for row in read_records("score_intervals") if row["configuration"] == wanted]
    if not found:
        raise ValueError(f"data, network, epochs: expected recorded ones, got {wanted}; run `{COMMAND} --data {data}`")
    return found[0]


if __name__ == "__main__":
    main()
