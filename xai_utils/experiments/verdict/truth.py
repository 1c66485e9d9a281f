"""What is true of a scene: what the absence of each part, or its exchange, does to the network.

Every part is taken away by drawing the scene without it; that is the truth. Beside it the part's pixels are replaced by
what explanations use: blur, grey, noise, a conditional sample of what could stand there.
"""

import argparse
from collections.abc import Sequence
from itertools import product
from typing import NamedTuple

import torch
from torch import Tensor
from tqdm.auto import tqdm

from xai_utils.experiments.classifiers import classifier
from xai_utils.experiments.prediction_difference.setting import parts_samplers, with_outer
from xai_utils.experiments.records import grid, in_blocks, read_records, record_all
from xai_utils.models import Classifier, outputs, predict
from xai_utils.networks import ARCHITECTURES
from xai_utils.parts import PAIRS, Parts, Scene
from xai_utils.perturb import ConditionalSampler, blurred_baseline, noisy_baseline
from xai_utils.tensors import Progress, quiet

COMMAND = "python -m xai_utils.experiments.verdict.truth"
RECORD = "verdict_truth"
NETWORKS = tuple(f"parts/{name}" for name in ARCHITECTURES)
SEEDS = ("parts/alexnet", "parts/alexnet-seed1", "parts/alexnet-seed2")  # one architecture, trained three times
GAPS = ("parts/alexnet-gap", "parts/vgg-gap")  # their heads average over places instead of flattening them
ASKED = (*NETWORKS, *SEEDS[1:], *GAPS)
SPLIT, SCENES, BLOCK = "test", 240, 20
MIN_PIXELS, MIN_PARTS = 20, 3  # of a part that can be seen; of which an order says something
FILLINGS = ("blur", "grey", "noise", "inpainted", "conditional")
WAYS = ("drawn", "exchanged", *FILLINGS)
PATCH, DRAWS = 10, 4  # side of a window that is sampled given its surroundings, pixels; pictures of what is drawn


class Seen(NamedTuple):
    """Some scenes that a network recognises."""

    numbers: list[int]  # in the split
    scenes: list[Scene]
    images: Tensor  # float [scenes, 3, height, width]
    labels: Tensor  # int64 [scenes]


def seen_scenes(model: Classifier, first: int, last: int, *, bias: float = 0.0) -> Seen:
    """The scenes of a range of the test split that a network recognises and that show enough parts.

    Args:
        model: classifier of Parts.
        first: number of the first scene.
        last: of the one after the last.
        bias: how often they show a class at its home, see `Parts`.
    """
    split = Parts(SPLIT, bias=bias)
    drawn = [(number, split.scene(number)) for number in range(first, last)]
    drawn = [(number, scene) for number, scene in drawn if len(visible_parts(scene)) >= MIN_PARTS]
    answers = outputs(model, torch.stack([scene.image for _, scene in drawn])).argmax(dim=1).tolist()
    kept = [one for one, answer in zip(drawn, answers, strict=True) if one[1].label == answer]
    scenes = [scene for _, scene in kept]
    labels = torch.tensor([scene.label for scene in scenes])
    return Seen([number for number, _ in kept], scenes, torch.stack([scene.image for scene in scenes]), labels)


def visible_parts(scene: Scene) -> dict[str, Tensor]:
    """The main object's parts of which at least `MIN_PIXELS` pixels can be seen: name -> bool [height, width]."""
    return {name: visible for name, visible in scene.parts.items() if visible.sum() >= MIN_PIXELS}


def without_part(scene: Scene, part: str, sampler: ConditionalSampler) -> dict[str, Tensor]:
    """The picture without a part, by every way to remove it: "drawn", and those of `FILLINGS`.

    Each filling replaces the pixels that change when the scene is drawn without the part, no more and no fewer.

    Args:
        scene: any.
        part: of its main object.
        sampler: of what could stand in a window.

    Returns:
        Name -> float [draws, 3, height, width]; one draw where there is no chance.
    """
    image, truth = scene.image, scene.without(part).image
    hole, generator = (truth != image).any(dim=0), torch.Generator().manual_seed(scene.seed)
    painted = inpainted(image, hole)
    noise = [noisy_baseline(image[None], generator=generator) for _ in range(DRAWS)]
    fillings = {
        "blur": blurred_baseline(image[None]),
        "grey": torch.full_like(image[None], 0.5),
        "noise": torch.cat(noise),
        "inpainted": painted[None],
        "conditional": torch.stack([resampled(painted, hole, sampler, generator) for _ in range(DRAWS)]),
    }
    return {"drawn": truth[None]} | {name: torch.where(hole, filling, image) for name, filling in fillings.items()}


def inpainted(image: Tensor, hole: Tensor) -> Tensor:
    """The picture with a hole filled from its rim (Telea, 2004), float [3, height, width].

    Args:
        image: float [3, height, width] in [0, 1].
        hole: bool [height, width].
    """
    import cv2

    levels = (image.permute(1, 2, 0) * 255).round().byte().numpy()
    filled = cv2.inpaint(levels, hole.byte().numpy(), 3, cv2.INPAINT_TELEA)
    return torch.from_numpy(filled).permute(2, 0, 1).float() / 255


def resampled(image: Tensor, hole: Tensor, sampler: ConditionalSampler, generator: torch.Generator) -> Tensor:
    """The picture with a hole drawn anew, window by window, each given what surrounds it by then.

    Args:
        image: float [3, height, width] whose hole is filled somehow, so that nothing of the part tells on itself.
        hole: bool [height, width].
        sampler: of a window given its ring.
        generator: of all draws.
    """
    filled, (height, width) = image.clone(), hole.shape
    for top, left in product(range(0, height, PATCH), range(0, width, PATCH)):
        row, column = min(top, height - PATCH), min(left, width - PATCH)
        at = (slice(row, row + PATCH), slice(column, column + PATCH))
        if hole[at].any():
            drawn = sampler.bind(filled)(torch.tensor([[row, column]]), PATCH, sampler.draw(1, 1, PATCH, generator))
            filled[:, *at] = torch.where(hole[at], drawn[0, 0], filled[:, *at])
    return filled


def measure_truth(model: str, scenes: list[int]) -> dict:
    """Some scenes: what the removal of each part costs the class, by every way to remove it, and its exchange.

    Args:
        model: as `load_model` takes it.
        scenes: [first, last] of the test split.

    Returns:
        "scene": the numbers of those that are recognised; "parts": for each the names of its visible parts, "size": how
        many pixels of each can be seen; "drawn" and each of `FILLINGS`: for each scene a number for each part, nats of
        log-odds that the class loses; "exchanged": the same when the part is drawn as the other class of the pair has
        it, 0 for parts that both share.
    """
    network, sampler = classifier(model), with_outer(parts_samplers()["conditional"], PATCH + 4)
    seen = seen_scenes(network, *scenes)
    found: dict[str, list] = {"scene": seen.numbers, "parts": [], "size": []} | {way: [] for way in WAYS}
    for scene in seen.scenes:
        parts = visible_parts(scene)
        found["parts"].append(list(parts))
        found["size"].append([int(visible.sum()) for visible in parts.values()])
        changed = [without_part(scene, name, sampler) for name in found["parts"][-1]]
        for of, name in zip(changed, found["parts"][-1], strict=True):
            of["exchanged"] = scene.with_part_of(other_class(scene), name).image[None]
        for way in WAYS:
            found[way].append(lost(network, scene, [of[way] for of in changed]))
    return found


def other_class(scene: Scene) -> str:
    """The class from which the scene's differs in few parts."""
    return next(name for name in PAIRS[scene.label // 2].classes if name != scene.class_name)


def lost(model: Classifier, scene: Scene, changed: Sequence[Tensor]) -> list[float]:
    """How much the log-odds of the scene's class fall from its picture to each changed one, nats.

    Args:
        model: classifier.
        scene: whose class is asked about.
        changed: for each change its draws, [draws, 3, height, width]; their probabilities are averaged first.
    """
    own, *others = (
        predict(model, torch.cat([scene.image[None], *changed]))[:, scene.label].double().split([1, *map(len, changed)])
    )
    odds = [float(torch.logit(of.mean(), eps=1e-7)) for of in (own, *others)]
    return [round(odds[0] - of, 4) for of in odds[1:]]


def record_truth(networks: Sequence[str] = ASKED, *, progress: Progress = quiet) -> list[dict]:
    """The rows of some networks, recorded or computed now."""
    wanted = grid(model=networks, scenes=in_blocks(SCENES, BLOCK))
    return record_all(RECORD, wanted, measure_truth, command=COMMAND, progress=progress)


def recorded_truth(model: str) -> dict[int, dict]:
    """What is recorded of a network: number of a scene -> its "parts" and the numbers of `measure_truth`, as lists."""
    found = {}
    for row in read_records(RECORD):
        if row["configuration"]["model"] == model:
            result = row["result"]
            for place, number in enumerate(result["scene"]):
                found[number] = {name: values[place] for name, values in result.items() if name != "scene"}
    return found


def main() -> None:
    """Command line: records what removing parts truly does, and what other ways to remove them make of it."""
    parser = argparse.ArgumentParser(description=main.__doc__)
    parser.add_argument("--networks", nargs="+", default=list(ASKED), choices=ASKED)
    record_truth(parser.parse_args().networks, progress=tqdm)


if __name__ == "__main__":
    main()
