"""Charts of tables: values with intervals, pairs of numbers with their line, curves, and matrices."""

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING

import torch
from torch import Tensor

from .look import FAINT, INK, MARKERS, SERIES, WIDTH, figure_of, styled

if TYPE_CHECKING:
    from matplotlib.figure import Figure


@styled
def chart(
    table: Mapping[str, Mapping[str, tuple[float, float, float]]],
    *,
    xlabel: str,
    reference: float | None = None,
    bars: bool = False,
    title: str = "",
) -> "Figure":
    """Values with their intervals, one line per label, one colour and one marker per series.

    Args:
        table: series -> label -> (value, low end, high end of the interval).
        xlabel: what is counted, with its unit.
        reference: a value to compare with, such as chance, as a dashed line.
        bars: draw bars from 0 instead of points.
        title: one line above the chart.
    """
    labels = list(dict.fromkeys(label for series in table.values() for label in series))
    figure = figure_of(WIDTH, 0.9 + 0.3 * len(labels) * max(1.0, 0.55 * len(table)) + 0.25 * bool(title), chart=True)
    axis, step = figure.add_subplot(), 0.7 / len(table)
    for s, (name, series) in enumerate(table.items()):
        value, low, high = zip(*series.values(), strict=True)
        places = [labels.index(label) + (s - (len(table) - 1) / 2) * step for label in series]
        whiskers = _whiskers(value, low, high)
        look = {"color": SERIES[s % len(SERIES)], "label": name}
        if bars:
            axis.barh(places, value, 0.85 * step, **look)
            axis.errorbar(value, places, xerr=whiskers, fmt="none", ecolor=INK, elinewidth=1.2, capsize=3)
        else:
            axis.errorbar(value, places, xerr=whiskers, fmt=MARKERS[s % len(MARKERS)], ms=6, capsize=3, **look)
    axis.set_yticks(range(len(labels)), labels)
    axis.set(xlabel=xlabel, ylim=(len(labels) - 0.45, -0.55))  # the first label on top, as in the table
    axis.tick_params(axis="y", length=0)
    axis.grid(axis="x")
    axis.set_axisbelow(True)
    if reference is not None:
        axis.axvline(reference, color=FAINT, ls="--", lw=1.2, zorder=1)
    if len(table) > 1:
        figure.legend(loc="outside lower center", ncols=min(3, len(table)))
    if title:
        axis.set_title(title, loc="left")
    return figure


@styled
def scatter(series: Mapping[str, tuple[Tensor, Tensor]], *, xlabel: str, ylabel: str, title: str = "") -> "Figure":
    """Pairs of numbers with the least-squares line of each series and its correlation r.

    Args:
        series: name -> (x, y), float [points] each; the legend gives the name and r.
        xlabel: what x is, with its unit.
        ylabel: what y is, with its unit.
        title: one line above the figure.
    """
    figure = figure_of(0.85 * WIDTH, 0.65 * WIDTH, chart=True)
    axis = figure.add_subplot()
    for s, (name, (x, y)) in enumerate(series.items()):
        x, y = x.detach().cpu().double(), y.detach().cpu().double()
        colour, dx, dy = SERIES[s % len(SERIES)], x - x.mean(), y - y.mean()
        slope = (dx * dy).sum() / (dx * dx).sum()
        r = (dx * dy).sum() / ((dx * dx).sum() * (dy * dy).sum()).sqrt()
        ends = torch.stack([x.min(), x.max()])
        axis.scatter(x, y, s=16, alpha=0.45, color=colour, marker=MARKERS[s % len(MARKERS)], linewidths=0)
        label = f"{name}  r = {r:.2f}".strip()
        axis.plot(ends, y.mean() + slope * (ends - x.mean()), color=colour, label=label)
    for line in (axis.axhline, axis.axvline):
        line(0, color=FAINT, lw=0.8, zorder=0)
    axis.set(xlabel=xlabel, ylabel=ylabel)
    axis.legend(loc="best", frameon=True, framealpha=0.9, edgecolor="none")
    if title:
        axis.set_title(title, loc="left")
    return figure


@styled
def curves(series: Mapping[str, Sequence[float]], *, xlabel: str, ylabel: str, start: int = 0) -> "Figure":
    """One line per series over whole numbers: a loss over epochs, a probability over steps.

    Args:
        series: name -> values.
        xlabel: what is counted.
        ylabel: what the values are, with their unit.
        start: the number of the first value.
    """
    figure = figure_of(0.85 * WIDTH, 0.5 * WIDTH, chart=True)
    axis = figure.add_subplot()
    for s, (name, values) in enumerate(series.items()):
        look = {"color": SERIES[s % len(SERIES)], "marker": MARKERS[s % len(MARKERS)], "label": name}
        axis.plot(range(start, start + len(values)), values, ms=4, markevery=max(1, len(values) // 15), **look)
    axis.set(xlabel=xlabel, ylabel=ylabel)
    axis.grid(axis="y")
    if len(series) > 1:
        axis.legend(loc="best", frameon=True, framealpha=0.9, edgecolor="none")
    return figure


@styled
def matrix(values: Tensor, names: Sequence[str], *, unit: str) -> "Figure":
    """How each of some things relates to each: a square of signed numbers, written and coloured.

    Args:
        values: float [things, things]; full colour at the largest magnitude.
        names: of the things.
        unit: what the numbers are, at the colour bar.
    """
    values = values.detach().cpu().double()
    limit = float(values.abs().max()) or 1.0
    figure = figure_of(WIDTH, 0.85 * WIDTH, chart=True)
    axis = figure.add_subplot()
    image = axis.imshow(values, cmap="RdBu_r", vmin=-limit, vmax=limit)
    for row, column in torch.cartesian_prod(*map(torch.arange, values.shape)).tolist():
        value = float(values[row, column])
        colour = "white" if abs(value) > 0.6 * limit else INK
        axis.text(column, row, f"{value:.1f}", ha="center", va="center", fontsize=8, color=colour)
    axis.set_xticks(range(len(names)), names, rotation=45, ha="right")
    axis.set_yticks(range(len(names)), names)
    axis.spines[:].set_visible(False)
    axis.tick_params(length=0)
    figure.colorbar(image, ax=axis, label=unit, shrink=0.8)
    return figure


@styled
def ranking(
    values: Mapping[str, tuple[float, float, float]],
    kinds: Mapping[str, str],
    *,
    xlabel: str,
    reference: float | None = None,
    title: str = "",
) -> "Figure":
    """Things in their order, each with its interval, one colour and one marker per kind.

    Args:
        values: name -> (value, low end, high end of the interval), from the top.
        kinds: name -> what kind of thing it is; the legend has one entry for each.
        xlabel: what is counted, with its unit.
        reference: a value to compare with, such as chance, as a dashed line.
        title: one line above the chart.
    """
    figure = figure_of(WIDTH, 1.1 + 0.235 * len(values) + 0.25 * bool(title), chart=True)
    axis, every = figure.add_subplot(), list(dict.fromkeys(kinds.values()))
    for kind in every:
        own = [(place, *of) for place, (name, of) in enumerate(values.items()) if kinds[name] == kind]
        if own:
            place, *of = zip(*own, strict=True)
            look = {"color": SERIES[every.index(kind) % len(SERIES)], "fmt": MARKERS[every.index(kind) % len(MARKERS)]}
            axis.errorbar(of[0], place, xerr=_whiskers(*of), ms=6, capsize=3, label=kind, **look)
    axis.set_yticks(range(len(values)), list(values))
    axis.set(xlabel=xlabel, ylim=(len(values) - 0.4, -0.6))
    axis.tick_params(axis="y", length=0)
    axis.grid(axis="both")
    axis.set_axisbelow(True)
    if reference is not None:
        axis.axvline(reference, color=FAINT, ls="--", lw=1.2, zorder=1)
    figure.legend(loc="outside lower center", ncols=3)
    if title:
        axis.set_title(title, loc="left")
    return figure


@styled
def branches(root: str, leaves: Mapping[str, str]) -> "Figure":
    """A question that branches into others, each with its answer at the end.

    Args:
        root: the first question, on the left; may have several lines.
        leaves: question -> answer, from the top.
    """
    figure = figure_of(WIDTH, 0.3 + 0.58 * len(leaves), chart=True)
    axis, middle, along = figure.add_subplot(), (len(leaves) - 1) / 2, torch.linspace(0, 1, 40)
    axis.text(0, middle, root, va="center", fontsize=11, fontweight="bold")
    for place, (question, answer) in enumerate(leaves.items()):
        bend = middle + (place - middle) * (3 * along**2 - 2 * along**3)
        axis.plot(1.15 + 0.65 * along, bend, color=SERIES[place % len(SERIES)])
        axis.text(1.87, place - 0.2, question, va="center")
        axis.text(1.87, place + 0.2, answer, va="center", fontweight="bold")
    axis.set(xlim=(0, 6.3), ylim=(len(leaves) - 0.5, -0.5))
    axis.axis("off")
    return figure


def _whiskers(values: Sequence[float], low: Sequence[float], high: Sequence[float]) -> list[list[float]]:
    """How far the ends of the intervals are from their values, below and above."""
    below = [value - end for value, end in zip(values, low, strict=True)]
    return [below, [end - value for value, end in zip(values, high, strict=True)]]
