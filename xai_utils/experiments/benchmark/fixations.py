"""What CNN Fixations cost on a network of full size."""

import os
from concurrent.futures import ProcessPoolExecutor
from functools import partial
from multiprocessing import get_context
from pathlib import Path

import torch
from torchvision.models import get_model

from xai_utils.baselines import grad_cam
from xai_utils.experiments.benchmark.timing import in_forwards
from xai_utils.models import load_model
from xai_utils.papers.cnn_fixations import cnn_fixations
from xai_utils.parts import load_images


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
