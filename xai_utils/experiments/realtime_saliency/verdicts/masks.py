"""Claims of sections 3 and 4: regions, artifacts, and what stands in the place of what is removed."""

from xai_utils.experiments.claims import Claim, Interval, apart, in_words, of_all, verdict
from xai_utils.experiments.realtime_saliency import artifacts, introduced, real, regions, tables
from xai_utils.experiments.realtime_saliency.training import BLACK_BOXES
from xai_utils.experiments.realtime_saliency.verdicts.words import below, by_network
from xai_utils.experiments.records import read_records
from xai_utils.parts import CLASSES


def of_masks() -> list[Claim]:
    """Sections 3 and 4, figures 2 and 3."""
    fillings = read_records("introduced_colours")
    attack, region = read_records("adversarial_masks"), read_records("regions")
    colours = {name: introduced.own_evidence(fillings, name, CLASSES) for name in BLACK_BOXES}
    speaking = {name: max(plain(found), key=lambda interval: interval[1]) for name, found in colours.items()}
    filled = sum(len(row["result"]["probabilities"]) for row in fillings) // len(BLACK_BOXES) // len(introduced.FILLS)
    blurred = read_records("introduced_blur")
    blur = {name: introduced.blur_table(blurred, name) for name in real.networks_in(blurred)}
    pictures = {
        kind: max(_pictures(blurred, name) for name in blur if (name in real.NETWORKS) == (kind != "scenes"))
        for kind in ("scenes", "pictures of ImageNet")
    }
    of_attack = {
        (name, measure): artifacts.artifact_table(attack, name, measure)
        for name in BLACK_BOXES
        for measure in ("roughness", "transfer")
    }
    elsewhere = {name: regions.region_table(region, name, "removed elsewhere") for name in BLACK_BOXES}
    outlines = {name: regions.region_table(region, name, "overlap") for name in BLACK_BOXES}
    number = f"{regions.SCENES[1] - regions.SCENES[0]} scenes"
    return [
        Claim(
            "section 3",
            "a constant colour in a region's place adds evidence of its own",
            "probability that a constant colour adds to the class it speaks for most: " + by_network(speaking.get),
            f"{filled} scenes, {len(BLACK_BOXES)} networks",
            of_all([verdict(found) for found in speaking.values()]),
        ),
        Claim(
            "section 3",
            "a blur fails on pictures of low frequencies",
            "rank correlation of detail and what is left of the class: "
            + ", ".join(
                f"{name.removeprefix('parts/')} {in_words(of['rank correlation'])}" for name, of in blur.items()
            ),
            ", ".join(f"{count:,} {source}" for source, count in pictures.items()),
            of_all([verdict(below(of["rank correlation"])) for of in blur.values()]),
        ),
        Claim(
            "fig. 3, section 3.1",
            "without protection masks are scattered artifacts that do not explain; the measures together cure it",
            "roughness without and with all: "
            + "; ".join(
                f"{tables.SHORT[name]} {of_attack[name, 'roughness']['nothing'][0]:.2f}, "
                f"{of_attack[name, 'roughness']['everything'][0]:.2f}"
                for name in BLACK_BOXES
            )
            + "; class that comes back under another baseline: "
            + "; ".join(
                f"{tables.SHORT[name]} {of_attack[name, 'transfer']['nothing'][0]:+.2f}, "
                f"{of_attack[name, 'transfer']['everything'][0]:+.2f}"
                for name in BLACK_BOXES
            ),
            number,
            of_all(
                [
                    apart(of_attack[name, measure]["nothing"], of_attack[name, measure]["everything"])
                    for name in BLACK_BOXES
                    for measure in ("roughness", "transfer")
                ]
            ),
        ),
        Claim(
            "section 4",
            "searched masks overfit; a masking model's capture the classifiers' general behaviour",
            "p that other networks see when the region is gone, searched and masking model: "
            + "; ".join(
                f"{tables.SHORT[name]} {elsewhere[name]['both'][0]:.2f}, {elsewhere[name]['masking model'][0]:.2f}"
                for name in BLACK_BOXES
            ),
            number,
            of_all([apart(elsewhere[name]["both"], elsewhere[name]["masking model"]) for name in BLACK_BOXES]),
        ),
        Claim(
            "section 5",
            "the masks are sharp and would make accurate segmentations: better than any box",
            "overlap with the object, masking model and the best box: "
            + "; ".join(
                f"{tables.SHORT[name]} {in_words(outlines[name]['masking model'])}, {outlines[name]['best box'][0]:.2f}"
                for name in BLACK_BOXES
            ),
            number,
            of_all([apart(outlines[name]["masking model"], outlines[name]["best box"]) for name in BLACK_BOXES]),
        ),
    ]


def plain(found: dict[str, Interval]) -> list[Interval]:
    """Those of the constant colours, among what `own_evidence` says of all fillings."""
    return [interval for name, interval in found.items() if name.split(":")[0] in introduced.COLOURS]


def _pictures(rows: list[dict], name: str) -> int:
    return sum(len(row["result"]["label"]) for row in rows if row["configuration"]["model"] == name)
