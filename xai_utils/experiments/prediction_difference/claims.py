"""The sentences of the paper that its figures illustrate, counted over many scenes instead of a few pictures."""

from pathlib import Path

import torch
from torch import Tensor
from torch.nn.functional import avg_pool2d, max_pool2d

from xai_utils.activations import as_model
from xai_utils.baselines import gradient
from xai_utils.experiments.prediction_difference.setting import COMMAND, classifier, parts_samplers, with_outer
from xai_utils.experiments.records import RESULTS, record_all
from xai_utils.models import outputs
from xai_utils.papers.prediction_difference import prediction_differences, top_pixels
from xai_utils.parts import Parts, Scene
from xai_utils.perturb import ConditionalSampler, average_over_windows, window_corners
from xai_utils.tensors import Progress, quiet

LAYERS = ("network.features.conv1", "network.features.inception3a", "network.features.inception5a")
"""An early, a middle and the last convolution of the GoogLeNet miniature, as in the paper's figure 5."""


def measure_claims(model: str, other: str, scene: int, samples: int) -> dict:
    """One scene of the test split: a number for every claim that figures 1 to 5 illustrate.

    Args:
        model: the network explained, as `load_model` takes it.
        other: another network, explained for comparison.
        scene: index in the test split.
        samples: drawn for each window.

    Returns:
        Measure -> number; every measure is described where it is computed.
    """
    network, second, drawn = classifier(model), classifier(other), Parts("test").scene(scene)
    image, label = drawn.image[None], drawn.label
    joint, marginal = with_outer(parts_samplers()["conditional"], 14), parts_samplers()["marginal"]

    def maps(asked, sampler, patch: int, stride: int, seed: int = 0, output: str = "probability") -> Tensor:
        generator = torch.Generator().manual_seed(seed)
        knobs = {"sampler": sampler, "patch": patch, "stride": stride, "samples": samples, "output": output}
        return prediction_differences(asked, image, [label, label ^ 1], generator=generator, **knobs)[0]

    conditional, its_mate = maps(network, joint, 10, 5)
    its_logit, mates_logit = maps(network, joint, 10, 5, output="activation")
    by_marginal = maps(network, marginal, 10, 5)[0]
    smaller = maps(network, with_outer(parts_samplers()["conditional"], 9), 5, 2)[0]
    single = maps(network, with_outer(parts_samplers()["conditional"], 5), 1, 1)[0]
    sensitivity = gradient(network, image, label)[0]
    again = maps(network, joint, 10, 5, seed=1)[0]
    edge = outline(drawn)
    measures = {
        "concentration, conditional": concentration(conditional),
        "concentration, marginal": concentration(by_marginal),
        "surprise against weight": surprise_against_weight(drawn.image, joint, conditional, by_marginal),
        "fit by averaged patches of 5": correlation(conditional, smoothed(smaller, 10)) ** 2,
        "fit by another draw": correlation(conditional, again) ** 2,
        "sign agreement of neighbours, patch 1": sign_agreement(single),
        "sign agreement of neighbours, patch 10": sign_agreement(conditional),
        "largest evidence of a pixel": float(single.abs().max()),
        "outline among top pixels, patch 1": share_within(edge, top_pixels(single[None])[0]),
        "outline among top pixels, sensitivity": share_within(edge, top_pixels(sensitivity[None])[0]),
        "outline among all pixels": float(edge.float().mean()),
        "object among top pixels, patch 1": share_within(drawn.region, top_pixels(single[None])[0]),
        "object among top pixels, sensitivity": share_within(drawn.region, top_pixels(sensitivity[None])[0]),
        "object among top pixels, patch 10": share_within(drawn.region, top_pixels(conditional[None])[0]),
        "object among all pixels": float(drawn.region.float().mean()),
        "pair alike before the softmax": correlation(its_logit, mates_logit),
        "pair alike after the softmax": correlation(conditional, its_mate),
        "repeats alike": correlation(conditional, again),
        "networks alike": correlation(conditional, maps(second, joint, 10, 5)[0]),
    }
    return {name: round(value, 4) for name, value in {**measures, **channel_sparseness(drawn)}.items()}


def concentration(found: Tensor, share: float = 0.1) -> float:
    """How sharp a map is: the part of its absolute relevance that its strongest `share` of pixels holds, 0.1 to 1."""
    size = found.abs().flatten().sort(descending=True).values
    return float(size[: round(share * len(size))].sum() / size.sum())


def surprise_against_weight(image: Tensor, sampler: ConditionalSampler, conditional: Tensor, marginal: Tensor) -> float:
    """Are pixels weighted down that their surroundings predict? Spearman correlation over pixels.

    Between how badly the Gaussian predicts the pixel's windows, and the share |conditional| / (|conditional| +
    |marginal|) of its weight that conditional sampling leaves; positive if the claim holds.
    """
    size, patch = image.shape[1:], 10
    corners = window_corners(size, patch, 5)
    expected = sampler.bind(image)(corners, patch, torch.zeros(len(corners), 1, 3 * patch**2))[:, 0]
    truth = torch.stack([image[:, row : row + patch, column : column + patch] for row, column in corners.tolist()])
    errors = (truth - expected).square().mean((1, 2, 3)).sqrt()
    surprise = average_over_windows(errors, corners, patch, size)
    weight = conditional.abs() / (conditional.abs() + marginal.abs() + 1e-6)
    return correlation(_ranks(surprise), _ranks(weight))


def smoothed(found: Tensor, patch: int) -> Tensor:
    """The map averaged over windows of side `patch` and over all windows of a pixel, as if averages were all."""
    for _ in range(2):
        found = avg_pool2d(
            torch.nn.functional.pad(found[None, None], (patch // 2, (patch - 1) // 2) * 2, mode="replicate"), patch, 1
        )[0, 0]
    return found


def correlation(first: Tensor, second: Tensor) -> float:
    """Pearson's correlation over all pixels; 0 if one of the two is constant."""
    pair = torch.stack([first.flatten(), second.flatten()]).double()
    return float(torch.corrcoef(pair)[0, 1].nan_to_num()) if bool((pair.std(dim=1) > 0).all()) else 0.0


def sign_agreement(found: Tensor) -> float:
    """Do neighbours agree in sign, weighted by size? 1 if all do, 0 if signs are tossed like coins."""
    product = torch.cat([(found[1:] * found[:-1]).flatten(), (found[:, 1:] * found[:, :-1]).flatten()])
    return float(product.sum() / product.abs().sum())


def outline(scene: Scene) -> Tensor:
    """The pixels within two of an outline of the object or of one of its parts, bool [height, width]."""
    masks = torch.stack(list(scene.parts.values())).float()[:, None]
    inside, outside = -max_pool2d(-masks, 5, 1, 2), max_pool2d(masks, 5, 1, 2)
    return (outside > inside).any(0)[0]


def share_within(area: Tensor, marked: Tensor) -> float:
    """The part of the marked pixels that lies in the area."""
    return float((area & marked).sum() / marked.sum())


def channel_sparseness(scene: Scene, model: str = "parts/googlenet") -> dict[str, float]:
    """How few channels carry a layer's activation: Treves and Rolls' measure, 0 (all alike) to 1 (one channel)."""
    measures = {}
    for layer in LAYERS:
        mean = outputs(as_model(classifier(model), layer, average=True), scene.image[None])[0].double()
        sparse = 1 - mean.mean() ** 2 / mean.square().mean()
        measures[f"sparseness over channels, {layer.rsplit('.', 1)[1]}"] = float(sparse)
    return measures


def _ranks(values: Tensor) -> Tensor:
    return values.flatten().argsort().argsort().double()


def claim_measures(
    model: str = "parts/alexnet",
    other: str = "parts/vgg",
    scenes: int = 40,
    *,
    samples: int = 2,
    folder: Path = RESULTS,
    progress: Progress = quiet,
) -> list[dict]:
    """The rows of the table of claims, recorded or computed now.

    Args:
        model: the network explained; the paper uses its AlexNet for figures 2 to 4.
        other: another network for comparison.
        scenes: the first so many of the test split.
        samples: drawn for each window.
        folder: where the rows are recorded.
        progress: wraps the scenes.
    """
    wanted = [{"model": model, "other": other, "scene": scene, "samples": samples} for scene in range(scenes)]
    return record_all("claims", wanted, measure_claims, command=COMMAND, folder=folder, progress=progress)
