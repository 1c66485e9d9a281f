"""What the claims of all sections share."""

from collections.abc import Callable

from xai_utils.experiments.claims import Interval, in_words
from xai_utils.experiments.realtime_saliency import tables
from xai_utils.experiments.realtime_saliency.training import BLACK_BOXES


def by_network(values: Callable[[str], Interval]) -> str:
    """One quantity of every black box, in words."""
    return ", ".join(f"{tables.SHORT[name]} {in_words(values(name))}" for name in BLACK_BOXES)


def below(interval: Interval) -> Interval:
    """The interval of the negative, for the claim that a quantity lies below 0.

    Example:
        >>> below((-2.0, -3.0, -1.0))
        (2.0, 1.0, 3.0)
    """
    mean, low, high = interval
    return -mean, -high, -low
