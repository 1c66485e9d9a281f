"""The same methods on photographs: what needs no parts, on the validation pictures of ImageNet.

Nothing is known of parts here, and nothing can be drawn anew, but there are boxes, and pixels can be hidden: the
photographs tell whether the order of the methods on Parts is an order of drawn scenes only.
"""

import argparse
from collections import Counter
from collections.abc import Callable, Sequence

import torch
from torch import Tensor
from tqdm.auto import tqdm

from xai_utils.experiments.classifiers import classifier
from xai_utils.experiments.pictures import IMAGENET, Boxed, boxed_pictures
from xai_utils.experiments.prediction_difference.boxes import imagenet_samplers
from xai_utils.experiments.records import grid, in_blocks, read_records, record_all
from xai_utils.experiments.verdict.measures import against_boxes, by_hiding
from xai_utils.experiments.verdict.methods import METHODS, maps_of
from xai_utils.experiments.verdict.rows import recorded
from xai_utils.models import Classifier, outputs
from xai_utils.papers.prediction_difference import prediction_difference
from xai_utils.perturb import ConstantSampler
from xai_utils.tensors import Progress, quiet

COMMAND = "python -m xai_utils.experiments.verdict.real"
RECORD, HIDING = "verdict_real", "verdict_real_hiding"
NETWORKS = ("squeezenet1_1", "resnet18", "resnet50")
PICTURES, BLOCK, BATCH = 1000, 50, 10  # of the folder; of one row; held at once
PATCH, SAMPLES = 16, 2  # of the prediction difference, whose windows lie side by side here
SLOW = ("PDA, conditional", "PDA, marginal", "grey occlusion", "searched mask", "crisp mask")
FEW = 50  # pictures that the slow ones are asked about, and whose pixels are hidden, in tens of passes for each map
QUICK = tuple(name for name in METHODS if name not in (*SLOW, "masking model"))  # no masking model of such networks
EVERY = (*QUICK, *SLOW)


def measure_real(model: str, method: str, pictures: list[int]) -> dict:
    """One method on some photographs, against the boxes of their objects.

    Args:
        model: as `load_model` takes it.
        method: a name of `EVERY`.
        pictures: [first, last) of the folder.

    Returns:
        "picture": the numbers of those that the network recognises; for each the measures of `against_boxes`.
    """
    return _measured(model, method, pictures, lambda network, shown, maps: against_boxes(maps, shown.boxes))


def measure_hiding(model: str, method: str, pictures: list[int]) -> dict:
    """One method on some photographs, by what the network says when pixels are hidden.

    Args:
        model: as `load_model` takes it.
        method: a name of `EVERY`.
        pictures: [first, last) of the folder.

    Returns:
        "picture": the numbers of those that the network recognises; for each the measures of `by_hiding`.
    """
    return _measured(model, method, pictures, lambda network, shown, maps: by_hiding(network, *shown[:2], maps))


def _measured(
    model: str, method: str, pictures: list[int], measure: Callable[[Classifier, Boxed, Tensor], dict[str, list]]
) -> dict:
    network, found = classifier(model), {"picture": []}
    for first in range(*pictures, BATCH):
        numbers, shown = _recognised(network, range(first, min(first + BATCH, pictures[1])))
        if numbers:
            maps = _maps(model, network, method, shown)
            for name, values in ({"picture": numbers} | measure(network, shown, maps)).items():
                found.setdefault(name, []).extend(values)
    return found


def _recognised(network: Classifier, numbers: Sequence[int]) -> tuple[list[int], Boxed]:
    images, labels, boxes = boxed_pictures(IMAGENET, numbers, network.input_size)
    kept = [place for place, answer in enumerate(outputs(network, images).argmax(dim=1)) if answer == labels[place]]
    return [numbers[place] for place in kept], Boxed(images[kept], labels[kept], [boxes[place] for place in kept])


def _maps(model: str, network: Classifier, method: str, shown: Boxed) -> Tensor:
    """As on Parts; prediction differences have samplers of photographs and larger windows."""
    if method not in SLOW[:3]:
        return maps_of(model, network, method, shown.images, shown.labels)
    known = imagenet_samplers(PATCH)
    sampler = known[method.removeprefix("PDA, ")] if method in SLOW[:2] else ConstantSampler(0.5)
    knobs = {"patch": PATCH, "stride": PATCH, "samples": SAMPLES if method in SLOW[:2] else 1}
    generator = torch.Generator().manual_seed(0)
    return prediction_difference(network, shown.images, shown.labels, sampler=sampler, generator=generator, **knobs)


def record_real(
    networks: Sequence[str] = NETWORKS, methods: Sequence[str] = EVERY, *, progress: Progress = quiet
) -> None:
    """Records some networks and methods, where that is not done yet; needs $XAI_WEIGHTS and $XAI_DATA.

    Args:
        networks: names of `NETWORKS`.
        methods: names of `EVERY`; the slow ones are asked about `FEW` pictures, and not about hidden pixels.
        progress: wraps the rows.
    """
    for record, measure in {RECORD: measure_real, HIDING: measure_hiding}.items():
        wanted = [
            row for name in methods for row in grid(model=networks, method=[name], pictures=_blocks(record, name))
        ]
        record_all(record, wanted, measure, command=COMMAND, progress=progress)


def _blocks(record: str, method: str) -> list[list[int]]:
    """The pictures that a method is asked about."""
    if method in SLOW and record == HIDING:
        return []
    return in_blocks(FEW if method in SLOW or record == HIDING else PICTURES, BLOCK)


def recorded_networks(methods: Sequence[str] = QUICK, record: str = RECORD) -> list[str]:
    """Those of `NETWORKS` of which every one of the methods has seen all its pictures.

    Args:
        methods: names of `EVERY`.
        record: `RECORD` or `HIDING`.
    """
    asked = Counter((row["configuration"]["model"], row["configuration"]["method"]) for row in read_records(record))
    return [
        model for model in NETWORKS if all(asked[model, method] == len(_blocks(record, method)) for method in methods)
    ]


def recorded_real(model: str, record: str = RECORD) -> dict[str, dict[str, list]]:
    """What is recorded of a network: method -> measure -> a value for each recognised picture, all blocks in a row.

    Args:
        model: a name of `NETWORKS`.
        record: `RECORD` or `HIDING`.
    """
    return recorded(record, model, over="pictures")


def main() -> None:
    """Command line: records the methods on photographs; a killed run goes on when called again."""
    parser = argparse.ArgumentParser(description=main.__doc__)
    parser.add_argument("--networks", nargs="+", default=list(NETWORKS), choices=NETWORKS)
    parser.add_argument("--methods", nargs="+", default=[*EVERY], choices=EVERY)
    arguments = parser.parse_args()
    record_real(arguments.networks, arguments.methods, progress=tqdm)


if __name__ == "__main__":
    main()
