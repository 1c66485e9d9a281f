"""Is a low score a wrong answer? Test pictures that are classified rightly against those that are not."""

import argparse
from collections.abc import Sequence

from tqdm.auto import tqdm

from xai_utils.experiments.cifar.data import cifar_pictures
from xai_utils.experiments.image_score.quality import RIVALS, SPLIT, drawn, right_against_wrong, values_of
from xai_utils.experiments.image_score.shares import CIFAR, NETWORKS, SMALL, TRAINING
from xai_utils.experiments.records import grid, read_records, record_all
from xai_utils.parts import CLASSES, DIFFICULTY, Parts
from xai_utils.tensors import Progress, quiet

COMMAND = "python -m xai_utils.experiments.image_score.errors"
RECORD = "score_errors"


def measure_errors(network: str, norm: str, training: int) -> dict:
    """One row: how often a picture that is classified rightly has the higher value than one that is not.

    All test pictures; those of a network for CIFAR-10 are what is kept for reporting.

    Args:
        network: as `network_of` takes it.
        norm: of the references' thresholds.
        training: pictures behind each reference.

    Returns:
        "all" and "within", measure -> [area, low, high] over all pairs, and over pairs with one predicted class;
        "accuracy" and "pictures".
    """
    if network.startswith(CIFAR):
        images, labels = cifar_pictures(network.removeprefix(CIFAR), SPLIT)
    else:
        images, labels = drawn(DIFFICULTY, len(Parts(SPLIT)) // len(CLASSES))
    values, predicted = values_of(network, images.float() / 255, labels, training=training, norm=norm)
    right = (predicted == labels).numpy()
    return {
        "all": right_against_wrong(values, right),
        "within": right_against_wrong(values, right, predicted.numpy()),
        "accuracy": round(float(right.mean()), 4),
        "pictures": len(right),
    }


def error_rows(networks: Sequence[str] = NETWORKS, *, progress: Progress = quiet) -> list[dict]:
    """The rows of some networks, recorded or computed now.

    Args:
        networks: some of `NETWORKS`, and `SMALL`, which needs $XAI_DATA.
        progress: wraps the rows.
    """
    wanted = grid(network=networks, norm=["max"], training=[TRAINING])
    return record_all(RECORD, wanted, measure_errors, command=COMMAND, progress=progress)


def score_errors(measure: str = "predicted class", pairs: str = "all") -> dict[str, list[float]]:
    """The recorded areas of a measure for right against wrong answers: network -> [area, low, high].

    Args:
        measure: a measure of `values_of` that does not know the label, or a difference to a rival.
        pairs: "all", or "within" one predicted class.
    """
    return {row["configuration"]["network"]: row["result"][pairs][measure] for row in read_records(RECORD)}


def main() -> None:
    """Command line: records the table; the row of CIFAR-10, which needs $XAI_DATA, is left out by --only-parts."""
    parser = argparse.ArgumentParser(description=main.__doc__)
    parser.add_argument("--only-parts", action="store_true")
    error_rows(NETWORKS if parser.parse_args().only_parts else (*NETWORKS, SMALL), progress=tqdm)
    for measure in ("predicted class", "predicted class, formula", *RIVALS, "edges"):
        print(measure, score_errors(measure))


if __name__ == "__main__":
    main()
