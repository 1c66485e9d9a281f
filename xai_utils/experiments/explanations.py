"""What the tables compare: where each method sees evidence, in one form for points and for maps."""

from collections.abc import Callable, Sequence

import torch
from torch import Tensor, nn

from xai_utils.baselines import contrastive_mwp, grad_cam, gradient, guided_backprop, lrp
from xai_utils.papers.cnn_fixations import cnn_fixations
from xai_utils.perturb import gaussian_blur

BATCH = 25
# Where cMWP compares: maps of a sixteenth of the picture's side, as VGG-16's pool4, which its authors take.
MIDDLE = {
    "alexnet": "features.5",
    "vgg": "features.7",
    "googlenet": "features.inception4a",
    "resnet": "features.layer3",
    "densenet": "features.denseblock3",
    "squeezenet1_1": "features.12",
    "resnet18": "layer3",
    "resnet50": "layer3",
}


def at_points(points: Sequence[Tensor], size: tuple[int, int]) -> Tensor:
    """Points as a map: 1 at each, 0 elsewhere.

    Args:
        points: int64 [points, 2] of each image, (row, column).
        size: (height, width).

    Returns:
        float [batch, height, width].

    Example:
        >>> at_points([torch.tensor([[0, 2]])], (2, 3))
        tensor([[[0., 0., 1.],
                 [0., 0., 0.]]])
    """
    maps = torch.zeros(len(points), *size)
    for image, places in enumerate(points):
        maps[image, places[:, 0], places[:, 1]] = 1
    return maps


def _fixations(variant: str, move: bool) -> Callable[..., Tensor]:
    def method(model: nn.Module, images: Tensor, target: Tensor) -> Tensor:
        points = cnn_fixations(model, images, target, variant=variant, move=move, batch_size=len(images))
        return at_points(points, images.shape[2:])

    return method


READINGS = {
    "fixations": ("official", False),
    "fixations, moving": ("official", True),
    "fixations, all of a map": ("paper", False),
    "fixations, all of a map, moving": ("paper", True),
}
"""Name of the tables -> variant and move of `cnn_fixations`."""

FIXATIONS: dict[str, Callable[..., Tensor]] = {name: _fixations(*reading) for name, reading in READINGS.items()}
"""Both readings of the fully connected step and of the location step."""

METHODS: dict[str, Callable[..., Tensor]] = {
    **FIXATIONS,
    "gradient": gradient,
    "guided backprop": guided_backprop,
    "Grad-CAM": grad_cam,
    "cMWP": contrastive_mwp,
    "LRP": lrp,
}
"""Everything that is compared, by the names of the tables; CAM does not work on AlexNet and VGG."""


def evidence(model: str, network: nn.Module, method: str, images: Tensor, target: Tensor) -> Tensor:
    """Where a method sees evidence for the target.

    Args:
        model: the network's name, which ends in its architecture, or in the architecture and something after a dash.
        network: the network itself.
        method: a name of `METHODS`.
        images: float [batch, 3, height, width], RGB in [0, 1].
        target: int64 [batch].

    Returns:
        float [batch, height, width], not negative: for fixations 1 at each point, for maps what speaks for the target.
    """
    architecture = model.split("/")[-1].split("-")[0]
    knobs = {"layer": f"network.{MIDDLE[architecture]}"} if method == "cMWP" else {}
    pairs = zip(images.split(BATCH), target.split(BATCH), strict=True)
    return torch.cat([METHODS[method](network, some, asked, **knobs).clamp(min=0) for some, asked in pairs])


def paper_sigma(size: tuple[int, int]) -> float:
    """The authors' blur of fixations, 20 pixels for pictures of 224, in pixels of a picture of that size."""
    return min(size) * 20 / 224


def blurred(maps: Tensor, sigma: float) -> Tensor:
    """Every map under a Gaussian, reflected at the border, each scaled to a maximum of 1.

    For points at the authors' sigma this is `fixation_map`.

    Args:
        maps: float [batch, height, width], not negative.
        sigma: pixels; 0 only scales.

    Returns:
        float [batch, height, width] in [0, 1].
    """
    smooth = gaussian_blur(maps, sigma)
    return smooth / smooth.amax(dim=(1, 2), keepdim=True).clamp(min=torch.finfo(smooth.dtype).tiny)
