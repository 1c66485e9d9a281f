"""Where a method fails: the scene in which the part that its map names costs least compared with the one it missed."""

from typing import NamedTuple

import numpy as np

from xai_utils.experiments.verdict.measures import recorded_measures
from xai_utils.experiments.verdict.truth import recorded_truth


class Failure(NamedTuple):
    """A scene in which a map names the wrong part."""

    scene: int
    """Its number in the test split."""
    named: str
    """The part with the largest sum of the map."""
    costs: float
    """What its removal costs, nats of log-odds."""
    needed: str
    """The part whose removal costs most."""
    loss: float
    """What that one costs, nats of log-odds."""


def worst_failure(model: str, method: str) -> Failure:
    """The scene in which a method's map is most wrong about the part that a network needs; from records.

    Args:
        model: the network's name.
        method: a name of `METHODS`.

    Raises:
        ValueError: nothing is recorded of the network or the method.
    """
    truth, recorded = recorded_truth(model), recorded_measures(model)
    if not truth or method not in recorded:
        raise ValueError(f"model, method: expected what is recorded, got {model!r} and {method!r}")
    found = [
        _failure(number, of, np.array(mass))
        for (number, of), mass in zip(truth.items(), recorded[method]["mass"], strict=True)
    ]
    return max(found, key=lambda failure: failure.loss - failure.costs)


def _failure(number: int, truth: dict, mass: np.ndarray) -> Failure:
    named, needed = int(mass.argmax()), int(np.argmax(truth["drawn"]))
    cost, name = truth["drawn"], truth["parts"]
    return Failure(number, name[named], cost[named], name[needed], cost[needed])
