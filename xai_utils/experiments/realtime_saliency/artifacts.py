"""Fig. 3: masks that attack the classifier instead of explaining it, and what each measure of section 3.1 does."""

import argparse
from collections.abc import Sequence
from dataclasses import replace

import torch
from torch import Tensor, nn
from tqdm.auto import tqdm

from xai_utils.experiments.classifiers import classifier
from xai_utils.experiments.realtime_saliency.training import BLACK_BOXES
from xai_utils.experiments.records import grid, in_blocks, record_all
from xai_utils.experiments.statistics import bootstrap_interval
from xai_utils.masks import SWAPPED, Objective, iterative_mask, total_variation
from xai_utils.metrics import share_inside
from xai_utils.models import target_probability
from xai_utils.parts import Parts
from xai_utils.perturb import blurred_baseline, constant_baseline, noisy_baseline, remove_evidence
from xai_utils.tensors import Progress, quiet

COMMAND = "python -m xai_utils.experiments.realtime_saliency.artifacts"
SCENES, BLOCK = (100, 140), 10  # of the test split; scenes of one row
EVERY_PIXEL = 10_000  # a mask has no more cells than the picture has pixels

ADVERSARIAL = replace(SWAPPED, tv_weight=0.0, preserve_weight=0.0, baseline="grey", size=EVERY_PIXEL)
"""The smallest mask that destroys the class, with no other demand: one value for every pixel, grey in its place."""

PROTECTED: dict[str, Objective] = {
    "nothing": ADVERSARIAL,
    "blur": replace(ADVERSARIAL, baseline="blur"),
    "noise": replace(ADVERSARIAL, baseline="noise"),
    "blur or noise": replace(ADVERSARIAL, baseline="random"),
    "total variation": replace(ADVERSARIAL, tv_weight=SWAPPED.tv_weight),
    "resizing": replace(ADVERSARIAL, size=SWAPPED.size),
    "everything": replace(SWAPPED, preserve_weight=0.0),
}
"""By what the mask is kept from being adversarial: the measures of section 3.1, one at a time and all together."""

BASELINES = ("grey", "black", "white", "blur", "noise")
OWN = {"grey": ("grey",), "blur": ("blur",), "noise": ("noise",), "random": ("blur", "noise")}
MEASURES = ("before", "own", "unseen", *BASELINES, "area", "inside", "roughness", "change")


def roughness(maps: Tensor) -> Tensor:
    """How scattered masks are: total variation (of absolute differences) for each pixel of area.

    A constant factor changes nothing. Scattered single pixels have 4; a large even patch has its outline over its area.

    Args:
        maps: float [batch, height, width], not negative.

    Returns:
        [batch]; 0 for an empty mask.

    Example:
        >>> dots, patch = torch.zeros(2, 1, 16, 16)
        >>> dots[:, 1::4, 1::4], patch[:, 4:12, 4:12] = 0.1, 0.7
        >>> roughness(dots), roughness(patch)
        (tensor([4.]), tensor([0.5000]))
    """
    mass = maps.sum(dim=(1, 2)).clamp(min=torch.finfo(maps.dtype).tiny)
    return total_variation(maps, power=1.0) / mass


def baselines_of(images: Tensor) -> dict[str, Tensor]:
    """What may stand in place of removed pixels, by the names of `BASELINES`; the noise is drawn for the purpose."""
    return {
        "grey": constant_baseline(images),
        "black": constant_baseline(images, 0.0),
        "white": constant_baseline(images, 1.0),
        "blur": blurred_baseline(images),
        "noise": noisy_baseline(images, generator=torch.Generator().manual_seed(1)),
    }


def adversarial_masks(model: nn.Module, images: Tensor, target: Tensor, protection: str) -> Tensor:
    """Masks that destroy the class, protected from artifacts by one measure.

    Args:
        model: classifier in eval mode.
        images: float [batch, 3, height, width], RGB in [0, 1].
        target: int64 [batch].
        protection: a name of `PROTECTED`.

    Returns:
        float [batch, height, width], 1 where the picture is to be replaced.
    """
    generator = torch.Generator().manual_seed(0)
    return iterative_mask(model, images, target, objective=PROTECTED[protection], generator=generator)


def measure_artifacts(model: str, protection: str, scenes: list[int]) -> dict:
    """The masks of some scenes of the test split, those that the network recognises.

    Args:
        model: as `load_model` takes it.
        protection: a name of `PROTECTED`.
        scenes: [first, last).

    Returns:
        "scene" and `MEASURES`, lists with a number for every recognised scene. The class's probability "before", and
        without the mask's region under each of `BASELINES`, under its "own" (that it was searched for, drawn again if
        it is random), and the mean under those "unseen"; the mask's "area", the share of it "inside" the object, its
        `roughness`, and the mean "change" of a pixel's colours under its own baseline.
    """
    network, drawn = classifier(model), [Parts("test").scene(number) for number in range(*scenes)]
    images, labels = torch.stack([s.image for s in drawn]), torch.tensor([s.label for s in drawn])
    before = target_probability(network, images, labels)
    known = before >= 0.5
    images, labels, regions = images[known], labels[known], torch.stack([s.region for s in drawn])[known]
    maps = adversarial_masks(network, images, labels, protection)
    edited = {name: remove_evidence(images, 1 - maps, hidden) for name, hidden in baselines_of(images).items()}
    after = {name: target_probability(network, pictures, labels) for name, pictures in edited.items()}
    own = OWN[PROTECTED[protection].baseline]
    found = {
        "before": before[known],
        "own": torch.stack([after[name] for name in own]).mean(dim=0),
        "unseen": torch.stack([after[name] for name in BASELINES if name not in own]).mean(dim=0),
        **after,
        "area": maps.mean(dim=(1, 2)),
        "inside": share_inside(maps, regions),
        "roughness": roughness(maps),
        "change": torch.stack([(edited[name] - images).abs().mean(dim=(1, 2, 3)) for name in own]).mean(dim=0),
    }
    numbers = {name: [round(value, 4) for value in values.tolist()] for name, values in found.items()}
    return {"scene": (known.nonzero()[:, 0] + scenes[0]).tolist(), **numbers}


def artifact_rows(models: Sequence[str] = BLACK_BOXES, *, progress: Progress = quiet) -> list[dict]:
    """The rows of the table, recorded or computed now.

    Args:
        models: as `load_model` takes them.
        progress: wraps the rows.
    """
    blocks = in_blocks(SCENES[1], BLOCK, SCENES[0])
    wanted = grid(model=models, protection=PROTECTED, scenes=blocks)
    return record_all("adversarial_masks", wanted, measure_artifacts, command=COMMAND, progress=progress)


def artifact_table(rows: Sequence[dict], model: str, measure: str) -> dict[str, tuple[float, float, float]]:
    """One measure under every protection, with its 95% interval over resampled scenes.

    Args:
        rows: of `artifact_rows`.
        model: its name.
        measure: one of `MEASURES`, or "transfer": how much more of the class stays under baselines that the mask was
            not searched for than under its own; 0 for a mask that does not care.

    Returns:
        Protection -> (mean, low, high).
    """
    found = {}
    for protection in PROTECTED:
        values = values_of(rows, model, protection, "unseen" if measure == "transfer" else measure)
        own = values_of(rows, model, protection, "own") if measure == "transfer" else [0.0] * len(values)
        found[protection] = bootstrap_interval([value - less for value, less in zip(values, own, strict=True)])
    return found


def values_of(rows: Sequence[dict], model: str, protection: str, measure: str) -> list[float]:
    """What the rows say of every scene."""
    wanted = {"model": model, "protection": protection}
    chosen = [row["result"] for row in rows if wanted.items() <= row["configuration"].items()]
    return [value for result in chosen for value in result[measure]]


def main() -> None:
    """Command line: records the table and prints it."""
    argparse.ArgumentParser(description=main.__doc__).parse_args()
    rows = artifact_rows(progress=tqdm)
    for model in BLACK_BOXES:
        for measure in (*MEASURES, "transfer"):
            for protection, (mean, low, high) in artifact_table(rows, model, measure).items():
                print(f"{model}, {measure}: {protection} {mean:.3f} [{low:.3f}, {high:.3f}]")


if __name__ == "__main__":
    main()
