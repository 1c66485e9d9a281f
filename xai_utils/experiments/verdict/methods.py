"""Every method that makes maps, by the name of the tables, each asked in the same way."""

from collections.abc import Callable
from functools import partial
from typing import NamedTuple
from zlib import crc32

import torch
from torch import Tensor

from xai_utils.baselines import (
    deconvolution,
    excitation_backprop,
    grad_cam,
    gradient,
    gradient_times_input,
    guided_backprop,
    integrated_gradients,
    lrp,
)
from xai_utils.experiments.explanations import MIDDLE, evidence
from xai_utils.experiments.prediction_difference.setting import parts_samplers, with_outer
from xai_utils.masks import iterative_mask
from xai_utils.models import Classifier
from xai_utils.papers.cnn_fixations import cnn_fixations, fixation_map
from xai_utils.papers.prediction_difference import prediction_difference
from xai_utils.papers.realtime_saliency import load_masking_model, realtime_saliency
from xai_utils.papers.visual_summaries import crisp_masks
from xai_utils.weights import weights_folder

PATCH, STRIDE, SAMPLES = 10, 5, 5  # of the prediction difference; the paper's are 10, 1 and 20
BATCH = 25  # pictures at a time

Maps = Callable[[str, Classifier, Tensor, Tensor], Tensor]


class Method(NamedTuple):
    """One way to explain."""

    maps: Maps
    """(name of the network, network, images [batch, 3, height, width], target [batch]) -> [batch, height, width]."""
    signed: bool
    """Whether negative values speak against the class; otherwise maps have none."""
    of: str
    """"paper" (one of the five), "baseline" or "control"."""


def _plain(method: Callable[..., Tensor], signed: bool = False, of: str = "baseline") -> Method:
    """A method that needs to know nothing but the network, the pictures and the class."""
    return Method(lambda name, model, images, target: method(model, images, target), signed, of)


def _difference(sampler: str, samples: int = SAMPLES) -> Maps:
    """Prediction differences with a sampler of chapter 1."""

    def maps(name: str, model: Classifier, images: Tensor, target: Tensor) -> Tensor:
        chosen, generator = parts_samplers()[sampler], torch.Generator().manual_seed(0)
        if sampler == "conditional":
            chosen = with_outer(chosen, PATCH + 4)
        knobs = {"patch": PATCH, "stride": STRIDE, "samples": samples, "generator": generator}
        return prediction_difference(model, images, target, sampler=chosen, **knobs)

    return maps


def _fixations(name: str, model: Classifier, images: Tensor, target: Tensor) -> Tensor:
    return fixation_map(cnn_fixations(model, images, target, batch_size=len(images)), images.shape[2:])


def _masking(name: str, model: Classifier, images: Tensor, target: Tensor) -> Tensor:
    return realtime_saliency(load_masking_model(name), images, target)


def _searched(name: str, model: Classifier, images: Tensor, target: Tensor) -> Tensor:
    return iterative_mask(model, images, target, generator=torch.Generator().manual_seed(0))


def _crisp(name: str, model: Classifier, images: Tensor, target: Tensor) -> Tensor:
    return crisp_masks(model, images, target).crisp


def _excitation(name: str, model: Classifier, images: Tensor, target: Tensor) -> Tensor:
    layer = f"network.{MIDDLE[name.split('/')[-1].split('-')[0]]}"
    return excitation_backprop(model, images, target, layer=layer)


def _contrastive(name: str, model: Classifier, images: Tensor, target: Tensor) -> Tensor:
    return evidence(name, model, "cMWP", images, target)


def _centre(name: str, model: Classifier, images: Tensor, target: Tensor) -> Tensor:
    """A Gaussian of a quarter of the picture, whatever is on it."""
    rows, columns = (torch.linspace(-2, 2, side).square() for side in images.shape[2:])
    return (-(rows[:, None] + columns) / 2).exp().expand(len(images), -1, -1).contiguous()


def _edges(name: str, model: Classifier, images: Tensor, target: Tensor) -> Tensor:
    """How much the picture changes from pixel to pixel: no network is asked."""
    grey = torch.nn.functional.pad(images.mean(dim=1, keepdim=True), (1, 1, 1, 1), mode="replicate")
    down, right = grey[..., 2:, 1:-1] - grey[..., :-2, 1:-1], grey[..., 1:-1, 2:] - grey[..., 1:-1, :-2]
    return (down.square() + right.square()).sqrt()[:, 0]


def _chance(name: str, model: Classifier, images: Tensor, target: Tensor) -> Tensor:
    """Smooth noise, of the grain of the prediction difference's maps; other noise for every picture."""
    seeds = [crc32((image * 255).round().byte().numpy().tobytes()) for image in images]
    noise = [torch.randn(1, *images.shape[2:], generator=torch.Generator().manual_seed(seed)) for seed in seeds]
    return torch.nn.functional.avg_pool2d(torch.stack(noise), PATCH + 1, stride=1, padding=PATCH // 2)[:, 0]


METHODS: dict[str, Method] = {
    "PDA, conditional": Method(_difference("conditional"), True, "paper"),
    "PDA, marginal": Method(_difference("marginal"), True, "paper"),
    "CNN Fixations": Method(_fixations, False, "paper"),
    "masking model": Method(_masking, False, "paper"),
    "searched mask": Method(_searched, False, "paper"),
    "crisp mask": Method(_crisp, False, "paper"),
    "grey occlusion": Method(_difference("grey occlusion", samples=1), True, "baseline"),
    "gradient": _plain(gradient),
    "gradient x input": _plain(gradient_times_input, signed=True),
    "integrated gradients": _plain(partial(integrated_gradients, steps=20), signed=True),
    "guided backprop": _plain(guided_backprop),
    "deconvolution": _plain(deconvolution),
    "Grad-CAM": _plain(grad_cam),
    "excitation backprop": Method(_excitation, False, "baseline"),
    "cMWP": Method(_contrastive, False, "baseline"),
    "LRP": _plain(lrp, signed=True),
    "edges": Method(_edges, False, "control"),
    "centre": Method(_centre, False, "control"),
    "chance": Method(_chance, True, "control"),
}
"""Everything that is compared; the controls know nothing of the network."""


def methods_for(model: str) -> list[str]:
    """The methods that a network can be asked by: a masking model has to be trained for it.

    Args:
        model: its name, such as "parts/resnet".
    """
    trained = (weights_folder() / "masking" / f"{model.removeprefix('parts/')}.safetensors").is_file()
    return [name for name in METHODS if name != "masking model" or trained]


def maps_of(model: str, network: Classifier, method: str, images: Tensor, target: Tensor) -> Tensor:
    """What a method says of the pictures, [batch, height, width].

    Args:
        model: the network's name.
        network: the network itself.
        method: a name of `METHODS`.
        images: float [batch, 3, height, width], RGB in [0, 1].
        target: int64 [batch].
    """
    chunks = zip(images.split(BATCH), target.split(BATCH), strict=True)
    found = torch.cat([METHODS[method].maps(model, network, *chunk) for chunk in chunks])
    return found if METHODS[method].signed else found.clamp(min=0)
