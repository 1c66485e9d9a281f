"""The look of every figure: colours, letters, and a figure that needs no global state."""

import io
from collections.abc import Callable
from contextlib import AbstractContextManager
from functools import wraps
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from matplotlib.figure import Figure

SERIES = ("#0072B2", "#D55E00", "#009E73", "#CC79A7", "#56B4E9", "#E69F00")  # Okabe and Ito: safe for colour-blind eyes
MARKERS = "osD^vP"
WIDTH = 6.4  # inches: letters of 10 points are still 8 pixels high on a phone of 390 pixels
INK, FAINT = "#24292f", "#8c959f"


def style() -> AbstractContextManager:
    """The look of every figure of the book, as a context: nothing changes outside it."""
    import matplotlib

    return matplotlib.rc_context(
        {
            "font.family": "DejaVu Sans", "font.size": 10, "axes.titlesize": 10, "axes.labelsize": 10,
            "xtick.labelsize": 9, "ytick.labelsize": 9, "legend.fontsize": 9, "figure.titlesize": 11,
            "text.color": INK, "axes.labelcolor": INK, "axes.titlecolor": INK, "xtick.color": INK, "ytick.color": INK,
            "axes.edgecolor": FAINT, "axes.linewidth": 0.8, "axes.spines.top": False, "axes.spines.right": False,
            "axes.grid": False, "grid.color": "#e4e7eb", "grid.linewidth": 0.8, "lines.linewidth": 1.8,
            "legend.frameon": False, "figure.facecolor": "white", "savefig.facecolor": "white", "figure.dpi": 120,
            "axes.unicode_minus": True, "image.interpolation": "antialiased",
        }
    )  # fmt: skip


def styled(draw: Callable) -> Callable:
    """Runs a drawing function in the context of `style`."""

    @wraps(draw)
    def wrapped(*args, **kwargs):
        with style():
            return draw(*args, **kwargs)

    return wrapped


def figure_of(width: float, height: float, *, chart: bool = False) -> "Figure":
    """An empty figure of this size in inches; charts show as PNG, pictures as JPEG, a fourth of the bytes.

    It shows itself without pyplot, hence without any global state.
    """
    from matplotlib.figure import Figure

    class Shown(Figure):  # defined here, because matplotlib is imported only by those who draw
        def _repr_png_(self) -> bytes | None:
            return _file(self, "png") if chart else None

        def _repr_jpeg_(self) -> bytes | None:
            return None if chart else _file(self, "jpeg", quality=72, subsampling=0, optimize=True)

    return Shown(figsize=(width, height), layout="constrained" if chart else None)


def _file(figure: "Figure", kind: str, **settings: object) -> bytes:
    file = io.BytesIO()
    figure.savefig(file, format=kind, pil_kwargs=settings)
    return file.getvalue()
