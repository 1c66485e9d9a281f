"""Learning from a network's own labels: which pictures without labels should it learn from?

Zuo and Wu, "Image Score" (2018), section 3.1. A network that was trained on labelled pictures labels additional ones;
some of them are chosen and learned from as if their labels were true; after every epoch they are labelled and chosen
anew.
"""

from collections.abc import Iterator, Sequence
from typing import NamedTuple

import torch
from torch import Tensor, nn
from torch.nn.functional import cross_entropy

from xai_utils.models import outputs
from xai_utils.papers.image_score import fit_reference, image_score
from xai_utils.tensors import Progress, check_choice, quiet
from xai_utils.training import InBfloat16, Recipe, fit, flipped, padded, shifted

WHOLE = ("baseline", "naive", "truth")  # what is added: nothing, everything as predicted, everything with true labels
SELECTED = ("score", "softmax", "random", "repeat")  # one network per class: see `retrain`
ARMS = WHOLE + SELECTED

# Adam as it comes: the paper names it without a rate.
RECIPE = Recipe(
    epochs=20, batch_size=128, learning_rate=1e-3, weight_decay=0.0, label_smoothing=0.0, shift=4, cycle=False
)

Pictures = tuple[Tensor, Tensor]


class Split(NamedTuple):
    """Pictures for semi-supervised learning: each uint8 [pictures, 3, height, width] with int64 [pictures]."""

    labelled: Pictures
    additional: Pictures  # its labels only measure; -1 is a class that the network does not know
    test: Pictures


class Choice(NamedTuple):
    """What is learned from in addition to the labelled pictures."""

    numbers: Tensor  # in the labelled pictures with the additional ones behind them, int64 [chosen]
    labels: Tensor  # what the network is told they show, int64 [chosen]


class Round(NamedTuple):
    """What is known after an epoch of re-training."""

    chosen: int  # pictures added in this epoch
    right: float  # share of them whose label is true; nan if none was added
    loss: float  # mean cross-entropy of their true classes, for the network that was to learn from them
    common: float  # share of the score's choice that the softmax would have chosen too; nan for other arms than these
    predicted: Tensor  # classes of the test pictures, int64 [test]


def pretrain(model: nn.Module, labelled: Pictures, recipe: Recipe = RECIPE, **knobs) -> Iterator[tuple[int, float]]:
    """Trains a network in place on labelled pictures, shifted and mirrored.

    Args:
        model: RGB in [0, 1] -> logits.
        labelled: uint8 [pictures, 3, height, width] and int64 [pictures].
        recipe: how.
        **knobs: `checkpoint` and `progress` of `xai_utils.training.fit`; with a checkpoint, an interrupted training
            goes on with the epoch in which it was interrupted.

    Yields:
        The number of each epoch, from 1, and its mean loss.
    """
    return fit(model, len(labelled[1]), _loss_of(model, *labelled, recipe), recipe, **knobs)


def retrain(
    model: nn.Module,
    split: Split,
    arm: str,
    target: int | None = None,
    *,
    share: float = 0.3,
    recipe: Recipe = RECIPE,
    progress: Progress = quiet,
) -> Iterator[Round]:
    """Trains a network further, in place, with additional pictures that are chosen anew before every epoch.

    **Source**: section 3.1. The additional pictures that the network takes for the target are put in order, and the
    first ones are added with that label. How many: the paper says alpha times *all* additional pictures, which would
    be more than are taken for any class; here it is alpha times those. They replace the choice of the epoch before.

    Args:
        model: trained on `split.labelled`; left in eval mode.
        split: the pictures.
        arm: what is added. "score": the pictures with the highest image score of the target. "softmax": those with the
            highest probability. "random": as many, drawn from the same pool. "repeat": as many labelled pictures of
            the target once more, which teach nothing new. "baseline": nothing. "naive": all additional pictures as the
            network labels them. "truth": all with their true labels, as far as they have one.
        target: the class; None for the arms of `WHOLE`.
        share: alpha, of the pictures that the network takes for the target, in [0, 1].
        recipe: how; without a cycle.
        progress: wraps the batches of each epoch.

    Yields:
        A `Round` after each epoch. If no picture is taken for the target, none is added.

    Raises:
        ValueError: another arm, a target that is missing or too much, a share outside [0, 1], a recipe with a cycle.
    """
    check_choice("arm", arm, ARMS)
    if (target is None) != (arm in WHOLE):
        raise ValueError(f"target: expected a class for {SELECTED} and None for {WHOLE}, got {target} for {arm!r}")
    if not 0 <= share <= 1:
        raise ValueError(f"share: expected a number in [0, 1], got {share}")
    images, truth = (torch.cat(both) for both in zip(split.labelled, split.additional, strict=True))
    taught, generator = truth.clone(), torch.Generator().manual_seed(recipe.seed)
    known, about = torch.arange(len(split.labelled[1])), []

    def this_epoch() -> Tensor:
        choice, common = _choose(model, split, arm, target, share, generator)
        taught[choice.numbers] = choice.labels
        about.append((*_facts(model, images, truth, choice), common))
        return torch.cat([known, choice.numbers])

    for _ in fit(model, this_epoch, _loss_of(model, images, taught, recipe), recipe, progress=progress):
        yield Round(*about[-1], logits_of(model, split.test[0]).argmax(dim=1))


def pool_of(model: nn.Module, split: Split, target: int) -> tuple[Tensor, Tensor, Tensor]:
    """The additional pictures that a network takes for a class, with both reasons to trust it.

    Args:
        model: in eval mode.
        split: the pictures.
        target: the class.

    Returns:
        Their numbers in `split.additional`, int64 [pool]; their image scores, and the logarithms of the probabilities
        of the class, float64 [pool]. The reference is made from the labelled pictures of the class.

    Raises:
        ValueError: no labelled picture shows the class.
    """
    shown = split.labelled[0][split.labelled[1] == target]
    if not len(shown):
        raise ValueError(f"target: expected a class that labelled pictures show, got {target}")
    pool = (logits_of(model, split.additional[0]).argmax(dim=1) == target).nonzero().flatten()
    if not len(pool):
        return pool, torch.empty(0), torch.empty(0)
    images = split.additional[0][pool]
    logits = outputs(model, _as_float(images), batch_size=250).double()
    return pool, scores_of(model, images, shown), logits.log_softmax(dim=1)[:, target]


def best_of(trust: Tensor, share: float) -> Tensor:
    """The places of the most trusted ones, the best first, int64; as many as the share, rounded.

    Example:
        >>> best_of(torch.tensor([0.1, 0.9, 0.5, 0.3]), 0.5)
        tensor([1, 2])
    """
    return trust.topk(round(share * len(trust))).indices


def right_so_far(trust: Tensor, right: Tensor) -> list[float]:
    """The share of right labels among the most trusted one, two, three, ...

    Example:
        >>> right_so_far(torch.tensor([0.1, 0.9, 0.5]), torch.tensor([True, True, False]))
        [1.0, 0.5, 0.6666666666666666]
    """
    ordered = right[trust.argsort(descending=True, stable=True)].double()
    return (ordered.cumsum(0) / torch.arange(1, len(ordered) + 1)).tolist()


def scores_of(model: nn.Module, pictures: Tensor, shown: Tensor) -> Tensor:
    """The image scores of pictures, float [pictures], from a reference made of other ones; none of no pictures.

    Args:
        model: in eval mode.
        pictures: uint8 [pictures, 3, height, width].
        shown: the pictures of the class, the same.
    """
    if not len(pictures):
        return torch.empty(0)
    reference = fit_reference(model, _as_float(shown), batch_size=250)
    return image_score(model, _as_float(pictures), reference, batch_size=250)


def logits_of(model: nn.Module, images: Tensor, batch_size: int = 250) -> Tensor:
    """What a network answers: uint8 [pictures, 3, height, width] -> float [pictures, classes]."""
    fast = InBfloat16(model)
    with torch.inference_mode():
        return torch.cat([fast(_as_float(chunk)) for chunk in images.split(batch_size)]).clone()


def assembled(labels: Tensor, claims: Sequence[Tensor]) -> Tensor:
    """One answer from the networks of all classes: that of the class whose network gives the highest score.

    **Source**: section 3.1, "Model Assembly". A picture that no network claims keeps its label of the baseline.

    Args:
        labels: of the baseline, int64 [pictures].
        claims: for each class, the scores of the pictures that its network takes for that class, float [pictures];
            minus infinity for the others.

    Returns:
        int64 [pictures].

    Example:
        >>> no = -torch.inf
        >>> assembled(torch.tensor([0, 0, 1]), [torch.tensor([-2.0, no, no]), torch.tensor([-1.0, -3.0, no])]).tolist()
        [1, 1, 1]
    """
    best, winner = torch.stack(list(claims)).max(dim=0)
    return torch.where(best > -torch.inf, winner, labels)


def _choose(
    model: nn.Module, split: Split, arm: str, target: int | None, share: float, generator: torch.Generator
) -> tuple[Choice, float]:
    """What an arm adds in this epoch, and the share that score and softmax have in common."""
    first, nothing = len(split.labelled[1]), torch.empty(0, dtype=torch.int64)
    if arm == "baseline":
        return Choice(nothing, nothing), torch.nan
    if arm in WHOLE:
        true, predicted = split.additional[1], logits_of(model, split.additional[0]).argmax(dim=1)
        numbers = (true >= 0).nonzero().flatten() if arm == "truth" else torch.arange(len(true))
        return Choice(first + numbers, (true if arm == "truth" else predicted)[numbers]), torch.nan
    pool, scores, chances = pool_of(model, split, target)
    best = {"score": best_of(scores, share), "softmax": best_of(chances, share)}
    count = len(best["score"])
    if arm == "repeat":
        own = (split.labelled[1] == target).nonzero().flatten()
        numbers = own[torch.randint(len(own), (count,), generator=generator)]
    elif arm == "random":
        numbers = first + pool[torch.randperm(len(pool), generator=generator)[:count]]
    else:
        numbers = first + pool[best[arm]]
    common = torch.isin(best["score"], best["softmax"]).float().mean().item()  # nan if nothing is chosen
    return Choice(numbers, torch.full_like(numbers, target)), common


def _facts(model: nn.Module, images: Tensor, truth: Tensor, choice: Choice) -> tuple[int, float, float]:
    """How many pictures were chosen, how many labels are right, and how little the network knows of them."""
    true = truth[choice.numbers]
    if not len(true):
        return 0, torch.nan, torch.nan
    known = true >= 0
    losses = cross_entropy(logits_of(model, images[choice.numbers[known]]), true[known])
    return len(true), (choice.labels == true).float().mean().item(), losses.item()


def _loss_of(model: nn.Module, images: Tensor, labels: Tensor, recipe: Recipe):
    """The loss of some pictures, shifted and mirrored, as `fit` asks for it."""
    wide, fast = padded(images, recipe.shift), InBfloat16(model)

    def loss_of(chosen: Tensor, generator: torch.Generator) -> Tensor:
        pictures = flipped(shifted(wide[chosen], recipe.shift, generator), generator)
        return cross_entropy(fast(pictures), labels[chosen], label_smoothing=recipe.label_smoothing)

    return loss_of


def _as_float(images: Tensor) -> Tensor:
    return images.float().div(255).contiguous(memory_format=torch.channels_last)
