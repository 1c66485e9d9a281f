"""Runs notebooks and keeps only what nbval compares: `python -m tests.refresh_notebooks notebooks/*.ipynb`.

Cells tagged `nbval-check-output` keep their text; all pictures, controls and other outputs are taken out, so that a
notebook stays small and a change of it can be read.
"""

import sys
from pathlib import Path

import nbformat
from nbclient import NotebookClient

KEPT = ("text/plain",)


def refresh(path: Path) -> None:
    """Runs one notebook in its own folder and writes it back without what is not compared."""
    notebook = nbformat.read(path, as_version=4)
    NotebookClient(notebook, timeout=1800, resources={"metadata": {"path": str(path.parent)}}).execute()
    strip(notebook)
    nbformat.write(notebook, path)


def strip(notebook: nbformat.NotebookNode) -> None:
    """Takes out, in place, all that is not the text of a checked cell."""
    notebook.metadata.pop("widgets", None)
    for number, cell in enumerate(notebook.cells):
        cell.id = f"cell-{number:02d}"  # stable, so that a refresh changes nothing by itself
        if cell.cell_type != "code":
            continue
        cell.metadata.pop("execution", None)
        checked = "nbval-check-output" in cell.metadata.get("tags", [])
        cell.outputs = [_text(output) for output in cell.outputs if checked]
        cell.execution_count = cell.execution_count if checked else None


def _text(output: nbformat.NotebookNode) -> nbformat.NotebookNode:
    if "data" in output:
        output.data = {kind: value for kind, value in output.data.items() if kind in KEPT}
    return output


if __name__ == "__main__":
    for name in sys.argv[1:]:
        refresh(Path(name))
