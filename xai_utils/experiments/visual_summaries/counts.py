"""Table 3 and fig. 5: does a network that classifies better have more summaries, or are there only more pictures?"""

import argparse
from collections.abc import Sequence
from functools import cache
from pathlib import Path

import numpy as np
import torch
from scipy.stats import rankdata
from torch import Tensor
from tqdm.auto import tqdm

from xai_utils.experiments.claims import Interval
from xai_utils.experiments.records import grid, read_records, record_all
from xai_utils.experiments.visual_summaries.found import settled
from xai_utils.experiments.visual_summaries.masks import mistaken, packed, recorded_maps
from xai_utils.experiments.visual_summaries.setting import NETWORKS, PICTURES, class_pictures
from xai_utils.models import Classifier, miniature, predict
from xai_utils.papers.visual_summaries import STAGES, Grouping, crisp_masks
from xai_utils.parts import CLASSES, Parts
from xai_utils.tensors import Progress, quiet
from xai_utils.training import Recipe, accuracy, train
from xai_utils.weights import read_weights, write_weights

COMMAND = "python -m xai_utils.experiments.visual_summaries.counts"
RECORD, EPOCH_RECORD = "summary_counts", "summary_epochs"
PREFERENCES = (1.0, 1.15, 1.3, 1.5)
PREFERENCE = 1.3  # the default of `Grouping`
EPOCHS, FEW = (1, 2, 4, 8, 20), 16  # of training; pictures of each class
SNAPSHOTS = Path(".cache") / "snapshots"


# --- five networks ----------------------------------------------------------------------------------------------


def count_all(images: Tensor, maps: Tensor) -> dict[str, int]:
    """The number of summaries that some maps give, for each preference of the clustering.

    Args:
        images: float [batch, 3, height, width], RGB in [0, 1].
        maps: float [batch, height, width] in [0, 1]; 0 everywhere in pictures that are left out.

    Returns:
        Preference -> number; 0 where fewer than two pictures have regions or no proposal is covered, because nothing
        is repeated there.
    """
    if (maps > 0.5).flatten(1).any(dim=1).sum() < 2:
        return dict.fromkeys(map(str, PREFERENCES), 0)
    return {str(value): _count(images, maps, Grouping(preference=value)) for value in PREFERENCES}


def _count(images: Tensor, maps: Tensor, grouping: Grouping) -> int:
    try:
        return len(settled(images, maps, grouping))
    except ValueError as error:
        if str(error).startswith(("regions", "scores")):
            return 0
        raise


def measure_counts(network: str, class_name: str, pictures: int, among: Sequence[str]) -> dict:
    """One row of table 3: how many summaries a network has for a class.

    Args:
        network: a name of `NETWORKS`.
        class_name: a name of `CLASSES`.
        pictures: of the class, all for which masks are recorded.
        among: names of networks; "common" counts only pictures that all of them give to the class.

    Returns:
        "all" and "common": preference -> number of summaries; "right" and "common right": from how many pictures;
        "area": the share of a picture that its mask hides, on average over the right ones.
    """
    images, maps = class_pictures(class_name).images, recorded_maps(network, class_name)
    wrong = {picture for name in among for picture in mistaken(name, class_name)}
    common = maps.clone()
    common[sorted(wrong)] = 0
    right = pictures - len(mistaken(network, class_name))
    counts = {"all": count_all(images, maps), "common": count_all(images, common)}
    area = round(float(maps.mean()) * pictures / max(right, 1), 4)
    return {**counts, "right": right, "common right": pictures - len(wrong), "area": area}


def count_rows(networks: Sequence[str] = NETWORKS, *, progress: Progress = quiet) -> list[dict]:
    """The rows of table 3, recorded or computed now.

    Args:
        networks: names of `NETWORKS` whose masks are recorded.
        progress: wraps the rows.
    """
    wanted = grid(network=networks, class_name=CLASSES, pictures=[PICTURES], among=[sorted(networks)])
    return record_all(RECORD, wanted, measure_counts, command=COMMAND, progress=progress)


# --- one network while it learns --------------------------------------------------------------------------------


def train_snapshots(architecture: str = "alexnet", *, progress: Progress = quiet) -> None:
    """Trains a miniature as its lesson says and keeps its weights at some epochs in `SNAPSHOTS`.

    Args:
        architecture: a name of `ARCHITECTURES`.
        progress: wraps the batches of each epoch.
    """
    if all(_snapshot(architecture, epoch).exists() for epoch in EPOCHS):
        return
    training, validation = Parts("train").tensors(), Parts("validation").tensors()
    torch.manual_seed(Recipe().seed)
    model = miniature(architecture, CLASSES, len(training[0])).to(memory_format=torch.channels_last)
    for epoch in train(model, training, validation, Recipe(), progress=progress):
        tqdm.write(f"epoch {epoch.number}, loss {epoch.loss:.3f}, validation accuracy {epoch.accuracy:.3f}")
        if epoch.number in EPOCHS:
            write_weights(_snapshot(architecture, epoch.number), model.network.state_dict(), {})


def _snapshot(architecture: str, epoch: int) -> Path:
    return SNAPSHOTS / f"{architecture}-{epoch}.safetensors"


@cache
def _after(architecture: str, epoch: int) -> tuple[Classifier, float]:
    """A network after an epoch of its training, and its accuracy on the test split."""
    model = miniature(architecture, CLASSES)
    model.network.load_state_dict(read_weights(_snapshot(architecture, epoch)))
    model.eval().requires_grad_(False)
    return model, accuracy(model, *_test())


@cache
def _test() -> tuple[Tensor, Tensor]:
    return Parts("test").tensors()


def measure_epoch(architecture: str, epoch: int, class_name: str, pictures: int) -> dict:
    """One row: the summaries of a class after an epoch of training.

    Args:
        architecture: a name of `ARCHITECTURES`, whose snapshots are in `SNAPSHOTS`.
        epoch: one of `EPOCHS`.
        class_name: a name of `CLASSES`.
        pictures: the first ones of the class.

    Returns:
        "accuracy" on the test split, "picture" (numbers of those that the network gives to the class), "packed" (their
        masks, for `unpacked`) and "all": preference -> number of summaries.
    """
    model, share = _after(architecture, epoch)
    _, images, labels = class_pictures(class_name, 0, pictures)
    right = predict(model, images).argmax(dim=1) == labels
    maps = torch.zeros_like(images[:, 0])
    if right.any():
        maps[right] = (crisp_masks(model, images[right], labels[right], stages=STAGES["mixed"]).crisp > 0.5).to(maps)
    numbers = right.nonzero()[:, 0].tolist()
    return {"accuracy": share, "picture": numbers, "packed": packed(maps[right] > 0.5), "all": count_all(images, maps)}


def epoch_rows(epochs: Sequence[int] = EPOCHS, *, progress: Progress = quiet) -> list[dict]:
    """Summaries while AlexNet learns, recorded or computed now.

    Args:
        epochs: of `EPOCHS`.
        progress: wraps the rows.
    """
    wanted = grid(architecture=["alexnet"], epoch=epochs, class_name=CLASSES, pictures=[FEW])
    return record_all(EPOCH_RECORD, wanted, measure_epoch, command=COMMAND, progress=progress)


# --- what the rows say ------------------------------------------------------------------------------------------


def counts_by(rows: Sequence[dict], key: str, which: str = "all", preference: float = PREFERENCE) -> dict:
    """The number of summaries of each class, [classes], by network or by epoch.

    Args:
        rows: of `count_rows` or `epoch_rows`.
        key: "network" or "epoch".
        which: "all" or "common" (pictures, see `measure_counts`); or, instead of summaries, "right": the number of
            pictures, or "area" (of `count_rows` only).
        preference: one of `PREFERENCES`.
    """
    found = {}
    for row in rows:
        asked, result = row["configuration"], row["result"]
        value = {"right": pictures_of(result), "area": result.get("area")}.get(which)
        value = result[which][str(preference)] if value is None else value
        found.setdefault(asked[key], []).append(value)
    return {name: np.array(values) for name, values in found.items()}


def pictures_of(result: dict) -> int:
    """From how many pictures a row of either table counts."""
    return result["right"] if "right" in result else len(result["picture"])


def accuracies_of(networks: Sequence[str]) -> dict[str, float]:
    """Network -> recorded accuracy on the test split.

    Args:
        networks: names of `NETWORKS`.
    """
    recorded = {row["configuration"]["model"]: row["result"]["accuracy"] for row in read_records("classifiers")}
    return {name: recorded[name] for name in networks}


def rank_correlation(accuracy: dict, counts: dict, draws: int = 2000, seed: int = 0) -> Interval:
    """Spearman's correlation of accuracy with the mean number of summaries, with its 95% interval over classes.

    Args:
        accuracy: of each network, or each epoch.
        counts: [classes] of each, the same classes in the same order.
        draws: resamplings of the classes; those in which all networks have the same mean are left out.
        seed: of the resampling.

    Raises:
        ValueError: not the same names in both, or fewer than three.

    Example:
        >>> rank_correlation({"a": 1, "b": 2, "c": 3}, {"a": np.ones(4), "b": np.ones(4) * 3, "c": np.ones(4) * 2})
        (0.5, 0.5, 0.5)
    """
    if accuracy.keys() != counts.keys() or len(counts) < 3:
        raise ValueError(f"counts: expected those of {sorted(accuracy)}, at least three, got {sorted(counts)}")
    table = np.array([counts[name] for name in accuracy])  # [networks, classes]
    chosen = np.random.default_rng(seed).integers(table.shape[1], size=(draws, table.shape[1]))
    drawn = _spearman(list(accuracy.values()), table[:, chosen].mean(axis=2))
    whole = np.nan_to_num(_spearman(list(accuracy.values()), table.mean(axis=1, keepdims=True)))[0]
    drawn = drawn[~np.isnan(drawn)]
    low, high = np.quantile(drawn, [0.025, 0.975]) if len(drawn) else (-1.0, 1.0)
    return round(float(whole), 4), round(float(low), 4), round(float(high), 4)


def _spearman(values: Sequence[float], columns: np.ndarray) -> np.ndarray:
    """The rank correlation of some values with each column; NaN where a column is all the same."""
    ranks, others = rankdata(values), rankdata(columns, axis=0)
    ranks, others = ranks - ranks.mean(), others - others.mean(axis=0)
    norms = np.sqrt((ranks**2).sum() * (others**2).sum(axis=0))
    return np.divide(ranks @ others, norms, out=np.full(len(norms), np.nan), where=norms > 0)


def most_and_fewest(rows: Sequence[dict], class_name: str) -> tuple[str, str]:
    """The two networks of fig. 5: with the most and with the fewest summaries of a class; of equals the first.

    Args:
        rows: of `count_rows`.
        class_name: a name of `CLASSES`.

    Raises:
        ValueError: the class is in fewer than two rows.
    """
    own = [row for row in rows if row["configuration"]["class_name"] == class_name]
    counts = {row["configuration"]["network"]: row["result"]["all"][str(PREFERENCE)] for row in own}
    if len(counts) < 2:
        raise ValueError(f"class_name: expected one that several networks are recorded for, got {class_name!r}")
    most = max(counts, key=counts.get)
    return most, min((name for name in counts if name != most), key=counts.get)


def main() -> None:
    """Command line: records table 3 and the same over one network's training."""
    parser = argparse.ArgumentParser(description=main.__doc__)
    parser.add_argument("--only", choices=["networks", "epochs"], help="both by default")
    only = parser.parse_args().only
    if only != "epochs":
        count_rows(progress=tqdm)
    if only != "networks":
        train_snapshots()
        epoch_rows(progress=tqdm)


if __name__ == "__main__":
    main()
