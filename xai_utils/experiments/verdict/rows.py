"""Rows of the verdict's records: which networks are asked by which methods, and what has come of it."""

from collections.abc import Sequence

from xai_utils.experiments.records import grid, read_records
from xai_utils.experiments.verdict.methods import methods_for


def wanted(networks: Sequence[str], methods: Sequence[str], scenes: Sequence[list[int]]) -> list[dict]:
    """The configurations of every network, asked by every method about every block of scenes.

    Args:
        networks: names.
        methods: names of `METHODS`; if empty, all that each network can be asked by.
        scenes: blocks, [first, last] each.
    """
    return [
        row
        for model in networks
        for row in grid(model=[model], method=list(methods) or methods_for(model), scenes=scenes)
    ]


def recorded(name: str, model: str, over: str = "scenes") -> dict[str, dict[str, list]]:
    """What is recorded of a network: method -> name -> values, all blocks in a row.

    Args:
        name: of the record file.
        model: of the network.
        over: what the blocks are called in the configuration.
    """
    rows = [row for row in read_records(name) if row["configuration"]["model"] == model]
    found: dict[str, dict[str, list]] = {}
    for row in sorted(rows, key=lambda row: row["configuration"][over]):
        of = found.setdefault(row["configuration"]["method"], {})
        for key, values in row["result"].items():
            of.setdefault(key, []).extend(values)
    return found
