"""Bars in groups: how something is spread over intervals, for several groups of pictures side by side."""

import math
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Protocol

from .look import SERIES, WIDTH, figure_of, styled

if TYPE_CHECKING:
    from matplotlib.figure import Figure


class Interval(Protocol):
    """Things that were counted by the interval of their score."""

    low: float
    share: float
    accuracy: float
    sure: tuple[float, float]


def interval_bars(groups: Mapping[str, Sequence[Interval]], *, title: str = "") -> "Figure":
    """Two panels over intervals of scores: the share that is recognised, and the share that lies in each interval.

    Whiskers show between which values the share that is recognised may lie (`sure`).

    Args:
        groups: name -> the same intervals, from the lowest.
        title: one line above the panels.
    """
    labels = ["lower" if one.low == -math.inf else f"{one.low:.1f}" for one in next(iter(groups.values()))]
    panels = {
        "share recognised": {name: [one.accuracy for one in of] for name, of in groups.items()},
        "share of the pictures": {name: [one.share for one in of] for name, of in groups.items()},
    }
    whiskers = {"share recognised": {name: [one.sure for one in of] for name, of in groups.items()}}
    return grouped_bars(panels, labels, xlabel="score, from", whiskers=whiskers, title=title)


@styled
def grouped_bars(
    panels: Mapping[str, Mapping[str, Sequence[float]]],
    labels: Sequence[str],
    *,
    xlabel: str,
    whiskers: Mapping[str, Mapping[str, Sequence[tuple[float, float]]]] | None = None,
    title: str = "",
) -> "Figure":
    """Panels of bars, one group of bars per label and one colour per series.

    Args:
        panels: what each panel counts, with its unit -> series -> a value for each label; nan draws no bar.
        labels: below the groups, from left to right.
        xlabel: what the labels are.
        whiskers: for some panels the (low, high) of each value; nan draws none.
        title: one line above the panels.

    Raises:
        ValueError: a series that has another number of values than there are labels.
    """
    figure = figure_of(WIDTH, 0.42 * WIDTH + 0.25 * bool(title), chart=True)
    axes = figure.subplots(1, len(panels), squeeze=False)[0]
    for axis, (ylabel, series) in zip(axes, panels.items(), strict=True):
        width = 0.8 / len(series)
        for s, (name, values) in enumerate(series.items()):
            if len(values) != len(labels):
                raise ValueError(f"panels: expected {len(labels)} values for {name!r}, got {len(values)}")
            places = [place + (s - (len(series) - 1) / 2) * width for place in range(len(labels))]
            axis.bar(places, values, 0.9 * width, color=SERIES[s % len(SERIES)], label=name)
            for place, ends in zip(places, (whiskers or {}).get(ylabel, {}).get(name, ()), strict=False):
                axis.plot([place, place], ends, color="black", linewidth=0.8)
        axis.set_xticks(range(len(labels)), labels, rotation=45, ha="right")
        axis.set(ylabel=ylabel, xlabel=xlabel, ylim=(0, 1))
        axis.grid(axis="y")
        axis.set_axisbelow(True)
    figure.legend(*axes[0].get_legend_handles_labels(), loc="outside lower center", ncols=3)
    if title:
        figure.suptitle(title, x=0.01, ha="left")
    return figure
