"""Fig. 9: does an explanation stay on the object when noise that nobody sees changes the label (DeepFool)?"""

import argparse
from collections.abc import Sequence

import torch
from torch import Tensor, nn
from tqdm.auto import tqdm

from xai_utils.experiments.classifiers import classifier
from xai_utils.experiments.explanations import blurred, evidence, paper_sigma
from xai_utils.experiments.records import grid, in_blocks, record_all
from xai_utils.experiments.statistics import bootstrap_interval
from xai_utils.metrics import share_inside
from xai_utils.models import outputs
from xai_utils.papers.cnn_fixations import cnn_fixations
from xai_utils.parts import Parts
from xai_utils.tensors import Progress, check_count, check_images, quiet

COMMAND = "python -m xai_utils.experiments.cnn_fixations.adversaries"
MODELS = ("parts/alexnet", "parts/vgg", "parts/resnet")
METHODS = ("fixations", "fixations, moving", "gradient", "guided backprop", "Grad-CAM", "cMWP", "LRP")
BLOCK = 20  # scenes of one row
TOP = 0.1  # share of the pixels that the overlap compares


def deepfool(
    model: nn.Module, images: Tensor, *, candidates: int = 10, overshoot: float = 0.02, steps: int = 50
) -> Tensor:
    """The nearest pictures that the model gives another label, as far as its linearisation can tell.

    Each step goes to the nearest of the planes on which, to first order, another class draws level.

    **Source**: Moosavi-Dezfooli, Fawzi and Frossard (2016), algorithm 2 with eqs. 8 and 9. As in the authors' code the
    overshoot belongs to every step's check, and only the classes of highest logit are looked at. Unlike there the
    result is kept within [0, 1], so that it is a picture.

    Args:
        model: classifier in eval mode; RGB in [0, 1] -> logits.
        images: float [batch, 3, height, width], RGB in [0, 1].
        candidates: how many classes of highest logit are looked at, the first included.
        overshoot: how much further than the boundary, as a share of the noise.
        steps: at most so many.

    Returns:
        float [batch, 3, height, width], in [0, 1]; a picture whose label did not change within the steps is returned
        as it was then.

    Raises:
        TypeError, ValueError: bad images or knobs, a model in train mode.

    Example:
        >>> from xai_utils.models import load_model, outputs
        >>> model, images = load_model("parts/alexnet"), torch.rand(2, 3, 128, 128)
        >>> (outputs(model, deepfool(model, images)).argmax(1) == outputs(model, images).argmax(1)).tolist()
        [False, False]
    """
    check_images(images)
    check_count("steps", steps)
    answers = outputs(model, images)
    check_count("candidates", candidates, low=2)
    classes = answers.topk(min(candidates, answers.shape[1])).indices  # [batch, candidates], the label first
    noise, fooling = torch.zeros_like(images), images.clone()
    for _ in range(steps):
        same = outputs(model, fooling).argmax(dim=1) == classes[:, 0]
        if not same.any():
            break
        noise[same] += _to_the_nearest_plane(model, fooling[same], classes[same])
        fooling = (images + (1 + overshoot) * noise).clamp(0, 1)
    return fooling


def _to_the_nearest_plane(model: nn.Module, images: Tensor, classes: Tensor) -> Tensor:
    """The smallest step with which, to first order, another class draws level with the first."""
    with torch.enable_grad():
        pixels = images.clone().requires_grad_()
        logits = model(pixels).gather(1, classes)
        gradients = [torch.autograd.grad(one.sum(), pixels, retain_graph=True)[0] for one in logits.unbind(dim=1)]
    towards = torch.stack([other - gradients[0] for other in gradients[1:]], dim=1)  # w': [batch, others, 3, ...]
    behind = (logits[:, :1] - logits[:, 1:]).detach().abs()  # |f'|: [batch, others]
    slope = towards.flatten(2).norm(dim=2).clamp(min=1e-8)  # a flat model has no nearest plane
    each, nearest = torch.arange(len(images)), (behind / slope).argmin(dim=1)  # eq. 8
    length = (behind / slope**2)[each, nearest]
    return length[:, None, None, None] * towards[each, nearest]  # eq. 9


def overlap(first: Tensor, second: Tensor, top: float = TOP) -> Tensor:
    """How much the places that two maps mark are the same, [batch]: intersection over union of their strongest pixels.

    Both are blurred like a map of fixations first, so that points, grain and coarse maps are compared alike. Where
    nothing is positive nothing is marked.

    Args:
        first: float [batch, height, width].
        second: the same.
        top: share of the pixels that are marked.
    """
    marked = [_strongest(maps, top) for maps in (first, second)]
    both, either = marked[0] & marked[1], marked[0] | marked[1]
    return both.sum(dim=(1, 2)) / either.sum(dim=(1, 2)).clamp(min=1)


def _strongest(maps: Tensor, top: float) -> Tensor:
    smooth = blurred(maps, paper_sigma(maps.shape[1:])).flatten(1)
    chosen = smooth.topk(round(top * smooth.shape[1]), dim=1).indices
    marked = torch.zeros_like(smooth, dtype=torch.bool).scatter_(1, chosen, True)
    return (marked & (smooth > 0)).reshape(maps.shape)


def measure_adversaries(model: str, scenes: list[int]) -> dict:
    """Some scenes of the test split, those that the network recognises: the explanation before and after the noise.

    Args:
        model: as `load_model` takes it.
        scenes: [first, last] of the test split.

    Returns:
        Lists with a number for each recognised scene: "scene", "fooled" (whether the label changed), "noise" (its norm
        over the picture's), "area" (the object's share of the picture); and under "methods", for each: the share of
        the evidence on the object "before", "after" (for the new label) and "after, old label"; the "overlap" of before
        with each of the two; and the "overlap, both labels" of these two with one another, on the same picture.
    """
    network, drawn = classifier(model), [Parts("test").scene(number) for number in range(*scenes)]
    images = torch.stack([scene.image for scene in drawn])
    old = outputs(network, images).argmax(dim=1)
    kept = [number for number, scene in enumerate(drawn) if scene.label == old[number]]
    images, old, regions = images[kept], old[kept], torch.stack([drawn[number].region for number in kept])
    fooling = deepfool(network, images)
    new = outputs(network, fooling).argmax(dim=1)
    methods = {}
    for method in METHODS:
        before, after, asked_old = (
            evidence(model, network, method, pictures, target)
            for pictures, target in ((images, old), (fooling, new), (fooling, old))
        )
        methods[method] = {
            "before": share_inside(before, regions),
            "after": share_inside(after, regions),
            "after, old label": share_inside(asked_old, regions),
            "overlap": overlap(before, after),
            "overlap, old label": overlap(before, asked_old),
            "overlap, both labels": overlap(after, asked_old),
        }
    return {
        "scene": [scenes[0] + number for number in kept],
        "fooled": (new != old).tolist(),
        "noise": _rounded((fooling - images).flatten(1).norm(dim=1) / images.flatten(1).norm(dim=1)),
        "area": _rounded(regions.float().mean(dim=(1, 2))),
        "methods": {
            method: {what: _rounded(values) for what, values in found.items()} for method, found in methods.items()
        },
    }


def _rounded(values: Tensor) -> list[float]:
    return [round(value, 4) for value in values.tolist()]


def adversaries(models: Sequence[str] = MODELS, scenes: int = 120, *, progress: Progress = quiet) -> list[dict]:
    """The rows of the table "explanations before and after DeepFool", recorded or computed now.

    Args:
        models: as `load_model` takes them.
        scenes: the first so many of the test split.
        progress: wraps the rows.
    """
    wanted = grid(model=models, scenes=in_blocks(scenes, BLOCK))
    return record_all("fixation_adversaries", wanted, measure_adversaries, command=COMMAND, progress=progress)


def robustness(rows: Sequence[dict], model: str) -> dict[str, dict[str, tuple[float, float, float]]]:
    """What the rows of one network say: means over its fooled scenes with 95% intervals.

    Args:
        rows: of `adversaries`.
        model: its name.

    Returns:
        Method -> measure -> (mean, low, high); the measures of `measure_adversaries` and "change", what the share on
        the object gained by the noise. The method "chance" has the object's area in place of each share, and the
        overlap of two sets of pixels drawn at random.
    """
    results = [row["result"] for row in rows if row["configuration"]["model"] == model]
    fooled = [index for result in results for index in result["fooled"]]

    def over_scenes(values: list[list[float]]) -> list[float]:
        flat = [value for some in values for value in some]
        return [value for value, changed in zip(flat, fooled, strict=True) if changed]

    table: dict[str, dict[str, tuple[float, float, float]]] = {}
    for method, measures in results[0]["methods"].items():
        found = {what: over_scenes([result["methods"][method][what] for result in results]) for what in measures}
        found["change"] = [after - before for before, after in zip(found["before"], found["after"], strict=True)]
        table[method] = {what: bootstrap_interval(values) for what, values in found.items()}
    area, at_random = bootstrap_interval(over_scenes([result["area"] for result in results])), TOP / (2 - TOP)
    shares = dict.fromkeys(("before", "after", "after, old label"), area)
    table["chance"] = shares | dict.fromkeys(
        ("overlap", "overlap, old label", "overlap, both labels"), (at_random,) * 3
    )
    return table


def blind_to_the_class(model: nn.Module, images: Tensor, *, variant: str = "official", move: bool = False) -> Tensor:
    """Whether a picture's fixations are the same whatever class is asked about.

    Then they stay where they are when noise changes the label, and say nothing about the label. Algorithm 1 invites
    it: two fully connected layers after one another pass on all positive products, and behind both of them every unit
    that is active has been reached from every class.

    Args:
        model: classifier in eval mode.
        images: float [batch, 3, height, width], RGB in [0, 1].
        variant: as for `cnn_fixations`.
        move: as for `cnn_fixations`.

    Returns:
        bool [batch].

    Example:
        >>> from xai_utils.models import load_model
        >>> [bool(blind_to_the_class(load_model(name), torch.rand(1, 3, 128, 128))) for name in MODELS]
        [True, True, False]
    """
    classes = range(outputs(model, images[:1]).shape[1])
    every = [cnn_fixations(model, images, target, variant=variant, move=move) for target in classes]
    return torch.tensor([all(torch.equal(first, one) for one in others) for first, *others in zip(*every, strict=True)])


def main() -> None:
    """Command line: records the table and prints what it says."""
    argparse.ArgumentParser(description=main.__doc__).parse_args()
    rows = adversaries(progress=tqdm)
    for model in MODELS:
        for method, found in robustness(rows, model).items():
            said = ", ".join(f"{what} {mean:.3f} [{low:.3f}, {high:.3f}]" for what, (mean, low, high) in found.items())
            print(f"{model} {method}: {said}")


if __name__ == "__main__":
    main()
