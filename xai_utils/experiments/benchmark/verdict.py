"""What every method of the verdict costs: time in forward passes, and memory beyond that of the network itself."""

import multiprocessing
import sys
from functools import partial

import torch
from torch import Tensor, nn

from xai_utils.experiments.benchmark.timing import in_forwards
from xai_utils.experiments.verdict.methods import maps_of, methods_for
from xai_utils.models import load_model
from xai_utils.parts import load_images

MODEL, PICTURES, REPEATS = "parts/resnet", 4, 3
PER_UNIT = 1 if sys.platform == "darwin" else 1024  # bytes in which a system counts the most memory of a process


def method_costs() -> dict:
    """Processor time of all methods for a few pictures of one network.

    Returns:
        "model", "pictures"; "forwards": method -> processor time in bare forward passes of these pictures, median of
        some turns after one to warm up (what samplers learn once is not counted).
    """
    model, images = load_model(MODEL), load_images("test", range(PICTURES))[0]
    methods = {name: partial(_ask, name) for name in methods_for(MODEL)}
    forwards = {name: in_forwards(model, images, {name: ask}, REPEATS)[name] for name, ask in methods.items()}
    return {"model": MODEL, "pictures": PICTURES, "forwards": forwards}


def method_memory() -> dict:
    """Memory of all methods for the same pictures, beyond that of the network and of libraries.

    Processes come from a server: one that is spawned begins, on Linux, with the most memory that its parent ever had.

    Returns:
        "megabytes": method -> by how much the largest memory of a fresh process grows while it makes its maps.
    """
    methods = methods_for(MODEL)
    with multiprocessing.get_context("forkserver").Pool(1, maxtasksperchild=1) as processes:
        grown = processes.imap(growth, methods, chunksize=1)
        return {"megabytes": dict(zip(methods, (round(mb, 1) for mb in grown), strict=True))}


def growth(method: str) -> float:
    """By how many megabytes the most memory that this process ever had grows while a method makes maps.

    Args:
        method: a name of `METHODS`.
    """
    import resource  # not on Windows

    import captum.attr  # noqa: F401  # what libraries need is not the method's
    import zennit.composites  # noqa: F401

    model, images = load_model(MODEL), load_images("test", range(PICTURES))[0]
    with torch.inference_mode():
        model(images)
    before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    _ask(method, model, images, torch.zeros(PICTURES, dtype=torch.int64))
    return (resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before) * PER_UNIT / 1e6


def _ask(method: str, model: nn.Module, images: Tensor, target: Tensor) -> None:
    maps_of(MODEL, model, method, images, target)
