"""The paper's footnote: do objects that face opposite ways break proposal flow? Pictures are flipped to find out."""

import argparse
from collections.abc import Sequence
from functools import cache

import numpy as np
import torch
from torch import Tensor
from tqdm.auto import tqdm

from xai_utils.experiments.records import grid, record_all
from xai_utils.experiments.visual_summaries.found import CACHE
from xai_utils.experiments.visual_summaries.masks import recorded_maps
from xai_utils.experiments.visual_summaries.setting import NETWORKS, PICTURES, class_pictures
from xai_utils.experiments.visual_summaries.truth import BACKGROUND, part_shown, purity, regrouped
from xai_utils.papers.visual_summaries import (
    Summary,
    fit_whitening,
    hog,
    match_proposals,
    object_proposals,
    summarise_maps,
    whiten,
)
from xai_utils.parts import Scene
from xai_utils.tensors import Progress, quiet

COMMAND = "python -m xai_utils.experiments.visual_summaries.orientation"
RECORD, MATCHES = "summary_orientation", "match_orientation"
CARS = ("pickup", "police van", "bullet train")  # "like cars towards right and left"
FEW = 16  # pictures of each, for the matches
FACING = ("as drawn", "one way", "half turned")
DRAWS = 500


def faces_right(scene: Scene) -> bool:
    """Whether the main object faces right.

    Args:
        scene: of one object.

    Raises:
        ValueError: its caption says nothing about that.

    Example:
        >>> from xai_utils.parts import draw_scene
        >>> {faces_right(draw_scene(seed, label=6)) for seed in range(8)} == {True, False}
        True
    """
    ways = [way for way in ("left", "right") if f"facing {way}" in scene.caption]
    if len(ways) != 1:
        raise ValueError(f"scene: expected one object that faces left or right, got {scene.caption!r}")
    return ways == ["right"]


def turned(scenes: Sequence[Scene], facing: str) -> Tensor:
    """Which pictures of a class have to be flipped.

    Args:
        scenes: of the class.
        facing: "as drawn": none; "one way": those that face right; "half turned": of each way every other one, so that
            as many are flipped as for one way, and about as many face each way as before.

    Returns:
        bool [scenes].

    Raises:
        ValueError: another word.
    """
    if facing not in FACING:
        raise ValueError(f"facing: expected one of {FACING}, got {facing!r}")
    right = torch.tensor([faces_right(scene) for scene in scenes])
    if facing == "one way":
        return right
    other = torch.zeros_like(right)
    if facing == "half turned":
        for way in (right, ~right):
            other[way.nonzero()[::2, 0]] = True
    return other


def flipped(pictures: Tensor, which: Tensor) -> Tensor:
    """Some pictures or maps mirrored from left to right, the others as they are.

    Args:
        pictures: [pictures, ..., width].
        which: bool [pictures].

    Example:
        >>> flipped(torch.tensor([[1, 2], [3, 4]]), torch.tensor([True, False]))
        tensor([[2, 1],
                [3, 4]])
    """
    return torch.where(which.view(-1, *[1] * (pictures.ndim - 1)), pictures.flip(-1), pictures)


def _flipped_back(box: Tensor, width: int, back: bool) -> Tensor:
    """A box of a picture that was flipped, where it lies in the picture as drawn, [boxes, 4]."""
    if not back:
        return box
    left, top, right, bottom = box.unbind(dim=1)
    return torch.stack([width - right, top, width - left, bottom], dim=1)


# --- matches ----------------------------------------------------------------------------------------------------


def measure_matches(class_name: str, pictures: int, facing: str) -> dict:
    """One row: how often the best match of a part is the same part, in pictures that face the same and the other way.

    Args:
        class_name: a name of `CLASSES`.
        pictures: the first ones of the class.
        facing: a name of `FACING`.

    Returns:
        For "same" and "opposite" (as the pictures are *drawn*, so that the same pairs are compared whatever is
        flipped): lists with an entry for each first picture of a pair, the means over its partners: "hits" (share of
        proposals on a part whose best match shows the same part), "right" and "wrong" (the score of such matches and
        of the others); None without partners.
    """
    scenes, images, _ = class_pictures(class_name, 0, pictures)
    which, right = turned(scenes, facing), [faces_right(scene) for scene in scenes]
    images = flipped(images, which)
    boxes = object_proposals(images)
    features = hog(images, boxes)
    features = whiten(features, fit_whitening(features))
    width = images.shape[-1]
    shown = [
        np.array(part_shown(scene, _flipped_back(some, width, bool(back))))
        for scene, some, back in zip(scenes, boxes, which, strict=True)
    ]
    found = {way: [[] for _ in scenes] for way in ("same", "opposite")}
    for i in range(pictures):
        for j in range(pictures):
            if i != j:
                matches = match_proposals((boxes[i], boxes[j]), (features[i], features[j]))
                way = "same" if right[i] == right[j] else "opposite"
                found[way][i].append(hits(matches.scores, shown[i], shown[j]))
    return {way: _means(of) for way, of in found.items()}


def hits(scores: Tensor, first: np.ndarray, second: np.ndarray) -> tuple[float, float, float]:
    """How often the best match of a part shows the same part, and the scores of right and of wrong matches.

    Args:
        scores: float [a, b], as `match_proposals` returns them.
        first: the part that each of the a boxes shows, or "background"; those are left out.
        second: the same of the b boxes.

    Returns:
        (share, mean score of right matches, of wrong ones); NaN where there are none.

    Example:
        >>> hits(torch.tensor([[1.0, 0.0], [3.0, 2.0]]), np.array(["head", "tail"]), np.array(["head", "tail"]))
        (0.5, 1.0, 3.0)
    """
    best, partners = scores.max(dim=1)
    asked = (first != BACKGROUND) & (best > 0).numpy()
    same = (first == second[partners.numpy()])[asked]
    values = best.numpy()[asked]
    means = [float(some.mean()) if len(some) else float("nan") for some in (same, values[same], values[~same])]
    return tuple(means)


def _means(of: list[list[tuple]]) -> dict[str, list]:
    """The columns of `hits`, averaged over each picture's partners; NaN are left out."""
    columns = {}
    for number, name in enumerate(("hits", "right", "wrong")):
        values = [[one[number] for one in some if one[number] == one[number]] for some in of]
        columns[name] = [float(f"{np.mean(some):.4g}") if some else None for some in values]
    return columns


# --- summaries --------------------------------------------------------------------------------------------------


@cache
def turned_summaries(network: str, class_name: str, facing: str) -> Sequence[Summary]:
    """The summaries of a class when its pictures, and their masks with them, are flipped; none if no parts match.

    Args:
        network: a name of `NETWORKS` whose masks are recorded.
        class_name: a name of `CLASSES`.
        facing: a name of `FACING`.
    """
    scenes, images, _ = class_pictures(class_name)
    which = turned(scenes, facing)
    maps = flipped(recorded_maps(network, class_name), which)
    try:
        return summarise_maps(flipped(images, which), maps, cache=CACHE)
    except ValueError as error:
        if str(error).startswith(("regions", "scores")):
            return ()
        raise


def measure_facing(network: str, class_name: str, pictures: int, facing: str) -> dict:
    """One row: number and purity of a class's summaries, and whether each holds pictures of one way.

    Args:
        network: a name of `NETWORKS` whose masks are recorded.
        class_name: a name of `CLASSES`.
        pictures: of the class, all for which masks are recorded.
        facing: a name of `FACING`.

    Returns:
        "size", "purity", "regrouped" of each summary; "one way": share of its members that face the commoner way as
        drawn, and "one way by chance", if the class's members were shared out at random.
    """
    found, scenes = turned_summaries(network, class_name, facing), class_pictures(class_name).scenes
    which = turned(scenes, facing)
    names = [
        [
            part_shown(scenes[number], _flipped_back(box[None], scenes[number].size[1], bool(which[number])))[0]
            for number, box in zip(summary.images.tolist(), summary.boxes, strict=True)
        ]
        for summary in found
    ]
    ways = [[str(faces_right(scenes[number])) for number in summary.images.tolist()] for summary in found]
    lists = {"purity": [purity(some) for some in names], "one way": [purity(some) for some in ways]}
    lists["regrouped"] = regrouped(names, DRAWS) if names else []
    lists["one way by chance"] = regrouped(ways, DRAWS) if ways else []
    return {"size": [len(some) for some in names]} | {
        key: [round(value, 4) for value in some] for key, some in lists.items()
    }


def match_rows(*, progress: Progress = quiet) -> list[dict]:
    """Matches when pictures are flipped, recorded or computed now; needs no network.

    Args:
        progress: wraps the rows.
    """
    wanted = grid(class_name=CARS, pictures=[FEW], facing=FACING[:2])
    return record_all(MATCHES, wanted, measure_matches, command=COMMAND, progress=progress)


def facing_rows(networks: Sequence[str] = NETWORKS, *, progress: Progress = quiet) -> list[dict]:
    """Summaries when pictures are flipped, recorded or computed now.

    Args:
        networks: names of `NETWORKS` whose masks are recorded.
        progress: wraps the rows.
    """
    wanted = grid(network=networks, class_name=CARS, pictures=[PICTURES], facing=FACING)
    return record_all(RECORD, wanted, measure_facing, command=COMMAND, progress=progress)


def main() -> None:
    """Command line: records what becomes of matches and summaries when pictures are flipped."""
    argparse.ArgumentParser(description=main.__doc__).parse_args()
    match_rows(progress=tqdm)
    facing_rows(progress=tqdm)


if __name__ == "__main__":
    main()
