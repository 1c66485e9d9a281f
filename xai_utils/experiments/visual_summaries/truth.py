"""What the paper could not measure: are summaries true parts, the telling ones, and does the network need them?"""

import argparse
from collections import Counter
from collections.abc import Sequence

import numpy as np
import torch
from torch import Tensor
from tqdm.auto import tqdm

from xai_utils.experiments.classifiers import classifier
from xai_utils.experiments.records import grid, record_all
from xai_utils.experiments.visual_summaries.found import recorded_summaries
from xai_utils.experiments.visual_summaries.masks import recorded_maps
from xai_utils.experiments.visual_summaries.setting import NETWORKS, PICTURES, class_pictures
from xai_utils.models import outputs
from xai_utils.papers.visual_summaries import Summary, mask_regions
from xai_utils.parts import CLASSES, PAIRS, Scene
from xai_utils.tensors import Progress, quiet

COMMAND = "python -m xai_utils.experiments.visual_summaries.truth"
RECORD, EFFECTS = "summary_truth", "part_effects"
BACKGROUND = "background"
COVERED = 0.75  # of a random box, by regions: what `candidates` asks of a proposal
DRAWS = 200


def part_shown(scene: Scene, boxes: Tensor) -> list[str]:
    """The true part that fills most of each box.

    Args:
        scene: of one object.
        boxes: int64 [boxes, 4], (left, top, right, bottom), right and bottom exclusive.

    Returns:
        A name of `scene.parts`, or "background" where the object covers less than half of the box; of equal parts the
        one that is painted first.

    Example:
        >>> from xai_utils.parts import draw_scene
        >>> part_shown(draw_scene(0, label=0), torch.tensor([[0, 0, 8, 8]]))
        ['background']
    """
    names = list(scene.parts)
    shares = _shares(torch.stack([scene.region, *scene.parts.values()]), boxes)  # [1 + parts, boxes]
    best = shares[1:].argmax(dim=0).tolist()
    return [names[part] if share >= 0.5 else BACKGROUND for part, share in zip(best, shares[0].tolist(), strict=True)]


def _shares(masks: Tensor, boxes: Tensor) -> Tensor:
    """The share of each box that each mask covers, [masks, boxes]."""
    table = torch.nn.functional.pad(masks.double(), (1, 0, 1, 0)).cumsum(1).cumsum(2)
    left, top, right, bottom = boxes.unbind(dim=1)
    sums = table[:, bottom, right] - table[:, top, right] - table[:, bottom, left] + table[:, top, left]
    return sums / ((right - left) * (bottom - top))


def random_boxes(regions: Tensor, box: Tensor, draws: int, rng: np.random.Generator) -> Tensor:
    """Boxes of one size anywhere in the regions of a mask, as a proposal would have to lie: covered by three quarters.

    Args:
        regions: bool [regions, height, width].
        box: int64 [4], whose size they have.
        draws: how many.
        rng: draws the places.

    Returns:
        int64 [draws, 4].

    Raises:
        ValueError: no place of that size is covered.
    """
    width, height = (box[2:] - box[:2]).tolist()
    table = torch.nn.functional.pad(regions.any(dim=0).double(), (1, 0, 1, 0)).cumsum(0).cumsum(1)
    sums = table[height:, width:] - table[:-height, width:] - table[height:, :-width] + table[:-height, :-width]
    places = (sums > COVERED * width * height).nonzero()  # (top, left)
    if not len(places):
        raise ValueError(f"box: expected a size that regions cover by {COVERED:.0%} somewhere, got {box.tolist()}")
    corner = places[torch.from_numpy(rng.integers(len(places), size=draws))].flip(1)
    return torch.cat([corner, corner + torch.tensor([width, height])], dim=1)


def purity(names: Sequence[str]) -> float:
    """The share of members that show what most of them show.

    Args:
        names: the part that each shows.

    Raises:
        ValueError: no members.

    Example:
        >>> purity(["head", "head", "body", "head"])
        0.75
    """
    if not len(names):
        raise ValueError("names: expected those of at least one member, got none")
    return Counter(names).most_common(1)[0][1] / len(names)


def commonest(names: Sequence[str]) -> str:
    """The part that most members show; of equally common ones the first in the summary, which begins with its exemplar.

    Example:
        >>> commonest(["head", "body", "body"])
        'body'
    """
    return Counter(names).most_common(1)[0][0]


def shown_by(summary: Summary, scenes: Sequence[Scene]) -> list[str]:
    """The true part that each member of a summary shows.

    Args:
        summary: of a class.
        scenes: of that class; its images are their numbers.
    """
    pairs = zip(summary.images.tolist(), summary.boxes, strict=True)
    return [part_shown(scenes[number], box[None])[0] for number, box in pairs]


def regrouped(names: Sequence[Sequence[str]], draws: int, seed: int = 0) -> list[float]:
    """The mean purity of each summary if all members of a class were shared out at random among its summaries.

    Args:
        names: of the members of each summary.
        draws: how often.
        seed: of the draws.

    Example:
        >>> regrouped([["head", "head"], ["body", "body"]], 3000)[0] < 0.7
        True
    """
    rng, everyone = np.random.default_rng(seed), [name for some in names for name in some]
    ends = np.cumsum([len(some) for some in names])[:-1]
    drawn = [[purity(some) for some in np.split(rng.permutation(everyone), ends)] for _ in range(draws)]
    return np.mean(drawn, axis=0).tolist()


def measure_truth(network: str, class_name: str, pictures: int) -> dict:
    """One row: what the summaries of a class truly show.

    Args:
        network: a name of `NETWORKS`.
        class_name: a name of `CLASSES`.
        pictures: of the class, all for which masks are recorded.

    Returns:
        Lists with an entry for each summary: "images", "names" (of the parts that the members show), "purity", "in
        boxes" (mean purity of random boxes of the same sizes in the same regions), "drawn" (part -> share of the random
        boxes that show it) and "regrouped".
    """
    found, scenes = recorded_summaries(network, class_name), class_pictures(class_name).scenes
    regions, rng = mask_regions(recorded_maps(network, class_name)), np.random.default_rng(0)
    names = [shown_by(summary, scenes) for summary in found]
    lists = {"purity": [purity(each) for each in names], "in boxes": []}
    shares = []
    for summary in found:
        members = list(zip(summary.images.tolist(), summary.boxes, strict=True))
        drawn = [part_shown(scenes[n], random_boxes(regions[n], box, DRAWS, rng)) for n, box in members]
        lists["in boxes"].append(float(np.mean([purity(each) for each in zip(*drawn, strict=True)])))
        counted = Counter(name for some in drawn for name in some)
        shares.append({name: round(count / counted.total(), 4) for name, count in sorted(counted.items())})
    lists["regrouped"] = regrouped(names, DRAWS) if names else []
    images = [summary.images.tolist() for summary in found]
    return {"images": images, "names": names, "drawn": shares} | {
        key: [round(value, 4) for value in some] for key, some in lists.items()
    }


def telling(class_name: str) -> tuple[str, ...]:
    """The parts in which a class differs from its neighbour.

    Args:
        class_name: a name of `CLASSES`.

    Raises:
        ValueError: no such class.

    Example:
        >>> telling("robin")
        ('beak', 'breast')
    """
    if class_name not in CLASSES:
        raise ValueError(f"class_name: expected one of {CLASSES}, got {class_name!r}")
    return PAIRS[CLASSES.index(class_name) // 2].telling


def measure_effects(network: str, class_name: str, pictures: int) -> dict:
    """One row: what the class loses when a part is really gone (drawn again without it), or is the neighbour's.

    Args:
        network: as `load_model` takes it.
        class_name: a name of `CLASSES`.
        pictures: the first ones of the class.

    Returns:
        "whole": log-odds of the class in each picture, bits; and for each part its "area" (visible pixels), what its
        removal costs ("removed", bits; "probability") and, if it is a telling one, what the neighbour's part costs
        ("swapped"); lists with an entry for each picture.
    """
    scenes, images, labels = class_pictures(class_name, 0, pictures)
    label, model = int(labels[0]), classifier(network)
    whole, sure = odds(outputs(model, images), label)
    result = {"whole": _rounded(whole), "parts": {}}
    for part in scenes[0].parts:
        bits, certainty = odds(outputs(model, torch.stack([scene.without(part).image for scene in scenes])), label)
        lists = {"area": [int(scene.parts[part].sum()) for scene in scenes]}
        lists |= {"removed": _rounded(whole - bits), "probability": _rounded(sure - certainty)}
        if part in telling(class_name):
            swapped = torch.stack([scene.with_part_of(CLASSES[label ^ 1], part).image for scene in scenes])
            lists["swapped"] = _rounded(whole - odds(outputs(model, swapped), label)[0])
        result["parts"][part] = lists
    return result


def odds(logits: Tensor, label: int) -> tuple[Tensor, Tensor]:
    """Log-odds of a class in bits, and its probability.

    Args:
        logits: float [batch, classes].
        label: the class.

    Example:
        >>> odds(torch.tensor([[0.0, 0.0]]), 0)
        (tensor([0.], dtype=torch.float64), tensor([0.5000], dtype=torch.float64))
    """
    logits = logits.double()
    others = torch.cat([logits[:, :label], logits[:, label + 1 :]], dim=1).logsumexp(dim=1)
    return (logits[:, label] - others) / np.log(2), logits.softmax(dim=1)[:, label]


def _rounded(values: Tensor) -> list[float]:
    return [round(value, 3) for value in values.tolist()]


def truth_rows(networks: Sequence[str] = NETWORKS, *, progress: Progress = quiet) -> list[dict]:
    """What the summaries of every class truly show, recorded or computed now.

    Args:
        networks: names of `NETWORKS` whose summaries are recorded.
        progress: wraps the rows.
    """
    wanted = grid(network=networks, class_name=CLASSES, pictures=[PICTURES])
    return record_all(RECORD, wanted, measure_truth, command=COMMAND, progress=progress)


def effect_rows(networks: Sequence[str] = NETWORKS, *, progress: Progress = quiet) -> list[dict]:
    """What each part's removal costs every class, recorded or computed now; needs no masks.

    Args:
        networks: as `load_model` takes them.
        progress: wraps the rows.
    """
    wanted = grid(network=networks, class_name=CLASSES, pictures=[PICTURES])
    return record_all(EFFECTS, wanted, measure_effects, command=COMMAND, progress=progress)


def main() -> None:
    """Command line: records what summaries show and what the removal of parts costs."""
    argparse.ArgumentParser(description=main.__doc__).parse_args()
    effect_rows(progress=tqdm)
    for row in truth_rows(progress=tqdm):
        print(*list(row["configuration"].values())[:2], row["result"]["purity"])


if __name__ == "__main__":
    main()
