"""The appendix of Real Time Image Saliency: the same method on small natural pictures, CIFAR-10.

Rooms: `data` (the pictures), `network` (the classifier), `training` and `masking` (how classifier and masking model
learn) and `table` (what is measured). Pictures never enter the repository; weights and numbers do.
"""

from xai_utils.experiments.cifar.data import FULL, SUBSET, cifar_pictures, download
from xai_utils.experiments.cifar.network import cifar_classifier, load_classifier
from xai_utils.experiments.realtime_saliency.cifar import table
from xai_utils.experiments.realtime_saliency.cifar.masking import load_masks, train_masks
from xai_utils.experiments.realtime_saliency.cifar.training import COMMAND, train_classifier
from xai_utils.experiments.records import read_records, record_all
from xai_utils.tensors import Progress, quiet

__all__ = [
    "FULL",
    "SUBSET",
    "cifar_accuracy",
    "cifar_classifier",
    "cifar_fakes",
    "cifar_pictures",
    "cifar_table",
    "cifar_tables",
    "download",
    "load_classifier",
    "load_masks",
    "train_classifier",
    "train_masks",
]

TUNED, TESTED = 1000, 1000  # pictures
FEWER = {"iterative mask": (100, 300)}  # the same for what takes long
SEED = 0


def cifar_tables(data: str = SUBSET, *, progress: Progress = quiet) -> list[dict]:
    """The accuracy of the classifier, the emptiness of fake classes' masks, and all methods; recorded or computed now.

    Args:
        data: name of the folder of pictures, as `cifar_pictures` takes it; both networks must have been trained on it.
        progress: wraps the rows of the methods.
    """
    named = {"data": data, "black_box": f"cifar/resnet-{data}"}
    record_all("cifar_classifier", [named | {"tested": ["test", 0, None]}], table.measure_classifier, command=COMMAND)
    fakes = {"data": data, "masking_model": f"cifar/masking-{data}", "tested": ["test", 0, TESTED], "seed": SEED}
    record_all("cifar_fakes", [fakes], table.measure_fakes, command=COMMAND)
    wanted = [named | _setting(data, method) for method in table.METHODS]
    return record_all("cifar", wanted, table.measure_method, command=COMMAND, progress=progress)


def _setting(data: str, method: str) -> dict:
    own, (tuned, tested) = method.startswith("masking model"), FEWER.get(method, (TUNED, TESTED))
    return {
        "masking_model": f"cifar/masking-{data}" if own else None,
        "method": method,
        "tuned": ["validation", 0, tuned] if method in table.MAPS else None,
        "tested": ["test", 0, tested],
        "baselines": ["blur", "noise"],
        "seed": SEED,
    }


def cifar_table(value: str = "metric", data: str = SUBSET, baseline: str | None = None) -> dict[str, tuple]:
    """One column of the recorded table, without pictures or networks: method -> (mean, low, high).

    Args:
        value: "metric", "area", "probability" or "region"; with a baseline "alone", "without", "sufficient" or
            "destroying", of which the last two leave the max box out.
        data: name of the pictures.
        baseline: what stood where evidence was removed, "blur" or "noise"; None for the first four.

    Raises:
        ValueError: nothing of that name is recorded.
    """
    rows = {
        row["configuration"]["method"]: row["result"] if baseline is None else row["result"].get(baseline, {})
        for row in read_records("cifar")
        if row["configuration"]["data"] == data
    }
    if not rows:
        raise ValueError(f"data: expected pictures with a recorded table, got {data!r}; run `{COMMAND}`")
    found = {method: tuple(rows[method][value]) for method in table.METHODS if rows.get(method, {}).get(value)}
    if not found:
        known = sorted({name for row in rows.values() for name in row})
        raise ValueError(f"value: expected one of {', '.join(known)}, got {value!r} for baseline {baseline!r}")
    return found


def cifar_accuracy(data: str = SUBSET) -> tuple[float, float, float]:
    """The recorded test accuracy of the classifier, (share, low, high)."""
    return tuple(_recorded("cifar_classifier", data)["accuracy"])


def cifar_fakes(data: str = SUBSET) -> dict[str, tuple]:
    """The recorded areas of the masks of the own and of a fake class; see `table.measure_fakes`."""
    return {name: tuple(values) for name, values in _recorded("cifar_fakes", data).items()}


def _recorded(name: str, data: str) -> dict:
    found = [row["result"] for row in read_records(name) if row["configuration"]["data"] == data]
    if not found:
        raise ValueError(f"data: expected pictures with recorded numbers, got {data!r}; run `{COMMAND}`")
    return found[-1]
