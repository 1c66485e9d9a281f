"""One loop that trains every network: reproducible, resumable, and to be watched."""

import math
from collections.abc import Callable, Iterator, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import NamedTuple

import torch
from torch import Tensor, nn
from torch.nn.functional import cross_entropy

from xai_utils.tensors import Progress, quiet
from xai_utils.training.changes import cropped, padded, shifted


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
