"""What the methods cost, as ratios measured in one run: `make bench` writes `data/results/benchmark.json`.

Seconds depend on the machine and its mood; the ratio of a method's time to that of the bare forward passes it needs,
taken in turns, does not.
"""

import json
import os
import platform
import statistics
import time
from collections.abc import Callable, Sequence
from concurrent.futures import ProcessPoolExecutor
from functools import partial
from multiprocessing import get_context
from pathlib import Path

import torch
from torch import Tensor, nn
from torchvision.models import get_model
from tqdm.auto import tqdm

from xai_utils.baselines import grad_cam
from xai_utils.experiments.prediction_difference import parts_samplers
from xai_utils.experiments.records import RESULTS, code_hash, versions
from xai_utils.incremental import incremental_model
from xai_utils.models import load_model, outputs
from xai_utils.papers.cnn_fixations import cnn_fixations
from xai_utils.papers.prediction_difference import prediction_difference
from xai_utils.parts import Parts, load_images
from xai_utils.perturb import Sampler, window_corners
from xai_utils.tensors import Progress, quiet

MODELS = ("parts/alexnet", "parts/vgg", "parts/googlenet", "parts/resnet", "parts/densenet")
BATCH_SIZES = (32, 64, 128)
FULL_SIZE = ("alexnet", "vgg16", "googlenet", "squeezenet1_1", "resnet18", "resnet50", "densenet121")
KNOBS = {"patch": 10, "stride": 8, "samples": 8}  # 2,048 forward passes for a picture of 128 x 128


def bare_forwards(model: nn.Module, image: Tensor, count: int, batch_size: int) -> None:
    """As many forward passes as a map needs, on one batch that never changes."""
    batch = image.expand(batch_size, -1, -1, -1).contiguous(memory_format=torch.channels_last)
    with torch.inference_mode():
        for start in range(0, count, batch_size):
            model(batch[: min(batch_size, count - start)])


def seconds(work: Callable[[], object], clock: Callable[[], float] = time.perf_counter) -> float:
    """Time of one call: wall time, or what the clock says."""
    start = clock()
    work()
    return clock() - start


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


def drawing(model: nn.Module, image: Tensor, count: int = 64, repeats: int = 5) -> dict:
    """What it costs one core to draw a scene, measured in turns with forward passes.

    Args:
        model: classifier.
        image: float [1, 3, height, width].
        count: scenes, and forward passes, of one turn.
        repeats: how many turns; medians over them are given.

    Returns:
        `scenes_per_second` of processor time, and `forwards_per_scene`, what a scene costs in forward passes.
    """
    scenes = Parts("train")
    scenes.tensors(indices=range(count))  # warm up
    times = []
    for turn in range(1, repeats + 1):
        some = range(turn * count, (turn + 1) * count)
        drawn = seconds(lambda: scenes.tensors(indices=some), clock=time.process_time)  # noqa: B023
        asked = seconds(lambda: bare_forwards(model, image, count, count), clock=time.process_time)
        times.append((drawn, asked))
    return {
        "scenes_per_second": round(count / statistics.median(drawn for drawn, _ in times)),
        "forwards_per_scene": round(statistics.median(drawn / asked for drawn, asked in times), 1),
    }


def in_forwards(
    model: nn.Module, images: Tensor, methods: dict[str, Callable[..., object]], repeats: int = 7
) -> dict[str, float]:
    """What each method costs for a batch, in bare forward passes of that batch, measured in turns by processor time.

    Args:
        model: classifier.
        images: float [batch, 3, height, width].
        methods: name -> `method(model, images, target)`.
        repeats: how many turns, after one to warm up; medians of the turns' ratios are given.

    Returns:
        Name -> ratio; what comes with every method, such as its own forward pass, is part of it.
    """
    target = outputs(model, images).argmax(dim=1)
    work = [partial(outputs, model, images), *(partial(method, model, images, target) for method in methods.values())]
    turns = [[seconds(one, clock=time.process_time) for one in work] for _ in range(repeats + 1)]
    ratios = torch.tensor([[cost / bare for cost in costs] for bare, *costs in turns[1:]])
    return {name: round(value, 3) for name, value in zip(methods, ratios.median(dim=0).values.tolist(), strict=True)}


def fixation_costs(name: str = "resnet50", batch_size: int = 8, processes: int = 5) -> dict:
    """What CNN Fixations cost on a network of full size, beside captum's Grad-CAM, in forward passes.

    Within a process the ratios hardly move, from one process to the next they do, so several processes measure them.

    Args:
        name: a classifier of torchvision; its weights are random where `$XAI_WEIGHTS` has none.
        batch_size: pictures of a batch, drawn at the network's size.
        processes: how many, one after the other.

    Returns:
        What was measured, and "forwards": for each method its ratio in every process, lowest first.
    """
    alone = {"max_workers": 1, "mp_context": get_context("spawn"), "max_tasks_per_child": 1}
    with ProcessPoolExecutor(**alone) as pool:
        found = list(pool.map(_costs_in_this_process, [name] * processes, [batch_size] * processes))
    about = {"model": name, "weights": "trained" if _has_weights(name) else "random", "batch_size": batch_size}
    return {**about, "forwards": {method: sorted(one[method] for one in found) for method in found[0]}}


def _has_weights(name: str) -> bool:
    return "XAI_WEIGHTS" in os.environ and (Path(os.environ["XAI_WEIGHTS"]) / name).is_dir()


def _costs_in_this_process(name: str, batch_size: int) -> dict[str, float]:
    torch.manual_seed(0)
    trained = _has_weights(name)
    model = load_model(name) if trained else load_model(get_model(name, weights=None), classes=range(1000))
    images = load_images("test", range(batch_size), size=model.input_size)[0]
    methods = {
        "fixations": partial(cnn_fixations, batch_size=batch_size),
        "fixations, moving": partial(cnn_fixations, batch_size=batch_size, move=True),
        "Grad-CAM": partial(grad_cam, layer="network.layer4"),
    }
    return in_forwards(model, images, methods)


def incremental_gains(names: Sequence[str] = FULL_SIZE, progress: Progress = quiet) -> list[dict]:
    """How many times quicker than bare forward passes networks of full size answer for patched copies of a picture.

    Args:
        names: classifiers of torchvision; their weights are random, which costs the same.
        progress: wraps the networks.

    Returns:
        For each network the row of `incremental_gain`.
    """
    rows = []
    for name in progress(names):
        torch.manual_seed(0)
        options = {"init_weights": False} if name == "googlenet" else {}
        model = get_model(name, weights=None, **options).eval().requires_grad_(False)
        image = torch.rand(3, 224, 224)
        rows.append({"model": name, **incremental_gain(model.to(memory_format=torch.channels_last), image)})
    return rows


def incremental_gain(
    model: nn.Module, image: Tensor, *, patch: int = 10, positions: int = 32, samples: int = 10, batch_size: int = 64
) -> dict:
    """What incremental inference gains on one network, measured in turns with bare forward passes by processor time.

    A map at stride 1 asks for runs of neighbouring places; three of them, each in another third of the rows and of the
    columns, stand for all. What a place costs depends on how near the border it is, so the gain is compared with the
    bound of the same places.

    Args:
        model: classifier.
        image: float [3, height, width].
        patch: side of the patch.
        positions: neighbouring places of a run.
        samples: copies for each place.
        batch_size: copies per forward pass, the same for both.

    Returns:
        `bound` (see `IncrementalModel.bound`) over all places, `share` of the bound that is reached at these, `reached`
        (their product: how many times quicker), and `milliseconds_per_image` of the bare forward passes.
    """
    incremental = incremental_model(model, image)
    height, width = (side - patch + 1 for side in image.shape[1:])
    times, asked = [], []
    for row, column in ((3, 3), (1, 3), (3, 5), (5, 1)):  # in sixths; the first is to warm up
        places = torch.tensor(
            [[row * height // 6, column * (width - positions) // 6 + step] for step in range(positions)]
        )
        corners = places.repeat_interleave(samples, dim=0)
        contents = torch.rand(len(corners), 3, patch, patch)
        bare = seconds(lambda: bare_forwards(model, image[None], batch_size, batch_size), clock=time.process_time)
        ours = seconds(lambda: incremental.outputs(corners, contents, batch_size), clock=time.process_time)  # noqa: B023
        times.append((bare / batch_size, ours / len(corners)))
        asked.append(places)
    bare, ours = torch.tensor(times[1:]).mean(dim=0).tolist()
    bound = incremental.bound(patch)
    share = bare / ours / incremental.bound(patch, torch.cat(asked[1:]))
    return {
        "bound": round(bound, 2),
        "reached": round(share * bound, 2),
        "share": round(share, 2),
        "milliseconds_per_image": round(1000 * bare, 1),
    }


def benchmark(models: Sequence[str] = MODELS, progress: Progress = quiet) -> dict:
    """All ratios: each network at each batch size with the conditional sampler, then each sampler at the best one.

    Args:
        models: the networks; the first is the one that drawing is compared with.
        progress: wraps the measurements.
    """
    samplers = {**parts_samplers(), "conditional": parts_samplers()["conditional"].with_outer(14)}
    del samplers["conditional, per channel"]
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
    machine = {"processor": platform.machine(), "cores": os.cpu_count(), "threads": torch.get_num_threads()}
    return {
        "prediction_difference": rows,
        "incremental": incremental_gains(),
        "cnn_fixations": fixation_costs(),
        "drawing": {"model": models[0], **drawing(load_model(models[0]), image)},
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
    for row in found["incremental"]:
        print(
            f"{row['model']:16} patched copies cost {row['reached']:.1f} times less than bare forward passes, "
            f"{100 * row['share']:.0f}% of the bound {row['bound']:.1f}"
        )
    costs = found["cnn_fixations"]
    print(f"{costs['model']}, batch {costs['batch_size']}, {costs['weights']} weights, in forward passes:", end=" ")
    print(", ".join(f"{method} {ratios[0]:.2f} to {ratios[-1]:.2f}" for method, ratios in costs["forwards"].items()))
    drawn = found["drawing"]
    print(f"{drawn['scenes_per_second']} scenes a second on one core; a scene costs as much as", end=" ")
    print(f"{drawn['forwards_per_scene']} forward passes of {drawn['model']}")


if __name__ == "__main__":
    main()
