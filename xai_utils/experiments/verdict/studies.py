"""Two small studies: which methods notice that a network looks at the background, and which the part that tells?"""

import argparse
from collections.abc import Sequence

import numpy as np
import torch
from torch import Tensor
from tqdm.auto import tqdm

from xai_utils.experiments.claims import Interval
from xai_utils.experiments.classifiers import classifier
from xai_utils.experiments.records import grid, in_blocks, read_records, record_all
from xai_utils.experiments.statistics import bootstrap_interval
from xai_utils.experiments.verdict.measures import by_method
from xai_utils.experiments.verdict.methods import METHODS, maps_of, methods_for
from xai_utils.experiments.verdict.standings import asked_everywhere, side_by_side
from xai_utils.experiments.verdict.truth import (
    BLOCK,
    NETWORKS,
    lost,
    other_class,
    recorded_truth,
    seen_scenes,
    visible_parts,
)
from xai_utils.metrics import share_inside
from xai_utils.models import Classifier, outputs
from xai_utils.parts import BACKGROUNDS, CLASSES, Parts, Scene
from xai_utils.tensors import Progress, quiet

COMMAND = "python -m xai_utils.experiments.verdict.studies"
FAIR, BIASED = "parts/resnet", "parts/resnet-biased"  # the same architecture; the second one saw classes at home
AGAIN = "parts/resnet-seed1"  # another fair training, which tells the bias from luck
ADJACENT = ("parts/alexnet", "parts/resnet")
SCENES = 60
MORE = 0.001  # of the mass: what a map must have beyond another one, so that rounding is no difference


def measure_biased(method: str, scenes: list[int]) -> dict:
    """Scenes at home: how much of each network's map lies on the background, and what is true.

    Args:
        method: a name of `METHODS`.
        scenes: [first, last] of the test split, drawn at their classes' homes.

    Returns:
        For scenes that both networks recognise, and for each of "fair" and "biased", lists: "background, NAME" (share
        of the positive mass outside the object), "moved, NAME" (nats of log-odds lost at another place, mean over all
        other places), "gone, NAME" (lost without the object).
    """
    known = _known_at_home(tuple(scenes))
    found = {}
    for name, model in {"fair": FAIR, "biased": BIASED}.items():
        network = classifier(model)
        found[f"background, {name}"] = _on_background(model, method, known)
        found[f"moved, {name}"] = [_moved(network, scene) for scene in known]
        found[f"gone, {name}"] = [lost(network, s, [s.without_object().image[None]])[0] for s in known]
    return found


def measure_fair(model: str, method: str, scenes: list[int]) -> dict:
    """The scenes of `measure_biased`, with another fair network: how much of its map lies on the background.

    Args:
        model: as `load_model` takes it.
        method: a name of `METHODS`.
        scenes: [first, last] of the test split, drawn at their classes' homes.

    Returns:
        Lists of the same length as those of `measure_biased`: "background" and "moved", None where the network does not
        recognise the scene.
    """
    network, known = classifier(model), _known_at_home(tuple(scenes))
    images, labels = torch.stack([s.image for s in known]), torch.tensor([s.label for s in known])
    recognised = (outputs(network, images).argmax(dim=1) == labels).tolist()
    shares = _on_background(model, method, known)
    moved = [_moved(network, scene) for scene in known]
    return {
        name: [value if seen else None for value, seen in zip(values, recognised, strict=True)]
        for name, values in {"background": shares, "moved": moved}.items()
    }


def measure_adjacent(model: str, method: str, scenes: list[int]) -> dict:
    """Scenes of adjacent classes: how much of a map lies on the parts that tell the class from its neighbour.

    Args:
        model: as `load_model` takes it.
        method: a name of `METHODS`.
        scenes: [first, last] of the test split.

    Returns:
        For scenes that the network recognises and that show telling parts, lists: "size" (the telling parts' share of
        all visible parts' pixels), "own" (their share of the positive mass on parts, asked about the class), "contrast"
        (the same for what the map has more than the one asked about the neighbour; None where it has nothing more).
    """
    network, seen = classifier(model), seen_scenes(classifier(model), *scenes)
    neighbours = torch.tensor([CLASSES.index(other_class(scene)) for scene in seen.scenes])
    own, other = (maps_of(model, network, method, seen.images, asked) for asked in (seen.labels, neighbours))
    found: dict[str, list[float | None]] = {"size": [], "own": [], "contrast": []}
    for scene, first, second in zip(seen.scenes, own, other, strict=True):
        parts = visible_parts(scene)
        telling = [mask for name, mask in parts.items() if name in scene.cast[0].pair.telling]
        if telling:
            told, all_parts = (torch.stack(list(masks)).any(dim=0) for masks in (telling, parts.values()))
            found["size"].append(round(float(told.sum() / all_parts.sum()), 4))
            found["own"].append(_share(first, told, all_parts))
            more = first - second
            shown = more.clamp(min=0)[all_parts].sum() > MORE * first.clamp(min=0)[all_parts].sum()
            found["contrast"].append(_share(more, told, all_parts) if shown else None)
    return found


def _share(maps: Tensor, inside: Tensor, of: Tensor) -> float | None:
    """The share of a map's positive mass on some parts that lies on others, or None if there is none."""
    mass = maps.clamp(min=0).double()
    whole = float(mass[of].sum())
    return round(float(mass[inside].sum()) / whole, 4) if whole > 0 else None


def _known_at_home(scenes: tuple[int, int]) -> list[Scene]:
    """Scenes at their classes' homes that both networks recognise."""
    drawn = [Parts("test", bias=1.0).scene(number) for number in range(*scenes)]
    images = torch.stack([scene.image for scene in drawn])
    answers = [outputs(classifier(model), images).argmax(dim=1).tolist() for model in (FAIR, BIASED)]
    return [scene for scene, *said in zip(drawn, *answers, strict=True) if set(said) == {scene.label}]


def _on_background(model: str, method: str, scenes: list[Scene]) -> list[float]:
    """The share of each map's positive mass outside the object."""
    images, labels = torch.stack([s.image for s in scenes]), torch.tensor([s.label for s in scenes])
    maps = maps_of(model, classifier(model), method, images, labels).clamp(min=0)
    return [round(1 - share, 4) for share in share_inside(maps, torch.stack([s.region for s in scenes])).tolist()]


def _moved(network: Classifier, scene: Scene) -> float:
    """Nats of log-odds that the class loses at another place, mean over all other places."""
    elsewhere = [scene.on(place).image[None] for place in BACKGROUNDS if place != scene.background]
    return round(sum(lost(network, scene, elsewhere)) / len(elsewhere), 4)


def record_biased(methods: Sequence[str] = (), *, progress: Progress = quiet) -> list[dict]:
    """The rows of the biased network, recorded or computed now.

    Args:
        methods: names of `METHODS`; all that can be asked by default.
        progress: wraps the rows.
    """
    wanted = grid(method=list(methods) or methods_for(BIASED), scenes=in_blocks(SCENES, BLOCK))
    return record_all("verdict_biased", wanted, measure_biased, command=COMMAND, progress=progress)


def record_fair(methods: Sequence[str] = (), *, progress: Progress = quiet) -> list[dict]:
    """The rows of the other fair network, recorded or computed now; see `record_biased`."""
    wanted = grid(model=[AGAIN], method=list(methods) or methods_for(AGAIN), scenes=in_blocks(SCENES, BLOCK))
    return record_all("verdict_fair", wanted, measure_fair, command=COMMAND, progress=progress)


def record_adjacent(
    networks: Sequence[str] = ADJACENT, methods: Sequence[str] = (), *, progress: Progress = quiet
) -> list[dict]:
    """The rows of adjacent classes, recorded or computed now.

    Args:
        networks: names.
        methods: names of `METHODS`; all that can be asked by default.
        progress: wraps the rows.
    """
    wanted = [
        row
        for model in networks
        for row in grid(model=[model], method=list(methods) or methods_for(model), scenes=in_blocks(SCENES, BLOCK))
    ]
    return record_all("verdict_adjacent", wanted, measure_adjacent, command=COMMAND, progress=progress)


def noticed() -> dict[str, dict[str, np.ndarray]]:
    """How much more of a map lies on the background with the biased network: kind -> method -> share, [scenes, 1].

    Returns:
        "fair": more than with the fair network; "again": more than with another fair training, nan where that one does
        not recognise the scene; "luck": how much more that one has than the fair network.
    """
    both, again = (by_method(read_records(f"verdict_{name}")) for name in ("biased", "fair"))
    found: dict[str, dict[str, np.ndarray]] = {"fair": {}, "again": {}, "luck": {}}
    for method, of in both.items():
        fair, biased = (np.array(of[f"background, {name}"])[:, None] for name in ("fair", "biased"))
        found["fair"][method] = biased - fair
        if method in again:
            other = np.array(again[method]["background"], dtype=float)[:, None]
            found["again"][method], found["luck"][method] = biased - other, other - fair
    return found


def biased_truth() -> dict[str, Interval]:
    """What is true of the networks, nats of log-odds that the class loses: "moved, fair", "gone, biased" and so on.

    "moved, again" is what the other fair network loses, of the scenes that it recognises.
    """
    of = next(iter(by_method(read_records("verdict_biased")).values()))  # the same scenes whatever the method
    again = next(iter(by_method(read_records("verdict_fair")).values()))["moved"]
    found = {name: values for name, values in of.items() if not name.startswith("background")}
    found["moved, again"] = [value for value in again if value is not None]
    return {name: bootstrap_interval(values) for name, values in found.items()}


def adjacent_networks(networks: Sequence[str] = ADJACENT) -> list[str]:
    """Those networks of which every method's scenes are all recorded.

    Args:
        networks: names to choose from.
    """
    found = {model: _recorded_adjacent(model) for model in networks}
    scenes = {model: len(_telling_scenes(model)) for model in networks}
    return [
        model
        for model, of in found.items()
        if all(len(of.get(name, {"own": ()})["own"]) == scenes[model] for name in methods_for(model))
    ]


def adjacent_excess(kind: str, networks: Sequence[str]) -> dict[str, np.ndarray]:
    """By how much the telling parts' share of a map exceeds their size: method -> [scenes, networks].

    Args:
        kind: "own" or "contrast", see `measure_adjacent`.
        networks: names of recorded ones.

    Returns:
        Methods that have something to look at in some scene of every network; nan where there is nothing.
    """
    columns = []
    for model in networks:
        scenes, of = _telling_scenes(model), _recorded_adjacent(model)
        columns.append({method: _excess(scenes, known[kind], known["size"]) for method, known in of.items()})
    return asked_everywhere(side_by_side(columns))


def _excess(scenes: list[int], shares: list[float | None], sizes: list[float]) -> dict[int, float]:
    known = zip(scenes, shares, sizes, strict=True)
    return {number: share - size for number, share, size in known if share is not None}


def _telling_scenes(model: str) -> list[int]:
    """The scenes of `measure_adjacent`, in its order."""
    drawn = {number: Parts("test").scene(number) for number in recorded_truth(model) if number < SCENES}
    return [n for n, scene in drawn.items() if set(visible_parts(scene)) & set(scene.cast[0].pair.telling)]


def _recorded_adjacent(model: str) -> dict[str, dict[str, list]]:
    rows = [row for row in read_records("verdict_adjacent") if row["configuration"]["model"] == model]
    return by_method(sorted(rows, key=lambda row: row["configuration"]["scenes"]))


def main() -> None:
    """Command line: records the studies, or some of them."""
    studies = ("biased", "fair", "adjacent")
    parser = argparse.ArgumentParser(description=main.__doc__)
    parser.add_argument("--studies", nargs="+", default=list(studies), choices=studies)
    parser.add_argument("--networks", nargs="+", default=list(ADJACENT), choices=NETWORKS, help="of adjacent classes")
    parser.add_argument("--methods", nargs="+", default=[], choices=list(METHODS), help="all by default")
    arguments = parser.parse_args()
    if "biased" in arguments.studies:
        record_biased(arguments.methods, progress=tqdm)
    if "fair" in arguments.studies:
        record_fair(arguments.methods, progress=tqdm)
    if "adjacent" in arguments.studies:
        record_adjacent(arguments.networks, arguments.methods, progress=tqdm)


if __name__ == "__main__":
    main()
