"""What incremental inference gains on networks of full size."""

import time
from collections.abc import Sequence

import torch
from torch import Tensor, nn
from torchvision.models import get_model

from xai_utils.experiments.benchmark.timing import bare_forwards, seconds
from xai_utils.incremental import incremental_model
from xai_utils.tensors import Progress, quiet

FULL_SIZE = ("alexnet", "vgg16", "googlenet", "squeezenet1_1", "resnet18", "resnet50", "densenet121")


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
