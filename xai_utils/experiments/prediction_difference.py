"""Two questions the paper could not ask, because nobody knew the truth: `python -m xai_utils.experiments.prediction_difference`.

1. Does a part's relevance predict how much evidence is lost when the part is really gone (drawn again without it)?
2. How far are the samplers' fillings from what could truly stand in a window (drawn again with everything else fixed)?
"""

import argparse
from collections.abc import Callable
from functools import cache
from pathlib import Path

import numpy as np
import torch
from scipy.stats import spearmanr
from torch import Tensor, nn
from tqdm.auto import tqdm

from xai_utils.baselines import gradient
from xai_utils.experiments.records import RESULTS, record_all
from xai_utils.models import load_model, predict
from xai_utils.papers.prediction_difference import prediction_difference, weight_of_evidence
from xai_utils.parts import Parts, Scene
from xai_utils.perturb import ConditionalSampler, ConstantSampler, InpaintingSampler, MarginalSampler, Sampler
from xai_utils.tensors import Progress, quiet

COMMAND = "python -m xai_utils.experiments.prediction_difference"
METHODS = ("conditional", "conditional, per channel", "marginal", "grey occlusion", "gradient", "part size")
MIN_PIXELS = 20  # a part of which less can be seen says nothing


@cache
def parts_samplers(outer: int = 24, pictures: int = 400) -> dict[str, Sampler]:
    """The samplers of the chapter, fitted on training pictures of Parts.

    Args:
        outer: side of the largest outer patch.
        pictures: how many training pictures they know.

    Returns:
        Name -> sampler: "conditional" (joint over colours), "conditional, per channel", "marginal", "grey occlusion".
    """
    images = Parts("train").tensors(indices=range(pictures))[0].float() / 255
    generator = torch.Generator().manual_seed(0)
    joint = ConditionalSampler.fit(images, outer=outer, generator=generator)
    apart = ConditionalSampler(outer, per_channel=True)
    apart.load_state_dict(joint.state_dict())
    return {
        "conditional": joint,
        "conditional, per channel": apart,
        "marginal": MarginalSampler(images),
        "grey occlusion": ConstantSampler(0.5),
    }


# --- 1. relevance of a part against what its removal does ---------------------------------------------------------


def maps_by_method(
    model: nn.Module, images: Tensor, target: int, *, patch: int, stride: int, samples: int
) -> dict[str, Tensor]:
    """The map of every method of `METHODS`, each float [batch, height, width].

    Args:
        model: classifier.
        images: float [batch, 3, height, width].
        target: the class asked about.
        patch: side of the window; the Gaussian sees two pixels more on each side, as in the paper.
        stride: from one window to the next.
        samples: drawn for each window.
    """
    maps = {}
    for name, sampler in parts_samplers().items():
        if isinstance(sampler, ConditionalSampler):
            sampler = _around(sampler, patch + 4)
        maps[name] = prediction_difference(
            model,
            images,
            target,
            sampler=sampler,
            patch=patch,
            stride=stride,
            samples=1 if isinstance(sampler, ConstantSampler) else samples,
            generator=torch.Generator().manual_seed(0),
        )
    return {**maps, "gradient": gradient(model, images, target), "part size": torch.ones_like(images[:, 0])}


@cache
def _around(sampler: ConditionalSampler, outer: int) -> ConditionalSampler:
    return sampler.with_outer(outer)


def removal_effects(model: nn.Module, scene: Scene) -> dict[str, float]:
    """The causal truth: the evidence for the main object's class that each part gives, by drawing without it.

    Args:
        model: classifier.
        scene: whose parts are removed one at a time.

    Returns:
        Name of every part of which at least `MIN_PIXELS` pixels can be seen -> weight of evidence in bits, positive if
        the class loses by the removal.
    """
    names = [name for name, visible in scene.parts.items() if visible.sum() >= MIN_PIXELS]
    images = torch.stack([scene.image, *(scene.without(name).image for name in names)])
    probability = predict(model, images)[:, scene.label]
    effects = weight_of_evidence(probability[0], probability[1:], model.training_images, len(model.classes))
    return dict(zip(names, effects.tolist(), strict=True))


def measure_parts(model: str, scene: int, patch: int, stride: int, samples: int) -> dict:
    """One scene of the test split: for every part the effect of its removal and its relevance by every method.

    Args:
        model: as `load_model` takes it.
        scene: index in the test split.
        patch: side of the window.
        stride: from one window to the next.
        samples: drawn for each window.

    Returns:
        `effect`: part -> bits; `relevance`: method -> part -> sum of the map over the part's visible pixels.
    """
    network, drawn = _model(model), Parts("test").scene(scene)
    effects = removal_effects(network, drawn)
    maps = maps_by_method(network, drawn.image[None], drawn.label, patch=patch, stride=stride, samples=samples)
    relevance = {
        method: {part: float(f"{found[0][drawn.parts[part]].sum():.4g}") for part in effects}
        for method, found in maps.items()
    }
    return {"effect": {part: round(bits, 4) for part, bits in effects.items()}, "relevance": relevance}


@cache
def _model(name: str) -> nn.Module:
    return load_model(name)


def part_relevance(
    models: tuple[str, ...] = ("parts/alexnet", "parts/resnet"),
    scenes: int = 200,
    *,
    patch: int = 10,
    stride: int = 5,
    samples: int = 5,
    folder: Path = RESULTS,
    progress: Progress = quiet,
) -> list[dict]:
    """The rows of the table "relevance of a part against the effect of its removal", recorded or computed now.

    Args:
        models: as `load_model` takes them.
        scenes: the first so many of the test split.
        patch: side of the window.
        stride: from one window to the next.
        samples: drawn for each window.
        folder: where the rows are recorded.
        progress: wraps the scenes.
    """
    knobs = {"patch": patch, "stride": stride, "samples": samples}
    wanted = [{"model": model, "scene": scene, **knobs} for model in models for scene in range(scenes)]
    return record_all("part_relevance", wanted, measure_parts, command=COMMAND, folder=folder, progress=progress)


def agreement(rows: list[dict], method: str) -> dict[str, np.ndarray]:
    """How well a method's relevance predicts the effects of removal, scene by scene.

    Args:
        rows: of `part_relevance`.
        method: a name of `METHODS`.

    Returns:
        `rank`: Spearman correlation over the parts of each scene (scenes with at least 3 parts); `hit`: 1 where the
        part of highest relevance is the part whose removal costs most.
    """
    ranks, hits = [], []
    for row in rows:
        effect, relevance = row["result"]["effect"], row["result"]["relevance"][method]
        if len(effect) < 3:
            continue
        true, said = np.array(list(effect.values())), np.array([relevance[part] for part in effect])
        ranks.append(spearmanr(true, said).statistic if np.ptp(said) > 0 and np.ptp(true) > 0 else 0.0)
        hits.append(float(true.argmax() == said.argmax()))
    return {"rank": np.array(ranks), "hit": np.array(hits)}


def bootstrap_interval(values: np.ndarray, draws: int = 2000, seed: int = 0) -> tuple[float, float, float]:
    """The mean with its 95% interval over resampled scenes: (mean, low, high).

    Example:
        >>> [round(float(v), 2) for v in bootstrap_interval(np.array([0.0, 1.0] * 50))]
        [0.5, 0.4, 0.6]
    """
    chosen = np.random.default_rng(seed).integers(len(values), size=(draws, len(values)))
    low, high = np.quantile(values[chosen].mean(axis=1), [0.025, 0.975])
    return float(values.mean()), float(low), float(high)


# --- 2. what could stand in a window against what the samplers put there ------------------------------------------


def measure_fillings(model: str, scene: int, patch: int, draws: int) -> dict:
    """One window of one scene: how far each sampler's fillings are from the true alternatives.

    The window is put at random on the main object. The truth is `draws` redrawings of the scene with everything outside
    the window fixed.

    Args:
        model: as `load_model` takes it.
        scene: index in the test split.
        patch: side of the window.
        draws: fillings of each kind.

    Returns:
        Sampler -> `distance` (energy distance of the fillings to the truth, colour units per pixel, after taking off
        what the truth has to itself), `roughness` (mean absolute step across the window's edge), and `bits` (weight of
        evidence with these fillings less that with the truth).
    """
    network, drawn = _model(model), Parts("test").scene(scene)
    generator = torch.Generator().manual_seed(scene)
    corner = _corner_on(drawn.region, patch, generator)
    row, column = corner.tolist()
    window = (column, row, column + patch, row + patch)
    redrawn = torch.stack([drawn.redrawn(window, seed).image for seed in range(2 * draws)])
    truth = redrawn[..., row : row + patch, column : column + patch]
    fillings = {"truth": truth[draws:]}
    for name, sampler in {**parts_samplers(), "inpainted": InpaintingSampler()}.items():
        if isinstance(sampler, ConditionalSampler):
            sampler = _around(sampler, patch + 4)
        noise = sampler.draw(1, draws, patch, generator)
        fillings[name] = sampler.bind(drawn.image)(corner[None], patch, noise)[0]

    def evidence(filling: Tensor) -> Tensor:
        images = drawn.image.expand(len(filling), -1, -1, -1).clone()
        images[..., row : row + patch, column : column + patch] = filling
        probability = predict(network, torch.cat([drawn.image[None], images]))[:, drawn.label]
        return weight_of_evidence(probability[0], probability[1:].mean(), network.training_images, len(network.classes))

    true_bits = evidence(truth[:draws])
    return {
        name: {
            "distance": round(energy_distance(filling, truth[:draws]), 5),
            "roughness": round(_roughness(filling, drawn.image, row, column), 5),
            "bits": round((evidence(filling) - true_bits).item(), 4),
        }
        for name, filling in fillings.items()
    }


def energy_distance(first: Tensor, second: Tensor) -> float:
    """The energy distance of two samples of contents (Székely and Rizzo, 2013), root-mean-square colour per pixel.

    Args:
        first: float [samples, ...].
        second: float [samples, ...].

    Returns:
        2 E|X - Y| - E|X - X'| - E|Y - Y'|; 0 in expectation if both come from one distribution.

    Example:
        >>> energy_distance(torch.zeros(3, 4), torch.ones(3, 4))
        2.0
    """
    x, y = (sample.flatten(1).double() / sample[0].numel() ** 0.5 for sample in (first, second))
    within = sum(torch.cdist(s, s).sum() / max(1, len(s) * (len(s) - 1)) for s in (x, y))
    return float(2 * torch.cdist(x, y).mean() - within)


def _corner_on(region: Tensor, patch: int, generator: torch.Generator) -> Tensor:
    """The corner (row, column) of a window centred on a random pixel of the region, moved inside the picture."""
    pixels = region.nonzero()
    centre = pixels[torch.randint(len(pixels), (1,), generator=generator)[0]] if len(pixels) else torch.tensor([64, 64])
    return (centre - patch // 2).clamp_min(0).minimum(torch.tensor(region.shape) - patch)


def _roughness(filling: Tensor, image: Tensor, row: int, column: int) -> float:
    """The mean absolute difference between the window's rim and the pixels next to it outside."""
    patch = filling.shape[-1]
    padded = nn.functional.pad(image[None], (1, 1, 1, 1), mode="replicate")[0]
    outside = padded[:, row : row + patch + 2, column : column + patch + 2]
    steps = [
        filling[..., 0, :] - outside[:, 0, 1:-1],
        filling[..., -1, :] - outside[:, -1, 1:-1],
        filling[..., :, 0] - outside[:, 1:-1, 0],
        filling[..., :, -1] - outside[:, 1:-1, -1],
    ]
    return float(torch.cat(steps, dim=-1).abs().mean())


def fillings(
    models: tuple[str, ...] = ("parts/alexnet", "parts/resnet"),
    scenes: int = 200,
    *,
    patches: tuple[int, ...] = (10, 20),
    draws: int = 16,
    folder: Path = RESULTS,
    progress: Progress = quiet,
) -> list[dict]:
    """The rows of the table "how far are the samplers from the truth", recorded or computed now.

    Args:
        models: as `load_model` takes them.
        scenes: the first so many of the test split.
        patches: sides of the window.
        draws: fillings of each kind.
        folder: where the rows are recorded.
        progress: wraps the windows.
    """
    wanted = [
        {"model": model, "scene": scene, "patch": patch, "draws": draws}
        for model in models
        for patch in patches
        for scene in range(scenes)
    ]
    return record_all("fillings", wanted, measure_fillings, command=COMMAND, folder=folder, progress=progress)


def main() -> None:
    """Command line: computes and records both tables."""
    parser = argparse.ArgumentParser(description=main.__doc__)
    parser.add_argument("--scenes", type=int, default=200, help="scenes of the test split (default 200)")
    arguments = parser.parse_args()
    tables: list[Callable] = [part_relevance, fillings]
    for table in tables:
        table(scenes=arguments.scenes, progress=tqdm)


if __name__ == "__main__":
    main()
