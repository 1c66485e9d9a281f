"""The whole method: from the images of a class to its summaries."""

import hashlib
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
import torch
from joblib import Memory
from scipy import sparse
from torch import Tensor, nn

from xai_utils.models import predict
from xai_utils.papers.visual_summaries.clustering import affinity_clusters
from xai_utils.papers.visual_summaries.features import fit_whitening, hog, whiten
from xai_utils.papers.visual_summaries.masks import MIXED, Stages, crisp_masks
from xai_utils.papers.visual_summaries.proposal_flow import correspondences
from xai_utils.papers.visual_summaries.proposals import check_pictures, mask_regions, object_proposals
from xai_utils.papers.visual_summaries.pruning import candidates
from xai_utils.papers.visual_summaries.summaries import Summaries, select_summaries
from xai_utils.tensors import Progress, check_model, check_target, quiet


@dataclass(frozen=True)
class Grouping:
    """Every knob of the second phase, in the order of its steps; `dataclasses.replace` changes some.

    Args:
        threshold: of the masks, see `mask_regions`.
        smallest: share of the picture, see `mask_regions`.
        mode: of Selective Search, see `object_proposals`.
        proposals: of a picture at most, see `object_proposals`.
        covered: share of a proposal that the regions have to exceed, see `candidates`.
        per_region: see `candidates`.
        size_ratio: of areas, see `candidates`.
        preference: how many medians, see `affinity_clusters`.
        damping: see `affinity_clusters`.
        consistency: share of the global median of SSIM, see `select_summaries`.
        outlying: see `select_summaries`.
        most: images of a summary, see `select_summaries`.
    """

    threshold: float = 0.5
    smallest: float = 0.01
    mode: str = "fast"
    proposals: int = 500
    covered: float = 0.75
    per_region: bool = False
    size_ratio: float = 2.0
    preference: float = 1.3
    damping: float = 0.9
    consistency: float = 0.9
    outlying: float | None = None
    most: int | None = None


def summarise(
    model: nn.Module,
    images: Tensor,
    target: int,
    *,
    stages: Stages = MIXED,
    grouping: Grouping | None = None,
    batch_size: int = 32,
    cache: Path | str | None = None,
    progress: Progress = quiet,
) -> Summaries:
    """The parts that a network looks for in the images of a class: places that it needs, alike in several of them.

    **Source**: section 3. As in the authors' code no mask is searched for in an image that the network gives to another
    class; such images are named in the result, and only matched.

    Args:
        model: classifier in eval mode; RGB in [0, 1] -> logits.
        images: float [batch, 3, height, width], RGB in [0, 1], all of one class; the paper has 50.
        target: that class.
        stages: how the masks are searched for.
        grouping: the knobs of everything after that; `Grouping()` by default.
        batch_size: pictures searched together.
        cache: folder that keeps the masks and the matches, by the content of all that they depend on, so that another
            threshold costs seconds. A damaged file in it is made anew, which the log says; to be emptied by hand when
            this package changes.
        progress: wraps the steps of every stage.

    Returns:
        The summaries, and counts of what was left out; numbers of images refer to `images`.

    Raises:
        TypeError, ValueError: bad images or target, fewer than two images that the network gives to the class, no part
            that is left in any image, clusters that do not settle, or a knob out of range.

    Example:
        >>> from xai_utils.models import load_model
        >>> from xai_utils.parts import Parts
        >>> robins = [number for number in range(60) if Parts("test").scene(number).class_name == "robin"]
        >>> images = torch.stack([Parts("test").scene(number).image for number in robins])
        >>> quick = Stages(*(replace(stage, steps=10) for stage in MIXED))
        >>> found = summarise(load_model("parts/alexnet"), images, 0, stages=quick)
        >>> all(len(summary.images) >= 2 for summary in found)
        True
    """
    check_model(model)
    check_pictures(images)
    answers = predict(model, images, batch_size=batch_size)
    target = int(check_target(target, 1, answers.shape[1]))
    right = answers.argmax(dim=1) == target
    images = images.detach()
    if right.sum() < 2:
        raise ValueError(f"images: expected two or more that the model gives to class {target}, got {int(right.sum())}")
    search = Memory(cache, verbose=0).cache(_search, ignore=["model", "batch_size", "progress"])
    maps = torch.zeros_like(images[:, 0])
    pixels = images[right].cpu().numpy()
    maps[right] = torch.from_numpy(
        search(model, _fingerprint(model, answers), pixels, target, stages, batch_size, progress)
    ).to(maps)
    found = summarise_maps(images, maps, grouping=grouping, cache=cache, progress=progress)
    return replace(found, mistaken=tuple((~right).nonzero()[:, 0].tolist()))


def summarise_maps(
    images: Tensor,
    maps: Tensor,
    *,
    grouping: Grouping | None = None,
    cache: Path | str | None = None,
    progress: Progress = quiet,
) -> Summaries:
    """The second phase alone: summaries of what any maps point at.

    **Source**: section 3.2.

    Args:
        images: float [batch, 3, height, width], RGB in [0, 1].
        maps: float [batch, height, width] in [0, 1], high in what the network needs.
        grouping: the knobs; `Grouping()` by default.
        cache: as for `summarise`.
        progress: wraps the steps of every stage.

    Returns:
        The summaries, and counts of what was left out.

    Raises:
        TypeError, ValueError: as `summarise`.
    """
    grouping = grouping or Grouping()
    if not isinstance(grouping, Grouping):
        raise TypeError(f"grouping: expected a Grouping, got {type(grouping).__name__}")
    check_pictures(images)
    if not isinstance(maps, Tensor):
        raise TypeError(f"maps: expected a tensor, got {type(maps).__name__}")
    if maps.shape != images[:, 0].shape:
        raise ValueError(f"maps: expected shape {list(images[:, 0].shape)}, got {list(maps.shape)}")
    images, maps = images.detach().float().cpu(), maps.detach().float().cpu()
    regions = mask_regions(maps, threshold=grouping.threshold, smallest=grouping.smallest)
    match = Memory(cache, verbose=0).cache(_match, ignore=["progress"])
    boxes, scores = match(images.numpy(), grouping.mode, grouping.proposals, progress)
    pruning = {name: getattr(grouping, name) for name in ("covered", "per_region", "size_ratio")}
    parts = candidates([torch.from_numpy(some) for some in boxes], regions, scores, **pruning)
    clusters = affinity_clusters(parts.scores, preference=grouping.preference, damping=grouping.damping)
    selection = {name: getattr(grouping, name) for name in ("consistency", "outlying", "most")}
    return select_summaries(images, parts, regions, clusters, **selection, progress=progress)


def _search(
    model: nn.Module,
    fingerprint: str,
    pixels: np.ndarray,
    target: int,
    stages: Stages,
    batch_size: int,
    progress: Progress,
) -> np.ndarray:
    """The crisp masks, [batch, height, width]; kept by the model's fingerprint instead of the model."""
    images = torch.from_numpy(pixels).to(next(model.parameters(), torch.empty(0)).device)
    knobs = {"stages": stages, "batch_size": batch_size, "progress": progress}
    return crisp_masks(model, images, target, **knobs).crisp.cpu().numpy()


def _match(
    pixels: np.ndarray, mode: str, proposals: int, progress: Progress
) -> tuple[list[np.ndarray], sparse.csr_array]:
    """The proposals of each image and the scores of all pairs: what does not depend on any network."""
    images = torch.from_numpy(pixels)
    boxes = object_proposals(images, mode=mode, most=proposals, progress=progress)
    features = hog(images, boxes)
    features = whiten(features, fit_whitening(features))
    return [some.numpy() for some in boxes], correspondences(boxes, features, progress=progress)


def _fingerprint(model: nn.Module, answers: Tensor) -> str:
    """What tells a network from others, in short: its layers, all numbers in them, and what it answers."""
    digest = hashlib.sha256(repr(model).encode())
    for name, values in [*model.named_parameters(), *model.named_buffers()]:
        digest.update(name.encode() + values.detach().double().cpu().numpy().tobytes())
    digest.update(answers.double().cpu().numpy().round(4).tobytes())  # code that no layer shows is seen here
    return digest.hexdigest()
