"""Claims of sections 3.1 and 4.1: crisp masks, table 2, fig. 3."""

import numpy as np

from xai_utils.experiments.claims import Claim, Interval, in_words, of_all, printed_numbers, verdict
from xai_utils.experiments.records import read_records
from xai_utils.experiments.visual_summaries.masks import METHODS, RECORD, difference, drop_table, values_of
from xai_utils.experiments.visual_summaries.setting import NETWORKS

BINARY = 0.02  # share of grey values below which we call a mask black and white


def mask_claims() -> list[Claim]:
    """Table 2 on Parts: how much of the class goes, how evenly, and how crisp the masks are."""
    rows = read_records(RECORD)
    printed = printed_numbers("visual_summaries")["table_2"]
    table = {name: drop_table(rows, network=name, stages="mixed") for name in NETWORKS}
    above = {name: difference(rows, "crisp", "smooth", network=name, stages="mixed") for name in NETWORKS}
    below = {name: difference(rows, "smooth", "thresholded", network=name, stages="mixed") for name in NETWORKS}
    grey = {name: values_of(rows, "crisp grey", network=name, stages="mixed") for name in NETWORKS}
    spread = {name: [of[method]["variance"] for method in METHODS] for name, of in table.items()}
    beyond = {name: _beyond(rows, name) for name in NETWORKS}
    scale = f"{sum(map(len, grey.values())):,} masks, {len(NETWORKS)} networks"
    return [
        Claim(
            "Table 2",
            f"the smooth mask (IEBB) takes {printed['IEBB']:.1f}% of the class",
            _listed({name: f"{of['smooth']['relative'][0]:.1%}" for name, of in table.items()}),
            scale,
            "shown",
        ),
        Claim(
            "Table 2, section 4.1",
            "a crisp mask takes more of the class than the smooth one it starts from",
            "more, in points: " + _listed({name: _points(found) for name, found in above.items()}),
            scale,
            of_all([verdict(found) for found in above.values()]),
        ),
        Claim(
            "Table 2, section 4.1",
            f"a smooth mask cut at a threshold takes less ({printed['IEBB thresh.']:.1f}%)",
            "less, in points: " + _listed({name: _points(found) for name, found in below.items()}),
            scale,
            of_all([verdict(found) for found in below.values()]),
        ),
        Claim(
            "Table 2",
            "its drop varies more from picture to picture, and the crisp mask's least",
            "variance, smooth, thresholded, crisp: "
            + _listed({name: ", ".join(f"{value:.1e}" for value in of) for name, of in spread.items()}),
            scale,
            "holds" if all(crisp < smooth < cut for smooth, cut, crisp in spread.values()) else "undecided",
        ),
        Claim(
            "section 4.1",
            "a drop says where the evidence is: hiding a place leaves more of the class than hiding everything",
            "share of pictures in which the crisp mask leaves less than a blur of the whole picture: "
            + _listed({name: f"{share:.0%}" for name, share in beyond.items()}),
            scale,
            "does not hold" if min(beyond.values()) > 0.5 else "undecided",
        ),
        Claim(
            "section 3.1, eq. 2",
            "the sparsity term makes the mask binary",
            "share of values between 0.1 and 0.9, mean and largest: "
            + _listed({name: f"{np.mean(of):.2%}, {np.max(of):.2%}" for name, of in grey.items()}),
            scale,
            "holds" if all(np.mean(of) < BINARY for of in grey.values()) else "does not hold",
        ),
    ]


def _beyond(rows: list[dict], network: str) -> float:
    crisp, hidden = (values_of(rows, name, network=network, stages="mixed") for name in ("crisp", "hidden"))
    return float((crisp < hidden).mean())


def _points(interval: Interval) -> str:
    return in_words(tuple(100 * value for value in interval))


def _listed(found: dict[str, str]) -> str:
    return "; ".join(f"{name.removeprefix('parts/')} {words}" for name, words in found.items())
