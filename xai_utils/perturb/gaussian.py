"""The conditional sampler: what stands around a window says what may stand in it."""

import torch
from torch import Tensor, nn

from xai_utils.perturb.samplers import Contents, check_values
from xai_utils.tensors import check_count


class ConditionalSampler(nn.Module):
    """Draws the window from a Gaussian, given the pixels around it: p(x_w | outer patch without x_w).

    All l x l patches of all pictures are taken as draws from one Gaussian. A window is placed into such an outer
    patch as centrally as the border allows; its pixels, given the rest of the outer patch (the ring), are Gaussian
    again, with a mean linear in the ring and a covariance that is the same for all pictures.

    **Source**: Zintgraf, Cohen and Welling, section 3.1 and eq. 5; section 4 for the Gaussian "over all channels".
    Deviations: a jitter on the diagonal; with `per_channel`, colours are independent, as in the authors' code.

    Args:
        outer: side l of the outer patch, pixels; a window must be smaller.
        channels: of the pictures.
        per_channel: one independent Gaussian for each colour (authors' code) instead of a joint one (paper).
        clip: (low, high) to which samples are clipped, None for no clipping.
        jitter: added to the diagonal of the covariance, as a share of its mean.

    Example:
        >>> generator = torch.Generator().manual_seed(0)
        >>> pictures = torch.rand(20, 3, 32, 32, generator=generator)
        >>> sampler = ConditionalSampler.fit(pictures, outer=6, patches=2000, generator=generator)
        >>> draws = sampler.draw(windows=1, samples=5, patch=4, generator=generator)
        >>> sampler.bind(pictures[0])(torch.tensor([[10, 10]]), 4, draws).shape
        torch.Size([1, 5, 3, 4, 4])
    """

    def __init__(
        self,
        outer: int = 14,
        *,
        channels: int = 3,
        per_channel: bool = False,
        clip: tuple[float, float] | None = (0.0, 1.0),
        jitter: float = 1e-4,
    ) -> None:
        super().__init__()
        self.outer = check_count("outer", outer, low=2)
        self.channels = check_count("channels", channels)
        self.per_channel, self.clip, self.jitter = per_channel, clip, jitter
        units = channels * outer**2
        self.register_buffer("mean", torch.zeros(units, dtype=torch.float64))
        self.register_buffer("covariance", torch.eye(units, dtype=torch.float64))
        self._conditionals: dict[tuple, tuple[Tensor, ...]] = {}
        self.register_load_state_dict_post_hook(lambda module, _: module._conditionals.clear())

    @classmethod
    def fit(
        cls,
        images: Tensor,
        *,
        outer: int = 14,
        patches: int = 25_000,
        generator: torch.Generator | None = None,
        **options,
    ) -> "ConditionalSampler":
        """Estimates mean and covariance from patches at random places of the pictures.

        Args:
            images: float [pictures, channel, height, width] (or activations of a hidden layer).
            outer: side of the largest outer patch that will be asked for, pixels.
            patches: how many are taken; the paper takes "around 25,000".
            generator: draws pictures and places.
            **options: of the sampler: `per_channel`, `clip` (by default the range of the pictures), `jitter`.

        Returns:
            The fitted sampler, on the CPU in float64; `.to(device)` moves it.

        Raises:
            ValueError: pictures smaller than the patch, or fewer patches than the Gaussian has dimensions.
        """
        if not isinstance(images, Tensor) or images.ndim != 4:
            raise ValueError(f"images: expected float [pictures, channel, height, width], got {_shape(images)}")
        count, channels, height, width = images.shape
        check_values("images", images)
        check_count("outer", outer, low=2, high=min(height, width))
        check_count("patches", patches, low=channels * outer**2 + 1)
        if count * (height - outer + 1) * (width - outer + 1) < channels * outer**2 + 1:
            raise ValueError(
                f"images: expected enough pictures for {channels * outer**2 + 1} different patches "
                f"of side {outer}, got {count} of {height} x {width}"
            )
        options.setdefault("clip", (float(images.min()), float(images.max())))
        sampler = cls(outer, channels=channels, **options)
        total, products = torch.zeros_like(sampler.mean), torch.zeros_like(sampler.covariance)
        shift = images.double().mean()  # near the mean, so that sums of squares do not cancel
        for some in torch.arange(patches).split(1000):
            picture = torch.randint(count, (len(some), 1, 1, 1), generator=generator)
            top = torch.randint(height - outer + 1, (len(some), 1, 1, 1), generator=generator)
            left = torch.randint(width - outer + 1, (len(some), 1, 1, 1), generator=generator)
            side, channel = torch.arange(outer), torch.arange(channels)[:, None, None]
            chunk = images[picture, channel, top + side[:, None], left + side].double().flatten(1) - shift
            total += chunk.sum(dim=0)
            products += chunk.T @ chunk
        mean = total / patches
        sampler.mean.copy_(mean + shift)
        sampler.covariance.copy_((products - patches * torch.outer(mean, mean)) / (patches - 1))
        return sampler

    def with_outer(self, outer: int) -> "ConditionalSampler":
        """The same Gaussian for a smaller outer patch: its marginal over the central `outer` x `outer` pixels."""
        check_count("outer", outer, low=2, high=self.outer)
        options = {"per_channel": self.per_channel, "clip": self.clip, "jitter": self.jitter}
        smaller = ConditionalSampler(outer, channels=self.channels, **options).to(self.mean.device)
        first = (self.outer - outer) // 2
        grid = torch.arange(self.channels * self.outer**2).reshape(self.channels, self.outer, self.outer)
        kept = grid[:, first : first + outer, first : first + outer].flatten().to(self.mean.device)
        smaller.mean.copy_(self.mean[kept])
        smaller.covariance.copy_(self.covariance[kept[:, None], kept])
        return smaller

    def draw(self, windows: int, samples: int, patch: int, generator: torch.Generator | None) -> Tensor:
        """Standard normal numbers, float32 [windows, samples, channels * patch * patch]."""
        return torch.randn(windows, samples, self.channels * patch**2, generator=generator)

    def bind(self, image: Tensor) -> Contents:
        """The windows given their surroundings in this image."""
        size = image.shape[1:]
        if len(image) != self.channels or min(size) < self.outer:
            raise ValueError(
                f"sampler: expected images with {self.channels} channels of at least {self.outer} x {self.outer} "
                f"pixels, got {list(image.shape)}"
            )

        def contents(corners: Tensor, patch: int, draws: Tensor) -> Tensor:
            outer_corners = self.outer_corners(corners, patch, size)
            places, which = torch.unique(corners - outer_corners, dim=0, return_inverse=True)
            drawn = image.new_empty(*draws.shape)
            for number, (row, column) in enumerate(places.tolist()):
                at = which == number
                drawn[at] = self._given_ring(image, outer_corners[at], (row, column), patch, draws[at.cpu()])
            drawn = drawn if self.clip is None else drawn.clamp_(*self.clip)
            return drawn.reshape(*draws.shape[:2], self.channels, patch, patch)

        return contents

    def outer_corners(self, corners: Tensor, patch: int, size: tuple[int, int]) -> Tensor:
        """Where the outer patch of each window begins: around it, shifted inward at the border.

        Args:
            corners: int [windows, 2], (row, column) of the windows.
            patch: side of a window.
            size: (height, width) of the picture.

        Returns:
            int [windows, 2].
        """
        check_count("patch", patch, high=self.outer - 1)
        highest = torch.tensor(size, device=corners.device) - self.outer
        return (corners - (self.outer - patch) // 2).clamp_min(0).minimum(highest)

    def conditional(self, place: tuple[int, int], patch: int) -> tuple[Tensor, Tensor, Tensor, Tensor, Tensor]:
        """The Gaussian of a window given its ring, for a window at `place` (row, column) in the outer patch.

        Returns:
            (inside, ring, weights, offset, root): indices of the window's and the ring's units in the flattened outer
            patch; the mean is `offset + weights @ ring values`, the covariance `root @ root.T`.
        """
        if (place, patch) not in self._conditionals:
            self._conditionals[place, patch] = self._condition(place, patch)
        return self._conditionals[place, patch]

    def _condition(self, place: tuple[int, int], patch: int) -> tuple[Tensor, ...]:
        window = torch.zeros(self.channels, self.outer, self.outer, dtype=torch.bool)
        window[:, place[0] : place[0] + patch, place[1] : place[1] + patch] = True
        inside, ring = window.flatten().nonzero()[:, 0], (~window).flatten().nonzero()[:, 0]
        covariance = self.covariance.cpu().double()
        if self.per_channel:
            covariance = covariance * torch.block_diag(*torch.ones(self.channels, self.outer**2, self.outer**2))
        covariance = covariance + self.jitter * covariance.diagonal().mean() * torch.eye(len(covariance))
        across = covariance[inside[:, None], ring]
        weights = torch.cholesky_solve(across.T, torch.linalg.cholesky(covariance[ring[:, None], ring])).T
        left = covariance[inside[:, None], inside] - weights @ across.T
        root = torch.linalg.cholesky((left + left.T) / 2)
        offset = self.mean.cpu().double()[inside] - weights @ self.mean.cpu().double()[ring]
        return inside, ring, weights.float(), offset.float(), root.float()

    def _given_ring(self, image: Tensor, outer_corners: Tensor, place: tuple, patch: int, draws: Tensor) -> Tensor:
        """Contents for windows that all lie at the same place of their outer patch: one matrix product for all."""
        _, ring, weights, offset, root = (t.to(image.device) for t in self.conditional(place, patch))
        side = torch.arange(self.outer, device=image.device)
        rows = (outer_corners[:, :1] + side)[:, None, :, None]
        columns = (outer_corners[:, 1:] + side)[:, None, None, :]
        channel = torch.arange(self.channels, device=image.device)[:, None, None]
        around = image[channel, rows, columns].flatten(1)[:, ring]  # [windows, ring]
        mean = offset.to(image) + around @ weights.to(image).T  # [windows, inside]
        return mean[:, None] + draws.to(image) @ root.to(image).T

    def get_extra_state(self) -> dict:
        """What a saved sampler needs beside its mean and covariance."""
        return {"per_channel": self.per_channel, "clip": self.clip, "jitter": self.jitter}

    def set_extra_state(self, state: dict) -> None:
        """Takes up what was saved."""
        self.per_channel, self.clip, self.jitter = state["per_channel"], state["clip"], state["jitter"]

    def _apply(self, fn, recurse: bool = True):
        self._conditionals.clear()  # they follow the buffers to another device
        return super()._apply(fn, recurse)


def _shape(value: object) -> str:
    return str(list(value.shape)) if isinstance(value, Tensor) else type(value).__name__
