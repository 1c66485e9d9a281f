"""Recorded results: JSON lines that say what was measured, by which code, and that can be continued.

Every line is one measurement: its `configuration` (which also is its key), its `result`, and how it came about. A run
that was interrupted goes on with the configurations that are still missing.
"""

import hashlib
import json
import os
import platform
import re
import time
from collections.abc import Callable, Iterable
from datetime import UTC, datetime
from itertools import product
from pathlib import Path

import torch
import torchvision

from xai_utils.tensors import Progress, quiet
from xai_utils.weights import weights_folder

PACKAGE = Path(__file__).parent.parent
RESULTS = PACKAGE.parent / "data" / "results"
SCHEMA = {
    "configuration": dict,
    "result": dict,
    "code": str,
    "weights": dict,
    "versions": dict,
    "date": str,
    "seconds": float,
    "command": str,
}


def grid(**values: Iterable) -> list[dict]:
    """Every combination of the values of each keyword, the last one changing fastest: the rows of a table.

    Example:
        >>> grid(model=["a", "b"], patch=[10])
        [{'model': 'a', 'patch': 10}, {'model': 'b', 'patch': 10}]
    """
    return [dict(zip(values, combination, strict=True)) for combination in product(*values.values())]


def in_blocks(last: int, size: int, first: int = 0) -> list[list[int]]:
    """[first, last) of the scenes that make one row each, so that a killed run loses little.

    Example:
        >>> in_blocks(5, 2)
        [[0, 2], [2, 4], [4, 5]]
        >>> in_blocks(5, 2, first=2)
        [[2, 4], [4, 5]]
    """
    return [[start, min(start + size, last)] for start in range(first, last, size)]


def record_all(
    name: str,
    configurations: Iterable[dict],
    measure: Callable[..., dict],
    *,
    command: str,
    folder: Path = RESULTS,
    progress: Progress = quiet,
) -> list[dict]:
    """Measures every configuration that is not recorded yet, and writes each result at once.

    A row counts as recorded if its configuration and the weights of the networks it names are the same; change of code
    alone makes no row stale, but the row says by which code it was made, and the tests compute some rows again.

    Args:
        name: of the file, `folder/name.jsonl`.
        configurations: keyword arguments of `measure`, JSON-able.
        measure: returns a JSON-able dictionary.
        command: what a reader types to make the file.
        folder: where the file lies.
        progress: wraps the configurations.

    Returns:
        The rows of these configurations, in their order, each as `SCHEMA` says.

    Raises:
        ValueError: the file holds something else than rows of this schema.
    """
    path = folder / f"{name}.jsonl"
    recorded = {_key(row["configuration"]): row for row in read_records(name, folder)}
    rows = {key: row for key, row in recorded.items() if row["weights"] == weights_of(row["configuration"])}
    wanted = list(configurations)
    for configuration in progress(wanted):
        if _key(configuration) in rows:
            continue
        start = time.perf_counter()
        result = measure(**configuration)
        rows[_key(configuration)] = {
            "configuration": configuration,
            "result": result,
            "code": code_hash(),
            "weights": weights_of(configuration),
            "versions": versions(),
            "date": datetime.now(UTC).date().isoformat(),
            "seconds": round(time.perf_counter() - start, 1),
            "command": command,
        }
        _write(path, rows.values())
    return [rows[_key(configuration)] for configuration in wanted]


def read_records(name: str, folder: Path = RESULTS) -> list[dict]:
    """The rows recorded under that name; none if the file does not exist.

    Args:
        name: of the file, `folder/name.jsonl`.
        folder: where the file lies.

    Raises:
        ValueError: a line that is no row of this schema; names file and line.
    """
    path = folder / f"{name}.jsonl"
    if not path.exists():
        return []
    return [_checked(line, f"{path.name}, line {n}") for n, line in enumerate(path.read_text().splitlines(), start=1)]


def code_hash() -> str:
    """A short hash of all of the package's source: which code made a row."""
    digest = hashlib.sha256()
    for file in sorted(PACKAGE.rglob("*.py")):
        digest.update(file.relative_to(PACKAGE).as_posix().encode() + file.read_bytes())
    return digest.hexdigest()[:12]


def weights_of(configuration: dict) -> dict[str, str]:
    """A short hash of the weights of every network of ours that a configuration names, by the network's name."""
    named = re.findall(r'"((?:parts|cnn_fixations|masking|cifar|small)/[^"]+)"', _key(configuration))
    files = {name: weights_folder() / f"{name}.safetensors" for name in named}
    return {name: hashlib.sha256(file.read_bytes()).hexdigest()[:12] for name, file in files.items()}


def versions() -> dict[str, str]:
    """The versions a result may depend on."""
    return {"python": platform.python_version(), "torch": torch.__version__, "torchvision": torchvision.__version__}


def _key(configuration: dict) -> str:
    return json.dumps(configuration, sort_keys=True)


def _checked(line: str, place: str) -> dict:
    try:
        row = json.loads(line)
    except json.JSONDecodeError as error:
        raise ValueError(f"{place}: expected a JSON object, got {line[:60]!r}") from error
    wrong = [key for key, kind in SCHEMA.items() if not isinstance(row.get(key), kind)]
    if wrong:
        raise ValueError(f"{place}: expected the keys {', '.join(SCHEMA)}, got a row with a wrong {wrong[0]}")
    return row


def _write(path: Path, rows: Iterable[dict]) -> None:
    """Replaces the file in one atomic step, so that a killed run never leaves half a line."""
    path.parent.mkdir(parents=True, exist_ok=True)
    partial = path.with_name(path.name + ".partial")
    partial.write_text("".join(json.dumps(row, sort_keys=True) + "\n" for row in rows))
    os.replace(partial, path)
