"""A model that remembers one picture, and answers for copies of it that differ in one patch."""

from collections.abc import Callable

import torch
from torch import Tensor, nn

from xai_utils.activations import LayerModel, RestOfModel, trace
from xai_utils.incremental.passes import Clean, Pass, Windows
from xai_utils.incremental.plan import Plan, Spans, make_plan, remembered, spans_of, work_on_windows
from xai_utils.perturb import patched_outputs, window_corners
from xai_utils.tensors import check_count

Copies = Callable[[Tensor, Tensor, int, Callable[[Tensor], Tensor]], Tensor]
"""Corners, contents, batch size and what to keep of a batch's outputs -> what a model says about patched copies."""


class IncrementalModel:
    """A model with all its activations for one picture; made by `incremental_model`."""

    def __init__(self, plan: Plan, clean: Clean, read: Callable[[Tensor], Tensor]) -> None:
        self.plan, self.clean, self.read = plan, clean, read
        self._spans: dict[int, Spans] = {}

    def outputs(
        self,
        corners: Tensor,
        contents: Tensor,
        batch_size: int = 64,
        keep: Callable[[Tensor], Tensor] = lambda answers: answers,
    ) -> Tensor:
        """What the model says about copies of its picture that differ from it in one window each.

        Copies are taken in an order in which neighbours have windows of the same sizes, so the more copies a call
        gets, the less is computed that did not change.

        Args:
            corners: int [copies, 2], (row, column) of each copy's window.
            contents: float [copies, channel, patch, patch].
            batch_size: copies per forward pass; bounds the memory, does not change the answers.
            keep: what is kept of the answers to a batch, [batch, ...] -> [batch, ...].

        Returns:
            The answers [copies, ...], in the order of the copies.

        Raises:
            ValueError: windows that are not inside the picture, or another number of contents.
        """
        check_count("batch_size", batch_size)
        spans, corners = self.spans(contents.shape[-1]), corners.cpu()
        _check_windows(corners, contents, self.plan.sizes[self.plan.source])
        order = _alike_together(spans, corners)
        answers = []
        with torch.inference_mode():
            for some in order.split(batch_size):
                batch = Pass(self.plan, self.clean, Windows(spans, corners[some]))
                answers.append(keep(self.read(batch.run(contents[some.to(contents.device)]))))
            return torch.cat(answers)[order.argsort().to(contents.device)]

    def spans(self, patch: int) -> Spans:
        """Which rows and columns of every map a patch changes, for every place where it may be.

        Args:
            patch: side of the patch, pixels.
        """
        if patch not in self._spans:
            check_count("patch", patch, high=min(self.plan.sizes[self.plan.source]))
            self._spans[patch] = spans_of(self.plan, patch)
        return self._spans[patch]

    def bound(self, patch: int, corners: Tensor | None = None) -> float:
        """How many times less there is to multiply when only what changes is computed; 1 if nothing is saved.

        The multiply-adds of all convolutions and linear layers for a whole picture, over those for exactly the
        windows that change, averaged over the places of the patch.

        Args:
            patch: side of the patch, pixels.
            corners: int [places, 2], (row, column) of these places; all by default.

        Example:
            >>> convolutional = nn.Sequential(nn.Conv2d(3, 8, 3), nn.ReLU(), nn.Conv2d(8, 8, 3)).eval()
            >>> round(incremental_model(convolutional, torch.rand(3, 32, 32)).bound(patch=4), 1)
            17.0
            >>> connected = nn.Sequential(nn.Flatten(), nn.Linear(3 * 32 * 32, 8)).eval()
            >>> incremental_model(connected, torch.rand(3, 32, 32)).bound(patch=4)
            1.0
        """
        spans = self.spans(patch)
        if corners is None:
            corners = window_corners(self.plan.sizes[self.plan.source], patch)
        needed = work_on_windows(self.plan, spans, corners.cpu())
        return sum(self.plan.work.values()) / needed if needed else 1.0


def incremental_model(model: nn.Module, image: Tensor) -> IncrementalModel:
    """Runs a model once on a picture, so that copies which differ in one patch cost only what the patch changes.

    What a convolution says changes only in a window around the patch, a little wider than what came in; everywhere
    else it is what it was. So each layer is computed in that window, with its surroundings cut out of the remembered
    map, and the answers are those of the full forward passes, up to rounding. Where a window covers most of a map,
    and where an operation looks at all of it (a linear layer, a global average, an operation without a rule), it is
    pasted into the remembered map, and the model goes on in full.

    **Source**: none of the papers; known in database research as incremental inference (Nakandala, Kumar and
    Papakonstantinou, "Incremental and approximate inference for faster occlusion-based deep CNN explanations",
    SIGMOD 2019).

    Args:
        model: in eval mode, one that `torch.fx` can trace; also what `as_model` and `rest_of_model` give.
        image: float [channel, height, width], what the model takes; for `rest_of_model` the activations of its layer.

    Returns:
        The model for this picture, which keeps the activations that it needs.

    Raises:
        TypeError, ValueError: no module, or one in train mode; a model that cannot be traced, or whose graph does not
            say what the model says (its own hooks change it). Then `perturb.patched_outputs` answers the same
            question with full forward passes.

    Example:
        >>> from xai_utils.models import load_model
        >>> model, image = load_model("parts/resnet"), torch.rand(3, 128, 128)
        >>> remembered = incremental_model(model, image)
        >>> corners, contents = torch.tensor([[0, 0], [40, 57]]), torch.zeros(2, 3, 10, 10)
        >>> remembered.outputs(corners, contents).shape
        torch.Size([2, 10])
        >>> image[:, 40:50, 57:67] = 0
        >>> torch.allclose(remembered.outputs(corners, contents)[1], model(image[None])[0], atol=1e-4)
        True
    """
    source, end, read, pictures = None, None, _as_it_is, image[None]
    whole = model
    if isinstance(model, LayerModel):
        whole, end, read = model.model, model.layer, model.units
    elif isinstance(model, RestOfModel):
        whole, source, pictures = model.model, model.layer, model.image
    traced = trace(whole, pictures.contiguous(memory_format=torch.channels_last))
    first = next(node for node in traced.graph.nodes if node.op == "placeholder")
    plan = make_plan(
        traced,
        source=first if source is None else traced.node(source),
        end=traced.output() if end is None else traced.node(end),
    )
    _check_same(read(traced.values[plan.end]), model, image)
    clean = Clean({node: traced.values[node] for node in remembered(plan)})
    return IncrementalModel(plan, clean, read)


def answers_to_copies(model: nn.Module, image: Tensor, *, incremental: bool = True) -> Copies:
    """Who answers for copies of an image: an `IncrementalModel` if that is wanted and possible, else the model itself.

    Args:
        model: in eval mode.
        image: float [channel, height, width].
        incremental: whether to compute only what a patch changes.

    Returns:
        A function like `IncrementalModel.outputs`; the answers are the same either way.
    """
    if incremental:
        try:
            return incremental_model(model, image).outputs
        except ValueError:  # a model that cannot be traced
            pass

    def full_forwards(corners: Tensor, contents: Tensor, batch_size: int, keep: Callable[[Tensor], Tensor]) -> Tensor:
        return patched_outputs(lambda batch: keep(model(batch)), image, corners, contents, batch_size)

    return full_forwards


def _as_it_is(answers: Tensor) -> Tensor:
    return answers


def _check_same(answers: Tensor, model: nn.Module, image: Tensor) -> None:
    """Refuses a graph that says something else than its model, such as one whose hooks change what it computes."""
    with torch.inference_mode():
        expected = model(image[None])
    size = expected.abs().max().item() if expected.numel() else 0.0
    if answers.shape != expected.shape or not torch.allclose(answers, expected, rtol=1e-3, atol=1e-3 * size):
        raise ValueError(f"model: expected one whose graph says what it computes, got {type(model).__name__}")


def _check_windows(corners: Tensor, contents: Tensor, size: tuple[int, int]) -> None:
    patch = contents.shape[-1]
    if contents.ndim != 4 or contents.shape[-2] != patch or corners.shape != (len(contents), 2):
        raise ValueError(
            "corners, contents: expected shapes [copies, 2] and [copies, channel, patch, patch], "
            f"got {list(corners.shape)} and {list(contents.shape)}"
        )
    if len(corners) and not ((corners >= 0) & (corners <= torch.tensor(size) - patch)).all():
        raise ValueError(f"corners: expected windows inside a map of {size[0]} x {size[1]}, got some outside")


def _alike_together(spans: Spans, corners: Tensor) -> Tensor:
    """An order of the copies in which neighbours have windows of the same sizes, so that no batch has to stretch any.

    Which sizes a patch has depends on where it lies between the strides, and on the border.
    """
    ranks = []
    for axis in (0, 1):
        distinct = {id(pair[axis]): pair[axis] for pair in spans.values()}
        sizes = torch.stack([span.sizes() for span in distinct.values()], dim=1)  # [starts, spans]
        ranks.append(sizes.unique(dim=0, return_inverse=True)[1][corners[:, axis]])
    return (ranks[0] * len(ranks[1]) + ranks[1]).argsort(stable=True)
