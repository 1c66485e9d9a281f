"""The summaries of every class and network, from the recorded masks: fig. 1, table 3, fig. 5."""

import argparse
import math
from collections.abc import Sequence
from dataclasses import asdict, replace
from functools import cache
from pathlib import Path

import torch
from torch import Tensor
from tqdm.auto import tqdm

from xai_utils.experiments.records import grid, read_records, record_all
from xai_utils.experiments.visual_summaries.masks import mistaken, recorded_maps
from xai_utils.experiments.visual_summaries.setting import NETWORKS, PICTURES, class_pictures
from xai_utils.papers.visual_summaries import (
    Grouping,
    Summaries,
    Summary,
    mask_regions,
    summarise_maps,
    touched_regions,
)
from xai_utils.parts import CLASSES
from xai_utils.tensors import Progress, quiet

COMMAND = "python -m xai_utils.experiments.visual_summaries.found"
RECORD = "visual_summaries"
NONE = Summaries((), math.nan, 0, 0, 0, 0, (), tuple(range(PICTURES)))  # of a class whose parts fit nothing
CACHE = Path(".cache") / "visual_summaries"  # of the matches, which do not depend on the network
DAMPINGS = (0.9, 0.95, 0.97, 0.99)  # where clusters do not settle, the next one


def class_summaries(network: str, class_name: str, grouping: Grouping | None = None) -> Summaries:
    """The summaries of a class, from its recorded masks; matches are kept in `CACHE`.

    Args:
        network: a name of `NETWORKS`.
        class_name: a name of `CLASSES`.
        grouping: the knobs; `Grouping()` by default.
    """
    found = settled(class_pictures(class_name).images, recorded_maps(network, class_name), grouping or Grouping())
    return replace(found, mistaken=mistaken(network, class_name))


def settled(images: Tensor, maps: Tensor, grouping: Grouping) -> Summaries:
    """The summaries that some maps give, with the first of `DAMPINGS` at which the clusters settle.

    Args:
        images: float [batch, 3, height, width], RGB in [0, 1].
        maps: float [batch, height, width] in [0, 1].
        grouping: the other knobs.

    Raises:
        ValueError: as `summarise_maps`; clusters that settle at no damping.
    """
    first, *more = DAMPINGS
    for damping in more:
        try:
            return summarise_maps(images, maps, grouping=replace(grouping, damping=first), cache=CACHE)
        except ValueError as error:
            if not str(error).startswith("steps"):
                raise
        first = damping
    return summarise_maps(images, maps, grouping=replace(grouping, damping=first), cache=CACHE)


def measure_summaries(network: str, class_name: str, pictures: int) -> dict:
    """One row: the fields of a class's `Summaries`, without the regions; "refused" says why there can be none.

    Args:
        network: a name of `NETWORKS`.
        class_name: a name of `CLASSES`.
        pictures: of the class, all for which masks are recorded.
    """
    try:
        found = asdict(class_summaries(network, class_name))
    except ValueError as error:
        return {"refused": str(error)}
    for summary in found["summaries"]:
        del summary["regions"]
        summary |= {name: summary[name].tolist() for name in ("images", "boxes", "scores")}
    return found


@cache
def recorded_summaries(network: str, class_name: str) -> Summaries:
    """The recorded summaries of a class, possibly none; pictures are counted within the class.

    Args:
        network: a name of `NETWORKS`.
        class_name: a name of `CLASSES`.

    Raises:
        ValueError: they are not recorded; says by which command they are.
    """
    key = {"network": network, "class_name": class_name, "pictures": PICTURES}
    row = next((row for row in read_records(RECORD) if row["configuration"] == key), None)
    if row is None:
        raise ValueError(f"network, class_name: expected those recorded, got {network!r}, {class_name!r}; {COMMAND}")
    if "refused" in row["result"]:
        return NONE
    regions = mask_regions(recorded_maps(network, class_name))
    summaries = tuple(_restored(summary, regions) for summary in row["result"]["summaries"])
    lists = {name: tuple(row["result"][name]) for name in ("without", "unused", "mistaken")}
    return Summaries(**row["result"] | lists | {"summaries": summaries})


def _restored(summary: dict, regions: list[Tensor]) -> Summary:
    """A summary as it was before its regions were left out."""
    images, boxes = torch.tensor(summary["images"]), torch.tensor(summary["boxes"])
    places = touched_regions(regions, images, boxes)
    scores = torch.tensor(summary["scores"], dtype=torch.float64)
    return Summary(images, boxes, places, summary["exemplar"], scores, summary["quality"])


def summary_rows(networks: Sequence[str] = NETWORKS, *, progress: Progress = quiet) -> list[dict]:
    """The summaries of every class, one row each, recorded or computed now.

    Args:
        networks: names of `NETWORKS`.
        progress: wraps the rows.
    """
    wanted = grid(network=networks, class_name=CLASSES, pictures=[PICTURES])
    return record_all(RECORD, wanted, measure_summaries, command=COMMAND, progress=progress)


def main() -> None:
    """Command line: records the summaries of every class and network whose masks are recorded."""
    parser = argparse.ArgumentParser(description=main.__doc__)
    parser.add_argument("--networks", nargs="*", default=NETWORKS, choices=NETWORKS)
    for row in summary_rows(parser.parse_args().networks, progress=tqdm):
        sizes = [len(summary["images"]) for summary in row["result"].get("summaries", [])]
        print(row["configuration"]["network"], row["configuration"]["class_name"], len(sizes), "summaries of", sizes)


if __name__ == "__main__":
    main()
