"""Do low scores notice pictures unlike those that a network was trained on? A use that the paper does not try."""

import argparse
from collections.abc import Mapping, Sequence
from functools import lru_cache
from typing import NamedTuple

import torch
from torch import Tensor
from tqdm.auto import tqdm

from xai_utils.experiments.claims import Interval
from xai_utils.experiments.image_score.areas import Values, aurocs
from xai_utils.experiments.image_score.shares import (
    NETWORKS,
    SMALL,
    TRAINING,
    answers,
    class_references,
    formula_scores,
    network_of,
    training_pictures,
)
from xai_utils.experiments.image_score.unusual import CORRUPTIONS, MAKERS, unusual_pictures, usual_pictures
from xai_utils.experiments.records import grid, read_records, record_all
from xai_utils.tensors import Progress, quiet

COMMAND = "python -m xai_utils.experiments.image_score.outside"
RECORD = "score_outside"
PICTURES = 500  # of each kind
NEED_DATA = "small photographs"
KINDS = (*CORRUPTIONS, *(kind for kind in MAKERS if kind != "Parts"))  # for networks of Parts
SMALL_KINDS = (*CORRUPTIONS, "white noise", "textures", "photographs", "Parts")  # for that of small photographs

RIVALS = ("softmax", "energy")
SHOWN = ("predicted class", "softmax", "energy")
THIRDS = ("first layers", "middle layers", "last layers")
SCORES = ("predicted class", "predicted class, formula", "any class")
STANDARDISED = tuple(f"{name}, standardised" for name in ("predicted class", "any class", "each layer"))


class Typical(NamedTuple):
    """What the training pictures of each class have against their own reference."""

    mean: Tensor  # float64 [classes, layers], of the log shares
    deviation: Tensor  # [classes, layers]
    score_mean: Tensor  # [classes]
    score_deviation: Tensor  # [classes]


@lru_cache(maxsize=len(NETWORKS) + 1)
def typical(network: str, training: int = TRAINING) -> Typical:
    """Means and deviations with which scores of several classes, or layers, are put on one scale.

    Args:
        network: as `network_of` takes it.
        training: pictures of each class, those behind its reference.
    """
    found = []
    for label, reference in enumerate(class_references(network, training)):
        shares = answers(network_of(network), training_pictures(network, label, training), [reference]).shares[:, 0]
        scores = shares.sum(dim=1)
        found.append((shares.mean(dim=0), shares.std(dim=0), scores.mean(), scores.std()))
    return Typical(*(torch.stack(of) for of in zip(*found, strict=True)))


def measures(network: str, images: Tensor, training: int = TRAINING) -> Values:
    """What could tell usual pictures from unusual ones without a label, higher = more usual.

    Args:
        network: as `network_of` takes it.
        images: float [batch, 3, height, width], RGB in [0, 1].
        training: pictures behind each reference.

    Returns:
        Measure -> [batch]. `SCORES`: by the reference of the predicted class, in both readings of the formula, and the
        highest by any reference. `STANDARDISED`: the same as deviations from what the class's training pictures have;
        "each layer, standardised" is the sum over layers of such deviations. `THIRDS`: the score from a third of the
        layers. `RIVALS`: the largest probability, and the logarithm of the sum of the logits' exponentials.
    """
    model, references, usual = network_of(network), class_references(network, training), typical(network, training)
    logits, shares = answers(model, images, references)
    scores, predicted = shares.sum(dim=2), logits.argmax(dim=1)
    everyone = torch.arange(len(images))
    deviations = (scores - usual.score_mean) / usual.score_deviation
    terms = shares[everyone, predicted]  # [batch, layers]
    spread = usual.deviation[predicted]
    by_layer = torch.where(spread > 0, (terms - usual.mean[predicted]) / spread, 0)  # a layer that never varies
    found = {
        "predicted class": scores[everyone, predicted],
        "predicted class, formula": formula_scores(model, images, references, predicted),
        "any class": scores.amax(dim=1),
        "predicted class, standardised": deviations[everyone, predicted],
        "any class, standardised": deviations.amax(dim=1),
        "each layer, standardised": by_layer.sum(dim=1),
        **{name: of.sum(dim=1) for name, of in zip(THIRDS, terms.tensor_split(3, dim=1), strict=True)},
        "softmax": logits.double().log_softmax(dim=1).amax(dim=1),
        "energy": logits.double().logsumexp(dim=1),
    }
    return {name: of.numpy() for name, of in found.items()}


@lru_cache(maxsize=len(NETWORKS) + 1)
def usual_values(network: str, pictures: int, training: int) -> Values:
    """The measures of the first test pictures, which every other kind is compared with."""
    return measures(network, usual_pictures(network, pictures), training)


def measure_outside(network: str, kind: str, pictures: int, training: int) -> dict:
    """One row: how often a usual picture has a higher value than an unusual one.

    Args:
        network: as `network_of` takes it.
        kind: of the unusual pictures, as `unusual_pictures` takes it.
        pictures: usual and unusual ones, as many of each.
        training: pictures of each class behind its reference.

    Returns:
        "areas", measure -> [area under the ROC curve, low, high] over pictures, also of differences to the rivals
        (windows of few photographs say nothing about other photographs); "first", measure -> values of the first
        three unusual pictures.
    """
    usual = usual_values(network, pictures, training)
    unusual = measures(network, unusual_pictures(network, kind, pictures), training)
    against = [(name, rival) for name in (*SCORES, *STANDARDISED) for rival in RIVALS]
    first = {name: [round(float(value), 4) for value in of[:3]] for name, of in unusual.items()}
    return {"areas": aurocs(usual, unusual, against=against), "first": first}


def outside_rows(data: bool = True, *, progress: Progress = quiet) -> list[dict]:
    """Every kind of unusual picture for every network, recorded or computed now.

    Args:
        data: whether $XAI_DATA holds the small photographs; without them what needs them is left out.
        progress: wraps the rows.
    """
    fixed = {"pictures": [PICTURES], "training": [TRAINING]}
    kinds = KINDS if data else [kind for kind in KINDS if kind != NEED_DATA]
    wanted = grid(kind=kinds, network=NETWORKS, **fixed)
    if data:
        wanted += grid(kind=SMALL_KINDS, network=[SMALL], **fixed)
    return record_all(RECORD, wanted, measure_outside, command=COMMAND, progress=progress)


def score_outside(network: str, names: Sequence[str] = SHOWN) -> dict[str, dict[str, list]]:
    """The recorded areas: kind of unusual picture -> measure -> [area, low, high].

    Args:
        network: one of `NETWORKS`, or `SMALL`.
        names: which of those of `measures`, or differences such as "any class - softmax".
    """
    rows = [row for row in read_records(RECORD) if row["configuration"]["network"] == network]
    return {row["configuration"]["kind"]: {name: row["result"]["areas"][name] for name in names} for row in rows}


def by_kind(network: str, measures: Mapping[str, str]) -> dict[str, dict[str, Interval]]:
    """The recorded areas of several measures: name -> kind of unusual picture -> (area, low, high).

    Args:
        network: as `measure_outside` takes it.
        measures: name -> one of `measures`.
    """
    found = score_outside(network, tuple(measures.values()))
    return {name: {kind: tuple(of[measure]) for kind, of in found.items()} for name, measure in measures.items()}


def main() -> None:
    """Command line: records the table; what needs $XAI_DATA is left out by --no-data."""
    parser = argparse.ArgumentParser(description=main.__doc__)
    parser.add_argument("--no-data", action="store_true")
    for row in outside_rows(not parser.parse_args().no_data, progress=tqdm):
        areas = row["result"]["areas"]
        print(
            row["configuration"]["network"],
            row["configuration"]["kind"],
            {n: a for n, a in areas.items() if " - " not in n},
        )


if __name__ == "__main__":
    main()
