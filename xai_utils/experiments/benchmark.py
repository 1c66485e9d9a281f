"""What the methods cost, as ratios measured in one run: `make bench` writes `data/results/benchmark.json`.

Seconds depend on the machine and its mood; the ratio of a method's time to that of the bare forward passes it needs,
taken in turns, does not.
"""

import json
import os
import platform
import statistics
import time
from collections.abc import Callable

import torch
from torch import Tensor, nn
from tqdm.auto import tqdm

from xai_utils.experiments.prediction_difference import parts_samplers
from xai_utils.experiments.records import RESULTS, code_hash, versions
from xai_utils.models import load_model
from xai_utils.papers.prediction_difference import prediction_difference
from xai_utils.parts import load_images
from xai_utils.perturb import Sampler, window_corners
from xai_utils.tensors import Progress, quiet

MODELS = ("parts/alexnet", "parts/vgg", "parts/googlenet", "parts/resnet", "parts/densenet")
BATCH_SIZES = (32, 64, 128)
KNOBS = {"patch": 10, "stride": 8, "samples": 8}  # 2,048 forward passes for a picture of 128 x 128


def bare_forwards(model: nn.Module, image: Tensor, count: int, batch_size: int) -> None:
    """As many forward passes as a map needs, on one batch that never changes."""
    batch = image.expand(batch_size, -1, -1, -1).contiguous(memory_format=torch.channels_last)
    with torch.inference_mode():
        for start in range(0, count, batch_size):
            model(batch[: min(batch_size, count - start)])


def seconds(work: Callable[[], None]) -> float:
    """Wall time of one call."""
    start = time.perf_counter()
    work()
    return time.perf_counter() - start


def share_of_forwards(model: nn.Module, sampler: Sampler, image: Tensor, batch_size: int, repeats: int = 2) -> dict:
    """How much of a map's wall time is the model's own forward passes, measured in turns with a bare loop.

    Args:
        model: classifier.
        sampler: of the map.
        image: float [1, 3, height, width].
        batch_size: images per forward pass, the same for both.
        repeats: how often each is run; medians are compared.

    Returns:
        `share` (bare loop's time over the map's), `forwards` and `milliseconds_per_image` of the bare loop.
    """
    count = len(window_corners(image.shape[2:], KNOBS["patch"], KNOBS["stride"])) * KNOBS["samples"]
    generator = torch.Generator().manual_seed(0)
    bare, whole = [], []
    bare_forwards(model, image, count // 4, batch_size)  # warm up
    for _ in range(repeats):
        whole.append(
            seconds(
                lambda: prediction_difference(
                    model, image, 0, sampler=sampler, batch_size=batch_size, generator=generator, **KNOBS
                )
            )
        )
        bare.append(seconds(lambda: bare_forwards(model, image, count, batch_size)))
    return {
        "share": round(statistics.median(b / w for b, w in zip(bare, whole, strict=True)), 3),
        "forwards": count,
        "milliseconds_per_image": round(1000 * statistics.median(bare) / count, 3),
    }


def benchmark(progress: Progress = quiet) -> dict:
    """All ratios: each network at each batch size with the conditional sampler, then each sampler at the best one.

    Args:
        progress: wraps the measurements.
    """
    samplers = {**parts_samplers(), "conditional": parts_samplers()["conditional"].with_outer(14)}
    del samplers["conditional, per channel"]
    image = load_images("test", [0])[0]
    rows = []
    for name in progress(MODELS):
        model = load_model(name)
        by_size = {size: share_of_forwards(model, samplers["conditional"], image, size) for size in BATCH_SIZES}
        best = min(by_size, key=lambda size: by_size[size]["milliseconds_per_image"] / by_size[size]["share"])
        rows += [
            {"model": name, "sampler": "conditional", "batch_size": s, "best": s == best, **r}
            for s, r in by_size.items()
        ]
        for sampler in ("marginal", "grey occlusion"):
            row = share_of_forwards(model, samplers[sampler], image, best)
            rows.append({"model": name, "sampler": sampler, "batch_size": best, "best": True, **row})
    machine = {"processor": platform.machine(), "cores": os.cpu_count(), "threads": torch.get_num_threads()}
    return {
        "prediction_difference": rows,
        "knobs": KNOBS,
        "code": code_hash(),
        "versions": versions(),
        "machine": machine,
    }


def main() -> None:
    """Command line: measures, writes `data/results/benchmark.json`, prints the table."""
    found = benchmark(progress=tqdm)
    RESULTS.mkdir(parents=True, exist_ok=True)
    (RESULTS / "benchmark.json").write_text(json.dumps(found, indent=1) + "\n")
    for row in found["prediction_difference"]:
        print(
            f"{row['model']:16} {row['sampler']:15} batch {row['batch_size']:4d}{'*' if row['best'] else ' '} "
            f"{100 * row['share']:5.1f}% of the time is forward passes, {row['milliseconds_per_image']:.3f} ms each"
        )


if __name__ == "__main__":
    main()
