"""The paper's intuition: recognised pictures activate alike, the others differ from these and among themselves."""

import argparse

import torch
from torch import Tensor, nn
from tqdm.auto import tqdm

from xai_utils.activations import record
from xai_utils.experiments.cifar.network import NETWORKS
from xai_utils.experiments.claims import Interval
from xai_utils.experiments.image_score.pictures import PARTS, split_of
from xai_utils.experiments.image_score.runs import EPOCHS, pretrained
from xai_utils.experiments.records import grid, read_records, record_all
from xai_utils.experiments.semi_supervised import logits_of
from xai_utils.experiments.statistics import bootstrap_interval
from xai_utils.papers.image_score import Reference, fit_reference
from xai_utils.tensors import Progress, quiet

COMMAND = "python -m xai_utils.experiments.image_score.chains"
RECORD = "score_chains"
PAIRS = ("recognised", "across", "mistaken")  # both recognised; one of each; both not
FEWEST = 5  # mistaken pictures of a class, below which it is left out
SEEDS = {PARTS: (0, 1, 2, 3, 4), "cifar10-subset": (0,)}


def alike(model: nn.Module, images: Tensor, reference: Reference) -> Tensor:
    """How alike the chains of activation of each two pictures are, float [pictures, pictures] in [0, 1].

    The Jaccard index of the units that both activate (reach the layer's threshold), mean over the layers.

    Args:
        model: of the reference, in eval mode.
        images: float [pictures, 3, height, width], few enough for one batch.
        reference: as `fit_reference` returns it.
    """
    total = torch.zeros(len(images), len(images))
    names = [layer.layer for layer in reference.layers]
    with torch.inference_mode(), record(model, names) as outputs:
        model(images)
        for layer in reference.layers:
            active = (outputs[layer.layer] >= layer.threshold).flatten(1).float()
            both = active @ active.T
            either = active.sum(dim=1)[:, None] + active.sum(dim=1) - both
            total += torch.where(either > 0, both / either.clamp(min=1), 1.0)  # no unit in either: alike
    return total.clone() / len(names)


def measure_chains(data: str, network: str, seed: int, epochs: int) -> dict:
    """How alike the test pictures of each class are, by whether they are recognised.

    Args:
        data: as `split_of` takes it.
        network: a name of `NETWORKS`.
        seed: of network and pictures.
        epochs: of training.

    Returns:
        For each kind of `PAIRS` the mean over the pairs of each class, float or None [classes]; None for classes with
        fewer than `FEWEST` mistaken pictures.
    """
    split, model = split_of(data, seed), pretrained(data, network, seed, epochs)
    found: dict[str, list[float | None]] = {kind: [] for kind in PAIRS}
    for target in range(len(model.classes)):
        seen, shown = (images[labels == target] for images, labels in (split.labelled, split.test))
        for kind, likeness in chains_of_class(model, target, seen, shown).items():
            found[kind].append(likeness)
    return found


def chains_of_class(model: nn.Module, target: int, seen: Tensor, shown: Tensor) -> dict[str, float | None]:
    """How alike the pictures of one class are: for each kind of `PAIRS` the mean over the pairs, or None.

    Args:
        model: classifier in eval mode.
        target: the class.
        seen: uint8 [pictures, 3, height, width], behind its reference.
        shown: uint8 [pictures, 3, height, width], those that are compared.
    """
    reference = fit_reference(model, seen.float().div(255), batch_size=250)
    right = logits_of(model, shown).argmax(dim=1) == target
    index = alike(model, shown.float().div(255), reference)
    pairs = {
        "recognised": _others(index[right][:, right]),
        "across": index[right][:, ~right].flatten(),
        "mistaken": _others(index[~right][:, ~right]),
    }
    enough = (~right).sum() >= FEWEST
    return {kind: round(values.mean().item(), 4) if enough else None for kind, values in pairs.items()}


def _others(index: Tensor) -> Tensor:
    """The values of each two different pictures."""
    return index[~torch.eye(len(index), dtype=torch.bool)]


def recorded() -> list[tuple[str, str]]:
    """The data sets and networks of which chains are recorded."""
    rows = [row["configuration"] for row in read_records(RECORD)]
    return list(dict.fromkeys((row["data"], row["network"]) for row in rows))


def chains(data: str, network: str) -> dict[str, Interval]:
    """What is recorded: kind of pair -> mean over classes and seeds with its 95% interval over the classes.

    Also "recognised - across" and "recognised - mistaken", the differences within a class.

    Raises:
        ValueError: nothing of that kind is recorded.
    """
    rows = [row for row in read_records(RECORD) if row["configuration"]["data"] == data]
    rows = [row["result"] for row in rows if row["configuration"]["network"] == network]
    if not rows:
        raise ValueError(f"data, network: expected recorded ones, got {data!r}, {network!r}; run `{COMMAND}`")
    by_class = [_mean_of_class(rows, target) for target in range(len(rows[0][PAIRS[0]]))]
    known = [one for one in by_class if one]
    found = {kind: bootstrap_interval([one[kind] for one in known]) for kind in PAIRS}
    for other in PAIRS[1:]:
        found[f"{PAIRS[0]} - {other}"] = bootstrap_interval([one[PAIRS[0]] - one[other] for one in known])
    return found


def _mean_of_class(rows: list[dict], target: int) -> dict[str, float] | None:
    """The kinds of pairs of one class, mean over the seeds in which it has enough mistaken pictures."""
    known = [row for row in rows if row[PAIRS[0]][target] is not None]
    return {kind: sum(row[kind][target] for row in known) / len(known) for kind in PAIRS} if known else None


def record_chains(data: str, *, progress: Progress = quiet) -> list[dict]:
    """The rows of a data set, recorded or computed now."""
    wanted = grid(data=[data], network=list(NETWORKS), seed=SEEDS[data], epochs=[EPOCHS[data][0]])
    return record_all(RECORD, wanted, measure_chains, command=COMMAND, progress=progress)


def main() -> None:
    """Command line: records how alike chains of activation are."""
    parser = argparse.ArgumentParser(description=main.__doc__)
    parser.add_argument("--data", default=PARTS, choices=SEEDS, help="%(default)s, or a folder of $XAI_DATA")
    data = parser.parse_args().data
    record_chains(data, progress=tqdm)
    print(data, {network: chains(data, network) for network in NETWORKS})


if __name__ == "__main__":
    main()
