"""What a sampler is, and those that need no probability model: a colour, other pictures, inpainting."""

from collections.abc import Callable
from typing import Protocol

import cv2
import numpy as np
import torch
from torch import Tensor, nn

from xai_utils.tensors import check_choice, check_count, check_images

Contents = Callable[[Tensor, int, Tensor], Tensor]
"""(corners [windows, 2], patch, draws) -> what stands in the windows, [windows, samples, channel, patch, patch]."""


class Sampler(Protocol):
    """What `prediction_difference` needs of a sampler."""

    def draw(self, windows: int, samples: int, patch: int, generator: torch.Generator | None) -> Tensor:
        """The randomness of `samples` contents for each of the windows, on the CPU: [windows, samples, ...]."""

    def bind(self, image: Tensor) -> Contents:
        """How that randomness becomes contents of the windows of this image, [channel, height, width]."""


def check_values(name: str, pictures: Tensor) -> None:
    """Refuses what no sampler can learn from: integers, NaN, and RGB pictures outside [0, 1]."""
    if not pictures.is_floating_point():
        raise TypeError(f"{name}: expected floating-point values, got {str(pictures.dtype).removeprefix('torch.')}")
    if not torch.isfinite(pictures).all():
        raise ValueError(f"{name}: expected finite values, got NaN or infinity")
    if pictures.shape[1] == 3:
        check_images(pictures)


class ConstantSampler(nn.Module):
    """Puts one colour into the window: the grey patch of Zeiler and Fergus (2014).

    Args:
        value: the colour, RGB in [0, 1], or one grey level.
    """

    def __init__(self, value: float | tuple[float, ...] = 0.5) -> None:
        super().__init__()
        self.register_buffer("value", torch.as_tensor(value).reshape(-1, 1, 1))

    def draw(self, windows: int, samples: int, patch: int, generator: torch.Generator | None) -> Tensor:
        """No randomness: zeros [windows, samples]."""
        return torch.zeros(windows, samples)

    def bind(self, image: Tensor) -> Contents:
        """The colour, whatever the image."""

        def contents(corners: Tensor, patch: int, draws: Tensor) -> Tensor:
            return self.value.to(image).expand(*draws.shape, len(image), patch, patch)

        return contents


class MarginalSampler(nn.Module):
    """Takes what stands in the same window of other pictures: p(x_w) in place of p(x_w | rest).

    **Source**: Zintgraf, Cohen and Welling, section 4 ("samples taken directly from other images, at the same
    location"), eq. 2. The authors' code always takes the *first* pictures, the analysed one included, which makes one
    sample in S a no-op; here pictures are drawn at random and the analysed one is left out.

    Args:
        reference: the other pictures (or activations), float [pictures, channel, height, width].
        variant: "paper" as above; "official" takes the first `samples` pictures, as the authors' code does.
    """

    def __init__(self, reference: Tensor, *, variant: str = "paper") -> None:
        super().__init__()
        check_choice("variant", variant, ["paper", "official"])
        if not isinstance(reference, Tensor) or reference.ndim != 4 or len(reference) < 2:
            shape = list(reference.shape) if isinstance(reference, Tensor) else type(reference).__name__
            raise ValueError(f"reference: expected at least 2 pictures [pictures, channel, height, width], got {shape}")
        check_values("reference", reference)
        self.variant = variant
        self.register_buffer("reference", reference)

    def draw(self, windows: int, samples: int, patch: int, generator: torch.Generator | None) -> Tensor:
        """Which picture each sample comes from: int64 [windows, samples]."""
        if self.variant == "official":
            check_count("samples", samples, high=len(self.reference))
            return torch.arange(samples).expand(windows, samples)
        return torch.randint(len(self.reference), (windows, samples), generator=generator)

    def bind(self, image: Tensor) -> Contents:
        """The windows of the reference pictures; the image itself, if it is one of them, gives way to the next."""
        if self.reference.shape[1:] != image.shape:
            raise ValueError(
                f"sampler: expected images of shape {list(self.reference.shape[1:])}, "
                f"which it was made from, got {list(image.shape)}"
            )
        reference = self.reference.to(image)
        itself = torch.tensor([torch.equal(picture, image) for picture in reference], device=image.device)
        if self.variant == "official":
            itself = torch.zeros_like(itself)
        if len(self.reference) - int(itself.sum()) < 1:
            raise ValueError("sampler: expected reference pictures other than the analysed one, got only copies of it")
        pictures = reference.permute(0, 2, 3, 1)
        positions = torch.arange(len(self.reference), device=image.device)
        while itself[positions].any():
            positions = torch.where(itself[positions], (positions + 1) % len(self.reference), positions)

        def contents(corners: Tensor, patch: int, draws: Tensor) -> Tensor:
            side = torch.arange(patch, device=image.device)
            rows = (corners[:, :1] + side)[:, None, :, None]  # [windows, 1, patch, 1]
            columns = (corners[:, 1:] + side)[:, None, None, :]  # [windows, 1, 1, patch]
            picture = positions[draws.to(image.device)][:, :, None, None]  # [windows, samples, 1, 1]
            return pictures[picture, rows, columns].permute(0, 1, 4, 2, 3)

        return contents


class InpaintingSampler(nn.Module):
    """Fills the window from its border by OpenCV's inpainting: one guess, no randomness.

    Args:
        method: "telea" (fast marching, Telea 2004) or "navier-stokes" (Bertalmio et al. 2001).
        radius: of the neighbourhood that is looked at, pixels.
    """

    def __init__(self, method: str = "telea", radius: float = 5.0) -> None:
        super().__init__()
        check_choice("method", method, ["telea", "navier-stokes"])
        self.method, self.radius = method, radius

    def draw(self, windows: int, samples: int, patch: int, generator: torch.Generator | None) -> Tensor:
        """No randomness: zeros [windows, samples]."""
        return torch.zeros(windows, samples)

    def bind(self, image: Tensor) -> Contents:
        """Each window inpainted in turn (OpenCV takes 8-bit pictures, so contents have 256 levels)."""
        flag = {"telea": cv2.INPAINT_TELEA, "navier-stokes": cv2.INPAINT_NS}[self.method]
        picture = (image.clamp(0, 1) * 255).round().byte().permute(1, 2, 0).cpu().numpy()

        def contents(corners: Tensor, patch: int, draws: Tensor) -> Tensor:
            filled = [_inpainted(picture, row, column, patch, flag, self.radius) for row, column in corners.tolist()]
            once = torch.from_numpy(np.stack(filled)).permute(0, 3, 1, 2).to(image) / 255
            return once[:, None].expand(-1, draws.shape[1], -1, -1, -1)

        return contents


def _inpainted(picture: np.ndarray, row: int, column: int, patch: int, flag: int, radius: float) -> np.ndarray:
    """One window, uint8 [patch, patch, 3], inpainted from its surroundings of three times its size."""
    top, left = max(0, row - patch), max(0, column - patch)
    around = picture[top : row + 2 * patch, left : column + 2 * patch]
    hole = np.zeros(around.shape[:2], np.uint8)
    hole[row - top : row - top + patch, column - left : column - left + patch] = 255
    filled = cv2.inpaint(np.ascontiguousarray(around), hole, radius, flag)
    return filled[row - top : row - top + patch, column - left : column - left + patch]
