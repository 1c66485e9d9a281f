"""Your own picture, your own network: every method side by side, with what it cost and what it could not do."""

import base64
import html
import io
import textwrap
import time
from collections.abc import Callable, Mapping, Sequence
from datetime import datetime
from pathlib import Path
from typing import Any, BinaryIO, NamedTuple, Protocol

import torch
from torch import Tensor, nn

from xai_utils.baselines import (
    cam,
    contrastive_mwp,
    deconvolution,
    excitation_backprop,
    grad_cam,
    gradient,
    gradient_times_input,
    guided_backprop,
    integrated_gradients,
    last_spatial_layer,
    lrp,
)
from xai_utils.masks import iterative_mask
from xai_utils.models import Classifier
from xai_utils.papers.cnn_fixations import cnn_fixations, fixation_map
from xai_utils.papers.prediction_difference import prediction_difference
from xai_utils.papers.visual_summaries import crisp_masks
from xai_utils.perturb import ConstantSampler, InpaintingSampler, Sampler
from xai_utils.pictures import load_picture
from xai_utils.tensors import Progress, check_images, check_maps, check_model, check_target, quiet

LINE = 100  # letters of a line under a picture
WINDOWS = 8  # side of the picture, in windows of a prediction difference; they overlap by half

Explain = Callable[[nn.Module, Tensor, int], Tensor]


class Drawn(Protocol):
    """A figure that can be written, such as matplotlib's."""

    def text(self, x: float, y: float, text: str, **settings) -> Any:
        """Writes words on it."""

    def savefig(self, file: io.BytesIO, **settings) -> None:
        """Writes the picture."""


class Answer(NamedTuple):
    """What a method says of a picture."""

    method: str
    map: Tensor | None
    """float [height, width], or None if there is none."""
    seconds: float
    problem: str
    """One sentence; empty if all went well."""


def _difference(sampler: Sampler, samples: int) -> Explain:
    def explain(model: nn.Module, images: Tensor, target: int) -> Tensor:
        patch = max(2, min(images.shape[2:]) // WINDOWS)
        knobs = {"patch": patch, "stride": patch // 2, "samples": samples}
        generator = torch.Generator().manual_seed(0)
        return prediction_difference(model, images, target, sampler=sampler, generator=generator, **knobs)

    return explain


def _searched(model: nn.Module, images: Tensor, target: int) -> Tensor:
    return iterative_mask(model, images, target, generator=torch.Generator().manual_seed(0))


def _at_last_layer(method: Callable[..., Tensor]) -> Explain:
    """A method that needs a layer, at the last one with rows and columns, which every convolutional network has."""
    return lambda model, images, target: method(model, images, target, layer=last_spatial_layer(model, images))


METHODS: dict[str, Explain] = {
    "gradient": gradient,
    "gradient x input": gradient_times_input,
    "integrated gradients": integrated_gradients,
    "guided backprop": guided_backprop,
    "deconvolution": deconvolution,
    "CAM": cam,
    "Grad-CAM": grad_cam,
    "excitation backprop": _at_last_layer(excitation_backprop),
    "cMWP": _at_last_layer(contrastive_mwp),
    "LRP": lrp,
    "CNN Fixations": lambda model, images, target: fixation_map(cnn_fixations(model, images, target), images.shape[2:]),
    "grey occlusion": _difference(ConstantSampler(0.5), samples=1),
    "PDA, inpainted": _difference(InpaintingSampler(), samples=2),
    "searched mask": _searched,
    "crisp mask": lambda model, images, target: crisp_masks(model, images, target).crisp,
}
"""What needs nothing but a network and a picture, the quick ones first."""
LEFT_OUT = (
    "Of the book's other methods, prediction differences that draw from other pictures, summaries of many pictures and "
    "Image Score need training pictures; the masking model has to be trained for the network."
)


def picture_for(file: str | Path | BinaryIO, model: Classifier) -> Tensor:
    """A picture file as the network takes it, [1, 3, height, width]; see `load_picture`.

    Args:
        file: its name, or an open file.
        model: what `load_model` returns.

    Raises:
        TypeError: a network that does not know the size of its pictures.
    """
    return load_picture(file, _known(model).input_size)


def likely_classes(model: Classifier, image: Tensor, count: int | None = None) -> list[tuple[int, str, float]]:
    """What the network takes the picture for: (class, its name, its probability), the likeliest first.

    Args:
        model: what `load_model` returns.
        image: float [1, 3, height, width], RGB in [0, 1].
        count: how many; all by default, or if there are fewer.

    Raises:
        TypeError: a network that has no class names.
        ValueError: it cannot take the picture, or does not answer with a finite logit for each of two classes or more.
    """
    if len(_known(model).classes) < 2:
        raise ValueError(f"model: expected at least two classes, got {len(model.classes)}")
    best = _checked_answer(model, image).softmax(dim=0).topk(min(count or len(model.classes), len(model.classes)))
    return [(c, str(model.classes[c]), p) for c, p in zip(best.indices.tolist(), best.values.tolist(), strict=True)]


def _known(model: nn.Module) -> Classifier:
    if not isinstance(model, Classifier):
        raise TypeError(f"model: expected what load_model returns, got {type(model).__name__}; wrap it with load_model")
    return model


def _checked_answer(model: Classifier, image: Tensor) -> Tensor:
    """The logits of one picture, [classes]."""
    side = " x ".join(map(str, check_images(image).shape[2:]))
    try:
        with torch.inference_mode():
            answer = check_model(model)(image)
    except RuntimeError as error:  # such as layers that were made for pictures of another size
        raise ValueError(f"model: expected a network for pictures of {side} pixels, got an error: {error}") from error
    shape = list(answer.shape) if isinstance(answer, Tensor) else type(answer).__name__
    if shape != [1, len(model.classes)]:
        raise ValueError(f"model: expected logits [1, {len(model.classes)}], one for each class name, got {shape}")
    if not torch.isfinite(answer).all():
        raise ValueError("model: expected finite logits, got NaN or infinity")
    return answer[0].clone()


def explain_all(
    model: nn.Module,
    image: Tensor,
    target: int,
    methods: Mapping[str, Explain] = METHODS,
    *,
    progress: Progress = quiet,
) -> list[Answer]:
    """Asks every method about one picture; one that cannot answer says why, and the others go on.

    An interruption (Ctrl-C, or the kernel's) keeps what has been answered by then.

    Args:
        model: any classifier in eval mode.
        image: float [1, 3, height, width], RGB in [0, 1].
        target: the class asked about.
        methods: name -> method.
        progress: wraps the names.

    Returns:
        One `Answer` for each method.

    Raises:
        TypeError, ValueError: not one picture, or no class.
    """
    if len(check_images(image)) != 1:
        raise ValueError(f"image: expected one picture [1, 3, height, width], got {list(image.shape)}")
    check_target(target, 1, None)
    import captum.attr  # noqa: F401  # so that the first method is not charged for loading libraries
    import zennit.composites  # noqa: F401

    answers: list[Answer] = []
    try:
        for name in progress(list(methods)):
            answers.append(_asked(name, methods[name], model, image, target))
    except KeyboardInterrupt:
        answers += [Answer(name, None, 0.0, "not asked, interrupted") for name in list(methods)[len(answers) :]]
    return answers


def maps_of_answers(answers: Sequence[Answer]) -> dict[str, Tensor]:
    """The maps that there are, each under its method's name and time: title -> [1, height, width].

    Args:
        answers: of `explain_all`.

    Raises:
        ValueError: there is none; says what each method said.
    """
    if all(one.map is None for one in answers):
        raise ValueError(f"answers: expected at least one map, got none ({problems_of(answers) or 'no method asked'})")
    return {f"{one.method}\n{one.seconds:.1f} s": one.map[None] for one in answers if one.map is not None}


def problems_of(answers: Sequence[Answer]) -> str:
    """What could not be answered and why, in one line; empty if everything could.

    Args:
        answers: of `explain_all`.
    """
    return "; ".join(f"{one.method}: {one.problem}" for one in answers if one.problem)


def save_report(file: str | Path, figure: Drawn, answers: list[Answer], title: str) -> Path:
    """Writes one page: the figure with title and problems below it as .png, or with a table of both as .html.

    Args:
        file: its suffix says which.
        figure: such as `plotting.show_maps` makes of the answers.
        answers: of `explain_all`.
        title: what is shown.

    Raises:
        ValueError: another suffix.
    """
    file = Path(file)
    if file.suffix.lower() == ".png":
        file.write_bytes(_png(figure, [title, *(f"{one.method}: {one.problem}" for one in answers if one.problem)]))
    elif file.suffix.lower() in (".html", ".htm"):
        file.write_text(_page(base64.b64encode(_png(figure)).decode(), answers, title), encoding="utf-8")
    else:
        raise ValueError(f"file: expected a name that ends in .png or .html, got {file.name!r}")
    return file


def _png(figure: Drawn, below: Sequence[str] = ()) -> bytes:
    """The figure, with paragraphs below it."""
    lines = [line for paragraph in below for line in textwrap.wrap(paragraph, LINE)]
    note, picture = figure.text(0, -0.02, "\n".join(lines), va="top", fontsize=9), io.BytesIO()
    figure.savefig(picture, format="png", dpi=150, bbox_inches="tight")
    note.remove()
    return picture.getvalue()


def _asked(name: str, method: Explain, model: nn.Module, image: Tensor, target: int) -> Answer:
    start = time.perf_counter()
    try:
        found = check_maps(method(model, image, target), image)[0].detach()
        problem = "" if found.any() else "found nothing, the map is 0 everywhere"
    except Exception as error:  # a network of anybody's can fail in any way; the other methods are to go on
        found, problem = None, f"{type(error).__name__}: {error}".splitlines()[0]
    return Answer(name, found, time.perf_counter() - start, problem)


def _page(picture: str, answers: list[Answer], title: str) -> str:
    rows = "".join(
        f"<tr><td>{html.escape(one.method)}</td><td>{one.seconds:.1f} s</td><td>{html.escape(one.problem)}</td></tr>"
        for one in answers
    )
    named = html.escape(title)
    return (
        f'<!doctype html><html lang="en"><head><meta charset="utf-8"><title>{named}</title>'
        '<meta name="viewport" content="width=device-width"><style>body{font-family:sans-serif;max-width:60rem;'
        "margin:2rem auto;padding:0 1rem}img{max-width:100%}td,th{text-align:left;padding:.2rem .8rem}</style></head>"
        f'<body><h1>{named}</h1><img src="data:image/png;base64,{picture}" alt="The picture and the map of each '
        f'method."><table><thead><tr><th>method</th><th>time</th><th>problem</th></tr></thead><tbody>{rows}</tbody>'
        f"</table><p>{LEFT_OUT}</p><p>Made on {datetime.now().astimezone():%Y-%m-%d, %H:%M}.</p></body></html>\n"
    )
