"""How much wrong labels disturb a reference: the paper's "error-endurance" of VGG and ResNet."""

import argparse

import numpy as np
import torch
from torch import Tensor
from tqdm.auto import tqdm

from xai_utils.experiments.cifar.network import NETWORKS
from xai_utils.experiments.claims import Interval
from xai_utils.experiments.image_score.pictures import PARTS, split_of
from xai_utils.experiments.image_score.runs import EPOCHS, pretrained
from xai_utils.experiments.records import grid, read_records, record_all
from xai_utils.experiments.statistics import bootstrap_interval, spearman
from xai_utils.papers.image_score import Reference, fit_reference, image_score
from xai_utils.tensors import Progress, quiet

COMMAND = "python -m xai_utils.experiments.image_score.tolerance"
RECORD = "score_tolerance"
WRONG = (0.0, 0.05, 0.1, 0.2, 0.3, 0.5)  # shares of the reference's pictures that show another class
SEEDS = (0, 1, 2, 3, 4)


def measure_tolerance(data: str, network: str, seed: int, epochs: int, wrong: float) -> dict:
    """What becomes of a class's reference and of the scores if some of its pictures show other classes.

    As many pictures of the class are replaced; the rest, and the pictures that are scored, stay the same.

    Args:
        data: as `split_of` takes it.
        network: a name of `NETWORKS`.
        seed: of network, pictures and of the draw.
        epochs: of training.
        wrong: share of the reference's pictures.

    Returns:
        For each class "important", the Jaccard index of the important units with and without wrong pictures, mean over
        the layers, and "scores", Spearman's rank correlation of the scores of the class's test pictures.
    """
    split, model = split_of(data, seed), pretrained(data, network, seed, epochs)
    images, labels = split.labelled
    draw = torch.Generator().manual_seed(seed)
    found: dict[str, list[float]] = {"important": [], "scores": []}
    for target in range(len(model.classes)):
        own, others = ((labels == target).nonzero().flatten(), (labels != target).nonzero().flatten())
        count = round(wrong * len(own))
        strangers = others[torch.randperm(len(others), generator=draw)[:count]]
        mixed = torch.cat([own[torch.randperm(len(own), generator=draw)[count:]], strangers])
        clean, disturbed = (
            fit_reference(model, images[some].float().div(255), batch_size=250) for some in (own, mixed)
        )
        shown = split.test[0][split.test[1] == target].float().div(255)
        scores = [image_score(model, shown, one, batch_size=250) for one in (clean, disturbed)]
        found["important"].append(round(_alike(clean, disturbed), 4))
        found["scores"].append(round(spearman(*(some.numpy() for some in scores)), 4))
    return found


def _alike(first: Reference, second: Reference) -> float:
    """The Jaccard index of two references' important units, mean over the first one's layers; 0 for one left out."""
    others = {layer.layer: layer.important for layer in second.layers}
    shares = [
        _jaccard(layer.important, others[layer.layer]) if layer.layer in others else 0.0 for layer in first.layers
    ]
    return sum(shares) / len(shares)


def _jaccard(first: Tensor, second: Tensor) -> float:
    return ((first & second).sum() / (first | second).sum()).item()


def tolerance(data: str, network: str, value: str = "scores") -> dict[float, Interval]:
    """What is recorded: share of wrong pictures -> mean over seeds and classes with its 95% interval over the seeds.

    Args:
        data: as `split_of` takes it.
        network: a name of `NETWORKS`.
        value: "important" or "scores", see `measure_tolerance`.

    Raises:
        ValueError: nothing of that kind is recorded.
    """
    rows = [row for row in read_records(RECORD) if row["configuration"]["data"] == data]
    means: dict[float, list[float]] = {}
    for row in rows:
        if row["configuration"]["network"] == network:
            of_classes = row["result"][value]
            means.setdefault(row["configuration"]["wrong"], []).append(sum(of_classes) / len(of_classes))
    if not means:
        raise ValueError(f"data, network: expected recorded ones, got {data!r}, {network!r}; run `{COMMAND}`")
    return {wrong: bootstrap_interval(found) for wrong, found in means.items()}


def compared(data: str, first: str, second: str, wrong: float) -> Interval:
    """By how much the first network's rank correlations are higher, paired by seed and class, with its 95% interval."""
    found = {}
    for row in read_records(RECORD):
        about = row["configuration"]
        if (about["data"], about["wrong"]) == (data, wrong):
            found[about["network"], about["seed"]] = row["result"]["scores"]
    seeds = sorted({seed for _, seed in found})
    return bootstrap_interval(np.subtract(*([found[name, seed] for seed in seeds] for name in (first, second))).ravel())


def record_tolerance(*, progress: Progress = quiet) -> list[dict]:
    """The rows for Parts, recorded or computed now."""
    before, _ = EPOCHS[PARTS]
    wanted = grid(data=[PARTS], network=list(NETWORKS), seed=SEEDS, epochs=[before], wrong=WRONG)
    return record_all(RECORD, wanted, measure_tolerance, command=COMMAND, progress=progress)


def main() -> None:
    """Command line: records how references endure wrong labels."""
    argparse.ArgumentParser(description=main.__doc__).parse_args()
    record_tolerance(progress=tqdm)
    for network in NETWORKS:
        print(network, {value: tolerance(PARTS, network, value) for value in ("important", "scores")})


if __name__ == "__main__":
    main()
