"""Pictures of what the package computes: tensors in, one `Figure` out, and nothing computed that belongs in a table.

Signed maps are red where a pixel speaks for the target and blue where it speaks against it, transparent where it does
not matter, over the picture in grey at half strength (figure 1 of Zintgraf et al.). Maps without a sign run from
transparent to dark purple. Both scales stay apart for colour-blind readers, and every figure keeps its letters
readable when it is shown at the width of a phone.
"""

from .bars import grouped_bars, interval_bars
from .charts import branches, chart, curves, matrix, ranking, scatter
from .look import style
from .pictures import contact_sheet, cut_out, overlay, show_images, show_maps
from .points import with_points
from .summaries import outlined, red_parts, show_summaries, summary_tiles

__all__ = [
    "branches",
    "chart",
    "contact_sheet",
    "curves",
    "cut_out",
    "grouped_bars",
    "interval_bars",
    "matrix",
    "outlined",
    "overlay",
    "ranking",
    "red_parts",
    "scatter",
    "show_images",
    "show_maps",
    "show_summaries",
    "style",
    "summary_tiles",
    "with_points",
]
