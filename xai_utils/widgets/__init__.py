"""Controls with two lives: with a kernel they call the method, on the published page they step through its pictures.

`explore` turns any method into a picture with knobs, `explore_figure` does so with any function that draws a figure.
Both return an `Explorer`, the last expression of its cell. With a kernel it shows ipywidgets and asks the method when
a knob moves. When the book is built (environment variable `XAI_BOOK=1`, which the Makefile sets) it draws every
setting once and becomes plain HTML with a small script of its own: no kernel, no network, no library.

A knob is a keyword and its choices: numbers make a slider over just these numbers, strings a menu, and a dict
(name -> value) a menu of anything, such as samplers, pictures or networks.
"""

from .explorer import Explorer, explore, explore_figure
from .own import OwnPicture, Tools, explain_own_picture
from .tagging import Tagging, tag_summaries

__all__ = [
    "Explorer",
    "OwnPicture",
    "Tagging",
    "Tools",
    "explain_own_picture",
    "explore",
    "explore_figure",
    "tag_summaries",
]
