"""Pictures and maps: colours laid over grey, grids with labels, contact sheets."""

from collections.abc import Collection, Mapping, Sequence
from typing import TYPE_CHECKING

import torch
from torch import Tensor

from ..tensors import check_choice, check_images, check_maps
from .look import WIDTH, figure_of, styled

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

SIGNED, UNSIGNED = "RdBu_r", "Purples"
GAP, BAR = 0.07, 0.95  # inches between panels, and beside them for a colour bar with its numbers
ACROSS = 4  # panels in a line, so that letters and pictures stay readable on a phone


def overlay(images: Tensor, maps: Tensor, *, limit: float | None = None, over: bool = True) -> Tensor:
    """Colours the maps and lays them over their pictures.

    Args:
        images: RGB in [0, 1], [batch, 3, height, width].
        maps: [batch, height, width]; drawn as signed when any value is negative.
        limit: the value of full colour, in the unit of the maps; by default the largest magnitude of all.
        over: `True` lays the colours over the grey, half-strength picture, `False` over white.

    Returns:
        RGB in [0, 1] on the CPU, [batch, 3, height, width]; where a map is 0 the ground shows unchanged.

    Example:
        >>> red, nothing, blue = overlay(torch.ones(1, 3, 1, 3), torch.tensor([[[2.0, 0.0, -2.0]]]))[0, :, 0].T
        >>> bool(red[0] > red[2]), nothing.tolist(), bool(blue[2] > blue[0])
        (True, [1.0, 1.0, 1.0], True)
    """
    check_maps(maps, check_images(images))
    limit = _limit(maps) if limit is None else limit
    return _paint(_ground(images) if over else torch.ones(images.shape), maps, limit, _signed(maps))


def cut_out(images: Tensor, regions: Tensor) -> Tensor:
    """The pictures where `regions` (bool [batch, height, width]) is true, and a pale grey rest."""
    return torch.where(regions.cpu()[:, None], images.detach().cpu(), 0.75 + 0.25 * _ground(images))


@styled
def show_images(images: Tensor, *, titles: Sequence[str] = (), columns: int = 4, title: str = "") -> "Figure":
    """Pictures side by side, wrapped after `columns`, each under its title."""
    titles = [*titles, *[""] * (len(check_images(images)) - len(titles))]
    panels = list(zip(images, titles, strict=True))
    return sheet([panels[i : i + columns] for i in range(0, len(panels), columns)], title=title)[0]


@styled
def show_maps(
    images: Tensor,
    maps: Tensor | Mapping[str, Tensor],
    *,
    columns: Sequence[str] = (),
    titles: Mapping[str, Sequence[str]] | None = None,
    limit: str | float = "shared",
    over: bool | Collection[str] = True,
    unit: str = "",
    title: str = "",
) -> "Figure":
    """Pictures above their maps: a column per picture, a row per kind of map; a single picture's maps lie beside it.

    Beside a single picture there is room for three maps; more of them go on in further lines.

    Args:
        images: RGB in [0, 1], [batch, 3, height, width].
        maps: [batch, height, width], or several of them, row label -> maps.
        columns: one label per picture.
        titles: row label -> one line above each map of the row, for example the probability of the target.
        limit: "shared" gives all maps one scale, "row" each kind of map its own, "each" each single map its own (then
            the colour bar counts in parts of the map's largest magnitude); a number fixes the value of full colour.
        over: lay the maps over their pictures: all, none, or only the rows of these labels.
        unit: what the colour bar counts, for example "weight of evidence (bits)".
        title: one line above the figure.

    Raises:
        ValueError: maps that do not belong to the images, or another `limit`.
    """
    check_images(images)
    rows = {name: check_maps(row, images).detach().cpu() for name, row in _named(maps).items()}
    if isinstance(limit, str):
        check_choice("limit", limit, ("shared", "row", "each"))
    every, titles = torch.stack([*rows.values()]), titles or {}
    panels, scales = [list(zip(images, [*columns] or [""] * len(images), strict=True))], []
    for name, row in rows.items():
        family = row if limit in ("row", "each") else every
        full, signed = (_limit(family) if isinstance(limit, str) else limit), _signed(family)
        fulls = [_limit(one) if limit == "each" else full for one in row]
        ground = _ground(images) if over is True or (over and name in over) else torch.ones(images.shape)
        drawn = [_paint(ground[[i]], row[[i]], fulls[i], signed)[0] for i in range(len(images))]
        panels.append(list(zip(drawn, titles.get(name, [""] * len(images)), strict=True)))
        scales.append((1.0 if limit == "each" else full, signed))
    if len(images) == 1:
        heads = [panels[0][0][1], *("\n".join(filter(None, (n, *titles.get(n, ())))) for n in rows)]
        panels = _wrapped([(row[0][0], head) for row, head in zip(panels, heads, strict=True)])
    labels = ["", *rows] if any(rows) and len(images) > 1 else []
    under = len(images) == 1 and len(set(scales)) > 1  # maps side by side with a scale each have it underneath
    figure, axes = sheet(panels, labels=labels, title=title, **({"below": 0.6} if under else {"right": BAR}))
    beside = [[axis] for line in axes for axis in line][1:] if len(images) == 1 else axes[1:]
    if len(set(scales)) == 1:
        beside, scales = [[axis for row in beside for axis in row]], scales[:1]
    once = len(scales) > 1 and not under  # bars in a column share the unit's name, which is longer than each of them
    for row, scale in zip(beside, scales, strict=True):
        _bar(figure, row, *scale, "" if once else unit, under)
    if once:
        middle = (beside[0][0].get_position().y1 + beside[-1][0].get_position().y0) / 2
        figure.text(1, middle, unit, rotation=90, ha="right", va="center", fontsize=9)
    return figure


@styled
def contact_sheet(images: Tensor, *, columns: int = 8, rows: Sequence[str] = (), title: str = "") -> "Figure":
    """Many small pictures edge to edge in reading order; `rows` names each line of them, for example by its class."""
    lines = -(-len(check_images(images)) // columns)
    empty = torch.ones(lines * columns - len(images), *images.shape[1:])
    tiles = torch.cat([images.detach().cpu().float(), empty]).unflatten(0, (lines, columns))
    gap = max(1, images.shape[-1] // 32)
    tiles = torch.nn.functional.pad(tiles, (0, gap, 0, gap), value=1.0)
    height = tiles.shape[-2]
    sheet = tiles.permute(2, 0, 3, 1, 4).flatten(3, 4).flatten(1, 2)[:, :-gap, :-gap]
    left, top = 0.1 + 0.085 * max([0, *map(len, rows)]), _above([title])
    across = WIDTH - left
    figure = figure_of(WIDTH, top + across * sheet.shape[1] / sheet.shape[2])
    axis = figure.add_axes((left / WIDTH, 0, across / WIDTH, 1 - top / figure.get_figheight()))
    _put(axis, sheet)
    axis.set_yticks([(i + 0.5) * height for i in range(len(rows))], rows)
    axis.tick_params(axis="y", length=0)
    if title:
        figure.suptitle(title, x=left / WIDTH, y=1, ha="left", va="top")
    return figure


def _named(maps: Tensor | Mapping[str, Tensor]) -> Mapping[str, Tensor]:
    return maps if isinstance(maps, Mapping) else {"": maps}


def _ground(images: Tensor) -> Tensor:
    """The pictures in grey at half strength, so that colour can only come from a map."""
    grey = (images.detach().cpu().float() * torch.tensor([0.299, 0.587, 0.114])[:, None, None]).sum(1, keepdim=True)
    return (0.5 + 0.5 * grey).expand(-1, 3, -1, -1)


def _signed(maps: Tensor) -> bool:
    return bool((maps < 0).any())


def _limit(maps: Tensor) -> float:
    return float(maps.abs().max()) or 1.0  # an empty map has no scale of its own


def _paint(ground: Tensor, maps: Tensor, limit: float, signed: bool) -> Tensor:
    import matplotlib

    value = (maps.detach().cpu().float() / limit).clamp(-1 if signed else 0, 1)
    strong = value.sign() * (0.4 + 0.6 * value.abs())  # the pale middle of the scale would veil what it covers:
    opacity = (1.6 * value.abs()).clamp(max=0.95)[:, None]  # what is near 0 fades instead
    colour = matplotlib.colormaps[SIGNED if signed else UNSIGNED](((strong + 1) / 2 if signed else strong).numpy())
    return opacity * torch.from_numpy(colour[..., :3]).float().movedim(-1, 1) + (1 - opacity) * ground


def _wrapped(panels: Sequence[tuple[Tensor, str]]) -> list[Sequence[tuple[Tensor, str]]]:
    """Lines of at most `ACROSS` panels, as even as can be."""
    lines = -(-len(panels) // ACROSS)
    across = -(-len(panels) // lines)
    return [panels[i : i + across] for i in range(0, len(panels), across)]


def _lines(texts: Sequence[str]) -> int:
    return max([0, *(text.count("\n") + 1 for text in texts if text)])


def _above(texts: Sequence[str], size: float = 0.2) -> float:
    """Inches to leave free for the tallest of the texts."""
    return size * _lines(texts) + 0.08 * bool(_lines(texts))


def sheet(
    panels: Sequence[Sequence[tuple[Tensor, str]]],
    *,
    labels: Sequence[str] = (),
    title: str = "",
    right: float = 0.02,
    below: float = GAP,
) -> "tuple[Figure, list[list[Axes]]]":
    """Panels (picture, title) in rows with row labels, placed by the inch so that frames of one kind never jump."""
    columns, left = max(map(len, panels)), 0.3 if labels else 0.02
    width = min((WIDTH - left - right) / columns - GAP, 2.1)
    height = width * panels[0][0][0].shape[-2] / panels[0][0][0].shape[-1]
    heads = [_above([text for _, text in row]) for row in panels]
    full = (left + right + columns * (width + GAP), _above([title], 0.18) + sum(heads) + len(panels) * (height + below))
    figure, top, axes = figure_of(*full), full[1] - _above([title], 0.18), []
    for r, row in enumerate(panels):
        top -= heads[r] + height
        boxes = [(left + c * (width + GAP), top) for c in range(len(row))]
        axes.append([figure.add_axes((x / full[0], y / full[1], width / full[0], height / full[1])) for x, y in boxes])
        for axis, (picture, text) in zip(axes[-1], row, strict=True):
            _put(axis, picture)
            axis.set_title(text, pad=4)
        if labels:
            axes[-1][0].set_ylabel(labels[r], labelpad=5)
        top -= below
    if title:
        figure.suptitle(title, x=left / full[0], y=1 - 0.04 / full[1], ha="left", va="top")
    return figure, axes


def _put(axis: "Axes", picture: Tensor) -> None:
    axis.imshow(picture.detach().cpu().clamp(0, 1).movedim(0, -1).numpy())
    axis.set(xticks=[], yticks=[])
    axis.spines[:].set_visible(False)


def _bar(figure: "Figure", beside: "Sequence[Axes]", limit: float, signed: bool, unit: str, under: bool) -> None:
    """A colour bar right of these panels, or under them, painted by the same function as the maps."""
    boxes = [axis.get_position() for axis in beside]
    x0, x1, y0, y1 = min(b.x0 for b in boxes), max(b.x1 for b in boxes), min(b.y0 for b in boxes), boxes[0].y1
    width, height = figure.get_size_inches()
    place = (x0, y0 - 0.2 / height, x1 - x0, 0.12 / height) if under else (x1 + 0.12 / width, y0, 0.14 / width, y1 - y0)
    bar, low = figure.add_axes(place), -limit if signed else 0.0
    strip = _paint(torch.ones(1, 3, 256, 1), torch.linspace(limit, low, 256)[None, :, None], limit, signed)[0]
    strip = strip.mT.flip(-1) if under else strip
    bar.imshow(strip.movedim(0, -1).numpy(), aspect="auto", extent=(low, limit, 0, 1) if under else (0, 1, low, limit))
    bar.yaxis.tick_right()
    bar.yaxis.set_label_position("right")
    scale, other = (bar.xaxis, bar.yaxis) if under else (bar.yaxis, bar.xaxis)
    ticks = [low, 0.0, limit] if signed else [0.0, limit]
    words = [f"{v:+.2g}" if signed and v else f"{v:.2g}" for v in ticks]
    scale.set_ticks(ticks, [word.replace("-", "\N{MINUS SIGN}") for word in words], fontsize=9)
    other.set_ticks([])
    scale.set_label_text(unit, fontsize=9)
    bar.tick_params(length=2, pad=2)
    bar.spines[:].set_visible(False)
    ends = ["left", "center", "right"] if under else ["bottom", "center", "top"]  # numbers stay inside the bar's length
    for word, end in zip(scale.get_ticklabels(), ends if signed else ends[::2], strict=True):
        word.set(**{"ha" if under else "va": end})
