"""Claims of the introduction, section 6 and the appendix, and on real networks."""

from xai_utils.experiments.claims import Claim, apart, in_words, of_all, verdict
from xai_utils.experiments.realtime_saliency import cifar, interventions, polar_bear, real, video
from xai_utils.experiments.realtime_saliency.training import BLACK_BOXES
from xai_utils.experiments.realtime_saliency.verdicts.words import below, by_network
from xai_utils.experiments.records import read_records


def of_outlook() -> list[Claim]:
    """The introduction's polar bear, section 6, the appendix, and real networks."""
    bear, shares = read_records("polar_bear"), read_records("polar_bear_shares")
    views = polar_bear.accuracy_by_view(bear, polar_bear.BIASED)
    gaps = polar_bear.differences(shares, "biased")
    cut, steady = read_records("interventions"), read_records("video")
    own = {name: interventions.own_against_others(cut, "masking model", name) for name in BLACK_BOXES}
    use = {name: interventions.kept_by_use(cut, "masking model", name) for name in BLACK_BOXES}
    marked = video.steadiness_by_method(steady, "densest", moving=False, frames=video.ROUND)
    small = cifar.cifar_table("metric")
    pictures = read_records("realtime_real")
    found = {name: real.real_table(pictures, name, "score") for name in real.networks_in(pictures)}
    return [
        Claim(
            "section 1",
            "a biased classifier's accuracy hides what it uses; pictures without the object show it",
            f"accuracy on pictures as in training {in_words(views['biased'])}, on objects alone "
            f"{in_words(views['object only'])}",
            f"{bear[0]['configuration']['scenes']:,} scenes",
            apart(views["biased"], views["object only"]),
        ),
        Claim(
            "section 1",
            "and so does a saliency method: the masking model's mask leaves the object",
            "share of the evidence on the object, biased less unbiased: "
            + ", ".join(f"{method} {in_words(gap)}" for method, gap in gaps.items()),
            f"{polar_bear.SCENES} scenes",
            verdict(below(gaps["masking model"])),
        ),
        Claim(
            "section 6",
            "videos can be explained: masks are as steady as the gradient or steadier",
            "overlap of neighbouring frames where only noise changes: "
            + ", ".join(f"{method} {in_words(of)}" for method, of in marked.items()),
            f"{len(video.SCENES)} clips of {video.ROUND} frames",
            apart(marked["masking model"], marked["gradient"]),
        ),
        Claim(
            "section 6",
            "masks keep what the black box uses rather than what it does not",
            "used less unused parts: " + by_network(lambda name: use[name]["used - unused parts"]),
            f"{interventions.SCENES} scenes",
            of_all([verdict(use[name]["used - unused parts"]) for name in BLACK_BOXES]),
        ),
        Claim(
            "section 6",
            "the masking model's own biases do not matter: masks agree with their black box more than others' masks do",
            "rank correlation with the parts' use, own less others': "
            + by_network(lambda name: own[name]["own - others"]),
            f"{interventions.SCENES} scenes",
            of_all([verdict(own[name]["own - others"]) for name in BLACK_BOXES]),
        ),
        Claim(
            "appendix",
            "it works on CIFAR-10",
            "saliency metric: " + ", ".join(f"{method} {in_words(of)}" for method, of in small.items()),
            f"{cifar.TESTED:,} pictures",
            of_all([apart(small[other], small[cifar.table.AT_HALF]) for other in ("gradient", "center box")]),
        ),
        Claim(
            "Table 3",
            "true boxes have the best metric, then maps, then the centred box: real pictures",
            "; ".join(
                f"{name}: true {of['true boxes'][0]:.2f}, Grad-CAM {of['Grad-CAM'][0]:.2f}, "
                f"center {of['center box'][0]:.2f}, max {of['max box'][0]:.2f}"
                for name, of in found.items()
            ),
            f"{real.TESTED[1] - real.TESTED[0]} pictures of ImageNet",
            of_all(
                [
                    apart(of[worse], of[better])
                    for of in found.values()
                    for worse, better in (("Grad-CAM", "true boxes"), ("center box", "Grad-CAM"))
                ]
            ),
        ),
    ]
