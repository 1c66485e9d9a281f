"""The table of claims: every testable sentence of the paper beside what the recorded rows say."""

import numpy as np

from xai_utils.experiments.claims import Claim, ClaimsTable, Interval, claims_table, verdict
from xai_utils.experiments.prediction_difference.removal import agreement
from xai_utils.experiments.statistics import bootstrap_interval


def claims_of_the_paper(measured: list[dict], removal: list[dict]) -> ClaimsTable:
    """Every testable claim with what was found; a claim holds if its interval leaves no doubt, and fails likewise.

    Args:
        measured: rows of `claim_measures`.
        removal: rows of `part_relevance`.
    """

    def mean(name: str) -> Interval:
        return bootstrap_interval(_column(measured, name))

    def gap(first: str, second: str) -> Interval:
        return bootstrap_interval(_column(measured, first) - _column(measured, second))

    how = measured[0]["configuration"]
    scale = f"{len(measured)} scenes, {how['model']}, stride 5, S = {how['samples']}"
    sharper = gap("concentration, conditional", "concentration, marginal")
    surprise = mean("surprise against weight")
    networks = gap("seeds alike", "networks alike")
    context = gap("object among top pixels, averaged sensitivity", "object among top pixels, patch 10")
    averages = gap("fit by another draw", "fit by averaged patches of 5")
    pixel = gap("evidence of the strongest pixel", "evidence of a pixel at random")
    sensitive = mean("sensitive among top pixels, patch 1")
    signs = gap("signs ten pixels apart, patch 10", "signs ten pixels apart, patch 1")
    outlines = gap("outline among top pixels, patch 1", "outline among top pixels, sensitivity")
    on_object = gap("object among top pixels, sensitivity", "object among all pixels")
    alike = mean("pair alike before the softmax")
    softmax = gap("pair alike before the softmax", "pair alike after the softmax")
    sparse = gap("sparseness over channels, inception5a", "sparseness over channels, conv1")
    truth, used = lead_of_conditional(removal)
    asked = removal[0]["configuration"]
    scenes = f"{used} scenes, mean of 2 networks, stride {asked['stride']}, S = {asked['samples']}"
    return claims_table(
        [
            Claim(
                "section 3.1",
                "pixels that their neighbours predict are weighted down",
                f"rank correlation of surprise and weight left {_text(surprise)}",
                scale,
                verdict(surprise),
            ),
            Claim(
                "section 4.1, fig. 1",
                "conditional sampling gives sharper results than marginal",
                f"relevance held by the strongest tenth of pixels, difference {_text(sharper)}",
                scale,
                verdict(sharper),
            ),
            Claim(
                "section 4.1, fig. 1",
                "the explanations of different networks differ",
                f"correlation with other seeds' maps less that with other architectures' {_text(networks)}",
                scale,
                verdict(networks),
            ),
            Claim(
                "section 4.1",
                "the map does not stay on the object as the sensitivity map does",
                f"share of the top 5% on the object, sensitivity in the same windows less ours {_text(context)}",
                scale,
                verdict(context),
            ),
            Claim(
                "section 4.2, fig. 2",
                "maps of different patch sizes are not averages of one another",
                f"variance explained by a second draw less that by averaged patches of 5 {_text(averages)}",
                scale,
                verdict(averages),
            ),
            Claim(
                "section 4.2",
                "even a single pixel has an effect",
                f"the strongest pixel's bits on draws that did not choose it, less those of any pixel, {_text(pixel)}",
                scale,
                verdict(pixel),
            ),
            Claim(
                "section 4.2",
                "the largest effect comes from sensitive pixels",
                f"share of the top 5% that the sensitivity map marks too {_text(sensitive)}; by chance 0.05",
                scale,
                verdict(sensitive, above=0.05),
            ),
            Claim(
                "section 4.2",
                "with single pixels it is difficult to make sense of the sign",
                f"agreement of signs ten pixels apart, k = 10 less k = 1 {_text(signs)}",
                scale,
                verdict(signs),
            ),
            Claim(
                "section 4.2, fig. 3",
                "single-pixel relevance lies on outlines, more than sensitivity does",
                f"share of the top 5% near an outline, difference {_text(outlines)}",
                scale,
                verdict(outlines),
            ),
            Claim(
                "section 4.2, fig. 3",
                "the sensitivity map concentrates on the object",
                f"share of its top 5% on the object less the object's share of the picture {_text(on_object)}",
                scale,
                verdict(on_object),
            ),
            Claim(
                "section 4.3, fig. 4",
                "similar classes look alike before the softmax",
                f"correlation of a pair's maps {_text(alike)}",
                scale,
                verdict(alike),
            ),
            Claim(
                "section 4.3, fig. 4",
                "after the softmax they look more different",
                f"correlation of a pair's maps, before less after {_text(softmax)}",
                scale,
                verdict(softmax),
            ),
            Claim(
                "section 4.4, fig. 5",
                "the last convolution is sparse over channels",
                f"sparseness of the last layer less the first {_text(sparse)}",
                scale.split(",")[0] + ", parts/googlenet",
                verdict(sparse),
            ),
            Claim(
                "section 4.4, fig. 6",
                "a feature map looks for the same thing in different pictures",
                "shown in the figure; what a map looks for has no number here",
                "five scenes",
                "shown",
            ),
            Claim(
                "section 5",
                "a better model of what could stand there gives better results",
                f"rank correlation with the effect of removal, conditional less marginal {_text(truth)}",
                scenes,
                verdict(truth),
            ),
            Claim(
                "section 4",
                "0.5, 1 and 5 hours per picture for AlexNet, GoogLeNet and VGG",
                "neither those networks' weights nor that graphics card are here; shares of time instead of hours",
                "-",
                "not tried",
            ),
        ]
    )


def lead_of_conditional(removal: list[dict]) -> tuple[Interval, int]:
    """How much better conditional than marginal relevance predicts removal: the mean over networks, scene by scene.

    Returns:
        (interval, scenes): resampled over scenes, since the networks saw the same ones.
    """
    networks = sorted({row["configuration"]["model"] for row in removal})
    of = {name: [row for row in removal if row["configuration"]["model"] == name] for name in networks}
    leads = [agreement(rows, "conditional")["rank"] - agreement(rows, "marginal")["rank"] for rows in of.values()]
    return bootstrap_interval(np.mean(leads, axis=0)), len(leads[0])


def _column(rows: list[dict], name: str) -> np.ndarray:
    return np.array([row["result"][name] for row in rows])


def _text(interval: Interval) -> str:
    return "{:+.2f} [{:+.2f}, {:+.2f}]".format(*interval)
