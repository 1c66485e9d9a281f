"""One forward pass of many copies of a picture, each computed in the windows that its patch changes."""

from collections.abc import Callable
from typing import Any

import torch
from torch import Tensor, fx

from xai_utils.incremental.pieces import Ground, Piece, Window, ground
from xai_utils.incremental.plan import Plan, Spans
from xai_utils.incremental.sliding import Slide
from xai_utils.incremental.spans import Span

LARGEST_SHARE = 0.8  # of a map; beyond it, cutting out costs more than what it saves
Border = tuple[int, int, int, int]  # lines that a layer sees beyond a map: left, right, above, below
NO_BORDER: Border = (0, 0, 0, 0)


class Clean:
    """What a model computes for its picture as it is: what the windows are cut out of."""

    def __init__(self, values: dict[fx.Node, Any]) -> None:
        self.values = values
        self.grounds: dict[tuple, Ground] = {}

    def cut(
        self,
        node: fx.Node,
        window: Window,
        piece: Piece | None,
        border: Border = NO_BORDER,
        fill: float = 0.0,
    ) -> Any:
        """Windows of a node's map (or of each of its parts) with a piece pasted in; see `Ground.cut`."""
        value = self.values[node]
        if isinstance(value, Tensor):
            return self._cut((node,), value, window, piece, border, fill)
        pieces = [None if piece is None else Piece(part, piece.window) for part in (piece.values if piece else value)]
        parts = zip(range(len(value)), value, pieces, strict=True)
        return [self._cut((node, part), clean, window, one, border, fill) for part, clean, one in parts]

    def _cut(
        self, name: tuple, clean: Tensor, window: Window, piece: Piece | None, border: Border, fill: float
    ) -> Tensor:
        key = (*name, border, fill)
        if key not in self.grounds:
            self.grounds[key] = ground(clean, border, fill)
        windows = self.grounds[key].cut(window, piece)
        windows = windows.reshape(len(windows), *clean.shape[1:-2], *windows.shape[-2:])
        return windows.contiguous() if _is_row_by_row(clean) else windows


def _is_row_by_row(maps: Tensor) -> bool:
    """Whether a map lies in memory in the order of its dimensions; a `view` of it may rely on that."""
    return maps.is_contiguous() and not (maps.ndim == 4 and maps.is_contiguous(memory_format=torch.channels_last))


class Windows:
    """Where the windows of one batch of copies lie: all of one size, each at its own place."""

    def __init__(self, spans: Spans, corners: Tensor) -> None:
        self.spans, self.corners = spans, corners
        self.known: dict[tuple[int, int], Window | None] = {}

    def of(self, node: fx.Node) -> Window | None:
        """The window of a node's map; None if all of it has to be computed."""
        if node not in self.spans:
            return None
        rows, columns = self.spans[node]
        key = (id(rows), id(columns))
        if key not in self.known:
            self.known[key] = self.fit(rows, columns)
        return self.known[key]

    def fit(self, rows: Span, columns: Span) -> Window | None:
        """The smallest window that holds what changes in each copy, moved inward where it would leave the map."""
        rows_at, columns_at = self.corners.unbind(dim=1)
        height, width = (int(span.sizes()[at].max()) for span, at in ((rows, rows_at), (columns, columns_at)))
        if height * width > LARGEST_SHARE * rows.length * columns.length:
            return None
        top = rows.first[rows_at].clamp(max=rows.length - height)
        left = columns.first[columns_at].clamp(max=columns.length - width)
        return Window(top, left, height, width)


class Pass:
    """Runs a plan for one batch of copies."""

    def __init__(self, plan: Plan, clean: Clean, windows: Windows) -> None:
        self.plan, self.clean, self.windows = plan, clean, windows
        self.copies = len(windows.corners)
        self.values: dict[fx.Node, Any] = {}

    def run(self, contents: Tensor) -> Any:
        """The answers to copies whose patches hold these contents, [copies, channel, patch, patch]."""
        window = Window(*self.windows.corners.unbind(dim=1), *contents.shape[-2:])
        rows, columns = self.windows.spans[self.plan.source]
        self.windows.known[id(rows), id(columns)] = window
        self.values[self.plan.source] = Piece(contents.clone(memory_format=torch.channels_last), window)
        for node in self.plan.nodes:
            self.values[node] = self._value(node)
            for forgotten in self.plan.last[node]:
                self.values.pop(forgotten, None)
        return self._whole(self.plan.end)

    def _value(self, node: fx.Node) -> Any:
        """What a node gives: a piece, if all that it reads are pieces and its window is small; else everything."""
        if node not in self.plan.moving:
            return self._call(node, self._unpatched)
        window = self.windows.of(node)
        below = [self.values[each] for each in node.all_input_nodes if each in self.plan.moving]
        if window is None or not all(isinstance(value, Piece) for value in below):
            return self._call(node, self._whole)
        return Piece(self._on_windows(node, window), window)

    def _on_windows(self, node: fx.Node, window: Window) -> Any:
        """What an operation gives inside a window of each copy."""
        rule = self.plan.rules[node]
        if isinstance(rule, Slide):
            return rule.apply(self._cut(rule.source, rule.reads(window), rule.border(), rule.fill), window)

        def argument(each: fx.Node) -> Any:
            return self._cut(each, window) if each in rule.sources else self._unpatched(each)

        return rule.apply(*fx.map_arg(node.args, argument), **fx.map_arg(node.kwargs, argument))

    def _call(self, node: fx.Node, argument: Callable[[fx.Node], Any]) -> Any:
        """What a node's own operation gives."""
        return self.plan.calls[node](*fx.map_arg(node.args, argument), **fx.map_arg(node.kwargs, argument))

    def _cut(self, node: fx.Node, window: Window, border: Border = NO_BORDER, fill: float = 0.0) -> Any:
        """The windows of a node's map with the changed piece in it; the piece itself, if that is all."""
        piece = self.values.get(node)
        if piece is not None and piece.window is window and border == NO_BORDER:
            return piece.values
        return self.clean.cut(node, window, piece, border, fill)

    def _whole(self, node: fx.Node) -> Any:
        """All that a node gives, its piece pasted into the clean map."""
        if node in self.values and not isinstance(self.values[node], Piece):
            return self.values[node]
        if node not in self.plan.sizes:  # no map
            return self._unpatched(node)
        nowhere = torch.zeros(self.copies, dtype=torch.int64)
        return self.clean.cut(node, Window(nowhere, nowhere, *self.plan.sizes[node]), self.values.get(node))

    def _unpatched(self, node: fx.Node) -> Any:
        """What a node gives as far as the patch does not matter; for the picture's maps that is their kind and size."""
        if node in self.values and not isinstance(self.values[node], Piece):
            return self.values[node]
        value = self.clean.values[node]
        if isinstance(value, Tensor) and (node in self.plan.moving or node in self.plan.still):
            return value.expand(self.copies, *value.shape[1:])
        return value
