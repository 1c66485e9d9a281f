"""Tables 1, 2 and 3: localisation error and saliency metric of every method, threshold tuned elsewhere."""

from functools import cache

import torch
from torch import Tensor, nn

from xai_utils.baselines import cam, excitation_backprop
from xai_utils.experiments.claims import printed_numbers
from xai_utils.experiments.cnn_fixations.localisation import THRESHOLDS, centred_box
from xai_utils.experiments.explanations import MIDDLE, evidence
from xai_utils.experiments.pictures import Boxed, boxed_pictures
from xai_utils.experiments.realtime_saliency.training import BLACK_BOXES, COMMAND, masking_of
from xai_utils.experiments.records import grid, record_all
from xai_utils.experiments.statistics import bootstrap_interval
from xai_utils.masks import iterative_mask
from xai_utils.metrics import box_iou, boxes_around, crop_scores, maps_to_boxes
from xai_utils.models import load_model
from xai_utils.papers.realtime_saliency import load_masking_model, realtime_saliency
from xai_utils.tensors import Progress, quiet

BATCH = 50
BOXES = ("true box", "max box", "center box")
MAPS = ("gradient", "guided backprop", "LRP", "CAM", "Grad-CAM", "excitation", "iterative mask", "masking model")
AT_HALF = "masking model, at 0.5"  # the paper's own rule for its boxes
METHODS = (*BOXES, *MAPS, AT_HALF)
TWINS = {name: name.removesuffix("-crops") for name in BLACK_BOXES}  # the same network, taught without crops
SHORT = {name: name.removeprefix("parts/").removesuffix("-crops") for name in BLACK_BOXES}
TUNED, TESTED = ["validation", 0, 100], ["test", 100, 600]

NOTHING = torch.zeros(4, dtype=torch.int64)  # the box of an empty mask: it misses, and its crop is the whole picture
Boxes = dict[tuple, Tensor]  # setting -> int64 [batch, 4]


def tables(*, progress: Progress = quiet) -> list[dict]:
    """All rows of the three tables, recorded or computed now; and the boxes alone for networks taught without crops."""
    wanted = grid(black_box=TWINS.values(), method=BOXES, tuned=[TUNED], tested=[TESTED])
    wanted += grid(black_box=BLACK_BOXES, method=METHODS, tuned=[TUNED], tested=[TESTED])
    possible = [row for row in wanted if not (row["method"] == "CAM" and "alexnet" in row["black_box"])]
    for row in possible:
        if "masking model" in row["method"]:
            row["masking"] = masking_of(row["black_box"])
    return record_all("saliency_boxes", possible, measure_boxes, command=COMMAND, progress=progress)


def maps_of(black_box: str, method: str, images: Tensor, target: Tensor) -> Tensor:
    """What a method of `MAPS` says of the pictures, not negative, [batch, height, width].

    Args:
        black_box: its name, as `load_model` takes it.
        method: a name of `MAPS`.
        images: float [batch, 3, height, width], RGB in [0, 1].
        target: int64 [batch].
    """
    if method == "masking model":
        return realtime_saliency(load_masking_model(black_box), images, target)
    model = load_model(black_box)
    if method == "iterative mask":
        return iterative_mask(model, images, target, generator=torch.Generator().manual_seed(0))
    if method == "CAM":
        return cam(model, images, target).clamp(min=0)
    if method == "excitation":
        layer = MIDDLE[black_box.split("/")[-1].split("-")[0]]
        return excitation_backprop(model, images, target, layer=f"network.{layer}")
    return evidence(black_box, model, method, images, target)


def boxes_of(black_box: str, method: str, shown: Boxed) -> Boxes:
    """The boxes that a method draws, for every setting that it may be tuned to.

    A map may choose its threshold, a share of its range, and the box around everything that it marks: the paper's
    "tightest bounding box that contains the whole saliency map".
    """
    images, whole = shown.images, torch.tensor([[0, 0, *shown.images.shape[:1:-1]]])
    if method == "true box":
        return {(): torch.cat(shown.boxes)}
    if method == "max box":
        return {(): whole.expand(len(images), 4)}
    if method == "center box":
        return centred_box(None, images, shown.labels)
    if method == AT_HALF:
        maps = maps_of(black_box, "masking model", images, shown.labels)
        boxes, empty = boxes_around(maps)
        return {(0.5,): torch.where(empty[:, None], NOTHING, boxes)}
    maps = maps_of(black_box, method, images, shown.labels)
    return {(threshold,): maps_to_boxes(maps, threshold, around="everything") for threshold in THRESHOLDS}


def measure_boxes(black_box: str, method: str, tuned: list, tested: list, masking: str = "") -> dict:
    """One row: both numbers of table 3 for a method and a black box.

    Args:
        black_box: as `load_model` takes it.
        method: a name of `METHODS`.
        tuned: [split, first, last] of the scenes on which the setting with the fewest misses is chosen.
        tested: [split, first, last] of the scenes on which it is measured.
        masking: name of the masking model's weights; only a part of the row's key.

    Returns:
        "setting"; "error", the localisation error, and "metric", the saliency metric, with 95% intervals by resampled
        scenes; "area" of the boxes; "best_metric", at the setting that is best for the metric instead.
    """
    before = _judged(black_box, method, *tuned)
    setting = min(before, key=lambda setting: before[setting][0].mean())
    for_metric = min(before, key=lambda setting: before[setting][1].mean())
    after = _judged(black_box, method, *tested, settings={setting, for_metric})
    error, metric, area = after[setting]
    return {
        "setting": list(setting),
        "error": bootstrap_interval(error),
        "metric": bootstrap_interval(metric),
        "area": float(area.mean()),
        "best_metric": bootstrap_interval(after[for_metric][1]),
    }


def _judged(
    black_box: str, method: str, split: str, first: int, last: int, settings: set[tuple] | None = None
) -> dict[tuple, Tensor]:
    """For each setting [3, scenes]: whether the box misses, the saliency metric, and the box's area."""
    model = load_model(black_box)
    parts: dict[tuple, list[Tensor]] = {}
    for start in range(first, last, BATCH):
        shown = _drawn(split, start, min(start + BATCH, last), model.input_size)
        for setting, boxes in boxes_of(black_box, method, shown).items():
            if settings is None or setting in settings:
                parts.setdefault(setting, []).append(_judge(model, shown, boxes))
    return {setting: torch.cat(pieces, dim=1) for setting, pieces in parts.items()}


@cache
def _drawn(split: str, first: int, last: int, size: tuple[int, int]) -> Boxed:
    """The scenes of a batch, drawn once for all methods."""
    return boxed_pictures(split, range(first, last), size)


def _judge(model: nn.Module, shown: Boxed, boxes: Tensor) -> Tensor:
    empty, whole = (boxes == NOTHING).all(dim=1), torch.tensor([0, 0, *shown.images.shape[:1:-1]])
    scores = crop_scores(model, shown.images, shown.labels, torch.where(empty[:, None], whole, boxes))
    missed = box_iou(boxes, shown.boxes) <= 0.5
    return torch.stack([missed.double(), scores.scores.double(), scores.areas.double()])


def table(rows: list[dict], black_box: str, value: str) -> dict[str, tuple[float, float, float]]:
    """One column of the tables: method -> (mean, low, high).

    Args:
        rows: as `tables` returns them.
        black_box: whose.
        value: "error", "metric" or "best_metric".
    """
    of = [row for row in rows if row["configuration"]["black_box"] == black_box]
    return {row["configuration"]["method"]: tuple(row["result"][value]) for row in of}


PRINTED = {
    "true box": "ground_truth_boxes",
    "max box": "max_box",
    "center box": "center_box",
    "gradient": "grad",
    "guided backprop": "guided",
    "LRP": "lrp",
    "CAM": "cam",
    "excitation": "excitation",
    "iterative mask": "mask",
    AT_HALF: "this_work",
}
"""Our names of the methods -> those of `data/papers.yml`."""


def printed_tables() -> dict[str, str]:
    """What the paper prints for each of our methods, "error / metric", "-" where it prints nothing."""
    paper = printed_numbers("realtime_saliency")
    errors, both = paper["table_2"], paper["table_3"]
    printed = {}
    for method in METHODS:
        name = PRINTED.get(method, "")
        error = errors.get(name, errors.get(name.removesuffix("_box"), both.get(name, {}).get("error")))
        metric = both.get(name, {}).get("metric")
        shown = [f"{error:.0f}%" if error is not None else "-", f"{metric:+.2f}" if metric is not None else "-"]
        printed[method] = " / ".join(shown) if error is not None else "-"
    return printed
