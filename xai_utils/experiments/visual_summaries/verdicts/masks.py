"""Claims of sections 3.1 and 4.1: crisp masks, table 2, fig. 3."""

from xai_utils.experiments.claims import Claim, Interval, in_words, of_all, printed_numbers, verdict
from xai_utils.experiments.records import read_records
from xai_utils.experiments.statistics import bootstrap_interval
from xai_utils.experiments.visual_summaries.masks import METHODS, RECORD, drop_table, values_of
from xai_utils.experiments.visual_summaries.setting import NETWORKS

PAPER = "visual_summaries"


def mask_claims() -> list[Claim]:
    """Table 2 on Parts: how much of the class goes, how evenly, and how crisp the masks are."""
    rows = read_records(RECORD)
    printed = printed_numbers(PAPER)["table_2"]
    table = drop_table(rows)
    scale = f"{sum(len(values_of(rows, name, 'whole')) for name in NETWORKS):,} masks, {len(NETWORKS)} networks"
    above = {name: _difference(rows, name, "crisp", "smooth") for name in NETWORKS}
    below = {name: _difference(rows, name, "smooth", "thresholded") for name in NETWORKS}
    grey = {name: bootstrap_interval(values_of(rows, name, "crisp grey")) for name in NETWORKS}
    spread = {name: _spread(rows, name) for name in NETWORKS}
    return [
        Claim(
            "Table 2",
            f"the smooth mask (IEBB) takes {printed['IEBB']:.1f}% of the class",
            "; ".join(f"{_short(name)} {table[name]['smooth'][0]:.1%}" for name in NETWORKS),
            scale,
            "shown",
        ),
        Claim(
            "Table 2, section 4.1",
            "a crisp mask takes more of the class than the smooth one it starts from",
            "difference of the shares: " + _by_network(above),
            scale,
            of_all([verdict(found) for found in above.values()]),
        ),
        Claim(
            "Table 2, section 4.1",
            f"a smooth mask cut at a threshold takes less ({printed['IEBB thresh.']:.1f}%)",
            "smooth less thresholded: " + _by_network(below),
            scale,
            of_all([verdict(found) for found in below.values()]),
        ),
        Claim(
            "Table 2",
            "its drop varies more from picture to picture, and the crisp mask's least",
            "variance of the share, smooth, thresholded, crisp: "
            + "; ".join(f"{_short(name)} " + ", ".join(f"{v:.1e}" for v in of) for name, of in spread.items()),
            scale,
            "holds" if all(crisp < smooth < cut for smooth, cut, crisp in spread.values()) else "does not hold",
        ),
        Claim(
            "section 3.1, eq. 2",
            "the sparsity term makes the mask binary",
            "share of values between 0.1 and 0.9: " + _by_network(grey, digits=4),
            scale,
            "holds" if all(high < 0.02 for _, _, high in grey.values()) else "does not hold",
        ),
    ]


def _difference(rows: list[dict], network: str, first: str, second: str) -> Interval:
    """How much more of the class the first method takes, picture by picture."""
    return bootstrap_interval(values_of(rows, network, f"{first} drop") - values_of(rows, network, f"{second} drop"))


def _spread(rows: list[dict], network: str) -> tuple[float, ...]:
    return tuple(float(values_of(rows, network, f"{name} drop").var()) for name in METHODS)


def _short(network: str) -> str:
    return network.removeprefix("parts/")


def _by_network(found: dict[str, Interval], digits: int = 2) -> str:
    if digits == 2:
        return "; ".join(f"{_short(name)} {in_words(of)}" for name, of in found.items())
    return "; ".join(f"{_short(name)} {of[0]:.{digits}f}" for name, of in found.items())
