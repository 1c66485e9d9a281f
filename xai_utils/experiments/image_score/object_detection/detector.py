"""A small Faster R-CNN: how it is built, taught and asked, and where a trained one is kept."""

import json
from collections.abc import Callable, Sequence
from pathlib import Path

import torch
from torch import Tensor, nn

from xai_utils.experiments.image_score.object_detection.scenes import SIZES, Objects, Pictures
from xai_utils.models import load_model
from xai_utils.papers.image_score import score_layers
from xai_utils.parts import CLASSES
from xai_utils.tensors import Progress, quiet
from xai_utils.weights import read_about, read_weights, weights_folder, write_weights

STRIDE, CHANNELS, CELLS = 16, 96, 4  # of the trunk's maps; a region is looked at in 4 x 4 cells
ANCHORS, RATIOS = (24, 40, 64), (0.6, 1.0, 1.6)  # pixels; height over width
HIDDEN = 128


def build_detector(network: str) -> nn.Module:
    """Faster R-CNN (Ren et al., 2015) on the convolutions of a classifier that was trained on single objects.

    **Source**: section 3.2: VGG16, trained on ImageNet. Here it is our miniature of it, trained on Parts; the heads
    begin with random weights from PyTorch's global generator.

    Args:
        network: "parts/vgg", or the same trained otherwise.

    Returns:
        torchvision's `FasterRCNN`; all of its weights are to be trained. Label 0 is background.
    """
    from torchvision.models.detection import FasterRCNN
    from torchvision.models.detection.faster_rcnn import FastRCNNPredictor
    from torchvision.models.detection.rpn import AnchorGenerator
    from torchvision.ops import MultiScaleRoIAlign

    classifier = load_model(network)
    trunk = nn.Sequential(
        *list(classifier.network.features)[:-1]
    )  # without the last pool: [96, height / 16, width / 16]
    trunk.out_channels = CHANNELS
    detector = FasterRCNN(
        trunk,
        rpn_anchor_generator=AnchorGenerator((ANCHORS,), (RATIOS,)),
        box_roi_pool=MultiScaleRoIAlign(["0"], CELLS, sampling_ratio=1),
        box_head=nn.Sequential(nn.Flatten(), nn.Linear(CHANNELS * CELLS**2, HIDDEN), nn.ReLU()),
        box_predictor=FastRCNNPredictor(HIDDEN, 1 + len(CLASSES)),
        image_mean=(-classifier.shift / classifier.scale).flatten().tolist(),
        image_std=(1 / classifier.scale).flatten().tolist(),
        **{"min_size": min(map(min, SIZES)), "max_size": max(map(max, SIZES)), "size_divisible": STRIDE},  # no resizing
        **{"rpn_pre_nms_top_n_train": 200, "rpn_post_nms_top_n_train": 64, "rpn_batch_size_per_image": 64},
        **{"rpn_pre_nms_top_n_test": 100, "rpn_post_nms_top_n_test": 32},
        **{"box_batch_size_per_image": 32, "box_detections_per_img": 15},
    )
    return detector.requires_grad_(True)


def trunk_layers(detector: nn.Module) -> tuple[str, ...]:
    """The names of the layers whose activations are compared: convolution, ReLU and pool of the trunk.

    Example:
        >>> trunk_layers(build_detector("parts/vgg").eval())[:2]
        ('backbone.1', 'backbone.2.1')
    """
    names = score_layers(detector.backbone, torch.zeros(1, 3, *SIZES[0]))
    return tuple(f"backbone.{name}" for name in names)


def loss_of(detector: nn.Module, pictures: Pictures) -> Callable[[Tensor, torch.Generator], Tensor]:
    """The loss of some of the pictures, half of them mirrored, as `xai_utils.training.fit` asks for it.

    **Source**: Ren et al.: the sum of the losses of proposals (is it an object, where) and of regions (what, where).

    Args:
        detector: in train mode when the loss is asked for.
        pictures: with the objects that are taught.
    """

    def loss(chosen: Tensor, generator: torch.Generator) -> Tensor:
        heads = torch.rand(len(chosen), generator=generator) < 0.5
        examples = [(pictures.images[n], pictures.objects[n]) for n in chosen.tolist()]
        examples = [mirrored(*one) if head else one for one, head in zip(examples, heads.tolist(), strict=True)]
        targets = [{"boxes": objects.boxes, "labels": objects.labels + 1} for _, objects in examples]
        return sum(detector([image.float() / 255 for image, _ in examples], targets).values())

    return loss


def mirrored(image: Tensor, objects: Objects) -> tuple[Tensor, Objects]:
    """A picture, left to right, with its objects.

    Args:
        image: [3, height, width].
        objects: in it.
    """
    left, top, right, bottom = objects.boxes.unbind(1)
    boxes = torch.stack([image.shape[2] - right, top, image.shape[2] - left, bottom], dim=1)
    return image.flip(2), objects._replace(boxes=boxes)


def detect(
    detector: nn.Module, images: Sequence[Tensor], *, batch_size: int = 50, progress: Progress = quiet
) -> tuple[Objects, ...]:
    """What the detector finds, the surest first.

    Args:
        detector: in eval mode.
        images: each uint8 [3, height, width]; those of one size pass together, so that none needs a margin.
        batch_size: pictures per forward pass.
        progress: wraps the sizes.
    """
    numbers: dict[torch.Size, list[int]] = {}
    for number, image in enumerate(images):
        numbers.setdefault(image.shape, []).append(number)
    answers: dict[int, dict[str, Tensor]] = {}
    with torch.inference_mode():
        for same in progress(numbers.values()):
            for first in range(0, len(same), batch_size):
                chunk = same[first : first + batch_size]
                answers |= zip(chunk, detector([images[n].float() / 255 for n in chunk]), strict=True)
    found = [Objects(*(answers[n][name].clone() for name in ("boxes", "labels", "scores"))) for n in range(len(images))]
    return tuple(objects._replace(labels=objects.labels - 1) for objects in found)


def certain(objects: Objects, threshold: float) -> Objects:
    """Only those of which the detector is sure enough.

    Args:
        objects: as `detect` returns them.
        threshold: smallest score.
    """
    return Objects(*(values[objects.scores >= threshold] for values in objects))


def write_detector(name: str, detector: nn.Module, network: str, **about) -> Path:
    """Keeps a detector's weights in half precision; returns their file.

    Args:
        name: such as "detection/labelled".
        detector: trained.
        network: of `build_detector`.
        **about: what made it.
    """
    file = weights_folder() / f"{name}.safetensors"
    return write_weights(file, detector.state_dict(), {"network": network, "about": json.dumps(about)})


def load_detector(name: str = "detection/labelled") -> nn.Module:
    """A trained detector in eval mode, with nothing left to train.

    Args:
        name: of `write_detector`.

    Raises:
        FileNotFoundError: it has not been trained yet.
    """
    file = weights_folder() / f"{name}.safetensors"
    if not file.is_file():
        raise FileNotFoundError(f"name: expected a trained detector, got {name!r}, and there is no {file}")
    detector = build_detector(read_about(file)["network"])
    detector.load_state_dict(read_weights(file))
    return detector.eval().requires_grad_(False)
