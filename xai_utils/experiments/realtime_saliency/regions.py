"""Fig. 2: the smallest sufficient and the smallest destroying region, and whether masks fit more than one picture."""

import argparse
from collections.abc import Sequence
from dataclasses import replace

import torch
from torch import Tensor
from torch.nn import functional
from tqdm.auto import tqdm

from xai_utils.baselines import gradient
from xai_utils.experiments.classifiers import classifier
from xai_utils.experiments.realtime_saliency.training import BLACK_BOXES, masking_of
from xai_utils.experiments.records import grid, in_blocks, record_all
from xai_utils.experiments.statistics import bootstrap_interval
from xai_utils.masks import DESTROYING, SWAPPED, iterative_mask
from xai_utils.metrics import region_iou, smallest_regions
from xai_utils.models import target_probability
from xai_utils.papers.realtime_saliency import load_masking_model, realtime_saliency
from xai_utils.parts import Parts
from xai_utils.perturb import blurred_baseline, constant_baseline, noisy_baseline, remove_evidence
from xai_utils.tensors import Progress, quiet

COMMAND = "python -m xai_utils.experiments.realtime_saliency.regions"
SCENES, BLOCK = (100, 140), 10  # of the test split; scenes of one row
CONFIDENT = 0.5  # the paper gives no number
OBJECTIVES = {"sufficient": replace(SWAPPED, destroy_weight=0.0), "destroying": DESTROYING, "both": SWAPPED}
RANKED = (*OBJECTIVES, "masking model", "gradient")  # their values say which pixels come first
TRUTHS = ("object", "best box", "everything")
MASKS = (*RANKED, *TRUTHS)
MEASURES = (
    *("area", "overlap", "kept", "removed", "kept, new baselines", "removed, new baselines"),
    *("kept elsewhere", "removed elsewhere", "sufficient", "destroying"),
)


def best_box(region: Tensor) -> Tensor:
    """The box that segments a region best, by intersection over union: the most that any method of boxes can reach.

    A box is better than a share s if its pixels, worth 1 in the region and -s elsewhere, add up to more than s times
    the region. So the box of largest sum is sought again and again, each time with the overlap of the one before as s,
    until none is better (Dinkelbach's method).

    Args:
        region: bool [height, width], not empty.

    Returns:
        bool [height, width], the box's pixels.

    Example:
        >>> best_box(torch.tensor([[True, True, True, False], [False, False, False, True]])).int()
        tensor([[1, 1, 1, 0],
                [0, 0, 0, 0]], dtype=torch.int32)
    """
    height, width = region.shape
    top, bottom = torch.triu_indices(height + 1, height + 1, offset=1)
    overlap, best = 0.0, torch.ones_like(region)
    while True:
        worth = torch.where(region, 1.0, -overlap).double()
        above = functional.pad(worth.cumsum(dim=0), (0, 0, 1, 0))  # [height + 1, width]
        until = functional.pad((above[bottom] - above[top]).cumsum(dim=1), (1, 0))  # [pairs of rows, width + 1]
        least, place = until.cummin(dim=1)
        pair, right = divmod(int((until - least).argmax()), width + 1)
        box = torch.zeros_like(region)
        box[top[pair] : bottom[pair], place[pair, right] : right] = True
        found = ((box & region).sum() / (box | region).sum()).item()
        if found <= overlap:
            return best
        overlap, best = found, box


def masks_of(black_box: str, mask: str, images: Tensor, labels: Tensor, regions: Tensor) -> Tensor:
    """The masks of that name.

    Args:
        black_box: as `load_model` takes it.
        mask: a name of `MASKS`.
        images: float [batch, 3, height, width], RGB in [0, 1].
        labels: int64 [batch].
        regions: bool [batch, height, width], where the objects are.

    Returns:
        float [batch, height, width], in [0, 1] except for the gradient.
    """
    if mask in OBJECTIVES:
        generator = torch.Generator().manual_seed(0)
        return iterative_mask(classifier(black_box), images, labels, objective=OBJECTIVES[mask], generator=generator)
    if mask == "masking model":
        return realtime_saliency(load_masking_model(black_box), images, labels)
    if mask == "gradient":
        return gradient(classifier(black_box), images, labels)
    if mask == "best box":
        regions = torch.stack([best_box(region) for region in regions])
    return torch.ones_like(images[:, 0]) if mask == "everything" else regions.to(images)


def measure_regions(black_box: str, mask: str, scenes: list[int], masking: str | None = None) -> dict:
    """One kind of mask on some scenes of the test split, those that the black box is sure of.

    Args:
        black_box: as `load_model` takes it.
        mask: a name of `MASKS`.
        scenes: [first, last).
        masking: name of the masking model's weights, so that the row is known by them.

    Returns:
        "scene" and `MEASURES`, lists with a number for every scene. "kept" and "removed" are the class's probability in
        what the mask keeps and in what it leaves, with a blur and with a noisy colour (which the searches know) or with
        black and white (which they do not) in place of the rest; "elsewhere" asks the other black boxes. "overlap" is
        the intersection over union of the mask above 0.5 with the object. "sufficient" and "destroying" are the areas
        of `smallest_regions` with a blur, None where the class is sure even under a full blur.
    """
    drawn = [Parts("test").scene(number) for number in range(*scenes)]
    images, labels = torch.stack([s.image for s in drawn]), torch.tensor([s.label for s in drawn])
    sure = target_probability(classifier(black_box), images, labels) >= CONFIDENT
    regions = torch.stack([s.region for s in drawn])[sure]
    images, labels = images[sure], labels[sure]
    maps = masks_of(black_box, mask, images, labels, regions)
    found = {"scene": (sure.nonzero()[:, 0] + scenes[0]).tolist()}
    if mask in RANKED:
        blur = blurred_baseline(images)
        smallest = smallest_regions(classifier(black_box), images, labels, maps, baseline=blur, confidence=CONFIDENT)
        found |= {name: _rounded(values) for name, values in smallest._asdict().items()}
    if mask != "gradient":  # which is a ranking only
        found |= {"area": _rounded(maps.mean(dim=(1, 2))), "overlap": _rounded(region_iou(maps, regions))}
        found |= _probabilities(black_box, images, labels, maps)
    return found


def _probabilities(black_box: str, images: Tensor, labels: Tensor, maps: Tensor) -> dict[str, list[float]]:
    noise = noisy_baseline(images, generator=torch.Generator().manual_seed(1))
    known = [blurred_baseline(images), noise]
    new = [constant_baseline(images, 0.0), constant_baseline(images, 1.0)]
    others = [name for name in BLACK_BOXES if name != black_box]
    found = {}
    for name, keep in (("kept", maps), ("removed", 1 - maps)):
        for suffix, networks, baselines in (
            ("", [black_box], known),
            (", new baselines", [black_box], new),
            (" elsewhere", others, known),
        ):
            said = [
                target_probability(classifier(network), remove_evidence(images, keep, baseline), labels)
                for network in networks
                for baseline in baselines
            ]
            found[name + suffix] = _rounded(torch.stack(said).mean(dim=0))
    return found


def _rounded(values: Tensor) -> list[float | None]:
    return [round(value, 4) if value == value else None for value in values.tolist()]


def region_rows(
    black_boxes: Sequence[str] = BLACK_BOXES, masks: Sequence[str] = MASKS, *, progress: Progress = quiet
) -> list[dict]:
    """The rows of the table, recorded or computed now.

    Args:
        black_boxes: as `load_model` takes them.
        masks: names of `MASKS`.
        progress: wraps the rows.
    """
    blocks = in_blocks(SCENES[1], BLOCK, SCENES[0])
    wanted = grid(black_box=black_boxes, mask=masks, scenes=blocks)
    for row in wanted:
        if row["mask"] == "masking model":
            row["masking"] = masking_of(row["black_box"])
    return record_all("regions", wanted, measure_regions, command=COMMAND, progress=progress)


def region_table(rows: Sequence[dict], black_box: str, measure: str) -> dict[str, tuple[float, float, float]]:
    """One measure of every kind of mask, with its 95% interval over resampled scenes.

    Args:
        rows: of `region_rows`.
        black_box: its name.
        measure: one of `MEASURES`.

    Returns:
        Mask -> (mean, low, high), of those that have it.
    """
    found = {mask: values_of(rows, black_box, mask, measure) for mask in MASKS}
    return {mask: bootstrap_interval(list(values.values())) for mask, values in found.items() if values}


def values_of(rows: Sequence[dict], black_box: str, mask: str, measure: str) -> dict[int, float]:
    """What the rows say of every scene, by its number; scenes that have no such number are left out."""
    found: dict[int, float] = {}
    for row in rows:
        if (row["configuration"]["black_box"], row["configuration"]["mask"]) == (black_box, mask):
            values = row["result"].get(measure, [])
            found |= dict(zip(row["result"]["scene"], values, strict=False))
    return {scene: value for scene, value in found.items() if value is not None}


def main() -> None:
    """Command line: records the table and prints it; masking models need their weights."""
    parser = argparse.ArgumentParser(description=main.__doc__)
    parser.add_argument("--masks", nargs="*", default=MASKS, choices=MASKS)
    rows = region_rows(masks=parser.parse_args().masks, progress=tqdm)
    for black_box in BLACK_BOXES:
        for measure in MEASURES:
            for mask, (mean, low, high) in region_table(rows, black_box, measure).items():
                print(f"{black_box}, {measure}: {mask} {mean:.3f} [{low:.3f}, {high:.3f}]")


if __name__ == "__main__":
    main()
