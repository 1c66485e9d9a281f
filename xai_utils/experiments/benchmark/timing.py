"""How costs are measured: in bare forward passes, taken in turns, since seconds depend on the machine and its mood."""

import time
from collections.abc import Callable
from functools import partial

import torch
from torch import Tensor, nn

from xai_utils.models import outputs


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
