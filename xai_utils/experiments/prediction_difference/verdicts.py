"""The table of claims: every testable sentence of the paper beside what the recorded rows say."""

import json

import numpy as np

from xai_utils.experiments.claims import Claim, ClaimsTable, claims_table
from xai_utils.experiments.prediction_difference.removal import agreement
from xai_utils.experiments.records import RESULTS
from xai_utils.experiments.statistics import bootstrap_interval

Interval = tuple[float, float, float]


def claims_of_the_paper(measured: list[dict], removal: list[dict]) -> ClaimsTable:
    """Every testable claim with what was found and whether it holds; a claim holds if its interval leaves no doubt.

    Args:
        measured: rows of `claim_measures`.
        removal: rows of `part_relevance`.
    """

    def mean(name: str) -> Interval:
        return bootstrap_interval(_column(measured, name))

    def gap(first: str, second: str) -> Interval:
        return bootstrap_interval(_column(measured, first) - _column(measured, second))

    scale = f"{len(measured)} scenes, {measured[0]['configuration']['model']}"
    sharper = gap("concentration, conditional", "concentration, marginal")
    surprise = mean("surprise against weight")
    networks = gap("networks alike", "repeats alike")
    context = gap("object among top pixels, patch 10", "object among top pixels, sensitivity")
    averages = gap("fit by averaged patches of 5", "fit by another draw")
    pixel = mean("largest evidence of a pixel")
    signs = gap("sign agreement of neighbours, patch 1", "sign agreement of neighbours, patch 10")
    outlines = gap("outline among top pixels, patch 1", "outline among top pixels, sensitivity")
    on_object = gap("object among top pixels, sensitivity", "object among all pixels")
    softmax = gap("pair alike before the softmax", "pair alike after the softmax")
    sparse = gap("sparseness over channels, inception5a", "sparseness over channels, conv1")
    truth = bootstrap_interval(
        agreement(removal, "conditional")["rank"] - agreement(removal, "marginal")["rank"]  # the same scenes in both
    )
    scenes = f"{len(removal)} explained pictures, {len({row['configuration']['model'] for row in removal})} networks"
    return claims_table(
        [
            Claim(
                "section 3.1",
                "pixels that their neighbours predict are weighted down",
                f"rank correlation of surprise and weight left {_text(surprise)}",
                scale,
                surprise[1] > 0,
            ),
            Claim(
                "section 4.1, fig. 1",
                "conditional sampling gives sharper results than marginal",
                f"relevance held by the strongest tenth of pixels, difference {_text(sharper)}",
                scale,
                sharper[1] > 0,
            ),
            Claim(
                "section 4.1, fig. 1",
                "the explanations of different networks differ",
                f"correlation of two networks' maps less that of one network's maps drawn twice {_text(networks)}",
                scale,
                networks[2] < 0,
            ),
            Claim(
                "section 4.1",
                "the map does not stay on the object as the sensitivity map does",
                f"share of the top 5% on the object, ours less sensitivity's {_text(context)}",
                scale,
                context[2] < 0,
            ),
            Claim(
                "section 4.2, fig. 2",
                "maps of different patch sizes are not averages of one another",
                f"variance explained by averaged smaller patches less that by a second draw {_text(averages)}",
                scale,
                averages[2] < 0,
            ),
            Claim(
                "section 4.2",
                "even a single pixel has an effect",
                f"largest evidence of one pixel {_text(pixel)} bits; an effect is called at least 0.1",
                scale,
                pixel[1] > 0.1,
            ),
            Claim(
                "section 4.2",
                "with single pixels it is difficult to make sense of the sign",
                f"agreement of neighbours' signs, k = 1 less k = 10 {_text(signs)}",
                scale,
                signs[2] < 0,
            ),
            Claim(
                "section 4.2, fig. 3",
                "single-pixel relevance lies on outlines, more than sensitivity does",
                f"share of the top 5% near an outline, difference {_text(outlines)}",
                scale,
                outlines[1] > 0,
            ),
            Claim(
                "section 4.2, fig. 3",
                "the sensitivity map concentrates on the object",
                f"share of its top 5% on the object less the object's share of the picture {_text(on_object)}",
                scale,
                on_object[1] > 0,
            ),
            Claim(
                "section 4.3, fig. 4",
                "similar classes look alike before the softmax, not after",
                f"correlation of a pair's maps, before less after {_text(softmax)}",
                scale,
                softmax[1] > 0,
            ),
            Claim(
                "section 4.4, fig. 5",
                "the last convolution is sparse over channels",
                f"sparseness of the last layer less the first {_text(sparse)}",
                scale.split(",")[0] + ", parts/googlenet",
                sparse[1] > 0,
            ),
            Claim(
                "section 4.4, fig. 6",
                "a feature map looks for the same thing in different pictures",
                "shown in the figure; what a map looks for has no number here",
                "five scenes",
                None,
            ),
            Claim(
                "section 5",
                "a better model of what could stand there gives better results",
                f"rank correlation with the effect of removal, conditional less marginal {_text(truth)}",
                scenes,
                truth[1] > 0,
            ),
            Claim(
                "section 4",
                "0.5, 1 and 5 hours per picture for AlexNet, GoogLeNet and VGG",
                "neither those networks' weights nor that graphics card are here; shares of time instead of hours",
                "-",
                None,
            ),
        ]
    )


def read_benchmark() -> dict:
    """What `make bench` wrote."""
    return json.loads((RESULTS / "benchmark.json").read_text())


def _column(rows: list[dict], name: str) -> np.ndarray:
    return np.array([row["result"][name] for row in rows])


def _text(interval: Interval) -> str:
    return "{:+.2f} [{:+.2f}, {:+.2f}]".format(*interval)
