"""How steady explanations are from frame to frame, and how many frames a second they are good for."""

import time
from collections.abc import Callable, Iterable, Sequence
from functools import partial
from itertools import islice

import cv2
import numpy as np
import torch
from torch import Tensor

from xai_utils.experiments.claims import Interval
from xai_utils.experiments.explanations import evidence
from xai_utils.experiments.realtime_saliency.tables import maps_of
from xai_utils.experiments.realtime_saliency.training import BLACK_BOXES, ENCODER, masking_of
from xai_utils.experiments.realtime_saliency.video.clips import saliency_of_frames
from xai_utils.experiments.realtime_saliency.video.moving import animation
from xai_utils.experiments.records import record_all
from xai_utils.experiments.statistics import bootstrap_interval
from xai_utils.masks import iterative_mask
from xai_utils.models import load_model, outputs
from xai_utils.papers.realtime_saliency import load_masking_model
from xai_utils.parts import Parts, Scene
from xai_utils.tensors import Progress, quiet

COMMAND = "python -m xai_utils.experiments.realtime_saliency.video --record"
BLACK_BOX = BLACK_BOXES[-1]
METHODS = ("masking model", "gradient", "Grad-CAM", "iterative mask")
ROUND, BEGINNING = 120, 24  # frames; the iterative mask, which takes long for each, is shown the beginning only
MASKS = ("masking model", "iterative mask")  # whose values mean something by themselves
MARGIN = 8  # pixels around the object that do not count as still, a sixteenth of the picture
SCENES = tuple(range(100, 106))  # of the test split
CAMERA = (480, 640)


def overlap(marked: Tensor, others: Tensor) -> Tensor:
    """Intersection over union of each pair of bool [frames, height, width]; NaN for two that mark nothing.

    Example:
        >>> overlap(torch.tensor([[[True, True]]]), torch.tensor([[[True, False]]]))
        tensor([0.5000])
    """
    both, either = (marked & others).sum((1, 2)), (marked | others).sum((1, 2))
    return both / either


def densest(maps: Tensor, regions: Tensor) -> Tensor:
    """In each map the highest pixels, as many as the object has: how maps of any scale are compared.

    Args:
        maps: float [frames, height, width].
        regions: bool [frames, height, width].
    """
    marked = torch.zeros_like(regions)
    for place, (found, region) in enumerate(zip(maps, regions, strict=True)):
        marked[place].view(-1)[found.flatten().topk(int(region.sum())).indices] = True
    return marked


def still(regions: Tensor) -> Tensor:
    """For each pair of neighbouring frames the pixels far from the object in both, bool [frames - 1, height, width]."""
    side = np.ones((2 * MARGIN + 1, 2 * MARGIN + 1), np.uint8)
    near = torch.from_numpy(np.stack([cv2.dilate(region.numpy().astype(np.uint8), side) for region in regions]) > 0)
    return ~(near[:-1] | near[1:])


def steadiness_of(maps: Tensor, regions: Tensor) -> dict[str, float | None]:
    """What changes between neighbouring frames, means over the pairs; None where there is nothing to compare.

    Args:
        maps: float [frames, height, width], not negative; on the scale on which 0.5 marks a pixel.
        regions: bool [frames, height, width], the object.

    Returns:
        "overlap": of the pixels above 0.5; "densest": of the `densest` pixels; "true": of the object's own regions;
        "flicker": the mean absolute change over the `still` pixels; "restless": the same in shares of the maps' mean.
    """
    marked, top = maps > 0.5, densest(maps, regions)
    quiet_there, change = still(regions), maps.diff(dim=0).abs()
    flicker = torch.stack([one[there].mean() for one, there in zip(change, quiet_there, strict=True) if there.any()])
    values = {
        "overlap": overlap(marked[:-1], marked[1:]).nanmean(),
        "densest": overlap(top[:-1], top[1:]).mean(),
        "true": overlap(regions[:-1], regions[1:]).mean(),
        "flicker": flicker.mean(),
        "restless": flicker.mean() / maps.mean().clamp(min=torch.finfo(maps.dtype).tiny),
    }
    return {name: None if value.isnan() else round(float(value), 5) for name, value in values.items()}


def measure_steadiness(
    method: str, black_box: str, scene: int, frames: int, moving: bool, masking: str = ""
) -> dict[str, float | None]:
    """One row: the beginning of a round of one scene.

    Args:
        method: a name of `METHODS`.
        black_box: as `load_model` takes it; asked about the object's class in every frame.
        scene: of the test split.
        frames: how many, of a round of `ROUND`.
        moving: whether the object moves; if not, all that changes is the camera's noise.
        masking: name of the masking model's weights; only a part of the row's key.

    Returns:
        `steadiness_of`; maps that are no masks are scaled by the highest value of the clip. "empty": the share of the
        frames in which nothing is above 0.5; "recognised": that of the frames in which the black box names the class.
    """
    drawn = list(islice(animation(Parts("test").scene(scene), ROUND, moving=moving), frames))
    images, regions = torch.stack([s.image for s in drawn]), torch.stack([s.region for s in drawn])
    labels = torch.tensor([s.label for s in drawn])
    maps = maps_of(black_box, method, images, labels)
    if method not in MASKS:
        maps = maps / maps.amax().clamp(min=torch.finfo(maps.dtype).tiny)
    right = outputs(load_model(black_box), images).argmax(dim=1) == labels
    rest = {"empty": float((maps.amax(dim=(1, 2)) <= 0.5).float().mean()), "recognised": float(right.float().mean())}
    return steadiness_of(maps, regions) | {name: round(value, 4) for name, value in rest.items()}


def measure_speed(method: str, black_box: str, frames: int, size: list[int], repeats: int, masking: str = "") -> dict:
    """One row: how many frames a second a method is good for on this machine, frame by frame.

    Args:
        method: a name of `METHODS`.
        black_box: as `load_model` takes it.
        frames: of one turn.
        size: [height, width] of the frames; the masking model's masks come back in this size.
        repeats: turns after one to warm up; medians are given.
        masking: name of the masking model's weights; only a part of the row's key.

    Returns:
        "frames_per_second"; "in_forwards", the time of a frame in that of a bare forward pass of the encoder, measured
        in turns; "threads" that were at work.
    """
    scenes = list(islice(animation(Parts("test").scene(SCENES[0]), ROUND), frames))
    images, encoder = torch.stack([scene.image for scene in scenes]).split(1), load_model(ENCODER)
    work, turns = _one_by_one(method, black_box, scenes, size), []
    for _ in range(repeats + 1):
        start = time.perf_counter()
        for image in images:
            outputs(encoder, image)
        between = time.perf_counter()
        for _ in work():
            pass
        turns.append((between - start, time.perf_counter() - between))
    bare, cost = np.array(turns[1:]).T
    return {
        "frames_per_second": round(float(frames / np.median(cost)), 1),
        "in_forwards": round(float(np.median(cost / bare)), 2),
        "threads": torch.get_num_threads(),
    }


def _one_by_one(method: str, black_box: str, scenes: Sequence[Scene], size: Sequence[int]) -> Callable[[], Iterable]:
    """What has to be gone through to have the maps of all frames; networks are loaded before."""
    label = scenes[0].label
    if method == "masking model":
        frames = [cv2.resize(scene.pixels(), tuple(size)[::-1]) for scene in scenes]
        return partial(saliency_of_frames, load_masking_model(black_box), frames, label)
    network, target = load_model(black_box), torch.tensor([label])
    iterative, other = partial(iterative_mask, network), partial(evidence, black_box, network, method)
    explain = iterative if method == "iterative mask" else other
    return lambda: (explain(scene.image[None], target) for scene in scenes)


def _with_masking(rows: list[dict]) -> list[dict]:
    named = {"masking": masking_of(BLACK_BOX)}
    return [row | (named if row["method"] == "masking model" else {}) for row in rows]


def steadiness(scenes: Sequence[int] = SCENES, *, progress: Progress = quiet) -> list[dict]:
    """Are masks steady? The rows, recorded or computed now.

    Args:
        scenes: of the test split.
        progress: wraps the rows.
    """
    wanted = [
        {"method": method, "black_box": BLACK_BOX, "scene": scene, "frames": frames, "moving": moving}
        for method in METHODS
        for frames in (BEGINNING, ROUND)
        for moving in (True, False)
        for scene in scenes
        if not (method == "iterative mask" and frames == ROUND)
    ]
    return record_all("video", _with_masking(wanted), measure_steadiness, command=COMMAND, progress=progress)


def speeds(*, progress: Progress = quiet) -> list[dict]:
    """How quick? The rows, recorded or computed now; seconds belong to the machine, ratios hardly do."""
    few = {"iterative mask": (2, 1)}
    wanted = [
        {"method": method, "black_box": BLACK_BOX, "frames": frames, "size": size, "repeats": repeats}
        for method in METHODS
        for size in ([[128, 128], list(CAMERA)] if method == "masking model" else [[128, 128]])
        for frames, repeats in [few.get(method, (30, 5))]
    ]
    return record_all("video_speed", _with_masking(wanted), measure_speed, command=COMMAND, progress=progress)


def steadiness_by_method(
    rows: Sequence[dict], value: str, *, moving: bool = True, frames: int = BEGINNING
) -> dict[str, Interval]:
    """Method -> (mean, low, high) over scenes.

    Args:
        rows: of `steadiness`.
        value: a name that `measure_steadiness` returns; with "overlap" and "densest" comes "true region".
        moving: of the clips in which the object moves, or of those with noise only.
        frames: of whole rounds, or of their beginning, which all methods were shown.
    """
    asked = {"moving": moving, "frames": frames}
    own = [row for row in rows if asked.items() <= row["configuration"].items()]
    found: dict[str, list[float]] = {}
    for row in own:
        found.setdefault(row["configuration"]["method"], []).append(row["result"][value])
        if value in ("overlap", "densest") and row["configuration"]["method"] == "masking model":
            found.setdefault("true region", []).append(row["result"]["true"])
    return {name: bootstrap_interval([one for one in values if one is not None]) for name, values in found.items()}


def frame_rates(rows: Sequence[dict], value: str = "frames_per_second") -> dict[str, float]:
    """Method and size -> "frames_per_second" or "in_forwards", from the rows of `speeds`."""
    return {"{method}, {size[1]} x {size[0]}".format(**row["configuration"]): row["result"][value] for row in rows}
