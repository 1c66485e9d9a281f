"""Do adjacent classes share summaries? By the true parts that summaries show, and by their look."""

import argparse
from collections.abc import Sequence
from functools import cache
from itertools import combinations

import numpy as np
import torch
from torch import Tensor
from torch.nn.functional import normalize
from tqdm.auto import tqdm

from xai_utils.experiments.claims import Interval
from xai_utils.experiments.records import grid, record_all
from xai_utils.experiments.statistics import bootstrap_interval
from xai_utils.experiments.visual_summaries.found import recorded_summaries
from xai_utils.experiments.visual_summaries.setting import NETWORKS, PICTURES, class_pictures
from xai_utils.experiments.visual_summaries.truth import BACKGROUND, commonest, shown_by
from xai_utils.papers.visual_summaries import Summary, Whitening, fit_whitening, hog, object_proposals, whiten
from xai_utils.parts import CLASSES, PAIRS
from xai_utils.tensors import Progress, quiet

COMMAND = "python -m xai_utils.experiments.visual_summaries.neighbours"
RECORD = "summary_neighbours"
FITTED_ON = 4  # pictures of each class
TABLES = ("names", "look")


def common_names(first: Sequence[str], second: Sequence[str]) -> float | None:
    """The share of the summaries of two classes whose part the other class has a summary of too.

    Args:
        first: the part of each summary of a class; "background" is no part.
        second: the same of the other class.

    Returns:
        The mean of both classes' shares; None if a class has no summary of a part.

    Example:
        >>> common_names(["head", "wing"], ["head", "head"])
        0.75
    """
    own, other = ([name for name in names if name != BACKGROUND] for names in (first, second))
    if not own or not other:
        return None
    shares = np.mean([name in other for name in own]), np.mean([name in own for name in other])
    return float(np.mean(shares))


def names_by_chance(first: int, second: int, parts: int) -> float:
    """What `common_names` of two classes with the same parts would be on average, if summaries were of any parts.

    Args:
        first: number of summaries of a class.
        second: of the other one.
        parts: how many parts both have.

    Example:
        >>> names_by_chance(1, 1, 4)
        0.25
    """
    miss = 1 - 1 / parts
    return float(1 - (miss**first + miss**second) / 2)


@cache
def _whitening() -> Whitening:
    """Of proposals in a few pictures of all classes, so that all are compared by one measure."""
    images = torch.cat([class_pictures(name, 0, FITTED_ON).images for name in CLASSES])
    return fit_whitening(hog(images, object_proposals(images)))


def looks(summary: Summary, images: Tensor) -> Tensor:
    """The whitened shape of each member of a summary, of length 1.

    Args:
        summary: of a class.
        images: float [pictures, 3, height, width] of that class.

    Returns:
        float [members, values].
    """
    features = hog(images[summary.images], [box[None] for box in summary.boxes])
    return normalize(torch.cat(whiten(features, _whitening())), dim=1)


def likeness_of(first: Sequence[Tensor], second: Sequence[Tensor]) -> float | None:
    """How much the summaries of two classes look alike: each one's mean cosine with the most similar of the other's.

    Args:
        first: `looks` of each summary of a class.
        second: the same of the other class.

    Returns:
        The mean over both classes' summaries, -1 to 1; None if a class has no summary.

    Example:
        >>> likeness_of([torch.eye(2)[:1]], [torch.eye(2)[:1], torch.eye(2)[1:]])
        0.75
    """
    if not len(first) or not len(second):
        return None
    table = torch.tensor([[(one @ other.T).mean() for other in second] for one in first])
    return float((table.amax(dim=1).mean() + table.amax(dim=0).mean()) / 2)


def measure_pairs(network: str, pictures: int) -> dict:
    """One row: what the summaries of every two classes have in common.

    Args:
        network: a name of `NETWORKS`.
        pictures: of each class, all for which masks are recorded.

    Returns:
        "part" (class -> the commonest true part of each summary), "names" and "look": a [class, class] table each, as
        lists of the 45 values above the diagonal, in the order of `combinations`; and "own", what "look" would be of
        the same things: the mean cosine of different members of a summary.
    """
    found = {name: recorded_summaries(network, name) for name in CLASSES}
    of = {name: class_pictures(name) for name in CLASSES}
    parts = {name: [commonest(shown_by(one, of[name].scenes)) for one in found[name]] for name in CLASSES}
    seen = {name: [looks(one, of[name].images) for one in found[name]] for name in CLASSES}
    pairs = list(combinations(CLASSES, 2))
    names = [common_names(parts[one], parts[other]) for one, other in pairs]
    look = [likeness_of(seen[one], seen[other]) for one, other in pairs]
    own = [cosine for some in seen.values() for one in some for cosine in _cosines(one)]
    return {"part": parts, "own": round(float(np.mean(own)), 4)} | {
        key: [None if value is None else round(value, 4) for value in values]
        for key, values in {"names": names, "look": look}.items()
    }


def _cosines(look: Tensor) -> list[float]:
    above = torch.triu_indices(len(look), len(look), offset=1)
    return (look @ look.T)[above[0], above[1]].tolist()


def neighbour_rows(networks: Sequence[str] = NETWORKS, *, progress: Progress = quiet) -> list[dict]:
    """What every two classes' summaries have in common, one row for each network, recorded or computed now.

    Args:
        networks: names of `NETWORKS` whose summaries are recorded.
        progress: wraps the rows.
    """
    wanted = grid(network=networks, pictures=[PICTURES])
    return record_all(RECORD, wanted, measure_pairs, command=COMMAND, progress=progress)


def table_of(rows: Sequence[dict], key: str) -> np.ndarray:
    """A symmetric [class, class] table, the mean over networks; NaN on the diagonal and where no network says anything.

    Args:
        rows: as `neighbour_rows` returns them.
        key: a name of `TABLES`.
    """
    values = np.array([[np.nan if one is None else one for one in row["result"][key]] for row in rows], dtype=float)
    table, known = np.full((len(CLASSES),) * 2, np.nan), ~np.isnan(values)
    means = np.where(known, values, 0).sum(axis=0) / np.where(known.any(axis=0), known.sum(axis=0), np.nan)
    above = np.triu_indices(len(CLASSES), k=1)
    table[above] = means
    table.T[above] = means
    return table


def advantage(table: np.ndarray, only: Sequence[tuple[int, int]] | None = None) -> tuple[Interval, list[float]]:
    """How much more each class has in common with its neighbour than with the other classes.

    Args:
        table: as `table_of` returns it.
        only: of the other classes, pairs (class, class) that are compared with; all by default.

    Returns:
        The mean with its 95% interval over resampled pairs, and the difference of each pair of neighbours: the value of
        the two minus their mean value with the others. Pairs of which nothing is known are left out.
    """
    differences = []
    for pair in range(len(PAIRS)):
        one, other = 2 * pair, 2 * pair + 1
        rest = [
            table[here, there]
            for here in (one, other)
            for there in range(len(table))
            if there // 2 != pair and (only is None or (here, there) in only or (there, here) in only)
        ]
        if not np.isnan(table[one, other]) and not np.isnan(rest).all():
            differences.append(float(table[one, other] - np.nanmean(rest)))
    if not differences:
        raise ValueError("table: expected values of some neighbours and of others, got none")
    return bootstrap_interval(differences), differences


def above_chance(rows: Sequence[dict]) -> Interval:
    """How much more summaries adjacent classes share than if each were about any of their parts, over pairs.

    Args:
        rows: of `neighbour_rows`.
    """
    names, found = table_of(rows, "names"), []
    for number, pair in enumerate(PAIRS):
        counts = [
            [sum(name != BACKGROUND for name in row["result"]["part"][kind]) for kind in pair.classes] for row in rows
        ]
        expected = [names_by_chance(*some, len(pair.parts)) for some in counts if min(some) > 0]
        if expected:
            found.append(float(names[2 * number, 2 * number + 1] - np.mean(expected)))
    return bootstrap_interval(found)


def with_common_names() -> list[tuple[int, int]]:
    """The pairs of classes of different kinds that have part names in common ("wheels" of trains and of cars).

    Example:
        >>> (CLASSES.index("robin"), CLASSES.index("golden retriever")) in with_common_names()
        True
    """
    names = [{name for name, _ in PAIRS[label // 2].parts} for label in range(len(CLASSES))]
    every = combinations(range(len(CLASSES)), 2)
    return [(one, other) for one, other in every if one // 2 != other // 2 and names[one] & names[other]]


def main() -> None:
    """Command line: records what the summaries of every two classes have in common."""
    argparse.ArgumentParser(description=main.__doc__).parse_args()
    rows = neighbour_rows(progress=tqdm)
    for key in TABLES:
        print(key, *advantage(table_of(rows, key)))


if __name__ == "__main__":
    main()
