"""Which region of a mask matters most, and is it what tells the class? Only the authors' code asks that (VS24)."""

import argparse
from collections.abc import Sequence
from typing import NamedTuple

import numpy as np
import torch
from torch import Tensor, nn
from tqdm.auto import tqdm

from xai_utils.experiments.classifiers import classifier
from xai_utils.experiments.records import grid, record_all
from xai_utils.experiments.statistics import bootstrap_interval
from xai_utils.experiments.visual_summaries.masks import mistaken, recorded_maps
from xai_utils.experiments.visual_summaries.setting import NETWORKS, PICTURES, class_pictures
from xai_utils.models import target_probability
from xai_utils.papers.visual_summaries import MIXED, mask_regions
from xai_utils.parts import CLASSES, Scene
from xai_utils.perturb import draw_baselines, remove_evidence
from xai_utils.tensors import Progress, quiet

COMMAND = "python -m xai_utils.experiments.visual_summaries.ranking"
RECORD = "region_ranking"


class Ranked(NamedTuple):
    """The regions of one mask, the one that matters most first."""

    regions: Tensor  # bool [regions, height, width]
    drops: Tensor  # [regions], by how much the class's probability falls if this region alone is hidden
    densities: Tensor  # [regions], that over the region's share of the picture


def rank_regions(
    model: nn.Module,
    image: Tensor,
    target: int,
    hide: Tensor,
    *,
    most: int | None = 3,
    sigma: float = MIXED.crisp.sigma,
) -> Ranked:
    """The regions of a mask, each hidden alone: which of them does the class need most?

    **Source**: the authors' code: connected regions above one half, each at least 1% of the picture, the three with
    the largest drop. Its drop is 1 - p; here it is that from the whole picture, which leaves the order. It computes
    drops over areas in pixels too, and does nothing with them; here areas are shares of the picture.

    Args:
        model: classifier in eval mode.
        image: float [3, height, width], RGB in [0, 1].
        target: the class asked about.
        hide: float [height, width] in [0, 1], the mask.
        most: how many regions; None is all.
        sigma: of the blur that hides, pixels of a picture of 224.

    Returns:
        The regions, the largest drop first; none where the mask has none.

    Raises:
        TypeError, ValueError: no picture, or no mask of its size.
    """
    regions = mask_regions(hide[None])[0]
    images = image.expand(len(regions) + 1, -1, -1, -1)
    hidden = torch.cat([torch.zeros_like(hide[None]).bool(), regions])
    baseline = next(draw_baselines(images, "blur", sigma=sigma))
    found = target_probability(model, remove_evidence(images, 1 - hidden.to(images), baseline), target)
    drops = found[0] - found[1:]
    order = drops.argsort(descending=True, stable=True)[:most]
    densities = drops / regions.double().mean(dim=(1, 2)).clamp(min=torch.finfo(drops.dtype).tiny)
    return Ranked(regions[order], drops[order], densities[order])


def telling_part(scene: Scene) -> Tensor:
    """Where a scene shows what tells its class from the neighbour's: bool [height, width].

    Example:
        >>> from xai_utils.parts import draw_scene
        >>> bool(telling_part(draw_scene(0, label=0)).any())
        True
    """
    shown = [scene.parts[name] for name in scene.cast[0].pair.telling if name in scene.parts]
    return torch.stack([torch.zeros_like(scene.region), *shown]).any(dim=0)


def measure_ranking(network: str, class_name: str, pictures: int) -> dict:
    """One row: the regions of each crisp mask of a class, ranked by their drops.

    Args:
        network: a name of `NETWORKS`, whose crisp masks are recorded.
        class_name: a name of `CLASSES`.
        pictures: of the class.

    Returns:
        "picture", and for each of them lists with a number for each region, the largest drop first: "drops", "areas",
        "telling" and "object", the shares of the telling part and of the object that it hides (empty where the picture
        shows no telling part).
    """
    scenes, images, labels = class_pictures(class_name)
    maps = recorded_maps(network, class_name)
    found = {"picture": [], "drops": [], "areas": [], "telling": [], "object": []}
    for number in sorted(set(range(pictures)) - set(mistaken(network, class_name))):
        ranked = rank_regions(classifier(network), images[number], int(labels[number]), maps[number], most=None)
        found["picture"].append(number)
        found["drops"].append(_rounded(ranked.drops))
        found["areas"].append(_rounded(ranked.regions.float().mean(dim=(1, 2))))
        for name, truth in (("telling", telling_part(scenes[number])), ("object", scenes[number].region)):
            shares = (ranked.regions & truth).sum(dim=(1, 2)) / truth.sum()
            found[name].append(_rounded(shares) if truth.any() else [])
    return found


def ranking_rows(networks: Sequence[str] = NETWORKS, *, progress: Progress = quiet) -> list[dict]:
    """The ranked regions of every class, recorded or computed now."""
    wanted = grid(network=networks, class_name=CLASSES, pictures=[PICTURES])
    return record_all(RECORD, wanted, measure_ranking, command=COMMAND, progress=progress)


def ranking_table(rows: Sequence[dict], network: str) -> dict[str, tuple[float, float, float]]:
    """Does the region with the largest drop hide what tells the class? (mean, low, high) over pictures.

    Only pictures count whose mask has several regions, of which some hide the telling part.

    Args:
        rows: of `ranking_rows`.
        network: whose.

    Returns:
        For the first region by "drop", by "density" (drop over area) and by "area": how often it is the one that hides
        most of the telling part; "chance", one over the number of regions; and "drop against chance" and "drop against
        area", how much more often, of the same pictures.

    Raises:
        ValueError: no such picture.
    """
    found = {name: [] for name in ("drop", "density", "area", "chance")}
    for result in (row["result"] for row in rows if row["configuration"]["network"] == network):
        for drops, areas, telling in zip(result["drops"], result["areas"], result["telling"], strict=True):
            if len(telling) < 2 or not any(telling):
                continue
            best = int(np.argmax(telling))
            densities = np.array(drops) / np.array(areas)
            for name, values in (("drop", drops), ("density", densities), ("area", areas)):
                found[name].append(float(int(np.argmax(values)) == best))
            found["chance"].append(1 / len(telling))
    if not found["drop"]:
        raise ValueError(f"network: expected one with several regions in some picture, got {network!r}")
    values = {name: np.array(some) for name, some in found.items()}
    for name in ("chance", "area"):
        values[f"drop against {name}"] = values["drop"] - values[name]
    return {name: bootstrap_interval(some) for name, some in values.items()}


def _rounded(values: Tensor) -> list[float | None]:
    return [round(value, 4) if value == value else None for value in values.tolist()]


def main() -> None:
    """Command line: records the ranked regions, for networks whose crisp masks are recorded; a minute for each."""
    parser = argparse.ArgumentParser(description=main.__doc__)
    parser.add_argument("--networks", nargs="*", default=NETWORKS, choices=NETWORKS)
    networks = parser.parse_args().networks
    rows = ranking_rows(networks, progress=tqdm)
    for network in networks:
        for name, (mean, low, high) in ranking_table(rows, network).items():
            print(f"{network}: {name} {mean:.3f} [{low:.3f}, {high:.3f}]")


if __name__ == "__main__":
    main()
