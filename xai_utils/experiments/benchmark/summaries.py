"""What visual summaries cost: how much of a mask's search is the network's own time, and a class stage by stage."""

import time
from collections.abc import Callable
from functools import partial

import torch
from torch import Tensor, nn
from torchvision.models import get_model

from xai_utils.experiments.benchmark.timing import seconds
from xai_utils.experiments.visual_summaries.setting import NETWORKS, class_pictures
from xai_utils.masks import Objective, optimise_keep
from xai_utils.models import Classifier, load_model, predict
from xai_utils.papers.visual_summaries import (
    MIXED,
    affinity_clusters,
    candidates,
    correspondences,
    crisp_masks,
    fit_whitening,
    hog,
    mask_regions,
    object_proposals,
    select_summaries,
    whiten,
)
from xai_utils.parts import load_images

FULL_SIZE = "resnet18"  # random weights: they do not change what a step costs
CLASS, IMAGES = "bald eagle", 50


def summary_costs(batch_size: int = 32) -> dict:
    """The share of a search that the network takes, and the seconds of every stage for one class of 50 pictures.

    Args:
        batch_size: pictures searched together; a quarter of it for the network of full size.

    Returns:
        "in the network": network -> stage -> share; "one class": stage -> seconds of wall time, see `class_cost`.
    """
    shares = {name: network_share(load_model(name), batch_size) for name in NETWORKS}
    large = load_model(get_model(FULL_SIZE, weights=None), classes=range(1000))
    shares[FULL_SIZE] = network_share(large, batch_size // 4)
    return {"in the network": shares, "one class": class_cost()}


def network_share(model: Classifier, batch_size: int, steps: int = 30) -> dict[str, float]:
    """The share of a search's processor time that the network's own forward and backward passes take, by stage.

    On one thread: the time of several counts those that wait for each other.

    Args:
        model: the classifier.
        batch_size: pictures searched together.
        steps: of the search.

    Returns:
        "smooth" and "crisp".
    """
    images = load_images("test", range(batch_size), size=model.input_size)[0]
    found, threads = {}, torch.get_num_threads()
    torch.set_num_threads(1)
    for name, objective in MIXED._asdict().items():
        timed = Timed(model).eval()
        total = seconds(partial(_search, timed, images, objective, steps), clock=time.process_time)
        found[name] = round(timed.seconds / total, 3)
    torch.set_num_threads(threads)
    return found


def _search(model: nn.Module, images: Tensor, objective: Objective, steps: int) -> None:
    for _ in optimise_keep(model, images, 0, objective=objective, steps=steps):
        pass


class Timed(nn.Module):
    """A model that counts the processor time inside its forward and backward passes, in `seconds`."""

    def __init__(self, model: nn.Module) -> None:
        super().__init__()
        self.model, self.seconds = model, 0.0

    def _start(self, *_: Tensor) -> None:
        self.seconds -= time.process_time()

    def _stop(self, *_: Tensor) -> None:
        self.seconds += time.process_time()

    def forward(self, images: Tensor) -> Tensor:
        """As the model; between the two hooks lies its backward pass."""
        self._start()
        logits = self.model(images)
        self._stop()
        if logits.requires_grad:
            logits.register_hook(self._start)
            images.register_hook(self._stop)
        return logits


def class_cost(network: str = "parts/alexnet", images: int = IMAGES) -> dict[str, float]:
    """What every stage takes for one class, without any cache.

    Args:
        network: as `load_model` takes it.
        images: how many pictures of the class.

    Returns:
        Stage -> seconds of wall time, rounded; "pictures" and "boxes", how many there were.
    """
    found: dict[str, float] = {}

    def timed(stage: str, work: Callable, *args, **knobs):
        start = time.perf_counter()
        result = work(*args, **knobs)
        found[stage] = round(time.perf_counter() - start, 1)
        return result

    model, (_, pictures, labels) = load_model(network), class_pictures(CLASS, 0, images)
    right = predict(model, pictures).argmax(dim=1) == labels
    pictures = pictures[right]
    maps = timed("masks", crisp_masks, model, pictures, labels[right]).crisp
    regions = mask_regions(maps)
    boxes = timed("proposals", object_proposals, pictures)
    features = timed("features", hog, pictures, boxes)
    features = timed("whitening", lambda: whiten(features, fit_whitening(features)))
    scores = timed("matching", correspondences, boxes, features)
    parts = timed("pruning", candidates, boxes, regions, scores)
    clusters = timed("clustering", affinity_clusters, parts.scores)
    timed("selection", select_summaries, pictures, parts, regions, clusters)
    return found | {"pictures": len(pictures), "boxes": sum(map(len, boxes))}
