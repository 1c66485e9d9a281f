"""Baselines that weigh the feature maps of a layer: class activation mapping (CAM) and Grad-CAM."""

from collections.abc import Sequence

import torch
from torch import Tensor, fx, nn

from xai_utils.activations import Trace, find_layer
from xai_utils.baselines.unfolding import checked, kind, run_from, traced_once, unfolded, upsampled

RESHAPES = {torch.flatten, "flatten", "view", "reshape", torch.squeeze, "squeeze", torch.nn.functional.dropout}


def cam(model: nn.Module, images: Tensor, target: int | Sequence[int] | Tensor) -> Tensor:
    """How much each place adds to the target's logit, in a network that ends in an average over places.

    With global average pooling and one linear layer the logit is a mean over places of a weighted sum over the last
    feature maps; the map shows that sum before the mean.

    **Source**: Zhou et al. (2016), section 2, eq. 2; upsampled bilinearly (corners not aligned).

    Args:
        model: in eval mode; RGB in [0, 1] -> logits; its head is global average pooling and one linear layer.
        images: float [batch, 3, height, width], RGB in [0, 1].
        target: the class asked about, one for all images or one each.

    Returns:
        float [batch, height, width], signed; before upsampling, its mean is the logit less the bias.

    Raises:
        TypeError, ValueError: bad images or target, a model in train mode, one with another head.

    Example:
        >>> from xai_utils.models import load_model
        >>> cam(load_model("parts/resnet"), torch.rand(2, 3, 128, 128), 3).shape
        torch.Size([2, 128, 128])
    """
    target = checked(model, images, target)
    copy = unfolded(traced_once(model, images))
    features, linear = _head(copy)
    with torch.no_grad():
        values, _ = run_from(copy, images, features)  # [batch, channels, rows, columns]
        maps = torch.einsum("bc,bcij->bij", linear.weight[target], values)
    return upsampled(maps, images)


def _head(copy: Trace) -> tuple[fx.Node, nn.Linear]:
    """The last feature maps and the linear layer that weighs their averages."""
    node = copy.output()
    linear = copy.module(node)
    node = node.all_input_nodes[0] if isinstance(linear, nn.Linear) else node
    while isinstance(copy.module(node), nn.Flatten | nn.Dropout | nn.Identity) or node.target in RESHAPES:
        node = node.all_input_nodes[0]
    if not isinstance(linear, nn.Linear) or not _is_global(copy, node):
        raise ValueError(
            "model: expected a head of global average pooling and one linear layer, got one that ends in "
            f"{kind(copy, node)} and {kind(copy, copy.output())}"
        )
    return node.all_input_nodes[0], linear


def _is_global(copy: Trace, node: fx.Node) -> bool:
    """Whether a node is an average over all places."""
    return isinstance(copy.module(node), nn.AdaptiveAvgPool2d) and copy.shapes[node][2:].numel() == 1


def grad_cam(
    model: nn.Module, images: Tensor, target: int | Sequence[int] | Tensor, *, layer: str | None = None
) -> Tensor:
    """Where the feature maps are active whose growth would raise the target's logit.

    Each feature map of a layer is weighed by the mean of the logit's gradient over it; what speaks against the target
    is cut off.

    **Source**: Selvaraju et al. (2017), eqs. 1 and 2, by captum's `LayerGradCam`; upsampled bilinearly (corners not
    aligned).

    Args:
        model: in eval mode; RGB in [0, 1] -> logits.
        images: float [batch, 3, height, width], RGB in [0, 1].
        target: the class asked about, one for all images or one each.
        layer: dotted module name; by default `last_spatial_layer`, where the paper finds the best compromise of
            meaning and place.

    Returns:
        float [batch, height, width], not negative.

    Raises:
        TypeError, ValueError: bad images or target, a model in train mode, a layer that the model does not have or
            that has no rows and columns.

    Example:
        >>> from xai_utils.models import load_model
        >>> model, images = load_model("parts/vgg"), torch.rand(2, 3, 128, 128)
        >>> grad_cam(model, images, [3, 0], layer="network.features.9").shape
        torch.Size([2, 128, 128])
    """
    from captum.attr import LayerGradCam

    target = checked(model, images, target)
    method = LayerGradCam(model, find_layer(model, last_spatial_layer(model, images) if layer is None else layer))
    with torch.enable_grad():
        pixels = images.detach().clone().requires_grad_()
        maps = method.attribute(pixels, target, relu_attributions=True).detach()  # [batch, 1, rows, columns]
    if maps.ndim != 4:
        raise ValueError(f"layer: expected one with rows and columns, got {layer!r} of shape {list(maps.shape)}")
    return upsampled(maps[:, 0], images)


def last_spatial_layer(model: nn.Module, images: Tensor) -> str:
    """The last layer that still knows places: the largest module at whose end there are rows and columns.

    Args:
        model: in eval mode; one that `torch.fx` can trace.
        images: float [batch, 3, height, width]; their size decides what is left of it.

    Returns:
        A dotted module name.

    Raises:
        ValueError: a model that cannot be traced, or without such a layer.

    Example:
        >>> from xai_utils.models import load_model
        >>> last_spatial_layer(load_model("parts/resnet"), torch.rand(1, 3, 128, 128))
        'network.features'
    """
    traced = traced_once(model, images)
    for node in reversed(traced.graph.nodes):
        shape = traced.shapes.get(node, ())
        if len(shape) == 4 and shape[2:].numel() > 1:
            around = sorted((name for name, _ in node.meta.get("nn_module_stack", {}).values()), key=len)
            ends = [name for name in around if name and traced.node(name) is node]
            if ends:
                return ends[0]  # the outermost
    raise ValueError(f"model: expected a layer with rows and columns, got none in {type(model).__name__}")
