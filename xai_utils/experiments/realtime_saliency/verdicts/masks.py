"""Claims of sections 3 and 4: regions, artifacts, and what stands in the place of what is removed."""

from xai_utils.experiments.claims import Claim, apart, in_words, of_all, verdict
from xai_utils.experiments.realtime_saliency import artifacts, introduced, real, regions, tables
from xai_utils.experiments.realtime_saliency.training import BLACK_BOXES
from xai_utils.experiments.realtime_saliency.verdicts.words import below, by_network
from xai_utils.experiments.records import read_records
from xai_utils.parts import CLASSES


def of_masks() -> list[Claim]:
    """Sections 3 and 4, figures 2 and 3."""
    attack, region = read_records("adversarial_masks"), read_records("regions")
    colours = {name: introduced.own_evidence(read_records("introduced_colours"), name, CLASSES) for name in BLACK_BOXES}
    speaking = {name: max(found.values(), key=lambda interval: interval[1]) for name, found in colours.items()}
    blurred = read_records("introduced_blur")
    blur = {name: introduced.blur_table(blurred, name) for name in real.networks_in(blurred)}
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
            "probability that a filling adds to the class it speaks for most: " + by_network(speaking.get),
            "100 scenes, three networks",
            of_all([verdict(found) for found in speaking.values()]),
        ),
        Claim(
            "section 3",
            "a blur fails on pictures of low frequencies",
            "rank correlation of detail and what is left of the class: "
            + ", ".join(
                f"{name.removeprefix('parts/')} {in_words(of['rank correlation'])}" for name, of in blur.items()
            ),
            "300 scenes or 1,000 pictures of ImageNet",
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
