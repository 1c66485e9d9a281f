"""Claims of section 2.1 and figure 1: good and bad pictures, background, and a use that the paper does not try."""

from xai_utils.experiments.claims import Claim, Interval, in_words, of_all, verdict
from xai_utils.experiments.image_score import background, errors, outside, quality
from xai_utils.experiments.image_score.shares import CONTROLS, NETWORKS
from xai_utils.experiments.image_score.unusual import USUAL

FIVE = "Parts, five networks"


def picture_claims() -> list[Claim]:
    """All claims about which pictures get high scores."""
    return [*_of_causes(), *_of_background(), *_of_errors(), *_of_outside()]


def _of_causes() -> list[Claim]:
    """Figure 1: do low scores find the pictures that were made bad? One claim per cause."""
    place = "figure 1, section 2.1"
    found = []
    for cause in quality.CAUSES:
        areas = {name: quality.score_quality(name)[cause, "beyond"] for name in NETWORKS}
        rivals = {name: quality.score_quality(name, "softmax")[cause, "beyond"] for name in NETWORKS}
        says = f"low scores find the bad pictures: {cause}"
        blind = {name: quality.score_quality(name)[cause, "beyond"] for name in CONTROLS}
        measured = (
            f"area under the curve: {_by_network(areas)}; by softmax {_by_network(rivals)}; "
            f"by the score of networks with random weights {_by_network(blind)}"
        )
        found.append(Claim(place, says, measured, FIVE, _above(areas, 0.5)))
    return found


def _of_background() -> list[Claim]:
    """Section 2.1: a high score means little background."""
    chain, counted = background.CHAINS
    of = {name: background.background_table(name) for name in NETWORKS}

    def claim(says: str, key: str) -> Claim:
        values = {name: table[key] for name, table in of.items()}
        measured = f"correlation of the score with the share of activated units on the object: {_by_network(values)}"
        return Claim("section 2.1", says, measured, FIVE, _above(values))

    best = {name: table[f"share, {chain}, best"] for name, table in of.items()}
    return [
        Claim(
            "section 2.1",
            "the chain of a picture with a high score includes little to no background: most of it is on the object",
            f"share of activated units on the object, highest scored fifth: {_by_network(best)}",
            FIVE,
            _above(best, 0.5),
        ),
        claim("less background than with a low score", f"correlation, {chain}"),
        claim("the same, given the object's size", f"correlation, {chain}, given area"),
        claim("the same of the units that the score counts", f"correlation, {counted}, given area"),
    ]


def _of_errors() -> list[Claim]:
    """Section 2.1: pictures with high scores are classified correctly."""
    own, softmax = errors.score_errors(), errors.score_errors("softmax")
    behind = errors.score_errors("predicted class - softmax")
    return [
        Claim(
            "section 2.1",
            "pictures with high scores are classified rightly",
            f"area under the curve of right against wrong answers: {_by_network({n: own[n] for n in NETWORKS})}",
            FIVE,
            _above({name: own[name] for name in NETWORKS}, 0.5),
        ),
        Claim(
            "not in the paper",
            "and the score tells it better than the softmax",
            f"softmax {_by_network({n: softmax[n] for n in NETWORKS})}",
            FIVE,
            _above({name: behind[name] for name in NETWORKS}),
        ),
    ]


def _of_outside() -> list[Claim]:
    """Unusual pictures: the score against softmax and energy."""
    found = []
    for rival in outside.RIVALS:
        differences = {name: mean_over_kinds(name, f"predicted class - {rival}") for name in NETWORKS}
        measured = f"area above that of the {rival}, mean over kinds of pictures: {_by_network(differences)}"
        says = f"the score finds unusual pictures better than the {rival}"
        found.append(Claim("not in the paper", says, measured, FIVE, _above(differences)))
    return found


def mean_over_kinds(network: str, measure: str) -> Interval:
    """A recorded measure of `outside`, mean over the kinds of unusual pictures; the ends are means of ends."""
    kinds = outside.score_outside(network, (measure,))
    rows = [of[measure] for kind, of in kinds.items() if kind != USUAL]
    return tuple(sum(values) / len(rows) for values in zip(*rows, strict=True))


def _by_network(values: dict[str, Interval]) -> str:
    return ", ".join(f"{name.removeprefix('parts/')} {in_words(of)}" for name, of in values.items())


def _above(values: dict[str, Interval], border: float = 0.0) -> str:
    return of_all([verdict(interval, above=border) for interval in values.values()])
