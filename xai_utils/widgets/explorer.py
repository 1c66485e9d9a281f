"""The two calls that make controls, and the object they return."""

import html
import inspect
import itertools
import os
from collections.abc import Callable, Iterator, Mapping, Sequence
from math import prod
from typing import Any

from torch import Tensor

from ..plotting import show_maps
from ..tensors import Progress, quiet
from .frames import Frame, to_pixels
from .knobs import Knob, knob_of
from .live import Live
from .page import page

MOST_FRAMES = 150  # settings of one control on a page


def explore(
    method: Callable[..., Tensor],
    images: Tensor | None,
    target: Any,
    /,
    *,
    draw: Callable[..., Any] = show_maps,
    labels: Mapping[str, str] | None = None,
    title: str = "",
    precompute: bool | None = None,
    **grid: Sequence | Mapping[str, Any],
) -> "Explorer":
    """Puts knobs on a method: each setting of the grid shows the maps that the method then gives.

    The grid's keywords are the method's own, except for three that replace its arguments: `model` (then the method is
    called as `method(model, images, target, ...)`, so give it unbound), `images` and `target`. A method that takes
    `progress` drives the progress bar. A `generator` bound with `partial` is rewound before each call, so a setting
    shows the same draws whatever was shown before it.

    Args:
        method: called as `method(images, target, **setting)`; `partial(prediction_difference, model, sampler=sampler)`.
        images: RGB in [0, 1], [batch, 3, height, width]; `None` when the grid has `images`.
        target: class, or one per image; `None` when the grid has `target`.
        draw: called as `draw(images, maps)`, returns what `explore_figure` says; bind the knobs of `show_maps` with
            `partial`, above all `limit`, when the settings should share one scale.
        labels: keyword -> what the reader sees instead of it, for example {"patch": "patch size (pixels)"}.
        title: what the pictures show, in words; by default the method's name.
        precompute: draw all settings for a page without a kernel; by default only where `XAI_BOOK` is set to 1.
        **grid: keyword -> choices.

    Example:
        >>> import torch
        >>> def darkness(images, target, *, power):
        ...     return (1 - images.mean(1)) ** power
        >>> explorer = explore(darkness, torch.rand(1, 3, 16, 16), 0, power=(1, 2, 4), labels={"power": "exponent"})
        >>> explorer
        Explorer of darkness: exponent = 1, 2, 4
        >>> explorer.setting(power=4)
        {'power': 4}
    """
    generator = getattr(method, "keywords", {}).get("generator")
    state = None if generator is None else generator.get_state()
    progressing = _takes_progress(method)

    def answer(*, progress: Progress, **setting: Any) -> Any:
        who = [setting.pop("model")] if "model" in setting else []
        shown, asked = setting.pop("images", images), setting.pop("target", target)
        if state is not None:
            generator.set_state(state)
        maps = method(*who, shown, asked, **setting, **({"progress": progress} if progressing else {}))
        return draw(shown, maps)

    title = title or getattr(getattr(method, "func", method), "__name__", "method").replace("_", " ")
    return explore_figure(answer, labels=labels, title=title, precompute=precompute, **grid)


def explore_figure(
    draw: Callable[..., Any],
    /,
    *,
    labels: Mapping[str, str] | None = None,
    title: str = "",
    precompute: bool | None = None,
    **grid: Sequence | Mapping[str, Any],
) -> "Explorer":
    """Puts knobs on any picture: each setting of the grid shows what `draw(**setting)` returns.

    Args:
        draw: returns a figure or RGB in [0, 1] ([3, height, width]), or a pair of it and a sentence that says what is
            to be seen; the sentence stands under the picture and in its alt text.
        labels: keyword -> what the reader sees instead of it.
        title: what the pictures show, in words; by default the function's name.
        precompute: draw all settings for a page without a kernel; by default only where `XAI_BOOK` is set to 1.
        **grid: keyword -> choices.

    Raises:
        TypeError: choices that are neither a sequence of numbers or strings nor a dict.
        ValueError: no knob, a knob with a single choice, a label without a knob, or, unless `precompute=False`, more
            settings than a page can carry.
    """
    knobs = [knob_of(keyword, choices, (labels or {}).get(keyword, keyword)) for keyword, choices in grid.items()]
    if not knobs:
        raise ValueError("grid: expected at least one keyword with its choices, got none")
    if unknown := set(labels or {}) - set(grid):
        raise ValueError(f"labels: expected keywords of the grid ({', '.join(grid)}), got {', '.join(sorted(unknown))}")
    frames = prod(len(knob.names) for knob in knobs)
    if precompute is not False and frames > MOST_FRAMES:
        product = " x ".join(f"{len(knob.names)} {knob.keyword}" for knob in knobs)
        raise ValueError(
            f"grid: expected at most {MOST_FRAMES} settings for one page, got {frames} ({product}); "
            "use fewer choices, two controls, or precompute=False for a control that lives only with a kernel"
        )
    title = title or getattr(draw, "__name__", "picture").replace("_", " ")
    return Explorer(draw, knobs, title, os.environ.get("XAI_BOOK") == "1" if precompute is None else precompute)


class Explorer:
    """A picture with knobs; returned by `explore` and `explore_figure`, displayed by being a cell's last expression."""

    def __init__(self, draw: Callable[..., Any], knobs: Sequence[Knob], title: str, precompute: bool):
        self.knobs = {knob.keyword: knob for knob in knobs}
        self.title = title
        self._draw, self._precompute = draw, precompute
        self._progressing = _takes_progress(draw)
        self._frames: dict[tuple[int, ...], Frame] = {}
        self._live = None

    def __repr__(self) -> str:
        return f"Explorer of {self.title}: " + "; ".join(
            f"{k.label} = {', '.join(k.names)}" for k in self.knobs.values()
        )

    def setting(self, **choices: Any) -> dict[str, Any]:
        """What `draw` or the method receives for these choices, each given as itself or by name; others at their first.

        Raises:
            ValueError: a keyword or a choice that the grid does not have.
        """
        indices = self._indices(choices)
        return {name: knob.choices[i] for (name, knob), i in zip(self.knobs.items(), indices, strict=True)}

    def picture(self, *, progress: Progress = quiet, **choices: Any) -> Tensor:
        """What these choices show, uint8 [height, width, 3]; drawn once, and whatever goes wrong is raised."""
        return self.frame(self._indices(choices), progress).pixels

    def extremes(self) -> Iterator[dict[str, str]]:
        """The corners of the grid, every knob at its first or last choice (by name): what a test should set."""
        ends = [(knob.names[0], knob.names[-1]) for knob in self.knobs.values()]
        for corner in itertools.product(*ends):
            yield dict(zip(self.knobs, corner, strict=True))

    @property
    def live(self) -> "Live":
        """The controls of a session with a kernel, made on first use."""
        if self._live is None:
            self._live = Live(self)
        return self._live

    def page(self) -> str:
        """The control of a published page: HTML that holds a picture of every setting, the same for the same grid."""
        every = list(itertools.product(*(range(len(knob.names)) for knob in self.knobs.values())))
        frames = [self.frame(indices, quiet) for indices in every]
        captions = [self.caption(indices) for indices in every]
        return page(self.title, list(self.knobs.values()), frames, captions)

    def _repr_mimebundle_(self, include: object = None, exclude: object = None) -> dict[str, Any]:
        """Both lives; a book build gets the page alone, so that no widget's state is stored with it."""
        bundle = {"text/plain": repr(self)}
        if self._precompute:
            bundle["text/html"] = self.page()
        else:
            bundle["text/html"] = (
                f"<p><em>{html.escape(self.title)}: run this cell to bring its controls to life.</em></p>"
            )
        if os.environ.get("XAI_BOOK") != "1":
            bundle |= self.live.view._repr_mimebundle_()
            bundle["text/plain"] = repr(self)
        return bundle

    def _indices(self, choices: Mapping[str, Any]) -> tuple[int, ...]:
        if unknown := set(choices) - set(self.knobs):
            raise ValueError(f"setting: expected keywords {', '.join(self.knobs)}, got {', '.join(sorted(unknown))}")
        return tuple(knob.index(choices[name]) if name in choices else 0 for name, knob in self.knobs.items())

    def frame(self, indices: tuple[int, ...], progress: Progress) -> Frame:
        """The picture of a setting, given as the place of each knob's choice; computed once."""
        if indices not in self._frames:
            setting = {name: knob.choices[i] for (name, knob), i in zip(self.knobs.items(), indices, strict=True)}
            try:
                drawn = self._draw(**setting, **({"progress": progress} if self._progressing else {}))
                picture, sentence = drawn if isinstance(drawn, tuple) else (drawn, "")
                self._frames[indices] = Frame(to_pixels(picture), sentence)
            except Exception as error:
                error.add_note(f"while exploring {self.title} at {self._words(indices)}")
                raise
        return self._frames[indices]

    def _words(self, indices: tuple[int, ...]) -> str:
        return ", ".join(f"{k.label}: {k.names[i]}" for k, i in zip(self.knobs.values(), indices, strict=True))

    def caption(self, indices: tuple[int, ...]) -> str:
        """The setting in words, and what `draw` said about it (once it has been drawn)."""
        return ". ".join(filter(None, [self._words(indices), self._frames[indices].sentence]))


def _takes_progress(function: Callable) -> bool:
    bound = getattr(function, "keywords", {})
    return "progress" in inspect.signature(function).parameters and "progress" not in bound
