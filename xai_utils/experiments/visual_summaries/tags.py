"""Fig. 4: pictures of one summary get more similar tags than random pictures of the class, says a machine tagger.

The paper's tagger was a web service, and a group of people named the parts; here nouns are read off the true contents
of each scene, by rules that know nothing of summaries. What people say is gathered by `xai_utils.widgets.tagging`
and counted by `answers.study_table`.
"""

import argparse
from collections.abc import Sequence

import numpy as np
from tqdm.auto import tqdm

from xai_utils.experiments.claims import Interval
from xai_utils.experiments.records import grid, record_all
from xai_utils.experiments.statistics import bootstrap_interval
from xai_utils.experiments.visual_summaries.answers import Answer, jaccard_distances
from xai_utils.experiments.visual_summaries.found import recorded_summaries
from xai_utils.experiments.visual_summaries.setting import NETWORKS, PICTURES, class_pictures
from xai_utils.experiments.visual_summaries.tagger import TAGS, picture_tags, region_tags
from xai_utils.papers.visual_summaries import Summary
from xai_utils.parts import CLASSES, Scene
from xai_utils.tensors import Progress, quiet

COMMAND = "python -m xai_utils.experiments.visual_summaries.tags"
RECORD = "summary_tags"
TAGGED = ("pictures", "recognised pictures", "parts")
REPEATS = 1000  # random sets
OTHER_TAGS = (4, 20)  # of a picture, to see whether it matters; no picture has as many as 20


def coherence(distances: np.ndarray, groups: np.ndarray) -> np.ndarray:
    """The mean distance between two members of a group.

    Args:
        distances: float [units, units].
        groups: int [..., members], at least two numbers of units each.

    Returns:
        float [...].

    Example:
        >>> coherence(np.array([[0, 1, 0.5], [1, 0, 0], [0.5, 0, 0]]), np.array([[0, 1], [1, 2]])).tolist()
        [1.0, 0.0]
    """
    members = groups.shape[-1]
    pairs = distances[groups[..., :, None], groups[..., None, :]]  # [..., members, members], 0 on the diagonal
    return pairs.sum(axis=(-2, -1)) / (members * (members - 1))


def random_coherence(
    distances: np.ndarray, sizes: Sequence[int], *, repeats: int = REPEATS, seed: int = 0
) -> np.ndarray:
    """What `coherence` is, on average over groups, if groups of these sizes are drawn at random: float [repeats].

    Args:
        distances: float [units, units].
        sizes: members of each group.
        repeats: draws.
        seed: of the draws.

    Example:
        >>> random_coherence(1 - np.eye(4), [2, 3], repeats=2).tolist()
        [1.0, 1.0]
    """
    generator, total = np.random.default_rng(seed), np.zeros(repeats)
    for size in sizes:
        order = generator.random((repeats, len(distances))).argsort(axis=1)
        total += coherence(distances, order[:, :size])
    return total / len(sizes)


def measure_tags(network: str, class_name: str, tagged: str, pictures: int, tags: int, repeats: int) -> dict:
    """One row: how alike the tags of a summary are, and those of random sets of the same sizes.

    Args:
        network: a name of `NETWORKS`.
        class_name: a name of `CLASSES`.
        tagged: "pictures" against all of the class, as the paper; "recognised pictures" against those alone that
            the network gives to the class, because others are in no summary; "parts", the boxes, against those
            of all the class's summaries, of which there have to be two.
        pictures: of the class, all for which summaries are recorded.
        tags: of each picture.
        repeats: random sets.

    Returns:
        As `compared`.
    """
    found = recorded_summaries(network, class_name)
    scenes = class_pictures(class_name, 0, pictures).scenes
    if tagged == "parts":
        words = [words for summary in found for words in part_tags(summary, scenes)]
        ends = np.cumsum([len(summary.images) for summary in found])
        groups = np.split(np.arange(len(words)), ends)[:-1]
        return compared(words, groups if len(groups) > 1 else [], repeats)
    out = found.mistaken if tagged == "recognised pictures" else ()
    pool = [number for number in range(pictures) if number not in out]
    groups = [np.searchsorted(pool, summary.images.numpy()) for summary in found]
    return compared([picture_tags(scenes[number], tags) for number in pool], groups, repeats)


def part_tags(summary: Summary, scenes: Sequence[Scene]) -> list[tuple[str, ...]]:
    """The tags of each part of a summary."""
    members = zip(summary.images.tolist(), summary.boxes.tolist(), strict=True)
    return [region_tags(scenes[number], box) for number, box in members]


def compared(words: Sequence[Sequence[str]], groups: Sequence[np.ndarray], repeats: int) -> dict:
    """The coherence of groups beside that of random ones.

    Args:
        words: the tags of each unit.
        groups: numbers of the units in each.
        repeats: random sets of groups.

    Returns:
        "sizes" and "within", of each group; "entries" of the one-hot vectors; "summaries" (mu_S), "random" (mu_R) and
        the "range" that 95% of its repeats lie in; "as_coherent", the share of repeats, the groups themselves counted
        as one, whose distance is as small as the groups': a one-sided p. None instead of what no group defines.
    """
    sizes, entries = [len(group) for group in groups], len(set().union(*words))
    if not sizes:
        return {"sizes": [], "within": [], "entries": entries} | dict.fromkeys(
            ("summaries", "random", "range", "as_coherent")
        )
    distances = jaccard_distances(words)
    within = [float(coherence(distances, group)) for group in groups]
    own, draws = float(np.mean(within)), random_coherence(distances, sizes, repeats=repeats)
    as_small = (1 + int((draws <= own + 1e-9).sum())) / (1 + repeats)
    return {
        "sizes": sizes,
        "within": [round(one, 4) for one in within],
        "entries": entries,
        "summaries": round(own, 4),
        "random": round(float(draws.mean()), 4),
        "range": [round(float(end), 4) for end in np.quantile(draws, [0.025, 0.975])],
        "as_coherent": round(as_small, 4),
    }


def tag_rows(networks: Sequence[str] = NETWORKS, *, progress: Progress = quiet) -> list[dict]:
    """The rows of fig. 4 for every class and network, recorded or computed now.

    Args:
        networks: names of `NETWORKS` whose summaries are recorded.
        progress: wraps the rows.
    """
    same = {"network": networks, "class_name": CLASSES, "pictures": [PICTURES], "repeats": [REPEATS]}
    wanted = grid(**same, tagged=TAGGED, tags=[TAGS]) + grid(**same, tagged=["pictures"], tags=OTHER_TAGS)
    return record_all(RECORD, wanted, measure_tags, command=COMMAND, progress=progress)


def by_class(rows: Sequence[dict], network: str, tagged: str = "pictures", tags: int = TAGS) -> dict[str, dict]:
    """Class -> what `compared` found, of the classes that have summaries: the bars of fig. 4.

    Args:
        rows: of `tag_rows`.
        network: its name.
        tagged: a name of `TAGGED`.
        tags: of each picture.
    """
    asked = {"network": network, "tagged": tagged, "tags": tags}
    own = [row for row in rows if asked.items() <= row["configuration"].items() and row["result"]["sizes"]]
    return {row["configuration"]["class_name"]: row["result"] for row in own}


def closer_by_class(
    rows: Sequence[dict], network: str, tagged: str = "pictures", tags: int = TAGS
) -> dict[str, Interval]:
    """Class -> by how much members of a summary are closer than random ones: mu_R - mu_S, (mean, low, high).

    The interval holds 95% of the random repeats, so it lies above 0 where at most 2.5% of random sets are as coherent.

    Args:
        rows: of `tag_rows`.
        network: its name.
        tagged: a name of `TAGGED`.
        tags: of each picture.
    """
    found = by_class(rows, network, tagged, tags)
    return {
        name: tuple(round(end - of["summaries"], 4) for end in (of["random"], *of["range"]))
        for name, of in found.items()
    }


def closer(rows: Sequence[dict], network: str, tagged: str = "pictures", tags: int = TAGS) -> Interval:
    """The mean over classes of mu_R - mu_S, with its 95% interval over resampled classes: (mean, low, high).

    Args:
        rows: of `tag_rows`.
        network: its name.
        tagged: a name of `TAGGED`.
        tags: of each picture.

    Raises:
        ValueError: no class of this network has summaries in these rows.
    """
    found = closer_by_class(rows, network, tagged, tags)
    if not found:
        raise ValueError(f"rows: expected some of {network!r} with summaries, got none; {COMMAND}")
    return bootstrap_interval([mean for mean, _, _ in found.values()])


def machine_answers(network: str, class_name: str) -> list[Answer]:
    """What a user study's file would hold if the raters were machines, one for each picture of a summary.

    Each "rater" is `region_tags` that sees the part in a single picture; a person is shown all of them at once.

    Args:
        network: a name of `NETWORKS`.
        class_name: a name of `CLASSES`.
    """
    scenes = class_pictures(class_name).scenes
    return [
        Answer(f"machine on picture {image}", class_name, number, tags)
        for number, summary in enumerate(recorded_summaries(network, class_name))
        for image, tags in zip(summary.images.tolist(), part_tags(summary, scenes), strict=True)
    ]


def main() -> None:
    """Command line: records fig. 4 for every network whose summaries are recorded (two minutes of one core)."""
    parser = argparse.ArgumentParser(description=main.__doc__)
    parser.add_argument("--networks", nargs="*", default=NETWORKS, choices=NETWORKS)
    networks = parser.parse_args().networks
    rows = tag_rows(networks, progress=tqdm)
    for network in networks:
        for tagged in TAGGED:
            mean, low, high = closer(rows, network, tagged)
            print(f"{network}, {tagged}: mu_R - mu_S {mean:+.3f} [{low:+.3f}, {high:+.3f}]")


if __name__ == "__main__":
    main()
