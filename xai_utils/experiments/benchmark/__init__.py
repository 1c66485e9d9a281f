"""What the methods cost, as ratios measured in one run: `make bench` writes `data/results/benchmark.json`.

Seconds depend on the machine and its mood; the ratio of a method's time to that of the bare forward passes it needs,
taken in turns, does not. One room for each thing that is measured.
"""

import json
import os
import platform
from collections.abc import Callable, Sequence
from datetime import UTC, datetime

import torch

from xai_utils.experiments.benchmark.drawing import drawing_costs
from xai_utils.experiments.benchmark.fixations import fixation_costs
from xai_utils.experiments.benchmark.incremental import incremental_gain, incremental_gains
from xai_utils.experiments.benchmark.maps import map_costs
from xai_utils.experiments.benchmark.masks import mask_costs
from xai_utils.experiments.benchmark.scores import score_costs
from xai_utils.experiments.benchmark.summaries import summary_costs
from xai_utils.experiments.benchmark.timing import in_forwards
from xai_utils.experiments.benchmark.verdict import method_costs, method_memory
from xai_utils.experiments.records import RESULTS, code_hash, versions
from xai_utils.tensors import Progress, quiet

__all__ = [
    "SECTIONS",
    "benchmark",
    "drawing_costs",
    "fixation_costs",
    "in_forwards",
    "incremental_gain",
    "incremental_gains",
    "map_costs",
    "mask_costs",
    "method_costs",
    "method_memory",
    "read_benchmark",
    "score_costs",
    "summary_costs",
]

FILE = RESULTS / "benchmark.json"
SECTIONS: dict[str, Callable[[], dict | list]] = {
    "prediction_difference": map_costs,
    "incremental": incremental_gains,
    "cnn_fixations": fixation_costs,
    "realtime_saliency": mask_costs,
    "visual_summaries": summary_costs,
    "image_score": score_costs,
    "verdict": method_costs,
    "verdict_memory": method_memory,
    "drawing": drawing_costs,
}


def benchmark(sections: Sequence[str] = tuple(SECTIONS), *, progress: Progress = quiet) -> dict:
    """Measures the named sections, each written at once; the others stay as they were.

    Args:
        sections: names of `SECTIONS`.
        progress: wraps them.

    Returns:
        What the file holds then; see `read_benchmark`.
    """
    for name in progress(sections):
        found = {
            "result": SECTIONS[name](),
            "machine": {"processor": platform.machine(), "cores": os.cpu_count(), "threads": torch.get_num_threads()},
            "code": code_hash(),
            "versions": versions(),
            "date": datetime.now(UTC).date().isoformat(),
        }
        recorded = json.loads(FILE.read_text()) if FILE.exists() else {}
        FILE.write_text(json.dumps(recorded | {name: found}, indent=1) + "\n")
    return read_benchmark()


def read_benchmark() -> dict:
    """What `make bench` has measured, by section."""
    return {name: section["result"] for name, section in json.loads(FILE.read_text()).items()}
