"""Classifiers that take RGB in [0, 1], where they come from, and the one batched forward of the package."""

import json
import os
import pickle
import urllib.error
from collections.abc import Sequence
from pathlib import Path

import torch
from torch import Tensor, nn

from xai_utils.networks import ARCHITECTURES, VARIANTS
from xai_utils.tensors import Progress, check_choice, check_count, check_images, check_model, check_target, quiet
from xai_utils.weights import read_about, read_weights, weights_folder

IMAGENET_MEAN, IMAGENET_STD = (0.485, 0.456, 0.406), (0.229, 0.224, 0.225)
IMAGENET_TRAINING_IMAGES = 1_281_167


class Classifier(nn.Module):
    """A network with its normalisation inside: RGB in [0, 1] goes in, logits come out.

    Args:
        network: takes normalised images, returns logits [batch, classes].
        mean: of each colour channel, subtracted first.
        std: of each colour channel, divided by then.
        classes: the name of every class, in the order of the logits.
        input_size: (height, width) of the pictures the network was made for.
        training_images: how many pictures it was trained on; 0 if unknown.
    """

    def __init__(
        self,
        network: nn.Module,
        *,
        mean: Sequence[float],
        std: Sequence[float],
        classes: Sequence[str],
        input_size: tuple[int, int],
        training_images: int = 0,
    ) -> None:
        super().__init__()
        self.network = network
        self.classes = tuple(classes)
        self.input_size = tuple(input_size)
        self.training_images = training_images
        if len(mean) != 3 or len(std) != 3 or min(std) <= 0:
            raise ValueError(
                f"mean, std: expected three numbers each, std positive, got {tuple(mean)} and {tuple(std)}"
            )
        like = next(network.parameters(), torch.empty(0))  # a network may live on a GPU or count in half precision
        mean, std = (like.new_tensor(values).reshape(1, 3, 1, 1) for values in (mean, std))
        self.register_buffer("scale", 1 / std, persistent=False)
        self.register_buffer("shift", -mean / std, persistent=False)

    def forward(self, images: Tensor) -> Tensor:
        """[batch, 3, height, width], RGB in [0, 1] -> logits [batch, classes]."""
        return self.network(torch.addcmul(self.shift, images, self.scale))  # (images - mean) / std in one pass


def load_model(
    model: str | nn.Module,
    *,
    mean: Sequence[float] | None = None,
    std: Sequence[float] | None = None,
    classes: Sequence[str] | None = None,
    input_size: tuple[int, int] = (224, 224),
) -> Classifier:
    """A trained classifier in eval mode that takes RGB in [0, 1].

    Args:
        model: `"parts/alexnet"`, `"parts/vgg"`, `"parts/googlenet"`, `"parts/resnet"` or `"parts/densenet"` (our
            miniatures; `"parts/resnet-seed1"` is the same trained from another seed, `"parts/resnet-crops"` on random
            crops, `"parts/resnet-biased"` on pictures whose background tells the class); any classifier of torchvision
            (`"squeezenet1_1"`, `"vgg16"`, `"resnet50"`, ...), whose weights are taken from
            `$XAI_WEIGHTS/NAME/*.safetensors`, `*.pth` or `*.pt`, else from torchvision's cache or download; or your own
            module, which is wrapped, put into eval mode, and otherwise left as it is.
        mean: what your own module expects to be subtracted from each colour channel; ImageNet's by default.
        std: what it expects each channel to be divided by; ImageNet's by default.
        classes: the class names of your own module; needed for it, refused otherwise.
        input_size: (height, width) that your own module was made for.

    Returns:
        The classifier; it knows its `classes`, `input_size` and `training_images`.

    Raises:
        FileNotFoundError: the weights are neither here nor to be had; says where to put them.
        TypeError: neither a name nor a module.
        ValueError: an unknown name, a wrong or truncated file, or class names that are missing.

    Example:
        >>> model = load_model("parts/resnet")
        >>> model.classes[:2], model.input_size
        (('robin', 'bald eagle'), (128, 128))
        >>> model(torch.rand(4, 3, 128, 128)).shape
        torch.Size([4, 10])
    """
    if isinstance(model, nn.Module):
        if not classes:
            raise ValueError("classes: expected the names of the classes of your own module, got none")
        classifier = Classifier(
            model, mean=mean or IMAGENET_MEAN, std=std or IMAGENET_STD, classes=classes, input_size=input_size
        )
    elif not isinstance(model, str):
        raise TypeError(f"model: expected a name or a torch.nn.Module, got {type(model).__name__}")
    elif mean or std or classes:
        raise ValueError(f"mean, std, classes: expected only with your own module, got them with {model!r}")
    elif model.startswith("parts/"):
        classifier = _ours(_parts_model(model.removeprefix("parts/")))
    else:
        classifier = _ours(_torchvision_model(model))
    return classifier.eval()


def _ours(classifier: Classifier) -> Classifier:
    """A network that we loaded: nothing to train, and in the memory order in which CPUs convolve fastest."""
    return classifier.requires_grad_(False).to(memory_format=torch.channels_last)


def miniature(architecture: str, classes: Sequence[str], training_images: int = 0) -> Classifier:
    """An untrained miniature for pictures of 128 x 128 pixels, ready for training.

    Args:
        architecture: a name of `xai_utils.networks.ARCHITECTURES` or `VARIANTS`.
        classes: the name of every class.
        training_images: how many pictures it is going to be trained on.

    Returns:
        The classifier, with random weights from PyTorch's global generator.
    """
    networks = ARCHITECTURES | VARIANTS
    check_choice("architecture", architecture, list(networks))
    return Classifier(
        networks[architecture](len(classes)),
        mean=(0.5, 0.5, 0.5),
        std=(0.25, 0.25, 0.25),
        classes=classes,
        input_size=(128, 128),
        training_images=training_images,
    )


def _fill(network: nn.Module, tensors: dict[str, Tensor], path: Path) -> None:
    """Loads the file's tensors into the network, or says what does not fit."""
    try:
        network.load_state_dict(tensors)
    except RuntimeError as error:
        raise ValueError(f"{path}: expected weights of {type(network).__name__}, got others: {error}") from error


def _parts_model(name: str) -> Classifier:
    files = {file.stem: file for file in sorted((weights_folder() / "parts").glob("*.safetensors"))}
    if name not in files:
        known = ", ".join(f"parts/{stem}" for stem in files)
        raise ValueError(f"model: expected one of {known}, got 'parts/{name}'")
    path = files[name]
    tensors = read_weights(path)
    about = read_about(path)
    architecture = max(filter(name.startswith, ARCHITECTURES | VARIANTS), key=len)  # the rest says how it was taught
    classifier = miniature(architecture, json.loads(about["classes"]), int(about["training_images"]))
    _fill(classifier.network, tensors, path)
    return classifier


def _torchvision_model(name: str) -> Classifier:
    from torchvision import models

    if name not in models.list_models(module=models):
        raise ValueError(f"model: expected 'parts/...' or a classifier of torchvision, got {name!r}")
    weights = models.get_model_weights(name).DEFAULT
    preset = weights.transforms()
    return Classifier(
        _own_weights(name) or _downloaded(name, weights),
        mean=preset.mean,
        std=preset.std,
        classes=weights.meta["categories"],
        input_size=(preset.crop_size[0],) * 2,
        training_images=IMAGENET_TRAINING_IMAGES,
    )


def _own_weights(name: str) -> nn.Module | None:
    """The network with the weights found in `$XAI_WEIGHTS`, None if there are none."""
    from torchvision.models import get_model

    folder = Path(os.environ.get("XAI_WEIGHTS", "")) / name
    files = [file for kind in ("safetensors", "pth", "pt") for file in sorted(folder.glob(f"*.{kind}"))]
    if "XAI_WEIGHTS" not in os.environ or not files:
        return None
    tensors = read_weights(files[0])
    options = {}
    if name in ("googlenet", "inception_v3"):  # their auxiliary heads serve training only and may be missing
        has_heads = any("aux" in key.lower() for key in tensors)
        options = {"init_weights": False, "transform_input": True, "aux_logits": has_heads}
    network = get_model(name, weights=None, **options)
    _fill(network, tensors, files[0])
    return network


def _downloaded(name: str, weights) -> nn.Module:
    from torchvision.models import get_model

    try:
        return get_model(name, weights=weights)
    except (urllib.error.URLError, OSError) as error:
        raise FileNotFoundError(
            f"{name}: expected its weights in $XAI_WEIGHTS/{name}/ (a .pth or .safetensors state dict) or in "
            f"torchvision's cache, and {weights.url} could not be downloaded ({error}). Put the file into one of the "
            "two, or connect to the internet once."
        ) from error
    except (RuntimeError, EOFError, pickle.UnpicklingError) as error:
        cached = Path(torch.hub.get_dir()) / "checkpoints" / Path(weights.url).name
        raise ValueError(
            f"{cached}: expected a complete weights file, got one that cannot be read ({error})"
        ) from error


def outputs(model: nn.Module, images: Tensor, *, batch_size: int = 64, progress: Progress = quiet) -> Tensor:
    """What the model answers, without gradients and `batch_size` images at a time.

    Args:
        model: any module in eval mode that takes a batch.
        images: [batch, ...], whatever the model takes.
        batch_size: images per forward pass; bounds the memory.
        progress: wraps the batches.

    Returns:
        The model's outputs, [batch, ...], on the images' device.
    """
    check_model(model)
    check_count("batch_size", batch_size)
    with torch.inference_mode():
        answers = [model(chunk) for chunk in progress(images.split(batch_size))]
    return torch.cat(answers).clone()


def predict(model: nn.Module, images: Tensor, *, batch_size: int = 64, progress: Progress = quiet) -> Tensor:
    """The probability of every class.

    Args:
        model: classifier in eval mode; RGB in [0, 1] -> logits.
        images: float [batch, 3, height, width], RGB in [0, 1].
        batch_size: images per forward pass.
        progress: wraps the batches.

    Returns:
        [batch, classes]; each row sums to 1.

    Raises:
        TypeError, ValueError: images that are no pictures, a model in train mode.

    Example:
        >>> predict(load_model("parts/alexnet"), torch.rand(3, 3, 128, 128)).sum(dim=1).round(decimals=4)
        tensor([1., 1., 1.])
    """
    return outputs(model, check_images(images), batch_size=batch_size, progress=progress).softmax(dim=1)


def target_probability(
    model: nn.Module, images: Tensor, target: int | Sequence[int] | Tensor, *, batch_size: int = 64
) -> Tensor:
    """The probability of one class for each image.

    Args:
        model: classifier in eval mode.
        images: float [batch, 3, height, width], RGB in [0, 1].
        target: the class asked about, one for all images or one each.
        batch_size: images per forward pass.

    Returns:
        [batch], in [0, 1].
    """
    probabilities = predict(model, images, batch_size=batch_size)
    target = check_target(target, *probabilities.shape).to(probabilities.device)
    return probabilities.gather(1, target[:, None])[:, 0]
