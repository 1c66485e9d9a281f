"""Where a method fails: the scene in which the part that its map names costs least compared with the one it missed."""

from typing import NamedTuple

import numpy as np

from xai_utils.experiments.verdict.measures import recorded_measures
from xai_utils.experiments.verdict.truth import recorded_truth


class Failure(NamedTuple):
    """A scene in which a map names the wrong part; as a string, one sentence."""

    scene: int
    """Its number in the test split."""
    named: str
    """The part with the largest sum of the map."""
    needed: str
    """The part whose removal costs most."""
    costs: dict[str, float]
    """What the removal of each part costs, nats of log-odds."""

    def __str__(self) -> str:
        return (
            f"The map's favourite, {self.named}, costs {self.costs[self.named]:+.1f} nats; "
            f"{self.needed} costs {self.costs[self.needed]:+.1f}."
        )


def worst_failure(model: str, method: str) -> Failure:
    """The scene in which a method's map is most wrong about the part that a network needs; from records.

    Where a map is never wrong, both parts of what is returned are the same.

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
    return max(found, key=lambda failure: failure.costs[failure.needed] - failure.costs[failure.named])


def _failure(number: int, truth: dict, mass: np.ndarray) -> Failure:
    costs = dict(zip(truth["parts"], truth["drawn"], strict=True))
    return Failure(number, truth["parts"][int(mass.argmax())], max(costs, key=costs.get), costs)
