"""Does an explanation find the part that matters most: the one whose removal, by drawing again, costs most evidence?"""

import argparse
from collections.abc import Sequence

import torch
from torch import Tensor, nn
from tqdm.auto import tqdm

from xai_utils.experiments.classifiers import classifier
from xai_utils.experiments.explanations import FIXATIONS, METHODS, blurred, evidence, paper_sigma
from xai_utils.experiments.prediction_difference import parts_samplers, removal_effects
from xai_utils.experiments.records import grid, in_blocks, record_all
from xai_utils.experiments.statistics import bootstrap_interval
from xai_utils.models import outputs
from xai_utils.papers.prediction_difference import prediction_difference
from xai_utils.parts import Parts, Scene
from xai_utils.tensors import Progress, quiet

COMMAND = "python -m xai_utils.experiments.cnn_fixations.hits"
MODELS = ("parts/alexnet", "parts/resnet")
BLOCK = 20  # scenes of one row
MIN_PARTS = 3  # a scene with fewer asks no question
PDA = {"patch": 10, "stride": 7, "samples": 2}  # of the marginal prediction difference


def explanations(name: str, model: nn.Module, images: Tensor, target: Tensor) -> dict[str, tuple[Tensor, Tensor]]:
    """By every method the map whose maximum is pointed at, and the map whose mean over a part is its density.

    They are the same map but for fixations: there the first is the blurred map, the second is 1 at each point.

    Args:
        name: of the network, as `load_model` takes it.
        model: the network.
        images: float [batch, 3, height, width].
        target: the class asked about, int64 [batch].
    """
    found = {method: evidence(name, model, method, images, target) for method in METHODS}
    sampler, generator = parts_samplers()["marginal"], torch.Generator().manual_seed(0)
    pda = prediction_difference(model, images, target, sampler=sampler, generator=generator, **PDA)
    found["marginal PDA"] = pda.clamp(min=0)
    sigma = paper_sigma(images.shape[2:])
    return {method: (blurred(maps, sigma) if method in FIXATIONS else maps, maps) for method, maps in found.items()}


def points_at(found: Tensor, part: Tensor) -> bool:
    """The pointing game: whether the maximum of a map [height, width] lies on the part, bool [height, width].

    Example:
        >>> points_at(torch.tensor([[0.1, 0.9]]), torch.tensor([[False, True]]))
        True
    """
    return bool(part.flatten()[found.argmax()])


def densest(found: Tensor, parts: dict[str, Tensor]) -> str | None:
    """The part over which a map [height, width] has the highest mean; None if none of them has anything positive.

    Example:
        >>> parts = {"wing": torch.tensor([[True, True]]), "eye": torch.tensor([[False, True]])}
        >>> densest(torch.tensor([[0.1, 0.9]]), parts)
        'eye'
    """
    means = {name: found[mask].mean().item() for name, mask in parts.items()}
    best = max(means, key=means.get)
    return best if means[best] > 0 else None


def measure_hits(model: str, scenes: list[int]) -> dict:
    """Some scenes of the test split: whether each method finds the part that matters most to the predicted class.

    Scenes that the network does not recognise, that show fewer than `MIN_PARTS` parts, or in which no removal costs
    evidence, are left out.

    Args:
        model: as `load_model` takes it.
        scenes: [first, last] of the test split.

    Returns:
        Lists with an entry for each scene that is left: "scene", "part" (its name), "bits" (what its removal costs);
        "pointing" and "density", method -> hits as 0 or 1. Their method "chance" is the part's share of the picture
        and one over the number of parts; "chance on the object" is the part's share of all parts; "largest part" hits
        if the part that matters most is the largest one.
    """
    network, kept = classifier(model), []
    drawn = [Parts("test").scene(number) for number in range(*scenes)]
    predicted = outputs(network, torch.stack([scene.image for scene in drawn])).argmax(dim=1)
    for number, scene, label in zip(range(*scenes), drawn, predicted.tolist(), strict=True):
        effects = removal_effects(network, scene) if scene.label == label else {}
        if len(effects) >= MIN_PARTS and max(effects.values()) > 0:
            kept.append((number, scene, effects))
    images = torch.stack([scene.image for _, scene, _ in kept])
    found = explanations(model, network, images, torch.tensor([scene.label for _, scene, _ in kept]))
    answers = [
        _hits(scene, effects, {method: (first[row], second[row]) for method, (first, second) in found.items()})
        for row, (_, scene, effects) in enumerate(kept)
    ]
    best = [max(effects, key=effects.get) for _, _, effects in kept]
    return {
        "scene": [number for number, _, _ in kept],
        "part": best,
        "bits": [round(effects[part], 3) for part, (_, _, effects) in zip(best, kept, strict=True)],
        **{
            game: {method: [answer[game][method] for answer in answers] for method in answers[0][game]}
            for game in ("pointing", "density")
        },
    }


def _hits(scene: Scene, effects: dict[str, float], found: dict[str, tuple[Tensor, Tensor]]) -> dict[str, dict]:
    """The answers of all methods to one scene, and those of chance."""
    parts = {name: scene.parts[name] for name in effects}
    best, sizes = max(effects, key=effects.get), {name: int(mask.sum()) for name, mask in parts.items()}
    return {
        "pointing": {method: int(points_at(pointed, parts[best])) for method, (pointed, _) in found.items()}
        | {
            "chance": round(sizes[best] / scene.region.numel(), 4),
            "chance on the object": round(sizes[best] / sum(sizes.values()), 4),
        },
        "density": {method: int(densest(dense, parts) == best) for method, (_, dense) in found.items()}
        | {"chance": round(1 / len(parts), 4), "largest part": int(max(sizes, key=sizes.get) == best)},
    }


def part_hits(models: Sequence[str] = MODELS, scenes: int = 240, *, progress: Progress = quiet) -> list[dict]:
    """The rows of the table "who finds the part that matters most", recorded or computed now.

    Args:
        models: as `load_model` takes them.
        scenes: the first so many of the test split.
        progress: wraps the rows.
    """
    wanted = grid(model=models, scenes=in_blocks(scenes, BLOCK))
    return record_all("fixation_hits", wanted, measure_hits, command=COMMAND, progress=progress)


def hit_rates(rows: Sequence[dict], model: str, game: str) -> dict[str, tuple[float, float, float]]:
    """How often each method hits, with 95% intervals over the scenes of one network.

    Args:
        rows: of `part_hits`.
        model: its name.
        game: "pointing" or "density".

    Returns:
        Method -> (mean, low, high).
    """
    results = [row["result"][game] for row in rows if row["configuration"]["model"] == model]
    return {name: bootstrap_interval([hit for result in results for hit in result[name]]) for name in results[0]}


def main() -> None:
    """Command line: records the table and prints what it says."""
    argparse.ArgumentParser(description=main.__doc__).parse_args()
    rows = part_hits(progress=tqdm)
    for model in MODELS:
        for game in ("pointing", "density"):
            for method, (mean, low, high) in hit_rates(rows, model, game).items():
                print(f"{model} {game}: {method} {mean:.3f} [{low:.3f}, {high:.3f}]")


if __name__ == "__main__":
    main()
