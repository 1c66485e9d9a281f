"""The user study: a group of people names summaries, one after the other, and every answer is in a file at once."""

import html
import os
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any

from .frames import DENSITY, png_uri, to_pixels

Read = Callable[[Path], Sequence[tuple[str, str, int, tuple[str, ...]]]]
Add = Callable[[Path, str, str, int, str], Any]


def tag_summaries(
    draw: Callable[[str, int], Any], summaries: Mapping[str, int], path: str | Path, *, read: Read, add: Add
) -> "Tagging":
    """A control that shows summaries and asks what their parts are called.

    A rater writes a name or pseudonym, then nouns with commas between them; leaving the field, Enter, Back and Next
    keep the answer in the file. Whoever comes back with the same name goes on with the first summary without an
    answer. One file for each computer is best; `answers.study_table` takes several.

    Args:
        draw: called as `draw(class_name, summary)`, returns a figure or RGB in [0, 1], [3, height, width].
        summaries: class -> how many summaries it has.
        path: of the CSV file; made with the first answer.
        read: of the file's answers (rater, class, summary, tags), such as `answers.read_answers`.
        add: called as `add(path, rater, class_name, summary, text)`, such as `answers.add_answer`; a `ValueError` is
            shown and the text stays in its field.

    Raises:
        ValueError: no summary at all, or a file that `read` refuses.

    Example:
        >>> import torch
        >>> tag_summaries(lambda name, n: torch.rand(3, 8, 8), {"robin": 3}, "none.csv", read=list, add=print)
        Tagging of 3 summaries (robin: 3), answers in none.csv
    """
    if not (questions := [(name, number) for name, count in summaries.items() for number in range(count)]):
        raise ValueError(f"summaries: expected at least one summary, got {dict(summaries)}")
    return Tagging(draw, questions, Path(path), read, add)


class Tagging:
    """The control that `tag_summaries` returns: a name, a picture, a field for nouns, two buttons and progress."""

    def __init__(
        self, draw: Callable[[str, int], Any], questions: Sequence[tuple[str, int]], path: Path, read: Read, add: Add
    ):
        import ipywidgets

        self.questions, self.path = list(questions), path
        self._draw, self._read, self._add, self._pictures = draw, read, add, {}
        self.index, self._kept, self._showing = 0, "", False
        wide = {"style": {"description_width": "initial"}, "layout": {"width": "min(100%, 36rem)"}}
        self.rater = ipywidgets.Text(description="your name or pseudonym", continuous_update=False, **wide)
        self.tags = ipywidgets.Text(
            description="what the red parts are called", placeholder="nouns, with commas between them",
            continuous_update=False, **wide,
        )  # fmt: skip
        self.back, self.next = ipywidgets.Button(description="Back"), ipywidgets.Button(description="Next")
        self.progress = ipywidgets.IntProgress(max=len(self.questions), **wide)
        self._message, self._picture = ipywidgets.HTML(), ipywidgets.HTML()
        buttons = ipywidgets.HBox([self.back, self.next])
        self.view = ipywidgets.VBox([self.rater, self._picture, self.tags, buttons, self.progress, self._message])
        self.rater.observe(lambda change: self._called(change["old"]), names="value")
        self.tags.observe(lambda change: self._showing or self._keep(self.rater.value), names="value")
        self.back.on_click(lambda button: self._go(-1))
        self.next.on_click(lambda button: self._go(1))
        self._show(self._answers())

    def __repr__(self) -> str:
        classes = [name for name, _ in self.questions]
        counts = ", ".join(f"{name}: {classes.count(name)}" for name in dict.fromkeys(classes))
        return f"Tagging of {len(self.questions)} summaries ({counts}), answers in {self.path}"

    @property
    def message(self) -> str:
        """What became of the last answer, or went wrong; HTML."""
        return self._message.value

    @property
    def picture(self) -> str:
        """The picture now shown, as an HTML image."""
        return self._picture.value

    def _answers(self) -> dict[tuple[str, int], tuple[str, ...]]:
        """What the present rater has said so far."""
        rows = self._read(self.path) if self.path.exists() else []
        return {(name, number): tags for rater, name, number, tags in rows if rater == self.rater.value.strip()}

    def _called(self, before: str) -> None:
        """Another rater: nouns that are not kept yet are the old one's, or of whoever signs them first."""
        if self._showing:
            return
        if not self._keep(before if before.strip() else self.rater.value):
            self._set(self.rater, before or self.rater.value)
            return
        self._turn(None)

    def _set(self, field: Any, value: str) -> None:
        """Writes into a field as if nobody had."""
        self._showing, field.value = True, value
        self._showing = False

    def _keep(self, rater: str) -> bool:
        """Writes the field's nouns into the file; whether nothing is left to be written."""
        text = self.tags.value.strip()
        if text == self._kept:
            return True
        if not text:
            self._say("An answer can be changed, but not be taken back; the file still has the old one.")
            return True
        try:
            self._add(self.path, rater, *self.questions[self.index], text)
        except (OSError, ValueError) as error:
            self._say(f"Not kept: {error}")
            return False
        self._kept = text
        self._say("Kept.")
        return True

    def _go(self, step: int) -> None:
        if self._keep(self.rater.value):
            self._turn(min(max(self.index + step, 0), len(self.questions) - 1))

    def _turn(self, index: int | None) -> None:
        """Goes to a summary, or to the first without an answer; stays where the file can no longer be read."""
        try:
            answers = self._answers()
        except (OSError, ValueError) as error:
            return self._say(str(error))
        open_ones = (i for i, question in enumerate(self.questions) if question not in answers)
        self.index = next(open_ones, 0) if index is None else index
        self._show(answers)

    def _show(self, answers: Mapping[tuple[str, int], tuple[str, ...]]) -> None:
        """Shows the present summary, with what the rater has said of it."""
        question = self.questions[self.index]
        self._kept = ", ".join(answers.get(question, ()))
        self._set(self.tags, self._kept)
        self.back.disabled = self.index == 0
        self.progress.value = sum(each in answers for each in self.questions)
        where = f"{question[0]}, summary {question[1] + 1}: {self.index + 1} of {len(self.questions)}"
        try:
            self._picture.value = self._image(question, where)
        except Exception as error:
            self._picture.value = f"<p>{html.escape(f'{where}: {type(error).__name__}: {error}')}</p>"
        self._say(f"{self.progress.value} of {len(self.questions)} summaries are named.")

    def _image(self, question: tuple[str, int], where: str) -> str:
        if question not in self._pictures:
            pixels = to_pixels(self._draw(*question))
            height, width = (round(side / DENSITY) for side in pixels.shape[:2])
            self._pictures[question] = png_uri(pixels), height, width
        source, height, width = self._pictures[question]
        text = html.escape(where)
        style = "max-width:100%;height:auto"
        image = f'<img src="{source}" alt="{text}" width="{width}" height="{height}" style="{style}">'
        return f'<figure style="margin:0"><figcaption>{text}</figcaption>{image}</figure>'

    def _say(self, text: str) -> None:
        self._message.value = f'<div role="status">{html.escape(text)}</div>'

    def _repr_mimebundle_(self, include: object = None, exclude: object = None) -> dict[str, Any]:
        """The widgets; a book build, which has nobody to ask, gets a sentence."""
        bundle = {"text/html": f"<p><em>{html.escape(repr(self))}: run this cell to name them.</em></p>"}
        if os.environ.get("XAI_BOOK") != "1":
            bundle |= self.view._repr_mimebundle_()
        return bundle | {"text/plain": repr(self)}
