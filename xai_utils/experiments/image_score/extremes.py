"""Figure 1: the best and the worst scored pictures of a class, and what one filter of the first layer makes of them."""

from typing import NamedTuple

import torch
from torch import Tensor, nn
from torch.nn.functional import adaptive_avg_pool2d

from xai_utils.activations import record
from xai_utils.experiments.image_score.background import pictures_of
from xai_utils.experiments.image_score.shares import TRAINING, class_reference, network_of
from xai_utils.papers.image_score import image_score
from xai_utils.parts import CLASSES, Scene

CHOOSING = 50  # pictures on which the filter is chosen


class Shown(NamedTuple):
    """Some pictures of a class in the order of their scores, the most extreme first."""

    images: Tensor  # float [pictures, 3, height, width]
    maps: Tensor  # float [pictures, rows, columns], of the filter
    scores: Tensor  # float64 [pictures]
    shares: Tensor  # float64 [pictures], how much of the map lies on the object
    scenes: list[Scene]


class Extremes(NamedTuple):
    """The two ends of a class."""

    best: Shown
    worst: Shown
    layer: str  # the first, with its norm, activation and pooling
    filter: int  # the channel that is shown


def extreme_pictures(
    network: str, class_name: str, *, most: int = 7, pictures: int = 200, training: int = TRAINING
) -> Extremes:
    """The best and the worst scored test pictures of a class with the feature map of one first-layer filter.

    The paper does not say which filter it shows. Here it is the one whose map lies on the object most, compared with
    the object's size, in pictures of the class of which none is shown: the filter that has the best chance to show
    what the paper saw.

    Args:
        network: one of `NETWORKS`.
        class_name: a name of `CLASSES`.
        most: how many of each; the paper shows seven.
        pictures: of the class, among which they are found; as many as fit after those that choose the filter.
        training: pictures behind the reference.

    Returns:
        Tensors to be shown.
    """
    model, reference = network_of(network), class_reference(network, CLASSES.index(class_name), training)
    layer = reference.layers[0].layer
    scenes, images = pictures_of(class_name, pictures)
    maps, shares = _first_maps(model, layer, scenes, images)
    area = torch.stack([scene.region for scene in scenes]).double().mean(dim=(1, 2))
    choosing = min(CHOOSING, pictures // 4)
    chosen = int((shares[:choosing] / area[:choosing, None]).nanmean(dim=0).nan_to_num(0).argmax())
    scores = image_score(model, images, reference)
    order = choosing + scores[choosing:].argsort(descending=True, stable=True)

    def shown(numbers: Tensor) -> Shown:
        some = [scenes[number] for number in numbers.tolist()]
        return Shown(images[numbers], maps[numbers, chosen], scores[numbers], shares[numbers, chosen], some)

    return Extremes(shown(order[:most]), shown(order.flip(0)[:most]), layer, chosen)


def _first_maps(model: nn.Module, layer: str, scenes: list[Scene], images: Tensor) -> tuple[Tensor, Tensor]:
    """Maps [pictures, filters, rows, columns], and which share of each map lies on the object; nan if it is empty."""
    with torch.inference_mode(), record(model, [layer]) as found:
        model(images)
    maps = found[layer].clamp(min=0)
    regions = torch.stack([scene.region for scene in scenes])[:, None].double()
    inside = adaptive_avg_pool2d(regions, maps.shape[2:])
    return maps, (maps.double() * inside).sum(dim=(2, 3)) / maps.double().sum(dim=(2, 3))
