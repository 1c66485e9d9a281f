"""Baselines that differentiate: the gradient, what becomes of it when ReLUs are changed, and its path integral."""

import warnings
from collections.abc import Sequence

import torch
from torch import Tensor, nn

from xai_utils.baselines.unfolding import checked, traced_once, unfolded
from xai_utils.tensors import check_count


def gradient(model: nn.Module, images: Tensor, target: int | Sequence[int] | Tensor) -> Tensor:
    """How strongly the target's logit reacts to a small change of each pixel: the sensitivity map.

    **Source**: Simonyan, Vedaldi and Zisserman (2013), by captum's `Saliency`: the gradient of the logit (the
    penultimate layer's node), its largest absolute value over the colours.

    Args:
        model: in eval mode; RGB in [0, 1] -> logits.
        images: float [batch, 3, height, width], RGB in [0, 1].
        target: the class asked about, one for all images or one each.

    Returns:
        float [batch, height, width], not negative: logits per unit of colour.

    Raises:
        TypeError, ValueError: bad images or target, a model in train mode.

    Example:
        >>> model = nn.Sequential(nn.Flatten(), nn.Linear(12, 2, bias=False)).eval()
        >>> _ = nn.init.constant_(model[1].weight, -0.5)
        >>> gradient(model, torch.rand(1, 3, 2, 2), 0)
        tensor([[[0.5000, 0.5000],
                 [0.5000, 0.5000]]])
    """
    from captum.attr import Saliency

    target = checked(model, images, target)
    return _attributed(Saliency(model), images, target).amax(dim=1)


def gradient_times_input(model: nn.Module, images: Tensor, target: int | Sequence[int] | Tensor) -> Tensor:
    """What the target's logit would lose if it were linear and each pixel went to black: a signed gradient.

    **Source**: Shrikumar et al. (2016), by captum's `InputXGradient`, summed over the colours.

    Args:
        model: in eval mode; RGB in [0, 1] -> logits.
        images: float [batch, 3, height, width], RGB in [0, 1].
        target: the class asked about, one for all images or one each.

    Returns:
        float [batch, height, width], logits; the sum over a linear model's map is its logit less the bias.

    Raises:
        TypeError, ValueError: bad images or target, a model in train mode.

    Example:
        >>> model = nn.Sequential(nn.Flatten(), nn.Linear(12, 2, bias=False)).eval()
        >>> _ = nn.init.constant_(model[1].weight, -0.5)
        >>> gradient_times_input(model, torch.ones(1, 3, 2, 2), 0)
        tensor([[[-1.5000, -1.5000],
                 [-1.5000, -1.5000]]])
    """
    from captum.attr import InputXGradient

    target = checked(model, images, target)
    return _attributed(InputXGradient(model), images, target).sum(dim=1)


def integrated_gradients(
    model: nn.Module,
    images: Tensor,
    target: int | Sequence[int] | Tensor,
    *,
    baseline: float = 0.0,
    steps: int = 50,
    batch_size: int = 64,
) -> Tensor:
    """What each pixel adds to the target's logit on the straight way from an empty picture to this one.

    **Source**: Sundararajan, Taly and Yan (2017), eq. 1, by captum's `IntegratedGradients` (Gauss-Legendre nodes
    instead of the paper's equal steps), summed over the colours.

    Args:
        model: in eval mode; RGB in [0, 1] -> logits.
        images: float [batch, 3, height, width], RGB in [0, 1].
        target: the class asked about, one for all images or one each.
        baseline: grey value in [0, 1] of the empty picture; black in the paper.
        steps: points of the way at which the gradient is taken.
        batch_size: pictures per forward pass; bounds the memory, does not change the map.

    Returns:
        float [batch, height, width], logits; the sum over a map tends to the logit less that of the empty picture.

    Raises:
        TypeError, ValueError: bad images, target or knobs, a model in train mode.

    Example:
        >>> model = nn.Sequential(nn.Flatten(), nn.Linear(12, 2, bias=False)).eval()
        >>> _ = nn.init.constant_(model[1].weight, -0.5)
        >>> integrated_gradients(model, torch.ones(1, 3, 2, 2), 0, baseline=0.5, steps=3).sum().round(decimals=4)
        tensor(-3.)
    """
    from captum.attr import IntegratedGradients

    target = checked(model, images, target)
    check_count("steps", steps)
    check_count("batch_size", batch_size)
    if not 0 <= baseline <= 1:
        raise ValueError(f"baseline: expected a grey value in [0, 1], got {baseline}")
    maps = [
        IntegratedGradients(model).attribute(some, baseline, its, n_steps=steps, internal_batch_size=batch_size)
        for some, its in zip(images.detach().split(batch_size), target.split(batch_size), strict=True)
    ]
    return torch.cat(maps).detach().to(images.dtype).sum(dim=1)


def guided_backprop(model: nn.Module, images: Tensor, target: int | Sequence[int] | Tensor) -> Tensor:
    """The gradient of the target's logit, followed only where it is positive and the ReLU was open.

    **Source**: Springenberg et al. (2015), section 4, by captum's `GuidedBackprop` on a copy of the network in which
    every ReLU is its own module; the largest absolute value over the colours, as for `gradient`. Other activation
    functions (GELU, hardswish) keep their gradient.

    Args:
        model: in eval mode; RGB in [0, 1] -> logits; one with ReLUs that `torch.fx` can trace.
        images: float [batch, 3, height, width], RGB in [0, 1].
        target: the class asked about, one for all images or one each.

    Returns:
        float [batch, height, width], not negative.

    Raises:
        TypeError, ValueError: bad images or target, a model in train mode, without ReLUs or that cannot be traced.

    Example:
        >>> model = nn.Sequential(nn.Conv2d(3, 1, 1, bias=False), nn.ReLU(), nn.Flatten(), nn.Linear(2, 1)).eval()
        >>> _ = model[0].weight.data.fill_(2.0), model[3].weight.data.copy_(torch.tensor([[3.0, -1.0]]))
        >>> gradient(model, torch.ones(1, 3, 1, 2), 0), guided_backprop(model, torch.ones(1, 3, 1, 2), 0)
        (tensor([[[6., 2.]]]), tensor([[[6., 0.]]]))
    """
    from captum.attr import GuidedBackprop

    return _with_other_relus(GuidedBackprop, model, images, target)


def deconvolution(model: nn.Module, images: Tensor, target: int | Sequence[int] | Tensor) -> Tensor:
    """The target's unit thrown back through the network: positive signals pass every ReLU, open or not.

    **Source**: Zeiler and Fergus (2014), section 2.1, by captum's `Deconvolution` on a copy of the network in which
    every ReLU is its own module; max pooling goes back to the place of the maximum (the paper's switches). The largest
    absolute value over the colours, as for `gradient`.

    Args:
        model: in eval mode; RGB in [0, 1] -> logits; one with ReLUs that `torch.fx` can trace.
        images: float [batch, 3, height, width], RGB in [0, 1].
        target: the class asked about, one for all images or one each.

    Returns:
        float [batch, height, width], not negative.

    Raises:
        TypeError, ValueError: bad images or target, a model in train mode, without ReLUs or that cannot be traced.

    Example:
        >>> model = nn.Sequential(nn.Conv2d(3, 1, 1, bias=False), nn.ReLU(), nn.Flatten(), nn.Linear(2, 1)).eval()
        >>> _ = model[0].weight.data.fill_(2.0), model[3].weight.data.copy_(torch.tensor([[3.0, -1.0]]))
        >>> deconvolution(model, torch.zeros(1, 3, 1, 2), 0)  # both ReLUs are shut
        tensor([[[6., 0.]]])
    """
    from captum.attr import Deconvolution

    return _with_other_relus(Deconvolution, model, images, target)


def _with_other_relus(method, model: nn.Module, images: Tensor, target: int | Sequence[int] | Tensor) -> Tensor:
    """The map of one of captum's methods that change what ReLUs do to a gradient."""
    target = checked(model, images, target)
    copy = unfolded(traced_once(model, images)).model
    if not any(isinstance(module, nn.ReLU) for module in copy.modules()):
        raise ValueError(f"model: expected a network with ReLUs, got none in {type(model).__name__}")
    with warnings.catch_warnings():
        warnings.filterwarnings("ignore", message="Setting backward hooks on ReLU")
        return _attributed(method(copy), images, target).abs().amax(dim=1)


def _attributed(method, images: Tensor, target: Tensor) -> Tensor:
    """What a method of captum attributes to every value, [batch, 3, height, width]."""
    pixels = images.detach().clone().requires_grad_()
    with torch.enable_grad():
        return method.attribute(pixels, target).detach()
