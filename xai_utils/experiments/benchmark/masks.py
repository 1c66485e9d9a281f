"""What masks cost: from a masking model, beside the search for one picture's mask."""

from functools import partial

import torch
from torch import nn
from torchvision.models import get_model

from xai_utils.baselines import grad_cam
from xai_utils.experiments.benchmark.timing import in_forwards, seconds
from xai_utils.masks import iterative_mask
from xai_utils.models import Classifier, load_model
from xai_utils.papers.realtime_saliency import LAYERS, MaskingModel, realtime_saliency
from xai_utils.parts import load_images

MINIATURE, FULL_SIZE = ("parts/resnet", 16), ("resnet50", 192)  # encoder and base; the second is the paper's


def mask_costs(batch_size: int = 32) -> dict:
    """What a mask costs in forward passes of the encoder, and how many there are in a second.

    Neither the weights of the masking model nor those of the encoder change what it costs; they are random here.

    Args:
        batch_size: pictures of a batch; a quarter of it for the network of full size.

    Returns:
        For "miniature" and "full size": the ratios of `mask_cost`; "iterative" there is one picture's search.
    """
    small = load_model(MINIATURE[0])
    torch.manual_seed(0)
    large = load_model(get_model(FULL_SIZE[0], weights=None), classes=range(1000))
    return {
        "miniature": {"encoder": MINIATURE[0], **mask_cost(small, *MINIATURE, batch_size, repeats=7)},
        "full size": {"encoder": FULL_SIZE[0], **mask_cost(large, *FULL_SIZE, batch_size // 4, repeats=3)},
    }


def mask_cost(encoder: Classifier, name: str, base: int, batch_size: int, repeats: int) -> dict:
    """The costs on one encoder, by processor time, or by wall time on a GPU, where the encoder lies.

    Args:
        encoder: the classifier whose trunk reads the pictures, and the black box of the search.
        name: of the encoder in `LAYERS`.
        base: channels of the masking model's last upsampler.
        batch_size: pictures of a batch.
        repeats: how many turns; medians are given.

    Returns:
        "base", "batch_size", "device"; "forwards", in bare forward passes of the same batch: of a masking model with
        the text's blocks and with the official code's, of Grad-CAM, and of the iterative mask (from two steps of a
        hundred); "masks_per_second" of wall time.
    """
    device = next(encoder.parameters()).device
    images = load_images("test", range(batch_size), size=encoder.input_size)[0].to(device)
    models = [
        MaskingModel(encoder, layers=LAYERS[name], base=base, variant=variant).eval()
        for variant in ("paper", "official")
    ]
    ours, official = (model.to(device, memory_format=torch.channels_last) for model in models)
    masks = {"masking model": partial(_mask, ours), "masking model, official": partial(_mask, official)}
    others = {  # measured apart, since what they leave in the caches would slow the masks
        "Grad-CAM": partial(grad_cam, layer=f"network.{LAYERS[name][-1]}"),
        "two steps": partial(iterative_mask, steps=2, batch_size=batch_size),
    }
    forwards = in_forwards(encoder, images, masks, repeats) | in_forwards(encoder, images, others, repeats)
    forwards["iterative mask"] = round(forwards.pop("two steps") / 3 * 101, 1)  # a search of n steps looks n + 1 times
    walls = [seconds(partial(_mask, ours, encoder, images, 0)) for _ in range(repeats)]
    return {
        "base": base,
        "batch_size": batch_size,
        "device": torch.cuda.get_device_name(device) if device.type == "cuda" else "cpu",
        "forwards": forwards,
        "masks_per_second": round(batch_size / sorted(walls)[repeats // 2], 1),
    }


def _mask(masking_model: MaskingModel, encoder: nn.Module, images: torch.Tensor, target: int) -> None:
    realtime_saliency(masking_model, images, target, batch_size=len(images))
    if images.is_cuda:
        torch.cuda.synchronize()
