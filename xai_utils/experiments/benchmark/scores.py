"""What scoring pictures costs beside the forward passes that it watches."""

from functools import partial

from torch import Tensor, nn

from xai_utils.experiments.benchmark.timing import in_forwards
from xai_utils.models import load_model
from xai_utils.networks import ARCHITECTURES
from xai_utils.papers.image_score import Reference, fit_reference, image_score
from xai_utils.parts import load_images

BATCH = 64  # pictures per forward pass, of both


def score_costs(pictures: int = 4 * BATCH, repeats: int = 15) -> dict:
    """The scores of some batches, and a reference made of them, in forward passes of these batches; medians.

    Args:
        pictures: how many.
        repeats: turns.

    Returns:
        "pictures", "batch_size", and "forwards": network -> {"scores": ratio, "reference": ratio}.
    """
    images = load_images("test", range(pictures))[0]
    found = {}
    for name in ARCHITECTURES:
        model = load_model(f"parts/{name}")
        reference = fit_reference(model, images)
        methods = {"scores": partial(_scores, reference=reference), "reference": partial(_reference, reference)}
        found[f"parts/{name}"] = in_forwards(model, images, methods, repeats)
    return {"pictures": pictures, "batch_size": BATCH, "forwards": found}


def _scores(model: nn.Module, images: Tensor, target: int, reference: Reference) -> None:
    image_score(model, images, reference, batch_size=BATCH)


def _reference(reference: Reference, model: nn.Module, images: Tensor, target: int) -> None:
    layers = [layer.layer for layer in reference.layers]
    fit_reference(model, images, layers=layers, batch_size=BATCH)
