"""Claims of section 2: what scores say of pictures, and what training does to them."""

import numpy as np

from xai_utils.experiments.claims import Claim, in_words, of_all, verdict
from xai_utils.experiments.image_score import chains, intervals
from xai_utils.experiments.image_score.verdicts.learning import NAMES, SAID
from xai_utils.experiments.statistics import bootstrap_interval


def score_claims() -> list[Claim]:
    """Figures 2 to 4 and the intuition of section 2.1, for every data set and network with records."""
    figures = [(data, network) for data in SAID for network in intervals.networks_of(data)]
    return [
        *(claim for data, network in figures for claim in _of_figures(data, network)),
        *(claim for data, network in chains.recorded() for claim in _of_chains(data, network)),
    ]


def _of_figures(data: str, network: str) -> list[Claim]:
    """Figures 2 to 4."""
    few, some, many = intervals.STAGES
    on = f"{SAID[data]}, {NAMES[network]}, ten classes"
    rising = {epochs: bootstrap_interval(_rises(data, network, epochs)) for epochs in intervals.STAGES}
    chance = _by_chance(data, network, some)
    apart = bootstrap_interval(_spread(data, network, some))
    high, right = (intervals.trend(data, network, value) for value in ("high", "accuracy"))
    fewer, better = bootstrap_interval(high[few] - high[many]), bootstrap_interval(right[many] - right[few])
    return [
        Claim(
            "figures 2 to 4",
            "accuracy increases with the score",
            "area under the curve, recognised or not, of the class's new pictures: "
            + ", ".join(f"{epochs} epochs {in_words(found)}" for epochs, found in rising.items()),
            on,
            of_all([verdict(found, above=0.5) for found in rising.values()]),
        ),
        Claim(
            "section 2.3",
            "seen and new pictures are spread over the intervals alike",
            f"half of the summed differences of their shares {in_words(apart)}, by chance {in_words(chance)}",
            on,
            "does not hold" if apart[1] > chance[2] else "holds",
        ),
        Claim(
            "figures 2 to 4",
            "the longer the training, the fewer very high scores",
            f"share of the highest tenth after {few} epochs that is lost after {many}: {in_words(fewer)}",
            on,
            verdict(fewer),
        ),
        Claim(
            "figures 2 to 4",
            "and the more pictures are recognised",
            f"gain from {few} to {many} epochs {in_words(better)}",
            on,
            verdict(better),
        ),
    ]


def _rises(data: str, network: str, epochs: int) -> list[float]:
    """For each class how often a recognised new picture has a higher score than one that is not; ties count half."""
    found = []
    for target in range(10):
        count, right = intervals.steps(data, network, epochs, target, "test")
        wrong = count - right
        if right.sum() and wrong.sum():
            below = wrong[::-1].cumsum()[::-1] - wrong  # steps go down from 0: later ones are lower
            found.append(float((right * (below + wrong / 2)).sum() / (right.sum() * wrong.sum())))
    return found


def _spread(data: str, network: str, epochs: int) -> list[float]:
    """For each class half of the summed differences between the shares of seen and new pictures, in [0, 1]."""
    found = []
    for target in range(10):
        seen, new = ([one.share for one in of] for of in intervals.intervals(data, network, epochs, target).values())
        found.append(float(np.abs(np.subtract(seen, new)).sum() / 2))
    return found


def _by_chance(data: str, network: str, epochs: int, draws: int = 200) -> tuple[float, float, float]:
    """The same if seen and new pictures were dealt out anew: what their numbers alone would give."""
    generator, found = np.random.default_rng(0), []
    for target in range(10):
        both = [intervals.steps(data, network, epochs, target, name)[0] for name in intervals.PICTURES]
        sizes, pooled = [of.sum() for of in both], sum(both) / sum(of.sum() for of in both)
        for _ in range(draws // 10):
            again = [generator.multinomial(size, pooled) for size in sizes]
            shares = [[one.share for one in intervals.in_intervals(of, of)] for of in again]
            found.append(float(np.abs(np.subtract(*shares)).sum() / 2))
    return bootstrap_interval(found)


def _of_chains(data: str, network: str) -> list[Claim]:
    """Section 2.1: recognised pictures activate alike."""
    found, on = chains.chains(data, network), f"{SAID[data]}, {NAMES[network]}"
    words = ", ".join(f"{kind} {in_words(found[kind])}" for kind in chains.PAIRS)
    return [
        Claim(
            "section 2.1",
            says,
            f"likeness of two pictures: {words}; difference {in_words(found[difference])}",
            on,
            verdict(found[difference]),
        )
        for says, difference in (
            ("mistaken pictures differ from recognised ones", "recognised - across"),
            ("and among themselves", "recognised - mistaken"),
        )
    ]
