"""The life with a kernel: ipywidgets that draw a setting when a control moves."""

import html
import time
import traceback
from collections.abc import Iterable, Iterator
from functools import partial
from typing import Any

from torch import Tensor

from .frames import DENSITY, png_uri
from .knobs import Knob


class Live:
    """The widgets of one explorer: controls, a progress bar, a place for messages, the picture."""

    def __init__(self, explorer: Any):
        import ipywidgets

        self.explorer = explorer
        self.controls = {name: self._control(knob) for name, knob in explorer.knobs.items()}
        self._bar = ipywidgets.IntProgress(layout={"width": "min(100%, 36rem)", "visibility": "hidden"})
        self._message, self._picture = ipywidgets.HTML(), ipywidgets.HTML()
        self.view = ipywidgets.VBox([*self.controls.values(), self._bar, self._message, self._picture])
        for control in self.controls.values():
            control.observe(lambda change: self.show(), names="value")
        self.show()

    @property
    def message(self) -> str:
        """What went wrong at the present setting; empty when nothing did."""
        return self._message.value

    @property
    def picture(self) -> str:
        """The picture now shown, as an HTML image; empty when there is none."""
        return self._picture.value

    def show(self) -> None:
        """Draws the present setting; the kernel's interrupt stops it, and an error takes the picture's place."""
        indices = tuple(control.value for control in self.controls.values())
        self._message.value, self._bar.value, self._bar.layout.visibility = "", 0, "visible"
        try:
            pixels = self.explorer.frame(indices, self._watch).pixels
            caption = self.explorer.caption(indices)
            self._picture.value = (
                f'<figure style="margin:0">{_image(png_uri(pixels), pixels, f"{self.explorer.title}: {caption}")}'
                f"<figcaption>{html.escape(caption)}</figcaption></figure>"
            )
        except KeyboardInterrupt:
            self._fail("Stopped. Move a control to ask again.", "")
        except Exception as error:
            self._fail(f"{type(error).__name__}: {error}", traceback.format_exc())
        finally:
            self._bar.layout.visibility = "hidden"

    def _fail(self, text: str, details: str) -> None:
        self._picture.value = ""  # the picture of another setting would belie the controls
        more = f"<details><summary>where</summary><pre>{html.escape(details)}</pre></details>" if details else ""
        self._message.value = f'<div role="alert"><strong>{html.escape(text)}</strong>{more}</div>'

    def _watch(self, iterable: Iterable) -> Iterator:
        self._bar.max, shown = len(iterable) if hasattr(iterable, "__len__") else 0, 0.0
        for step, item in enumerate(iterable, start=1):
            yield item
            if time.monotonic() - shown > 0.1:  # each update is a message to the browser
                self._bar.value, shown = step, time.monotonic()

    @staticmethod
    def _control(knob: Knob) -> Any:
        import ipywidgets

        kind = partial(ipywidgets.SelectionSlider, continuous_update=False) if knob.slider else ipywidgets.Dropdown
        return kind(
            options=[(name, i) for i, name in enumerate(knob.names)],
            value=0,
            description=knob.label,
            style={"description_width": "initial"},
            layout={"width": "min(100%, 36rem)"},
        )


def _image(source: str, pixels: Tensor, alt: str) -> str:
    height, width = (round(side / DENSITY) for side in pixels.shape[:2])
    style = "max-width:100%;height:auto"
    return f'<img src="{source}" alt="{html.escape(alt)}" width="{width}" height="{height}" style="{style}">'
