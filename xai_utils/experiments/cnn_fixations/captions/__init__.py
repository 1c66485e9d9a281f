"""What a captioner looked at for each of its words: Show and Tell on Parts, traced to the picture (fig. 6)."""

from xai_utils.experiments.cnn_fixations.captions.grounding import (
    METHODS,
    Grounded,
    grounded_caption,
    measure_grounding,
    named_regions,
    spoken_words,
    word_fixations,
    word_grad_cam,
)
from xai_utils.experiments.cnn_fixations.captions.network import MODEL, Captioner, load_captioner
from xai_utils.experiments.cnn_fixations.captions.training import measure_captions
from xai_utils.experiments.records import grid, record_all
from xai_utils.tensors import Progress, quiet

COMMAND = "python -m xai_utils.experiments.cnn_fixations.captions"

__all__ = [
    "COMMAND",
    "METHODS",
    "MODEL",
    "Captioner",
    "Grounded",
    "caption_accuracies",
    "grounded_caption",
    "groundings",
    "load_captioner",
    "measure_captions",
    "measure_grounding",
    "named_regions",
    "spoken_words",
    "word_fixations",
    "word_grad_cam",
]


def caption_accuracies(*, pictures: int = 2000, progress: Progress = quiet) -> list[dict]:
    """How often class, place and whole caption are told rightly on the test split: one row, recorded or computed now.

    Args:
        pictures: the first so many scenes.
        progress: wraps the rows.
    """
    wanted = grid(model=[MODEL], pictures=[["test", 0, pictures]])
    return record_all("captions", wanted, measure_captions, command=COMMAND, progress=progress)


def groundings(*, pictures: int = 150, progress: Progress = quiet) -> list[dict]:
    """How much of each word's evidence lies where what it names is: one row for each of `METHODS`.

    Args:
        pictures: the first so many scenes of the test split.
        progress: wraps the rows.
    """
    wanted = grid(model=[MODEL], method=METHODS, pictures=[["test", 0, pictures]])
    return record_all("grounding", wanted, measure_grounding, command=COMMAND, progress=progress)
