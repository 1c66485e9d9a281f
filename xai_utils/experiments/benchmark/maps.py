"""What prediction differences cost: how much of the time is the network's own forward passes."""

from collections.abc import Sequence

import torch
from torch import Tensor, nn

from xai_utils.experiments.benchmark.timing import bare_forwards, seconds
from xai_utils.experiments.prediction_difference import parts_samplers
from xai_utils.models import load_model
from xai_utils.papers.prediction_difference import prediction_difference
from xai_utils.parts import load_images
from xai_utils.perturb import Sampler, window_corners
from xai_utils.tensors import Progress, quiet

MODELS = ("parts/alexnet", "parts/vgg", "parts/googlenet", "parts/resnet", "parts/densenet")
BATCH_SIZES = (32, 64, 128)
KNOBS = {"patch": 10, "stride": 8, "samples": 8}  # 2,048 forward passes for a picture of 128 x 128


def map_costs(models: Sequence[str] = MODELS, *, progress: Progress = quiet) -> dict:
    """Each network at each batch size with the conditional sampler, then each sampler at the best one.

    Args:
        models: the networks.
        progress: wraps them.

    Returns:
        "rows", as `shares_of_forwards` gives them, and the "knobs" of the maps.
    """
    samplers = {**parts_samplers(), "conditional": parts_samplers()["conditional"].with_outer(14)}
    image = load_images("test", [0])[0]
    rows = []
    for name in progress(models):
        model = load_model(name)
        by_size = shares_of_forwards(model, samplers["conditional"], image, BATCH_SIZES)
        rows += [{"model": name, "sampler": "conditional", **row} for row in by_size]
        best = next(row["batch_size"] for row in by_size if row["best"])
        for sampler in ("marginal", "grey occlusion"):
            (row,) = shares_of_forwards(model, samplers[sampler], image, [best])
            rows.append({"model": name, "sampler": sampler, **row})
    return {"rows": rows, "knobs": KNOBS}


def shares_of_forwards(
    model: nn.Module, sampler: Sampler, image: Tensor, batch_sizes: Sequence[int], repeats: int = 5
) -> list[dict]:
    """How much of a map's wall time is the model's own forward passes, measured in turns with a bare loop.

    Every turn runs each batch size once, map and bare loop side by side, and only times of one turn are compared, so
    that a machine whose speed drifts does not favour anybody.

    Args:
        model: classifier.
        sampler: of the map.
        image: float [1, 3, height, width].
        batch_sizes: images per forward pass, the same for both.
        repeats: how many turns; medians over them are given.

    Returns:
        For each batch size: `share` (bare loop's time over the map's), `best` (whether the map itself is quickest
        with it), `forwards` and `milliseconds_per_image` of the bare loop.
    """
    count = len(window_corners(image.shape[2:], KNOBS["patch"], KNOBS["stride"])) * KNOBS["samples"]
    generator = torch.Generator().manual_seed(0)

    def turn(size: int) -> tuple[float, float]:
        settings = {"sampler": sampler, "batch_size": size, "generator": generator, "incremental": False, **KNOBS}
        whole = seconds(lambda: prediction_difference(model, image, 0, **settings))
        return whole, seconds(lambda: bare_forwards(model, image, count, size))

    turn(batch_sizes[0])  # warm up
    times = torch.tensor([[turn(size) for size in batch_sizes] for _ in range(repeats)])  # [turns, sizes, 2]
    whole, bare = times.unbind(dim=2)
    shares = (bare / whole).median(dim=0).values.tolist()
    best = int((whole / whole.sum(dim=1, keepdim=True)).median(dim=0).values.argmin())
    milliseconds = (1000 * bare / count).median(dim=0).values.tolist()
    return [
        {
            "batch_size": size,
            "best": number == best,
            "share": round(shares[number], 3),
            "forwards": count,
            "milliseconds_per_image": round(milliseconds[number], 3),
        }
        for number, size in enumerate(batch_sizes)
    ]
