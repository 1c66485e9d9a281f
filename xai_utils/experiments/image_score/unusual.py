"""Pictures unlike those that a network was trained on, and some like them, to measure what notices the difference."""

from collections.abc import Callable
from functools import lru_cache

import torch
from torch import Tensor
from torch.nn.functional import interpolate

from xai_utils.experiments.cifar.data import cifar_pictures
from xai_utils.experiments.image_score.shares import CIFAR, network_of
from xai_utils.parts import Parts, draw_scene
from xai_utils.perturb import gaussian_blur
from xai_utils.pictures import PHOTOGRAPHS

DATA = "cifar10-subset"  # the small pictures that are enlarged for networks of Parts
PARTS = "Parts"
SPLIT = "test"
BOX = 0.5  # side of the grey box, in shares of the picture's
TEXTURES = ("brick", "grass", "gravel")  # of scikit-image, in grey
OTHER_SEEDS = 7_000_000  # of the scenes with two objects; no split has them

Maker = Callable[[tuple[int, int], int], Tensor]  # (height, width), how many -> float [pictures, 3, height, width]


def blurred(images: Tensor) -> Tensor:
    """Under a Gaussian of 4 pixels of 128."""
    return gaussian_blur(images, images.shape[-1] / 32)


def noisy(images: Tensor) -> Tensor:
    """With noise of deviation 0.2, the same at every call."""
    noise = torch.randn(images.shape, generator=torch.Generator().manual_seed(1))
    return (images + 0.2 * noise).clamp(0, 1)


def pale(images: Tensor) -> Tensor:
    """With three tenths of the contrast, around each picture's mean."""
    mean = images.mean(dim=(1, 2, 3), keepdim=True)
    return mean + 0.3 * (images - mean)


def boxed(images: Tensor) -> Tensor:
    """With a grey box on the middle, a quarter of the picture.

    Example:
        >>> boxed(torch.zeros(1, 3, 8, 8))[0, 0].sum()
        tensor(8.)
    """
    height, width = images.shape[2:]
    top, left = (round(side * (1 - BOX) / 2) for side in (height, width))
    found = images.clone()
    found[:, :, top : height - top, left : width - left] = 0.5
    return found


def inverted(images: Tensor) -> Tensor:
    """In the opposite colours."""
    return 1 - images


USUAL = "the same kind"
CORRUPTIONS: dict[str, Callable[[Tensor], Tensor]] = {
    USUAL: lambda images: images,  # a control: nothing is to be noticed
    "blur": blurred,
    "noise on it": noisy,
    "low contrast": pale,
    "grey box": boxed,
    "inverted": inverted,
}


def usual_pictures(network: str, pictures: int, first: int = 0) -> Tensor:
    """Test pictures of the kind that a network was trained on, from the first-th on: float [pictures, 3, ...].

    Raises:
        FileNotFoundError: the pictures of a network for CIFAR-10 are not there; says how to get them.
    """
    return _test_pictures(network.removeprefix(CIFAR) if network.startswith(CIFAR) else PARTS, pictures, first)


def unusual_pictures(network: str, kind: str, pictures: int) -> Tensor:
    """Pictures of another kind, of the size that a network takes.

    Args:
        network: as `network_of` takes it.
        kind: a name of `CORRUPTIONS` (other test pictures than the first, corrupted) or of `MAKERS`.
        pictures: how many.

    Returns:
        float [pictures, 3, height, width], RGB in [0, 1].

    Raises:
        FileNotFoundError: pictures of CIFAR-10 are not there; says how to get them.
        ValueError: another kind.
    """
    if kind in CORRUPTIONS:
        return CORRUPTIONS[kind](usual_pictures(network, pictures, first=pictures))
    if kind not in MAKERS:
        raise ValueError(f"kind: expected one of {', '.join([*CORRUPTIONS, *MAKERS])}, got {kind!r}")
    return _made(kind, network_of(network).input_size, pictures)


@lru_cache(maxsize=2)
def _test_pictures(data: str, pictures: int, first: int) -> Tensor:
    if data != PARTS:
        return cifar_pictures(data, SPLIT, first, first + pictures)[0].float() / 255
    return Parts(SPLIT).tensors(indices=range(first, first + pictures))[0].float() / 255


@lru_cache(maxsize=1)
def _made(kind: str, size: tuple[int, int], pictures: int) -> Tensor:
    return MAKERS[kind](size, pictures)


def _small_photographs(size: tuple[int, int], pictures: int) -> Tensor:
    images = cifar_pictures(DATA, SPLIT, 0, pictures)[0].float() / 255
    return interpolate(images, size, mode="bilinear").clamp(0, 1)


def _drawn(size: tuple[int, int], pictures: int) -> Tensor:
    return Parts(SPLIT, size=size).tensors(indices=range(pictures))[0].float() / 255


def _empty(size: tuple[int, int], pictures: int) -> Tensor:
    split = Parts(SPLIT, size=size)
    return torch.stack([split.scene(number).without_object().image for number in range(pictures, 2 * pictures)])


def _two(size: tuple[int, int], pictures: int) -> Tensor:
    return torch.stack([draw_scene(OTHER_SEEDS + n, size=size, objects=2).image for n in range(pictures)])


def _white_noise(size: tuple[int, int], pictures: int) -> Tensor:
    return torch.rand(pictures, 3, *size, generator=torch.Generator().manual_seed(0))


def _crops(names: tuple[str, ...]) -> Maker:
    """Random windows of photographs that come with scikit-image."""

    def make(size: tuple[int, int], pictures: int) -> Tensor:
        from skimage import data

        draw = torch.Generator().manual_seed(0)
        found = []
        for number in range(pictures):
            whole = torch.from_numpy(getattr(data, names[number % len(names)])())
            whole = whole[..., None].expand(-1, -1, 3) if whole.ndim == 2 else whole
            top, left = (
                int(torch.randint(w - s + 1, (), generator=draw)) for w, s in zip(whole.shape, size, strict=False)
            )
            found.append(whole[top : top + size[0], left : left + size[1]].permute(2, 0, 1))
        return torch.stack(found).float() / 255

    return make


MAKERS: dict[str, Maker] = {
    "white noise": _white_noise,
    "textures": _crops(TEXTURES),
    "photographs": _crops(tuple(PHOTOGRAPHS.values())),
    "small photographs": _small_photographs,  # those of CIFAR-10, enlarged
    "empty scenes": _empty,
    "two objects": _two,
    PARTS: _drawn,
}
