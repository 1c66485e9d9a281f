"""What it costs to draw a scene of Parts."""

import statistics
import time

from xai_utils.experiments.benchmark.timing import bare_forwards, seconds
from xai_utils.models import load_model
from xai_utils.parts import Parts, load_images

MODEL = "parts/alexnet"


def drawing_costs(name: str = MODEL, count: int = 64, repeats: int = 5) -> dict:
    """What it costs one core to draw a scene, measured in turns with forward passes.

    Args:
        name: the network in whose forward passes a scene is counted.
        count: scenes, and forward passes, of one turn.
        repeats: how many turns; medians over them are given.

    Returns:
        The `model`; `scenes_per_second` of processor time; `forwards_per_scene`, what a scene costs in them.
    """
    model, image, scenes = load_model(name), load_images("test", [0])[0], Parts("train")
    scenes.tensors(indices=range(count))  # warm up
    times = []
    for turn in range(1, repeats + 1):
        some = range(turn * count, (turn + 1) * count)
        drawn = seconds(lambda: scenes.tensors(indices=some), clock=time.process_time)  # noqa: B023
        asked = seconds(lambda: bare_forwards(model, image, count, count), clock=time.process_time)
        times.append((drawn, asked))
    return {
        "model": name,
        "scenes_per_second": round(count / statistics.median(drawn for drawn, _ in times)),
        "forwards_per_scene": round(statistics.median(drawn / asked for drawn, asked in times), 1),
    }
