"""The sentences of the paper that its figures illustrate, counted over many scenes instead of a few pictures."""

import torch
from torch import Tensor, nn
from torch.nn.functional import adaptive_avg_pool2d, max_pool2d

from xai_utils.activations import record
from xai_utils.baselines import gradient
from xai_utils.experiments.classifiers import classifier
from xai_utils.experiments.prediction_difference.setting import COMMAND, parts_samplers, with_outer
from xai_utils.experiments.records import grid, record_all
from xai_utils.models import predict
from xai_utils.papers.prediction_difference import prediction_differences, top_pixels, weight_of_evidence
from xai_utils.parts import Parts, Scene
from xai_utils.perturb import ConditionalSampler, average_over_windows, window_corners
from xai_utils.tensors import Progress, quiet

LAYERS = ("network.features.conv1", "network.features.inception3a", "network.features.inception5a")
"""An early, a middle and the last convolution of the GoogLeNet miniature, as in the paper's figure 5."""


def measure_claims(model: str, seeds: list[str], others: list[str], scene: int, samples: int) -> dict:
    """One scene of the test split: a number for every claim that figures 1 to 5 illustrate.

    Args:
        model: the network explained, as `load_model` takes it.
        seeds: the same architecture trained from other seeds: how much maps differ by the luck of a training.
        others: other architectures: how much they differ by the network.
        scene: index in the test split.
        samples: drawn for each window.

    Returns:
        Measure -> number; every measure is described where it is computed. Maps by windows have patch 10 and stride 5.
    """
    network, drawn = classifier(model), Parts("test").scene(scene)
    image, label = drawn.image[None], drawn.label
    predicted = predict(network, image).argmax(1).item()
    joint, marginal = with_outer(parts_samplers()["conditional"], 14), parts_samplers()["marginal"]
    finest = with_outer(parts_samplers()["conditional"], 5)

    def maps(
        asked, sampler, patch: int = 10, stride: int = 5, seed: int = 0, output: str = "probability", of=None
    ) -> Tensor:
        generator = torch.Generator().manual_seed(seed)
        knobs = {"sampler": sampler, "patch": patch, "stride": stride, "samples": samples, "output": output}
        return prediction_differences(asked, image, of or [label, label ^ 1], generator=generator, **knobs)[0]

    conditional, its_mate = maps(network, joint)
    its_logit, mates_logit = maps(network, joint, output="activation")
    by_marginal, again = maps(network, marginal)[0], maps(network, joint, seed=1)[0]
    smaller = maps(network, with_outer(parts_samplers()["conditional"], 9), patch=5, stride=2)[0]
    single = maps(network, finest, patch=1, stride=1, output="activation", of=[predicted])[0]
    sensitivity = gradient(network, image, predicted)[0]
    edge, region, anywhere = outline(drawn), drawn.region, pixel_at_random(single, scene)

    def alike(names: list[str]) -> float:
        return sum(correlation(conditional, maps(classifier(name), joint)[0]) for name in names) / len(names)

    measures = {
        "concentration, conditional": concentration(conditional),
        "concentration, marginal": concentration(by_marginal),
        "surprise against weight": surprise_against_weight(drawn.image, joint, conditional, by_marginal),
        "fit by averaged patches of 5": correlation(conditional, over_windows(smaller)) ** 2,
        "fit by another draw": correlation(conditional, again) ** 2,
        "signs ten pixels apart, patch 1": sign_agreement(single),
        "signs ten pixels apart, patch 10": sign_agreement(its_logit),
        "evidence of the strongest pixel": pixel_evidence(network, image, predicted, finest, single),
        "evidence of a pixel at random": pixel_evidence(network, image, predicted, finest, anywhere),
        "sensitive among top pixels, patch 1": share_within(top_pixels(sensitivity[None])[0], single),
        "outline among top pixels, patch 1": share_within(edge, single),
        "outline among top pixels, sensitivity": share_within(edge, sensitivity),
        "outline among all pixels": float(edge.float().mean()),
        "object among top pixels, patch 1": share_within(region, single),
        "object among top pixels, sensitivity": share_within(region, sensitivity),
        "object among top pixels, patch 10": share_within(region, conditional),
        "object among top pixels, averaged sensitivity": share_within(region, over_windows(sensitivity)),
        "object among all pixels": float(region.float().mean()),
        "pair alike before the softmax": correlation(its_logit, mates_logit),
        "pair alike after the softmax": correlation(conditional, its_mate),
        "seeds alike": alike(seeds),
        "networks alike": alike(others),
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


def over_windows(found: Tensor, patch: int = 10, stride: int = 5) -> Tensor:
    """The map seen through windows: each window has its pixels' mean, each pixel the mean of its windows.

    What a map by windows would be if the relevance of a window were the average of the relevance of its pixels.
    """
    corners = window_corners(found.shape, patch, stride)
    means = torch.stack([found[row : row + patch, column : column + patch].mean() for row, column in corners.tolist()])
    return average_over_windows(means, corners, patch, found.shape)


def pixel_evidence(
    network: nn.Module, image: Tensor, target: int, sampler: ConditionalSampler, single: Tensor
) -> float:
    """Does the pixel that a map calls strongest speak as the map says? Its bits on fresh draws, times the map's sign.

    The paper says that one pixel has an effect, not how large, so no threshold in bits can decide it, and |bits| is
    above zero whatever a network does. Pixel and sign come from the map, bits from draws that chose neither: without
    an effect their product has mean zero. A pixel at random, asked the same way, tells whether any pixel would do.
    """
    row, column = divmod(int(single.abs().argmax()), single.shape[1])
    corner, generator = torch.tensor([[row, column]]), torch.Generator().manual_seed(1)
    contents = sampler.bind(image[0])(corner, 1, sampler.draw(1, 50, 1, generator))[0]
    changed = image.expand(50, -1, -1, -1).clone()
    changed[:, :, row : row + 1, column : column + 1] = contents
    probability = predict(network, torch.cat([image, changed]))[:, target]
    bits = weight_of_evidence(probability[0], probability[1:].mean(), network.training_images, len(network.classes))
    return float(bits * single[row, column].sign())


def pixel_at_random(found: Tensor, seed: int) -> Tensor:
    """The map with all its pixels but one at random set to zero."""
    kept = torch.randint(found.numel(), (1,), generator=torch.Generator().manual_seed(seed))
    return torch.zeros_like(found).flatten().index_copy(0, kept, found.flatten()[kept]).reshape(found.shape)


def correlation(first: Tensor, second: Tensor) -> float:
    """Pearson's correlation over all pixels; 0 if one of the two is constant."""
    pair = torch.stack([first.flatten(), second.flatten()]).double()
    return float(torch.corrcoef(pair)[0, 1].nan_to_num()) if bool((pair.std(dim=1) > 0).all()) else 0.0


def sign_agreement(found: Tensor, apart: int = 10) -> float:
    """Do pixels `apart` agree in sign, weighted by size? 1 if all do, 0 if signs are tossed like coins.

    Ten pixels apart, two pixels share no window of side 10, so that agreement is not made by the windows' overlap.
    """
    down = found[apart:] * found[:-apart]
    right = found[:, apart:] * found[:, :-apart]
    product = torch.cat([down.flatten(), right.flatten()])
    return float(product.sum() / product.abs().sum())


def outline(scene: Scene) -> Tensor:
    """The pixels within two of an outline of the object or of one of its parts, bool [height, width]."""
    masks = torch.stack(list(scene.parts.values())).float()[:, None]
    inside, outside = -max_pool2d(-masks, 5, 1, 2), max_pool2d(masks, 5, 1, 2)
    return (outside > inside).any(0)[0]


def share_within(area: Tensor, found: Tensor) -> float:
    """The part of a map's top 5% of pixels that lies in the area."""
    marked = top_pixels(found[None])[0]
    return float((area & marked).sum() / marked.sum())


def channel_sparseness(scene: Scene, model: str = "parts/googlenet", grid: int = 4) -> dict[str, float]:
    """How few channels carry a layer's activation: Treves and Rolls' measure, 0 (all alike) to 1 (one channel).

    All layers are first averaged to the same grid of places and scaled by the largest value that their number of
    channels allows, so that an early layer of few channels and a late one of many can be compared.
    """
    network = classifier(model)
    with torch.inference_mode(), record(network, LAYERS) as recorded:
        network(scene.image[None])
    measures = {}
    for layer in LAYERS:
        channels = adaptive_avg_pool2d(recorded[layer][0].double(), grid).flatten(1)  # [channel, place]
        sparse = 1 - channels.mean(0) ** 2 / channels.square().mean(0).clamp_min(1e-12)
        largest = 1 - 1 / len(channels)
        measures[f"sparseness over channels, {layer.rsplit('.', 1)[1]}"] = float(sparse.mean() / largest)
    return measures


def _ranks(values: Tensor) -> Tensor:
    return values.flatten().argsort().argsort().double()


def claim_measures(
    model: str = "parts/alexnet",
    seeds: tuple[str, ...] = ("parts/alexnet-seed1", "parts/alexnet-seed2"),
    others: tuple[str, ...] = ("parts/googlenet", "parts/vgg"),
    scenes: int = 20,
    *,
    samples: int = 2,
    progress: Progress = quiet,
) -> list[dict]:
    """The rows of the table of claims, recorded or computed now.

    Args:
        model: the network explained; the paper uses its AlexNet for figures 2 to 4.
        seeds: the same architecture from other seeds.
        others: the other architectures of figure 1.
        scenes: the first so many of the test split.
        samples: drawn for each window.
        progress: wraps the scenes.
    """
    wanted = grid(model=[model], seeds=[seeds], others=[others], scene=range(scenes), samples=[samples])
    return record_all("claims", wanted, measure_claims, command=COMMAND, progress=progress)
