"""Which method for which question: the best one, its equals, and whether a control that asks no network does it."""

from typing import NamedTuple

from xai_utils.experiments.claims import Interval
from xai_utils.experiments.verdict.methods import METHODS
from xai_utils.experiments.verdict.standings import Lead, Values, asked_everywhere, leads, standings

QUESTIONS: dict[str, str] = {
    "Which part does it need most?": "neediest part",
    "In which order do the parts count?": "order of parts",
    "Does a part speak for or against?": "sign",
    "Which part tells the class from its neighbour?": "telling part",
    "Where is the object?": "localisation",
    "What is enough?": "insertion",
    "Without what is the class gone?": "confidence drop",
}
"""What a reader may want to know -> the measure that answers it."""


class Advice(NamedTuple):
    """The answer to one question."""

    best: str
    """The method with the best mean."""
    value: Interval
    equal: tuple[str, ...]
    """Methods that are not decidedly worse, all comparisons together at 5%; the best of them first."""
    control: str
    """The best that can be had without asking the network."""
    ahead: Lead
    """By how much the best method is better than that."""


def advise(found: Values, higher: bool = True) -> Advice:
    """Which methods to use for what a measure asks.

    Args:
        found: as `results.values` returns them; methods that not all networks could be asked by take no part.
        higher: whether more is better.
    """
    found = asked_everywhere(found)
    order = standings(found, higher)
    best = next(name for name in order if not is_control(name))
    control = next(name for name in order if is_control(name))
    behind = leads(found, best, higher)
    equal = tuple(name for name in order if name != best and not (is_control(name) or behind[name].decided))
    return Advice(best, order[best], equal, control, leads(found, control, higher)[best])


class Entry(NamedTuple):
    """One cell of the table of all methods by all measures."""

    mean: float
    best: bool
    """Whether it is the best of all that ask the network, and could be asked of all networks."""
    ahead: bool
    """Whether such a method is decidedly better than the best control."""


def entries(found: Values, higher: bool = True) -> dict[str, Entry]:
    """A column of the table: every method by one measure.

    Args:
        found: as `results.values` returns them.
        higher: whether more is better.
    """
    everywhere = asked_everywhere(found)
    order = standings(everywhere, higher)
    best = next(name for name in order if not is_control(name))
    beyond = leads(everywhere, next(name for name in order if is_control(name)), higher)
    ahead = {name for name, lead in beyond.items() if lead.better and not is_control(name)}
    means = {name: mean for name, (mean, *_) in standings(found, higher).items()}
    return {name: Entry(mean, name == best, name in ahead) for name, mean in means.items()}


def is_control(method: str) -> bool:
    """Whether a method knows nothing of the network."""
    return method not in METHODS or METHODS[method].of == "control"
