"""Figure 7: does the evidence lie on the strokes of a sketch, and is every stroke hit?

`python -m xai_utils.experiments.cnn_fixations.sketches --train` fine-tunes AlexNet on sketches; without the flag the
tables are computed and recorded.
"""

import argparse
import json
from pathlib import Path

import torch
from torch import Tensor
from torch.nn.functional import max_pool2d
from tqdm.auto import tqdm

from xai_utils.experiments.explanations import FIXATIONS, METHODS, blurred, evidence, paper_sigma
from xai_utils.experiments.records import grid, record_all
from xai_utils.experiments.statistics import bootstrap_interval, wilson_interval
from xai_utils.models import Classifier, load_model, miniature, outputs
from xai_utils.parts import CLASSES, Parts
from xai_utils.tensors import Progress, quiet
from xai_utils.training import Recipe, accuracy, train
from xai_utils.weights import read_weights, weights_folder, write_weights

COMMAND = "python -m xai_utils.experiments.cnn_fixations.sketches"
BASE, MODEL, UNTRAINED = "parts/alexnet", "cnn_fixations/alexnet-sketch", "untrained/alexnet"
RECIPE = Recipe(epochs=8, learning_rate=5e-4)
CHECKPOINT = Path(".cache") / "training" / "alexnet-sketch.pt"
QUICK, FULL = 20, 500  # sketches
INK = 0.75  # what is darker belongs to a stroke; the thin inner lines are grey
REACH = 4  # pixels within which a stroke counts as hit; AlexNet's first filters stand 4 pixels apart


def sketches(split: str, indices: range, *, progress: Progress = quiet) -> tuple[Tensor, Tensor]:
    """The sketches of some scenes: uint8 [sketches, 3, height, width], grey in all three channels, and their labels."""
    parts = Parts(split)
    drawn = torch.cat([parts.scene(index).sketch for index in progress(indices)])
    return (drawn * 255).round().byte()[:, None].expand(-1, 3, -1, -1), parts.labels[list(indices)]


def fine_tune(*, scenes: int = 8000, recipe: Recipe = RECIPE, progress: Progress = quiet) -> Path:
    """Fine-tunes AlexNet, which knows photographs, on the sketches of the training scenes, and writes its weights.

    Args:
        scenes: the first so many of the training split; an eighth as many of the validation split watch.
        recipe: how; a third of the learning rate of the photographs.
        progress: wraps the drawing and the batches of each epoch.
    """
    training = sketches("train", range(scenes), progress=progress)
    validation = sketches("validation", range(scenes // 8), progress=progress)
    classifier = load_model(BASE).requires_grad_(True)
    for epoch in train(classifier, training, validation, recipe, checkpoint=CHECKPOINT, progress=progress):
        tqdm.write(f"{MODEL}: epoch {epoch.number}, loss {epoch.loss:.3f}, validation accuracy {epoch.accuracy:.3f}")
    about = {"classes": json.dumps(CLASSES), "training_images": str(scenes), "recipe": repr(recipe), "start": BASE}
    return write_weights(weights_folder() / f"{MODEL}.safetensors", classifier.network.state_dict(), about)


def sketch_classifier(model: str = MODEL) -> Classifier:
    """AlexNet for sketches, and two to compare it with.

    Args:
        model: `MODEL`, as it was fine-tuned; `BASE`, the one for photographs that it came from; `UNTRAINED`, one with
            random weights: where its evidence lies on strokes as well, that says nothing about recognition.
    """
    classifier = load_model(BASE)
    if model == MODEL:
        classifier.network.load_state_dict(read_weights(weights_folder() / f"{MODEL}.safetensors"))
    elif model == UNTRAINED:
        with torch.random.fork_rng():
            torch.manual_seed(0)
            classifier = miniature("alexnet", CLASSES).requires_grad_(False).eval()
    return classifier


def measure_sketch_classifier(model: str, scenes: int) -> dict:
    """The share of the test split's sketches whose class is named rightly, with its 95% interval.

    Args:
        model: as `sketch_classifier` takes it.
        scenes: the first so many.
    """
    share = accuracy(sketch_classifier(model), *sketches("test", range(scenes)))
    low, high = wilson_interval(share, scenes)
    return {"accuracy": round(share, 4), "low": round(low, 4), "high": round(high, 4)}


def grown(marks: Tensor, reach: int = REACH) -> Tensor:
    """The pixels within `reach` rows and columns of a marked one, bool [batch, height, width]."""
    return max_pool2d(marks.float()[:, None], 2 * reach + 1, stride=1, padding=reach)[:, 0] > 0


def strongest(maps: Tensor, counts: Tensor) -> Tensor:
    """Marks in each map its `counts` strongest pixels; fewer where fewer are above 0.

    Args:
        maps: float [batch, height, width], not negative.
        counts: int64 [batch].

    Returns:
        bool [batch, height, width].
    """
    order = maps.flatten(1).argsort(dim=1, descending=True, stable=True)
    ranks = torch.empty_like(order).scatter_(1, order, torch.arange(order.shape[1]).expand_as(order))
    return ((ranks < counts[:, None]) & (maps.flatten(1) > 0)).reshape(maps.shape)


def on_strokes(maps: Tensor, marks: Tensor, strokes: Tensor) -> dict[str, Tensor]:
    """How evidence and strokes meet, and how they would if the evidence were somewhere else.

    Chance is the evidence shifted around the picture at random: then the expected share of evidence near the strokes
    is the area near the strokes, and the expected share of the strokes that is hit is the area near the marks.

    Args:
        maps: float [batch, height, width], not negative: the evidence.
        marks: bool [batch, height, width]: the pixels that count as shown to the reader.
        strokes: bool [batch, height, width].

    Returns:
        Five shares, float [batch] each: of the evidence "on" a stroke and "near" one (within `REACH` pixels), with
        "near_chance"; of the strokes "hit" (within `REACH` of a mark), with "hit_chance". 0 without evidence.
    """

    def mass(region: Tensor) -> Tensor:
        return (maps * region).sum((1, 2)) / maps.sum((1, 2)).clamp(min=torch.finfo(maps.dtype).tiny)

    near, reached = grown(strokes), grown(marks)
    return {
        "on": mass(strokes),
        "near": mass(near),
        "near_chance": near.float().mean((1, 2)),
        "hit": (strokes & reached).float().sum((1, 2)) / strokes.float().sum((1, 2)),
        "hit_chance": reached.float().mean((1, 2)),
    }


def marked(method: str, form: str, maps: Tensor, strokes: Tensor) -> tuple[Tensor, Tensor]:
    """What a reader is shown of some evidence: its values, and the pixels that stand out.

    Args:
        method: a name of `METHODS`.
        form: "points" (fixations as they are) or "map" (fixations blurred as in the paper, other maps as they are; as
            many of the strongest pixels stand out as belong to strokes).
        maps: float [batch, height, width], of `evidence`.
        strokes: bool [batch, height, width].
    """
    if form == "points":
        return maps, maps > 0
    maps = blurred(maps, paper_sigma(maps.shape[1:])) if method in FIXATIONS else maps
    return maps, strongest(maps, strokes.sum((1, 2)))


def measure_sketches(model: str, method: str, form: str, scenes: int) -> dict:
    """How a method's evidence lies on the strokes of the test split's sketches, for the class that is predicted.

    Args:
        model: as `sketch_classifier` takes it.
        method: a name of `METHODS`.
        form: as `marked` takes it.
        scenes: the first so many.

    Returns:
        For every share of `on_strokes` its mean with a 95% interval over sketches, [mean, low, high]; "hit_gain", by
        how much the hits exceed chance; and "marks", the mean number of pixels that stand out.
    """
    network, images = sketch_classifier(model), sketches("test", range(scenes))[0].float() / 255
    maps = evidence(model, network, method, images, outputs(network, images).argmax(dim=1))
    strokes = images[:, 0] < INK
    maps, marks = marked(method, form, maps, strokes)
    shares = on_strokes(maps, marks, strokes)
    shares["hit_gain"] = shares["hit"] - shares["hit_chance"]
    return {
        **{name: [round(end, 4) for end in bootstrap_interval(values)] for name, values in shares.items()},
        "marks": round(float(marks.float().sum((1, 2)).mean()), 1),
    }


def sketch_strokes(*, scenes: int = FULL, progress: Progress = quiet) -> list[dict]:
    """All methods, fixations as points and as maps, on the fine-tuned and on an untrained AlexNet; recorded or now."""
    points = grid(model=[MODEL, UNTRAINED], method=FIXATIONS, form=["points"], scenes=[scenes])
    maps = grid(model=[MODEL, UNTRAINED], method=METHODS, form=["map"], scenes=[scenes])
    return record_all("sketches", points + maps, measure_sketches, command=COMMAND, progress=progress)


def sketch_accuracies(*, scenes: int = 2000, progress: Progress = quiet) -> list[dict]:
    """Accuracy on sketches of the untrained network, and before and after fine-tuning; recorded or computed now."""
    wanted = grid(model=[BASE, MODEL, UNTRAINED], scenes=[scenes])
    return record_all("sketch_classifier", wanted, measure_sketch_classifier, command=COMMAND, progress=progress)


def main() -> None:
    """Command line: fine-tunes with `--train`; then computes and records both tables."""
    parser = argparse.ArgumentParser(description=main.__doc__)
    parser.add_argument("--train", action="store_true", help="fine-tune AlexNet on sketches first")
    if parser.parse_args().train:
        fine_tune(progress=tqdm)
    for row in sketch_accuracies(progress=tqdm) + sketch_strokes(scenes=QUICK) + sketch_strokes(progress=tqdm):
        print(row["configuration"], row["result"])


if __name__ == "__main__":
    main()
