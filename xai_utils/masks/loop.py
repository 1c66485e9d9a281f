"""The one loop that searches for masks, and the method that runs it to its end."""

from collections.abc import Iterator, Sequence
from itertools import chain
from typing import NamedTuple

import torch
from torch import Tensor, nn
from torch.nn import functional

from xai_utils.masks.objective import SWAPPED, Objective
from xai_utils.perturb import blur_matrix, draw_baselines
from xai_utils.tensors import Progress, check_count, check_images, check_model, check_target, quiet


class State(NamedTuple):
    """How far the search for the masks of a batch is."""

    step: int
    """How many steps were made, 0 at the start."""
    keep: Tensor
    """The masks after them, [batch, height, width], 1 on the region that explains the class."""
    terms: dict[str, Tensor]
    """The objective's terms at these masks, without their weights, [batch] each."""
    loss: Tensor
    """Their weighted sum, [batch]."""


def optimise_keep(
    model: nn.Module,
    images: Tensor,
    target: int | Sequence[int] | Tensor,
    *,
    objective: Objective = SWAPPED,
    steps: int | None = None,
    start: Tensor | None = None,
    generator: torch.Generator | None = None,
) -> Iterator[State]:
    """Searches for each picture's mask by gradient descent and shows every state on the way.

    The masks of a batch are searched for together but do not touch each other: losses are summed, and what is drawn
    at random is drawn once for all, so that a batch of two is two of one.

    **Source**: Dabkowski and Gal (2017), section 4, first paragraph, and Fong and Vedaldi (2017), section 4; which of
    the two is asked by the objective.

    Args:
        model: classifier in eval mode; RGB in [0, 1] -> logits.
        images: float [batch, 3, height, width], RGB in [0, 1].
        target: the class asked about, one for all images or one each.
        objective: what the masks are asked for, from where and how fast.
        steps: how many; the objective's own by default.
        start: masks to begin with, [batch, height, width] in [0, 1], for instance another search's; the objective's
            own start by default.
        generator: draws the baselines, on the CPU.

    Returns:
        An iterator of `steps` + 1 states, the start among them.

    Raises:
        TypeError, ValueError: bad images, target or start, a model in train mode.
        RuntimeError: while iterating, if a loss is no longer finite; the state seen last was the last good one.

    Example:
        >>> from xai_utils.models import load_model
        >>> model, pictures = load_model("parts/resnet"), torch.rand(2, 3, 128, 128)
        >>> [state.step for state in optimise_keep(model, pictures, 3, steps=2)]
        [0, 1, 2]
    """
    check_model(model)
    check_images(images)
    steps = objective.steps if steps is None else check_count("steps", steps, low=0)
    with torch.no_grad():
        classes = model(images[:1]).shape[1]
    target = check_target(target, len(images), classes).to(images.device)
    if start is None:
        start = _first_masks(objective, images)
    elif start.shape != images[:, 0].shape or not ((start >= 0) & (start <= 1)).all():
        wanted = list(images[:, 0].shape)
        raise ValueError(f"start: expected masks {wanted} in [0, 1], got {list(start.shape)} or values beyond")
    return _states(model, images, target, objective, steps, start, generator)


def _states(
    model: nn.Module,
    images: Tensor,
    target: Tensor,
    objective: Objective,
    steps: int,
    start: Tensor,
    generator: torch.Generator | None,
) -> Iterator[State]:
    baselines = draw_baselines(images, objective.baseline, sigma=objective.sigma, generator=generator, together=True)
    down, across = (_enlarging(side, min(images.shape[2:]), objective).to(images) for side in images.shape[2:])
    cells = functional.adaptive_avg_pool2d(start.detach()[:, None], (down.shape[1], across.shape[1]))
    of_pixels = cells.shape[2:] == images.shape[2:] and not objective.smooth  # nothing to enlarge
    if objective.two_channels:
        cells = torch.cat([cells, 1 - cells], dim=1)
    cells.requires_grad_()
    optimiser = _optimiser(objective, cells)
    for step in range(steps + 1):
        with torch.enable_grad():  # closed again before the yield
            keep = _coarse(cells) if of_pixels else down @ _coarse(cells) @ across.T  # [batch, height, width]
            terms = objective.terms(model, images, target, keep, baselines)
            loss = objective.loss(terms)
            (slope,) = torch.autograd.grad(loss.sum(), cells)
        good = torch.isfinite(loss) & torch.isfinite(slope.flatten(1).sum(dim=1))
        if not good.all():
            raise RuntimeError(f"loss: expected finite values, got others in step {step} for images {_where(~good)}")
        yield State(step, keep.detach(), {name: term.detach() for name, term in terms.items()}, loss.detach())
        cells.grad = slope
        optimiser.step()
        if not objective.two_channels:
            cells.data.clamp_(0, 1)


def _first_masks(objective: Objective, images: Tensor) -> Tensor:
    """The objective's start, [batch, height, width]."""
    if objective.start != "circle":
        return torch.full_like(images[:, 0], objective.start)
    down, across = ((torch.arange(side, device=images.device) + 0.5) * 2 / side - 1 for side in images.shape[2:])
    return (down[:, None] ** 2 + across**2 <= 1).to(images).expand_as(images[:, 0])


def _enlarging(side: int, shorter: int, objective: Objective) -> Tensor:
    """How a line of cells becomes a line of pixels, bilinearly and smoothed, as one matrix [side, cells]."""
    cells = min(side, round(objective.size * side / shorter))
    bilinear = functional.interpolate(torch.eye(cells, dtype=torch.float64)[None], side, mode="linear")[0].T
    return blur_matrix(side, objective.smooth * shorter / 224) @ bilinear


def _coarse(cells: Tensor) -> Tensor:
    """The mask of cells [batch, 1 or 2, rows, columns]: themselves, or eq. 8 of Dabkowski and Gal.

    The 0.001 is the one in the authors' iterative code; without it a cell could be 0 / 0.
    """
    if cells.shape[1] == 1:
        return cells[:, 0]
    region, rest = cells.abs().unbind(dim=1)
    return region / (region + rest + 0.001)


def _optimiser(objective: Objective, cells: Tensor) -> torch.optim.Optimizer:
    if objective.optimiser == "adam":
        return torch.optim.Adam([cells], lr=objective.learning_rate, fused=True)
    return torch.optim.SGD([cells], lr=objective.learning_rate, momentum=0.9, nesterov=True)


def _where(flags: Tensor) -> list[int]:
    return flags.nonzero()[:, 0].tolist()


def iterative_mask(
    model: nn.Module,
    images: Tensor,
    target: int | Sequence[int] | Tensor,
    *,
    objective: Objective = SWAPPED,
    steps: int | None = None,
    start: Tensor | None = None,
    batch_size: int = 32,
    generator: torch.Generator | None = None,
    progress: Progress = quiet,
) -> Tensor:
    """The region that alone shows the class and without which the class is gone, searched for in each picture.

    **Source**: Dabkowski and Gal (2017), section 4: eq. 4 "optimised iteratively", the baseline of their fig. 5f and
    Table 2. With `DESTROYING` it is the mask of Fong and Vedaldi (2017), as in fig. 2.

    Args:
        model: classifier in eval mode; RGB in [0, 1] -> logits.
        images: float [batch, 3, height, width], RGB in [0, 1].
        target: the class asked about, one for all images or one each.
        objective: what the mask is asked for: `SWAPPED`, `PRINTED`, `OFFICIAL`, `DESTROYING` or one of your own.
        steps: of the search; the objective's own by default.
        start: as for `optimise_keep`.
        batch_size: pictures searched together; each goes through the model twice in every step.
        generator: draws the baselines, on the CPU; the same ones for every picture.
        progress: wraps the steps.

    Returns:
        float [batch, height, width] in [0, 1]: how much of each pixel belongs to the region.

    Raises:
        TypeError, ValueError: bad images or target, a model in train mode.
        RuntimeError: a loss that is no longer finite; names the step and the pictures.

    Example:
        >>> from xai_utils.models import load_model
        >>> from xai_utils.parts import load_images
        >>> images, labels = load_images("test", [0])
        >>> maps = iterative_mask(load_model("parts/alexnet"), images, labels, steps=10)
        >>> maps.shape, bool(maps.amin() >= 0 and maps.amax() <= 1)
        (torch.Size([1, 128, 128]), True)
    """
    check_count("batch_size", batch_size)
    check_model(model)
    target = check_target(target, len(check_images(images)), None)
    steps = objective.steps if steps is None else check_count("steps", steps, low=0)
    if start is not None and start.shape != images[:, 0].shape:
        raise ValueError(f"start: expected masks {list(images[:, 0].shape)}, got {list(start.shape)}")
    draws = generator.get_state() if generator is not None else None

    def search(first: int) -> Iterator[State]:
        some = slice(first, first + batch_size)
        if generator is not None:
            generator.set_state(draws)  # what is drawn does not depend on how the images are divided
        first_masks = None if start is None else start[some]
        knobs = {"objective": objective, "steps": steps, "start": first_masks, "generator": generator}
        yield from optimise_keep(model, images[some], target[some], **knobs)

    firsts = range(0, len(images), batch_size)
    states = chain.from_iterable(map(search, firsts))
    shown = progress(range(len(firsts) * (steps + 1)))
    return torch.cat([state.keep for _, state in zip(shown, states, strict=True) if state.step == steps])
