"""Prediction Difference Analysis: what would the network have said, had it not known these pixels?

Zintgraf, Cohen and Welling, "A New Method to Visualize Deep Neural Networks" (arXiv:1603.02518v1, 2016), which
became "Visualizing Deep Neural Network Decisions: Prediction Difference Analysis" (ICLR 2017).
"""

from collections.abc import Callable, Sequence
from itertools import product

import torch
from torch import Tensor, nn

from xai_utils.activations import LayerModel, record, rest_of_model
from xai_utils.incremental import answers_to_copies
from xai_utils.models import outputs
from xai_utils.perturb import Sampler, average_over_windows, window_corners
from xai_utils.tensors import Progress, check_choice, check_count, check_images, check_target, quiet

DRAWN_AT_ONCE = 1024  # perturbed images whose randomness is drawn in one go: fixes the order of draws


def prediction_difference(
    model: nn.Module,
    images: Tensor,
    target: int | Sequence[int] | Tensor,
    *,
    sampler: Sampler,
    patch: int = 10,
    stride: int = 1,
    samples: int = 20,
    output: str = "probability",
    source: str | None = None,
    instances: int | None = None,
    incremental: bool = True,
    batch_size: int = 64,
    generator: torch.Generator | None = None,
    progress: Progress = quiet,
) -> Tensor:
    """The evidence for or against the target that each pixel gives: how the answer changes when it is unknown.

    A window slides over the picture. Its content is replaced by samples of what could stand there, and the model's
    mean answer is compared with its answer to the picture as it is. A pixel's relevance is the mean over the windows
    it lies in.

    **Source**: Algorithm 1; eqs. 1-4 for probabilities (weight of evidence), eqs. 6-7 for everything else (activation
    difference). Deviations: `stride` may be larger than 1; the last windows always end at the border.

    Args:
        model: in eval mode; RGB in [0, 1] -> logits, or `as_model(model, layer)` for the units of a hidden layer.
        images: float [batch, 3, height, width], RGB in [0, 1].
        target: the class (or unit) asked about, one for all images or one each.
        sampler: what could stand in a window: `ConditionalSampler`, `MarginalSampler`, ...
        patch: side k of a window, pixels.
        stride: from one window to the next, pixels; 1 in the paper, at most `patch`.
        samples: contents S drawn for each window.
        output: "probability" (softmax of the outputs; the map is a weight of evidence) or "activation" (the outputs
            as they are, such as logits or hidden units; the map is an activation difference).
        source: hidden layer whose units are made unknown instead of pixels (H in eq. 6); the sampler is then one of
            that layer's activations, patch and stride count its units, and the map has its height and width.
        instances: N of the Laplace correction, the size of the training set; by default what the model says of
            itself, else 100,000 as in the authors' code.
        incremental: computes only what a window changes, where the model's graph allows it (`incremental_model`): the
            same map from a fraction of the work.
        batch_size: perturbed images per forward pass; bounds the memory, does not change the map.
        generator: draws the samples; the draws depend on its state, the window and the sample only.
        progress: wraps the blocks of windows of all images.

    Returns:
        float [batch, height, width]. Weight of evidence in bits, or activation difference in the unit's own scale;
        positive where the pixels speak for the target, negative where they speak against it.

    Raises:
        TypeError, ValueError: bad images, target, patch, stride or samples; a model in train mode; a sampler made
            for other pictures.

    Example:
        >>> from xai_utils.perturb import ConstantSampler
        >>> model = nn.Sequential(nn.Flatten(), nn.Linear(3 * 8 * 8, 4)).eval()
        >>> images = torch.rand(2, 3, 8, 8)
        >>> prediction_difference(model, images, 1, sampler=ConstantSampler(0.5), patch=3, samples=1).shape
        torch.Size([2, 8, 8])
    """
    return prediction_differences(
        model,
        images,
        check_target(target, len(images), None)[:, None],
        sampler=sampler,
        patch=patch,
        stride=stride,
        samples=samples,
        output=output,
        source=source,
        instances=instances,
        incremental=incremental,
        batch_size=batch_size,
        generator=generator,
        progress=progress,
    )[:, 0]


def prediction_differences(
    model: nn.Module,
    images: Tensor,
    targets: Sequence[int] | Tensor,
    *,
    sampler: Sampler,
    patch: int = 10,
    stride: int = 1,
    samples: int = 20,
    output: str = "probability",
    source: str | None = None,
    instances: int | None = None,
    incremental: bool = True,
    batch_size: int = 64,
    generator: torch.Generator | None = None,
    progress: Progress = quiet,
) -> Tensor:
    """The maps of several targets from one run: every forward pass answers for all of them.

    Args:
        model: as in `prediction_difference`, like all that is not named here.
        images: float [batch, 3, height, width], RGB in [0, 1].
        targets: classes or units, int [targets] for all images or [batch, targets].
        sampler: what could stand in a window.
        patch: side of a window.
        stride: from one window to the next.
        samples: contents drawn for each window.
        output: "probability" or "activation".
        source: hidden layer made unknown instead of the pixels.
        instances: N of the Laplace correction.
        incremental: computes only what a window changes.
        batch_size: perturbed images per forward pass.
        generator: draws the samples.
        progress: wraps the blocks of windows.

    Returns:
        float [batch, targets, height, width], each as `prediction_difference` gives it.
    """
    images = check_images(images).detach()
    check_choice("output", output, ["probability", "activation"])
    if output == "probability" and isinstance(model, LayerModel):
        raise ValueError("output: expected 'activation' for the units of a hidden layer, got 'probability'")
    check_count("samples", samples)
    check_count("batch_size", batch_size)
    known = outputs(model, images, batch_size=batch_size)  # [batch, classes]
    classes = known.shape[1]
    if output == "probability" and classes < 2:
        raise ValueError("output: expected 'activation' for a model with a single output, got 'probability'")
    targets = _check_targets(targets, len(images), classes).to(images.device)
    if instances is None:
        instances = getattr(model, "training_images", 0) or 100_000
    check_count("instances", instances)

    asked, inputs = _from_source(model, images, source, batch_size)
    size = inputs.shape[2:]
    corners = window_corners(size, patch, stride)
    answer = _probabilities if output == "probability" else _activations
    unknown = _unknown(
        asked,
        inputs,
        targets,
        answer,
        sampler=sampler,
        corners=corners,
        patch=patch,
        samples=samples,
        incremental=incremental,
        batch_size=batch_size,
        generator=generator or torch.default_generator,
        progress=progress,
    )
    known = answer(known).gather(1, targets)[..., None]  # [batch, targets, 1]
    if output == "probability":
        evidence = weight_of_evidence(known, unknown, instances, classes)
    else:
        evidence = known - unknown  # eq. 7
    return average_over_windows(evidence, corners, patch, size)


def _unknown(
    models: Sequence[nn.Module],
    inputs: Tensor,
    targets: Tensor,
    answer: Callable[[Tensor], Tensor],
    *,
    sampler: Sampler,
    corners: Tensor,
    patch: int,
    samples: int,
    incremental: bool,
    batch_size: int,
    generator: torch.Generator,
    progress: Progress,
) -> Tensor:
    """The mean answer for each target when a window is unknown: eq. 1 (or 6), the inner loop of Algorithm 1.

    Returns:
        float [batch, targets, windows].
    """
    begin, said = generator.get_state(), []
    blocks = corners.split(-(-DRAWN_AT_ONCE // samples))
    for (model, image, target), block in progress(list(product(zip(models, inputs, targets, strict=True), blocks))):
        if block is blocks[0]:  # the next image; it gets the same draws
            generator.set_state(begin)
            ask, contents = answers_to_copies(model, image, incremental=incremental), sampler.bind(image)
        draws = sampler.draw(len(block), samples, patch, generator)
        at = block.to(inputs.device)
        copies = contents(at, patch, draws).flatten(0, 1)
        at = at.repeat_interleave(samples, dim=0)
        answers = ask(at, copies, batch_size, lambda outputs: answer(outputs)[:, target])  # noqa: B023
        said.append(answers.unflatten(0, (len(block), samples)).mean(dim=1))  # [block, targets]
    return torch.cat(said).unflatten(0, (len(inputs), len(corners))).transpose(1, 2).clone()


def _from_source(
    model: nn.Module, images: Tensor, source: str | None, batch_size: int
) -> tuple[list[nn.Module], Tensor]:
    """What is made unknown, and who is asked: pixels and the model, or a layer's units and the model from there on."""
    if source is None:
        return [model] * len(images), images
    chunks = []
    with torch.inference_mode(), record(model, [source]) as recorded:
        for some in images.split(batch_size):
            model(some)
            chunks.append(recorded[source])
    activations = torch.cat(chunks).clone()
    if activations.ndim != 4:
        raise ValueError(
            f"source: expected a layer of feature maps [batch, channel, height, width], "
            f"got {source!r} with outputs of shape {list(activations.shape)}"
        )
    return [rest_of_model(model, source, image[None]) for image in images], activations


def _check_targets(targets: Sequence[int] | Tensor, batch: int, classes: int) -> Tensor:
    """int64 [batch, targets], each column checked like a single target."""
    try:
        targets = torch.as_tensor(targets)
    except (TypeError, ValueError, RuntimeError) as error:
        raise TypeError(f"targets: expected integers, [targets] or [batch, targets], got {targets!r}") from error
    if targets.ndim not in (1, 2) or 0 in targets.shape:
        raise ValueError(f"targets: expected shape [targets] or [batch, targets], got {list(targets.shape)}")
    columns = targets.unbind(-1)
    return torch.stack([check_target(column, batch, classes) for column in columns], dim=1)


def _probabilities(logits: Tensor) -> Tensor:
    return logits.softmax(dim=1)


def _activations(units: Tensor) -> Tensor:
    return units


def weight_of_evidence(known: Tensor, unknown: Tensor, instances: int, classes: int) -> Tensor:
    """How many bits of evidence were lost: log2 odds(c | x) - log2 odds(c | x without the window).

    **Source**: eqs. 3 and 4 with the Laplace correction p <- (p N + 1) / (N + K), so that no odds are 0 or infinite.

    Args:
        known: probability of the class for the whole picture, in [0, 1].
        unknown: mean probability with the window's content replaced; broadcasts with `known`.
        instances: N, number of training instances.
        classes: K, number of classes.

    Returns:
        Bits; at most log2((N + 1) (N + K - 1) / (K - 1)) in size.

    Example:
        >>> weight_of_evidence(torch.tensor(0.5), torch.tensor(0.2), instances=10**9, classes=2)
        tensor(2.)
    """
    return _log_odds(known, instances, classes) - _log_odds(unknown, instances, classes)


def _log_odds(probability: Tensor, instances: int, classes: int) -> Tensor:
    corrected = (probability.double() * instances + 1) / (instances + classes)
    return torch.log2(corrected / (1 - corrected)).to(probability.dtype)


def top_pixels(maps: Tensor, share: float = 0.05) -> Tensor:
    """The pixels of largest absolute relevance, as the paper's figure 3 shows them.

    Args:
        maps: float [batch, height, width].
        share: of the pixels that are marked; ties go to the first in reading order, so that the count is exact.

    Returns:
        bool [batch, height, width].

    Example:
        >>> top_pixels(torch.tensor([[[0.1, -3.0], [2.0, 0.0]]]), share=0.5)
        tensor([[[False,  True],
                 [ True, False]]])
    """
    if not 0 < share <= 1:
        raise ValueError(f"share: expected a number in (0, 1], got {share}")
    flat = maps.abs().flatten(1)
    best = flat.sort(dim=1, descending=True, stable=True).indices[:, : max(1, round(share * flat.shape[1]))]
    return torch.zeros_like(flat, dtype=torch.bool).scatter_(1, best, True).reshape(maps.shape)
