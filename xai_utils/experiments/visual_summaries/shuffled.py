"""A control of fig. 4: the same grouping of the same pictures, with masks that belong to other pictures of the class.

What proposal flow and clustering do by themselves they also do here; only that the masks are those of these pictures
is gone.
"""

import argparse
from collections.abc import Sequence
from dataclasses import replace

import numpy as np
import torch
from tqdm.auto import tqdm

from xai_utils.experiments.claims import Interval
from xai_utils.experiments.records import grid, record_all
from xai_utils.experiments.statistics import bootstrap_interval
from xai_utils.experiments.visual_summaries import tags
from xai_utils.experiments.visual_summaries.found import settled
from xai_utils.experiments.visual_summaries.masks import mistaken, recorded_maps
from xai_utils.experiments.visual_summaries.setting import NETWORKS, PICTURES, class_pictures
from xai_utils.experiments.visual_summaries.tagger import TAGS, picture_tags
from xai_utils.papers.visual_summaries import Grouping, Summaries
from xai_utils.parts import CLASSES
from xai_utils.tensors import Progress, quiet

COMMAND = "python -m xai_utils.experiments.visual_summaries.shuffled"
RECORD = "summary_tags_shuffled"
SEEDS = (0, 1, 2)


def shuffled_summaries(network: str, class_name: str, seed: int) -> Summaries:
    """The summaries of a class if each recognised picture has the mask of another one.

    Args:
        network: a name of `NETWORKS`.
        class_name: a name of `CLASSES`.
        seed: of who gets whose.

    Raises:
        ValueError: no parts, no two that match, or exemplars that do not settle; masks that are not recorded.
    """
    maps, wrong = recorded_maps(network, class_name), mistaken(network, class_name)
    numbers = [number for number in range(len(maps)) if number not in wrong]
    order = np.random.default_rng(seed).permutation(numbers)
    strange = torch.zeros_like(maps)
    strange[order] = maps[np.roll(order, 1)]  # one circle through all, so that nobody keeps its own
    return replace(settled(class_pictures(class_name).images, strange, Grouping()), mistaken=wrong)


def measure_shuffled(network: str, class_name: str, pictures: int, tags_each: int, repeats: int, seed: int) -> dict:
    """One row: how alike the tags of such a summary are, beside random pictures of the class.

    Args:
        network: a name of `NETWORKS`.
        class_name: a name of `CLASSES`.
        pictures: of the class.
        tags_each: tags of each picture.
        repeats: random sets.
        seed: of who gets whose mask.

    Returns:
        As `tags.compared`, and "refused": why the clustering found nothing (no parts, none that match, or no exemplars
        that settle), or None.
    """
    groups, refused = [], None
    try:
        groups = [summary.images.numpy() for summary in shuffled_summaries(network, class_name, seed)]
    except ValueError as error:
        refused = str(error)
        if not refused.startswith(("regions:", "scores:", "steps:")):
            raise
    scenes = class_pictures(class_name, 0, pictures).scenes
    words = [picture_tags(scene, tags_each) for scene in scenes]
    return tags.compared(words, groups, repeats) | {"refused": refused}


def shuffled_rows(networks: Sequence[str] = NETWORKS, *, progress: Progress = quiet) -> list[dict]:
    """The rows of the control, recorded or computed now.

    Args:
        networks: names of `NETWORKS` whose masks are recorded.
        progress: wraps the rows.
    """
    wanted = grid(
        network=networks, class_name=CLASSES, pictures=[PICTURES], tags_each=[TAGS], repeats=[tags.REPEATS], seed=SEEDS
    )
    return record_all(RECORD, wanted, measure_shuffled, command=COMMAND, progress=progress)


def shuffled_by_class(rows: Sequence[dict], network: str) -> dict[str, float]:
    """Class -> mu_R - mu_S with masks of others, the mean of those seeds that give summaries at all.

    Args:
        rows: of `shuffled_rows`.
        network: its name.
    """
    found: dict[str, list[float]] = {}
    for row in rows:
        if row["configuration"]["network"] == network and row["result"]["sizes"]:
            apart = row["result"]["random"] - row["result"]["summaries"]
            found.setdefault(row["configuration"]["class_name"], []).append(apart)
    return {name: float(np.mean(values)) for name, values in found.items()}


def shuffled_closer(rows: Sequence[dict], network: str) -> Interval:
    """The mean over classes of `shuffled_by_class`, with its 95% interval over resampled classes: (mean, low, high).

    Args:
        rows: of `shuffled_rows`.
        network: its name.
    """
    return bootstrap_interval(list(shuffled_by_class(rows, network).values()))


def own_against_shuffled(rows: Sequence[dict], control: Sequence[dict], network: str) -> Interval:
    """By how much more pictures are closer with their own masks, class by class: (mean, low, high) over classes.

    Args:
        rows: of `tags.tag_rows`.
        control: of `shuffled_rows`.
        network: its name.

    Raises:
        ValueError: no class has summaries in both.
    """
    own, strange = tags.closer_by_class(rows, network), shuffled_by_class(control, network)
    both = [own[name][0] - strange[name] for name in own if name in strange]
    if not both:
        raise ValueError(f"control: expected rows of {network!r} with summaries, got none; {COMMAND}")
    return bootstrap_interval(both)


def main() -> None:
    """Command line: records the control for every network whose masks are recorded (three minutes of one core)."""
    parser = argparse.ArgumentParser(description=main.__doc__)
    parser.add_argument("--networks", nargs="*", default=NETWORKS, choices=NETWORKS)
    networks = parser.parse_args().networks
    rows = shuffled_rows(networks, progress=tqdm)
    for network in networks:
        print(f"{network}: mu_R - mu_S " + "{:+.3f} [{:+.3f}, {:+.3f}]".format(*shuffled_closer(rows, network)))


if __name__ == "__main__":
    main()
