"""Image score: how much a picture's chain of activations resembles that of its class.

Zuo and Wu, "Image Score: How to Select Useful Samples" (2018), section 2.2. There is no public program of the authors.
"""

from collections.abc import Callable, Sequence
from functools import cache
from typing import NamedTuple

import torch
from torch import Tensor, nn
from torch.nn.functional import adaptive_avg_pool2d

from xai_utils.activations import find_layer, record
from xai_utils.tensors import Progress, check_choice, check_count, check_images, check_model, quiet

STARTS = (nn.Conv1d, nn.Conv2d, nn.Conv3d, nn.Linear)  # each begins a layer
ENDS = (
    *(nn.ReLU, nn.ReLU6, nn.LeakyReLU, nn.ELU, nn.GELU, nn.SiLU, nn.Hardswish, nn.Sigmoid, nn.Tanh),
    *(nn.MaxPool2d, nn.AvgPool2d, nn.AdaptiveAvgPool2d, nn.AdaptiveMaxPool2d),
    *(nn.BatchNorm1d, nn.BatchNorm2d, nn.GroupNorm, nn.LocalResponseNorm, nn.LayerNorm),
)
NORMS = {"max": torch.inf, "L1": 1.0, "L2": 2.0}
VARIANTS = ("mean", "paper")


class LayerReference(NamedTuple):
    """What the pictures of a class activate in one layer."""

    layer: str  # dotted name of the module whose output it is
    threshold: float  # what an activated unit reaches
    important: Tensor  # bool [units of the layer ...]: those that the pictures activate on average


class Reference(NamedTuple):
    """The "correct" chain of activations."""

    layers: tuple[LayerReference, ...]
    skipped: tuple[str, ...]  # layers whose threshold is not above 0, so that nothing counts as activated
    pictures: int  # how many it was made from
    grid: tuple[int, int] | None = None  # (rows, columns) to which maps are averaged before anything is compared


def score_layers(model: nn.Module, images: Tensor) -> tuple[str, ...]:
    """The layers as the paper counts them: a convolution or a linear map with its norm, activation and pooling.

    Of each the last module is named, in the order in which the modules run. Functions that are no modules, and modules
    that run several times in a pass, cannot be named and are passed over; where a sum comes before the activation (as
    in a residual block), the activation is that of the sum.

    **Source**: section 2.2.

    Args:
        model: any network in eval mode.
        images: float [batch, 3, height, width]; one is enough.

    Returns:
        Dotted names.

    Raises:
        TypeError, ValueError: bad images, a model in train mode, or one without such a layer.

    Example:
        >>> model = nn.Sequential(nn.Conv2d(3, 4, 3), nn.ReLU(), nn.MaxPool2d(2), nn.Flatten(), nn.Linear(36, 2)).eval()
        >>> score_layers(model, torch.rand(1, 3, 8, 8))
        ('2', '4')
    """
    check_model(model)
    check_images(images)
    calls: list[str] = []
    names = {module: name for name, module in model.named_modules() if isinstance(module, (*STARTS, *ENDS))}
    hooks = [module.register_forward_hook(lambda m, *_: calls.append(names[m])) for module in names]
    try:
        with torch.inference_mode():
            model(images[:1])
    finally:
        for hook in hooks:
            hook.remove()
    found: list[str] = []
    for name in (name for name in calls if calls.count(name) == 1):
        if isinstance(find_layer(model, name), STARTS):
            found.append(name)
        elif found:
            found[-1] = name
    if not found:
        raise ValueError(f"model: expected convolutions or linear layers, got {type(model).__name__} without any")
    return tuple(found)


def fit_reference(
    model: nn.Module,
    images: Tensor | Sequence[Tensor],
    *,
    layers: Sequence[str] | None = None,
    norm: str = "max",
    variant: str = "mean",
    grid: tuple[int, int] | None = None,
    batch_size: int = 64,
    progress: Progress = quiet,
) -> Reference:
    """Which units the pictures of a class activate, layer by layer, in one pass through them.

    **Source**: section 2.2: t is half of the largest value of X, the activations summed over the pictures, and a unit
    is important if X reaches it. Compared with a single picture, a threshold for a sum of many is out of reach, and
    every score minus infinity; so X is the mean here, which leaves the important units as they are. `variant="paper"`
    is the sum. Other norms, which the paper mentions, are half of the power mean of the values' magnitudes. Maps of
    pictures of different sizes, as those of section 3.2 are, cannot be summed as they are; on a grid they can.

    Args:
        model: network in eval mode; RGB in [0, 1] -> logits.
        images: float [batch, 3, height, width] of one class, or of a whole set; with a grid also a list of pictures
            [3, height, width] of different sizes, which pass one by one.
        layers: dotted names; those of `score_layers` by default.
        norm: "max", "L1" or "L2".
        variant: "mean" or "paper".
        grid: (rows, columns) to whose cells every map is averaged first; None leaves maps as they are.
        batch_size: pictures per forward pass; memory does not grow with their number.
        progress: wraps the batches.

    Returns:
        The reference, on the model's device.

    Raises:
        TypeError, ValueError: bad images, a list without a grid, another word, a layer that the model does not have, a
            model in train mode.

    Example:
        >>> from xai_utils.models import load_model
        >>> reference = fit_reference(load_model("parts/alexnet"), torch.rand(4, 3, 128, 128))
        >>> len(reference.layers), reference.pictures
        (8, 4)
    """
    check_model(model)
    chunks = _chunks(images, batch_size, grid)
    check_choice("norm", norm, list(NORMS))
    check_choice("variant", variant, VARIANTS)
    names = score_layers(model, chunks[0]) if layers is None else tuple(layers)
    sums: dict[str, Tensor] = {}
    with (
        torch.inference_mode(),
        record(model, names, keep=lambda _, output: _on(grid, output).sum(dim=0).double()) as outputs,
    ):
        for chunk in progress(chunks):
            model(chunk)
            sums = {name: sums.get(name, 0) + outputs[name] for name in names}
    divisor = len(images) if variant == "mean" else 1
    found = [_layer_reference(name, sums[name] / divisor, NORMS[norm]) for name in names]
    stays = tuple(layer for layer in found if layer.threshold > 0)
    return Reference(stays, tuple(layer.layer for layer in found if layer.threshold <= 0), len(images), grid)


def image_score(
    model: nn.Module,
    images: Tensor | Sequence[Tensor],
    reference: Reference,
    *,
    intersect: bool = True,
    batch_size: int = 64,
    progress: Progress = quiet,
) -> Tensor:
    """How much each picture's chain of activations resembles the reference: the sum of the layers' log shares.

    **Source**: section 2.2, s = sum over layers of ``log(|M^I| / |M|)``. The formula counts what a picture activates
    anywhere, the text speaks of a comparison with the correct chain, and no score in figures 2 to 4 is above 0: so by
    default only important units count. `intersect=False` is the formula. A layer in which nothing counts gives
    ``log(1 / |M|)``, not minus infinity, so that all pictures can be put in order.

    Args:
        model: the network of the reference, in eval mode.
        images: float [batch, 3, height, width], of the size of the reference's pictures; if it has a grid, of any size,
            or a list of pictures [3, height, width].
        reference: as `fit_reference` returns it.
        intersect: whether only important units count.
        batch_size: pictures per forward pass.
        progress: wraps the batches.

    Returns:
        float64 [batch]; at most 0 with `intersect`, 0 if the picture activates all important units.

    Raises:
        TypeError, ValueError: bad images, a reference without layers or of another network, a model in train mode.

    Example:
        >>> from xai_utils.models import load_model
        >>> model, pictures = load_model("parts/alexnet"), torch.rand(4, 3, 128, 128)
        >>> image_score(model, pictures, fit_reference(model, pictures)).shape
        torch.Size([4])
    """
    check_model(model)
    if not isinstance(reference, Reference):
        raise TypeError(f"reference: expected one of fit_reference, got {type(reference).__name__}")
    chunks = _chunks(images, batch_size, reference.grid)
    if not reference.layers:
        raise ValueError(f"reference: expected layers with activated units, got none of {len(reference.skipped)}")
    names = [layer.layer for layer in reference.layers]
    count = {layer.layer: _counted(layer, intersect, reference.grid) for layer in reference.layers}
    sizes = torch.stack([layer.important.sum() for layer in reference.layers]).double()
    scores = []
    with torch.inference_mode(), record(model, names, keep=lambda name, output: count[name](output)) as counts:
        for chunk in progress(chunks):
            model(chunk)
            shares = torch.stack([counts[name].clamp(min=1) for name in names], dim=1) / sizes
            scores.append(shares.log().sum(dim=1))
    return torch.cat(scores).clone()


def _chunks(images: Tensor | Sequence[Tensor], batch_size: int, grid: tuple[int, int] | None) -> Sequence[Tensor]:
    """What passes at once: the batches of a tensor, or each picture of a list."""
    check_count("batch_size", batch_size)
    for side in grid or ():
        check_count("grid", side)
    if isinstance(images, Sequence) and images and grid:
        return [check_images(image[None]) for image in images]
    if isinstance(images, Sequence):
        raise ValueError(f"images: expected a tensor, or with a grid a list of pictures, got {len(images)} in a list")
    return check_images(images).split(batch_size)


def _on(grid: tuple[int, int] | None, output: Tensor) -> Tensor:
    """Maps averaged over the cells of a grid; what is no map, or has no grid, as it is."""
    return adaptive_avg_pool2d(output, grid) if grid and output.ndim == 4 else output


def _layer_reference(name: str, values: Tensor, power: float) -> LayerReference:
    size = values.max() if power == torch.inf else values.abs().pow(power).mean().pow(1 / power)
    threshold = float(size) / 2
    return LayerReference(name, threshold, values >= threshold)


def _counted(layer: LayerReference, intersect: bool, grid: tuple[int, int] | None) -> Callable[[Tensor], Tensor]:
    """Counts the units of a layer that count in each picture: output -> int64 [batch]."""

    @cache
    def places(channels_last: bool) -> Tensor:
        return _side_by_side(layer.important[None], channels_last)[0].nonzero()[:, 0]

    def count(output: Tensor) -> Tensor:
        output = _on(grid, output)
        if output.shape[1:] != layer.important.shape:
            wanted, got = list(layer.important.shape), list(output.shape[1:])
            raise ValueError(
                f"images: expected those of the reference's size, with {wanted} in {layer.layer!r}, got {got}"
            )
        last = output.ndim == 4 and not output.is_contiguous()  # then channels come last in memory
        units = _side_by_side(output, last)
        units = units.index_select(1, places(last)) if intersect else units
        return (units >= layer.threshold).sum(dim=1)

    return count


def _side_by_side(output: Tensor, channels_last: bool) -> Tensor:
    """The units of each picture in a row, [batch, units], in the order of memory, so that nothing has to be copied."""
    return (output.permute(0, 2, 3, 1) if channels_last and output.ndim == 4 else output).flatten(1)
