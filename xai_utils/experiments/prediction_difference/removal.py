"""Does a part's relevance predict how much evidence is lost when the part is really gone (drawn again without it)?"""

import numpy as np
import torch
from torch import Tensor, nn

from xai_utils.baselines import gradient, gradient_times_input
from xai_utils.experiments.classifiers import classifier
from xai_utils.experiments.prediction_difference.setting import COMMAND, parts_samplers, with_outer
from xai_utils.experiments.records import grid, record_all
from xai_utils.experiments.statistics import spearman
from xai_utils.models import predict
from xai_utils.papers.prediction_difference import prediction_difference, weight_of_evidence
from xai_utils.parts import Parts, Scene
from xai_utils.perturb import ConstantSampler
from xai_utils.tensors import Progress, quiet

METHODS = ("conditional", "marginal", "grey occlusion", "gradient x input", "gradient", "part size")
MIN_PIXELS = 20  # a part of which less can be seen says nothing


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
    samplers = {**parts_samplers(), "conditional": with_outer(parts_samplers()["conditional"], patch + 4)}
    for name in METHODS[:3]:
        sampler = samplers[name]
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
    return {
        **maps,
        "gradient x input": gradient_times_input(model, images, target),
        "gradient": gradient(model, images, target),
        "part size": torch.ones_like(images[:, 0]),
    }


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
    network, drawn = classifier(model), Parts("test").scene(scene)
    effects = removal_effects(network, drawn)
    maps = maps_by_method(network, drawn.image[None], drawn.label, patch=patch, stride=stride, samples=samples)
    relevance = {
        method: {part: float(f"{found[0][drawn.parts[part]].sum():.4g}") for part in effects}
        for method, found in maps.items()
    }
    return {"effect": {part: round(bits, 4) for part, bits in effects.items()}, "relevance": relevance}


def part_relevance(
    models: tuple[str, ...] = ("parts/alexnet", "parts/resnet"),
    scenes: int = 200,
    *,
    patch: int = 10,
    stride: int = 7,
    samples: int = 4,
    progress: Progress = quiet,
) -> list[dict]:
    """The rows of the table "relevance of a part against the effect of its removal", recorded or computed now.

    Args:
        models: as `load_model` takes them.
        scenes: the first so many of the test split.
        patch: side of the window.
        stride: from one window to the next.
        samples: drawn for each window.
        progress: wraps the scenes.
    """
    wanted = grid(model=models, scene=range(scenes), patch=[patch], stride=[stride], samples=[samples])
    return record_all("part_relevance", wanted, measure_parts, command=COMMAND, progress=progress)


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
        ranks.append(spearman(true, said))
        hits.append(float(true.argmax() == said.argmax()))
    return {"rank": np.array(ranks), "hit": np.array(hits)}
