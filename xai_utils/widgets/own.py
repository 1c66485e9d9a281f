"""A control for a picture and a network of the reader's own: every method side by side, kept as one file."""

import html
import io
import itertools
import os
from collections.abc import Callable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any, NamedTuple

from .frames import DENSITY, png_uri, to_pixels

LARGEST = 50_000_000  # bytes of an uploaded file; browsers and kernels choke on more


class Tools(NamedTuple):
    """What the control calls; every one may raise an error, whose sentence is shown."""

    load_model: Callable[[str], Any]
    """(name of a network) -> the network."""
    load_picture: Callable[[Any, Any], Any]
    """(file or open file, the network) -> the picture, as the network takes it."""
    classes: Callable[[Any, Any], Sequence[tuple[int, str, float]]]
    """(network, picture) -> (class, name, probability), the likeliest first."""
    explain: Callable[[Any, Any, int, Sequence[str], Callable], Any]
    """(network, picture, class, names of methods, what to wrap the names with to show progress) -> answers."""
    draw: Callable[[Any, Any], Any]
    """(picture, answers) -> a figure and a sentence about problems, which may be empty."""
    save: Callable[[Path, Any, Any, str], Any]
    """(file, figure, answers, title) -> writes the report."""


def explain_own_picture(
    tools: Tools, models: Sequence[str], methods: Sequence[str], pictures: Mapping[str, Any] | None = None
) -> "OwnPicture":
    """A control in which a reader uploads a picture, chooses a network and a class, and compares methods.

    Args:
        tools: what it calls.
        models: names of networks to choose from; another one can be typed.
        methods: names of methods, all chosen at first.
        pictures: name -> file, of pictures that are there already, such as those of a folder.

    Raises:
        ValueError: no network or no method.

    Example:
        >>> explain_own_picture(Tools(*[print] * 6), ["resnet50"], ["gradient"])
        Your own picture: 1 network, 1 method
    """
    if not models or not methods:
        raise ValueError(f"models, methods: expected at least one of each, got {len(models)} and {len(methods)}")
    return OwnPicture(tools, list(models), list(methods), dict(pictures or {}))


class OwnPicture:
    """The control that `explain_own_picture` returns."""

    def __init__(self, tools: Tools, models: list[str], methods: list[str], pictures: dict[str, Any]):
        import ipywidgets

        self._tools, self._pictures, self._loaded = tools, pictures, {}
        self.network = self.picture = self.answers = self.figure = None
        self._name = self._title = ""  # of the picture; of what is shown
        self._uploaded = False  # whether the last choice was an upload
        wide = {"style": {"description_width": "8rem"}, "layout": {"width": "min(100%, 36rem)"}}
        self.model = ipywidgets.Combobox(
            value=models[0], options=models, description="network", continuous_update=False, **wide
        )
        self.upload = ipywidgets.FileUpload(accept="image/*", description="upload a picture", layout={"width": "auto"})
        self.stored = ipywidgets.Dropdown(options=["", *pictures], description="or one of these", **wide)
        self.target = ipywidgets.Dropdown(description="class", **wide)
        self.methods = ipywidgets.SelectMultiple(
            options=methods, value=tuple(methods), description="methods", rows=min(12, len(methods)), **wide
        )
        self.file = ipywidgets.Text(value="report.html", description="keep as", **wide)
        self.go, self.keep = (ipywidgets.Button(description=text, disabled=True) for text in ("Explain", "Keep"))
        self._message, self._shown = ipywidgets.HTML(), ipywidgets.HTML()
        rows = [self.model, self.upload, self.stored, self.target, self.methods, self.go]
        self.view = ipywidgets.VBox([*rows, self._message, self._shown, ipywidgets.HBox([self.file, self.keep])])
        self.model.observe(lambda change: self._look(), names="value")
        self.upload.observe(lambda change: self._take(uploaded=True), names="value")
        self.stored.observe(lambda change: self._take(uploaded=not change.new), names="value")
        self.go.on_click(lambda button: self._explain())
        self.keep.on_click(lambda button: self._keep())
        self._say("Upload a picture, or choose one.")

    def __repr__(self) -> str:
        models, methods = len(self.model.options), len(self.methods.options)
        return f"Your own picture: {models} network{'s' * (models > 1)}, {methods} method{'s' * (methods > 1)}"

    @property
    def message(self) -> str:
        """What the control says at present; HTML."""
        return self._message.value

    def _take(self, uploaded: bool) -> None:
        """Looks at the picture that was chosen last."""
        self._uploaded = uploaded
        self._look()

    def _look(self) -> None:
        """Loads network and picture, and asks for the class."""
        self.go.disabled = self.keep.disabled = True
        self._shown.value = ""
        try:
            if (source := self._source()) is None:
                return self._say("Upload a picture, or choose one.")
            self._name, file = source
            if self.model.value not in self._loaded:
                self._say(f"Loading {self.model.value} ...")
                self._loaded[self.model.value] = self._tools.load_model(self.model.value)
            self.network = self._loaded[self.model.value]
            self.picture = self._tools.load_picture(file, self.network)
            found = self._tools.classes(self.network, self.picture)
        except (Exception, KeyboardInterrupt) as error:
            return self._say(_sentence(error))
        self._show(to_pixels(self.picture), f"{self._name}, as the network sees it")
        self.target.options = [(f"{says} ({share:.0%})", number) for number, says, share in found]
        self.target.value = found[0][0]
        self.go.disabled = False
        self._say(f"{self._name}, as the network sees it: choose a class, and Explain.")

    def _source(self) -> tuple[str, Any] | None:
        """The name of the picture that was chosen last and its file; None if there is none.

        Raises:
            ValueError: an uploaded file that is too large to be read.
        """
        if self._uploaded and self.upload.value:
            one = self.upload.value[-1]
            if one["size"] > LARGEST:
                allowed, got = LARGEST // 10**6, one["size"] // 10**6
                raise ValueError(f"{one['name']}: expected at most {allowed} MB, got {got}")
            file = io.BytesIO(bytes(one["content"]))
            file.name = one["name"]  # what errors call it
            return file.name, file
        return (self.stored.value, self._pictures[self.stored.value]) if self.stored.value else None

    def _explain(self) -> None:
        self.go.disabled = self.keep.disabled = True
        try:
            if not (chosen := list(self.methods.value)):
                raise ValueError("methods: expected at least one, got none chosen")
            self._title = f"{self._name}: {self.target.label}, by {self.model.value}"
            asked = (self.network, self.picture, self.target.value, chosen)
            self.answers = self._tools.explain(*asked, self._counted)
            self.figure, problems = self._tools.draw(self.picture, self.answers)
            self._show(to_pixels(self.figure), f"{self._title}: the picture and what {len(chosen)} methods say")
        except (Exception, KeyboardInterrupt) as error:
            self._shown.value = ""
            self._say(_sentence(error))
        else:
            self.keep.disabled = False
            self._say(problems or "All methods have answered.")
        finally:
            self.go.disabled = False

    def _counted(self, names: Sequence[str]) -> Iterator[str]:
        """Says which method is asked."""
        for number, name in enumerate(names, start=1):
            self._say(f"Asking {name} ({number} of {len(names)}); to stop, interrupt the kernel.")
            yield name

    def _show(self, pixels: Any, says: str) -> None:
        height, width = (round(side / DENSITY) for side in pixels.shape[:2])
        self._shown.value = (
            f'<img src="{png_uri(pixels)}" alt="{html.escape(says)}" width="{width}" height="{height}" '
            'style="max-width:100%;height:auto">'
        )

    def _keep(self) -> None:
        try:
            file = _unused(Path(self.file.value).expanduser())
            self._tools.save(file, self.figure, self.answers, self._title)
        except Exception as error:
            return self._say(_sentence(error))
        self._say(f"Kept as {file}.")

    def _say(self, text: str) -> None:
        self._message.value = f'<div role="status">{html.escape(text)}</div>'

    def _repr_mimebundle_(self, include: object = None, exclude: object = None) -> dict[str, Any]:
        """The widgets; a book build, which has nobody to ask, gets a sentence."""
        bundle = {"text/html": f"<p><em>{html.escape(repr(self))}: run this cell to use it.</em></p>"}
        if os.environ.get("XAI_BOOK") != "1":
            bundle |= self.view._repr_mimebundle_()
        return bundle | {"text/plain": repr(self)}


def _unused(file: Path) -> Path:
    """That name, or with the first number that makes it a new one: what is kept already stays."""
    names = itertools.chain([file], (file.with_stem(f"{file.stem}-{number}") for number in itertools.count(2)))
    return next(name for name in names if not name.exists())


def _sentence(error: BaseException) -> str:
    """The first line of an error, which says what was expected and what came."""
    if isinstance(error, KeyboardInterrupt):
        return "Interrupted."
    return (str(error).splitlines() or [""])[0] or type(error).__name__
