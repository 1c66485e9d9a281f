"""One recipe that trains every miniature: reproducible, resumable, and a loop to watch."""

import math
from collections.abc import Callable, Iterator, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import NamedTuple

import numpy as np
import torch
from torch import Tensor, nn
from torch.nn.functional import affine_grid, cross_entropy, grid_sample

from xai_utils.tensors import Progress, quiet

MOST_STRETCHED = 2.0  # ratio of a random crop's sides


@dataclass(frozen=True)
class Recipe:
    """How a network is trained: AdamW under a one-cycle schedule, shifted pictures, smoothed labels.

    Args:
        epochs: passes over the training set.
        batch_size: pictures per step.
        learning_rate: the highest of the cycle; reached after a fifth of the steps.
        weight_decay: of AdamW.
        label_smoothing: share of the target's probability given to all classes.
        shift: pictures are moved by up to this many pixels in both directions, border pixels repeated.
        crop: smallest share of the picture that a random crop holds, which is then stretched to the picture's size; 1
            crops nothing.
        seed: of the initial weights, the order of the pictures and the shifts.
        cycle: whether the learning rate goes through the cycle; if not, it stays as it is.
    """

    epochs: int = 20
    batch_size: int = 64
    learning_rate: float = 1.5e-3
    weight_decay: float = 0.02
    label_smoothing: float = 0.05
    shift: int = 6
    crop: float = 1.0
    seed: int = 0
    cycle: bool = True


class Epoch(NamedTuple):
    """What is known after an epoch: its number (from 1), the mean loss, and the accuracy on the validation set."""

    number: int
    loss: float
    accuracy: float


def train(
    model: nn.Module,
    training: tuple[Tensor, Tensor],
    validation: tuple[Tensor, Tensor],
    recipe: Recipe,
    *,
    checkpoint: Path | None = None,
    progress: Progress = quiet,
) -> Iterator[Epoch]:
    """Trains the model in place and yields the state after every epoch.

    Args:
        model: takes RGB in [0, 1], returns logits; in eval mode after every epoch.
        training: uint8 images [pictures, 3, height, width] and int labels [pictures].
        validation: the same, never trained on.
        recipe: see `Recipe`.
        checkpoint: file that holds the state after every epoch; if it exists, training goes on from it.
        progress: wraps the batches of each epoch.

    Yields:
        One `Epoch` after each epoch that is computed now.

    Raises:
        ValueError: the checkpoint belongs to another recipe.
    """
    images, labels = padded(training[0], recipe.shift), training[1]

    def loss_of(chosen: Tensor, generator: torch.Generator) -> Tensor:
        pictures = cropped(shifted(images[chosen], recipe.shift, generator), recipe.crop, generator)
        logits = model(pictures)
        return cross_entropy(logits, labels[chosen], label_smoothing=recipe.label_smoothing)

    for number, loss in fit(model, len(images), loss_of, recipe, checkpoint=checkpoint, progress=progress):
        yield Epoch(number, loss, accuracy(model, *validation))


def fit(
    model: nn.Module,
    pictures: int | Callable[[], Tensor],
    loss_of: Callable[[Tensor, torch.Generator], Tensor],
    recipe: Recipe,
    *,
    groups: Sequence[dict] | None = None,
    clip: float = math.inf,
    checkpoint: Path | None = None,
    progress: Progress = quiet,
) -> Iterator[tuple[int, float]]:
    """Minimises any loss by the recipe, in place: the one training loop of the package.

    Args:
        model: in train mode during an epoch, in eval mode after it.
        pictures: how many there are to train on; or what tells, before each epoch, the numbers of those to train on
            next, int64 [pictures], for which the recipe must not have a cycle (its length depends on their count).
        loss_of: gets the numbers of a batch's pictures, int64 [batch], and the generator of all randomness, and
            returns the batch's loss, a scalar.
        recipe: see `Recipe`.
        groups: parameters with learning rates of their own, {"params": ..., "lr": ...}; by default all parameters.
        clip: norm to which a longer gradient is shortened.
        checkpoint: file that holds the state after every epoch; if it exists, training goes on from it.
        progress: wraps the batches of each epoch.

    Yields:
        The number of each epoch that is computed now, from 1, and its mean loss.

    Raises:
        ValueError: the checkpoint belongs to another recipe; a loss that is not finite, with step and epoch and the
            checkpoint to go back to.
    """
    generator = torch.Generator().manual_seed(recipe.seed)
    groups = groups or [{"params": list(model.parameters()), "lr": recipe.learning_rate}]
    trained = [parameter for group in groups for parameter in group["params"]]
    optimiser = torch.optim.AdamW(groups, weight_decay=recipe.weight_decay)
    schedule = _schedule(optimiser, pictures, recipe)
    done = _resume(checkpoint, recipe, model, optimiser, schedule, generator)
    for number in range(done + 1, recipe.epochs + 1):
        chosen = pictures() if callable(pictures) else torch.arange(pictures)
        order = chosen[torch.randperm(len(chosen), generator=generator)]
        model.train()
        losses = []
        for step in progress(range(len(order) // recipe.batch_size)):
            loss = loss_of(order[step * recipe.batch_size : (step + 1) * recipe.batch_size], generator)
            losses.append(loss.item())
            if not math.isfinite(losses[-1]):
                good = f"the last good state is in {checkpoint}" if checkpoint else "no checkpoint was asked for"
                raise ValueError(
                    f"loss: expected a finite number, got {losses[-1]} at step {step + 1} of epoch {number}; {good}"
                )
            optimiser.zero_grad()
            loss.backward()
            nn.utils.clip_grad_norm_(trained, clip)
            optimiser.step()
            schedule.step()
        model.eval()
        if checkpoint is not None:
            _save(checkpoint, number, recipe, model, optimiser, schedule, generator)
        yield number, sum(losses) / len(losses)


def _schedule(optimiser: torch.optim.Optimizer, pictures: int | Callable, recipe: Recipe):
    """The learning rate over all steps: one cycle, or always the same."""
    if not recipe.cycle:
        return torch.optim.lr_scheduler.ConstantLR(optimiser, factor=1)
    if callable(pictures):
        raise ValueError("recipe: expected one without a cycle for pictures that change, got one with a cycle")
    return torch.optim.lr_scheduler.OneCycleLR(
        optimiser, [group["lr"] for group in optimiser.param_groups], pct_start=0.2,
        total_steps=recipe.epochs * (pictures // recipe.batch_size),
    )  # fmt: skip


def padded(images: Tensor, shift: int) -> Tensor:
    """The pictures with their border pixels repeated `shift` times on all sides, in channels-last order."""
    sides = ((0, 0), (0, 0), (shift, shift), (shift, shift))
    return torch.from_numpy(np.pad(images.numpy(), sides, mode="edge")).contiguous(memory_format=torch.channels_last)


def shifted(images: Tensor, shift: int, generator: torch.Generator) -> Tensor:
    """Cuts a window out of each padded picture, so that it is moved by up to `shift` pixels in both directions.

    Args:
        images: uint8 [batch, 3, height + 2 shift, width + 2 shift], as `padded` makes them.
        shift: pixels.
        generator: draws how far each one moves.

    Returns:
        float [batch, 3, height, width] in [0, 1], in channels-last order.
    """
    height, width = (side - 2 * shift for side in images.shape[2:])
    moved = torch.empty(len(images), 3, height, width, dtype=torch.uint8, memory_format=torch.channels_last)
    for number, (down, right) in enumerate(
        torch.randint(2 * shift + 1, (len(images), 2), generator=generator).tolist()
    ):
        moved[number] = images[number, :, down : down + height, right : right + width]
    return moved.float().div_(255)


def cropped(pictures: Tensor, smallest: float, generator: torch.Generator) -> Tensor:
    """Replaces each picture by a random crop of it, stretched to the picture's size: "random resized crops".

    The paper's black boxes were trained so (Szegedy et al., 2015): a crop's area is uniform in [smallest, 1], the
    logarithm of the ratio of its sides uniform too, here up to 2.

    Args:
        pictures: float [batch, 3, height, width].
        smallest: share of the picture in (0, 1]; 1 leaves the pictures as they are.
        generator: draws areas, ratios and places.

    Returns:
        [batch, 3, height, width].
    """
    if smallest == 1:
        return pictures
    area, ratio, down, right = torch.rand(4, len(pictures), generator=generator)
    area, ratio = (smallest + (1 - smallest) * area).sqrt(), MOST_STRETCHED ** (ratio - 0.5)  # ratio: of one side
    height, width = ((area * side).clamp(max=1) for side in (ratio, 1 / ratio))
    centre = torch.stack([(1 - width) * (2 * right - 1), (1 - height) * (2 * down - 1)], dim=1)  # from -1 to 1
    corners = torch.cat([torch.diag_embed(torch.stack([width, height], dim=1)), centre[:, :, None]], dim=2)
    return grid_sample(
        pictures, affine_grid(corners, list(pictures.shape), align_corners=False), padding_mode="border",
        align_corners=False,
    )  # fmt: skip


def flipped(pictures: Tensor, generator: torch.Generator) -> Tensor:
    """Mirrors half of the pictures, left to right.

    Args:
        pictures: float [batch, 3, height, width].
        generator: draws which ones.
    """
    heads = torch.rand(len(pictures), 1, 1, 1, generator=generator) < 0.5
    return torch.where(heads, pictures.flip(3), pictures)


class InBfloat16(nn.Module):
    """A model whose products are in bfloat16, which take half the time on processors that have it.

    Args:
        model: float images -> float logits; shared, not copied.
    """

    def __init__(self, model: nn.Module) -> None:
        super().__init__()
        self.model = model
        self.train(model.training)

    def forward(self, images: Tensor) -> Tensor:
        """float [batch, 3, height, width] -> float32 logits [batch, classes]."""
        with torch.autocast(images.device.type, torch.bfloat16):
            return self.model(images).float()


def accuracy(model: nn.Module, images: Tensor, labels: Tensor, batch_size: int = 100) -> float:
    """The share of pictures whose highest logit is the label's.

    Args:
        model: in eval mode.
        images: uint8 [pictures, 3, height, width].
        labels: int [pictures].
        batch_size: pictures per forward pass.
    """
    with torch.inference_mode():
        hits = [
            (model((chunk.float() / 255).contiguous(memory_format=torch.channels_last)).argmax(1) == truth).sum().item()
            for chunk, truth in zip(images.split(batch_size), labels.split(batch_size), strict=True)
        ]
    return sum(hits) / len(images)


def _save(path: Path, number: int, recipe: Recipe, *stateful) -> None:
    """Writes everything that training needs to go on, in one atomic step."""
    model, optimiser, schedule, generator = stateful
    state = {
        "epoch": number,
        "recipe": asdict(recipe),
        "model": model.state_dict(),
        "optimiser": optimiser.state_dict(),
        "schedule": schedule.state_dict(),
        "generator": generator.get_state(),
        "dropout": torch.get_rng_state(),
    }
    path.parent.mkdir(parents=True, exist_ok=True)
    partial = path.with_suffix(".partial")
    torch.save(state, partial)
    partial.replace(path)


def _resume(path: Path | None, recipe: Recipe, *stateful) -> int:
    """Takes up the checkpoint if there is one; returns the number of epochs already done."""
    if path is None or not path.exists():
        torch.manual_seed(recipe.seed)  # dropout draws from PyTorch's global generator
        return 0
    state = torch.load(path, weights_only=True)
    if state["recipe"] != asdict(recipe):
        raise ValueError(f"checkpoint: expected one made by {recipe}, got one made by {state['recipe']}; delete {path}")
    model, optimiser, schedule, generator = stateful
    model.load_state_dict(state["model"])
    optimiser.load_state_dict(state["optimiser"])
    schedule.load_state_dict(state["schedule"])
    generator.set_state(state["generator"])
    torch.set_rng_state(state["dropout"])
    return state["epoch"]
