"""Maps of a real network on photographs: minutes of work, so they are recorded, and drawn by the chapter."""

import json
import os
import time
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from functools import cache
from pathlib import Path
from typing import NamedTuple

import torch
from safetensors import safe_open
from safetensors.torch import save_file
from torch import Tensor, nn

from xai_utils.activations import as_model
from xai_utils.baselines import gradient
from xai_utils.experiments.classifiers import classifier
from xai_utils.experiments.prediction_difference.setting import COMMAND
from xai_utils.experiments.records import RESULTS, code_hash, versions
from xai_utils.models import outputs, predict
from xai_utils.papers.prediction_difference import prediction_differences
from xai_utils.perturb import ConditionalSampler, ConstantSampler, MarginalSampler, Sampler, window_corners
from xai_utils.pictures import PHOTOGRAPHS, load_photograph
from xai_utils.tensors import Progress, quiet

FILE = RESULTS.parent / "figures" / "prediction_difference_squeezenet.safetensors"
NETWORK, CHOSEN, TOP = "squeezenet1_1", ("cat", "coffee"), 3
LAYERS = {"early": "network.features.0", "middle": "network.features.6", "last": "network.features.12"}
WINDOW = (slice(48, 144), slice(28, 124))  # rows and columns of the first photograph that figure 3 looks at: an eye
KNOBS = {"patch": 10, "stride": 5, "samples": 5}
PAPER = {
    "stride": 1,
    "samples": 20,
}  # a million forward passes, affordable since only what a window changes is computed
BATCH_SIZE = 16  # best for SqueezeNet on one core; changes no map


@dataclass(frozen=True)
class Run:
    """One call of the method, and the maps that it gives.

    Args:
        names: of the maps, one for each target.
        model: who is asked.
        image: what is shown, float [1, 3, height, width].
        targets: classes or units, int [targets].
        sampler: a name of `real_samplers`.
        output: "probability" or "activation".
        knobs: what differs from `KNOBS`.
    """

    names: tuple[str, ...]
    model: nn.Module
    image: Tensor
    targets: Tensor
    sampler: str = "conditional"
    output: str = "probability"
    knobs: dict = field(default_factory=dict)

    def setting(self) -> dict:
        """What the run is recorded under: its knobs, and how many forward passes they cost."""
        knobs = {**KNOBS, **self.knobs}
        windows = len(window_corners(self.image.shape[2:], knobs["patch"], knobs["stride"]))
        return {**knobs, "sampler": self.sampler, "forwards": windows * knobs["samples"]}

    def maps(self, samplers: dict[str, Sampler], progress: Progress = quiet) -> dict[str, Tensor]:
        """The maps by name, each float [height, width], computed now."""
        knobs, sampler = {**KNOBS, **self.knobs}, samplers[self.sampler]
        if isinstance(sampler, ConditionalSampler):
            sampler = sampler.with_outer(knobs["patch"] + 4)
        knobs |= {"sampler": sampler, "output": self.output, "batch_size": BATCH_SIZE, "progress": progress}
        generator = torch.Generator().manual_seed(0)
        found = prediction_differences(self.model, self.image, self.targets, generator=generator, **knobs)[0]
        return dict(zip(self.names, found, strict=True))


class Within(nn.Module):
    """The model as it sees one window of a picture: takes contents of the window, the rest of the picture stays.

    Args:
        model: classifier.
        image: float [1, 3, height, width].
        window: its rows and columns.
    """

    def __init__(self, model: nn.Module, image: Tensor, window: tuple[slice, slice]) -> None:
        super().__init__()
        self.model, self.image, self.window = model, image, window
        self.eval()

    def forward(self, contents: Tensor) -> Tensor:
        """[batch, 3, window's height, window's width] -> what the model says of the whole pictures."""
        images = self.image.repeat(len(contents), 1, 1, 1)
        images[..., *self.window] = contents
        return self.model(images)


class RealMaps(NamedTuple):
    """What was recorded of one photograph.

    Args:
        maps: name -> float [height, width]. "probability 1" to "probability 3" and "logit 1" to "logit 3" are the
            conditional maps of the three likeliest classes; "sensitivity", "marginal" and "grey occlusion" those of
            other methods. The first photograph also has "paper 1" to "paper 3", which are like "probability" at the
            paper's stride and samples; "k = 20" and "k = 30"; for an "early", a "middle" and the "last" layer the
            maps of the three most active channels ("early 1", ...); and "k = 1", the logit's map of single pixels, for
            the pixels of `WINDOW` only.
        classes: the names of the likeliest classes.
        probabilities: of these classes.
        runs: for each run, by its first map: `forwards`, how often the network was asked, and `seconds` of one core.
    """

    maps: dict[str, Tensor]
    classes: list[str]
    probabilities: list[float]
    runs: dict[str, dict]


@cache
def real_samplers(name: str, outer: int = 34) -> dict[str, Sampler]:
    """Samplers for a photograph, from random crops of the *other* photographs that come with scikit-image.

    Args:
        name: the photograph that is analysed, and therefore left out.
        outer: side of the largest outer patch.
    """
    generator = torch.Generator().manual_seed(0)
    others = [load_photograph(other, (300, 400)) for other in PHOTOGRAPHS if other != name]
    crops = []
    for photograph in others:
        for _ in range(20):
            top, left = (int(torch.randint(high, (), generator=generator)) for high in (77, 177))
            crops.append(photograph[0, :, top : top + 224, left : left + 224])
    pictures = torch.stack(crops)
    return {
        "marginal": MarginalSampler(pictures),
        "conditional": ConditionalSampler.fit(pictures, outer=outer, generator=generator),
        "grey occlusion": ConstantSampler(0.5),
    }


def real_runs(name: str) -> Iterator[Run]:
    """The runs for the figures of the chapter: figures 1 and 4 for every photograph, 2, 3 and 5 for the first.

    Args:
        name: a name of `PHOTOGRAPHS`.
    """
    model, image = classifier(NETWORK), load_photograph(name)
    likeliest = predict(model, image)[0].topk(TOP).indices
    best = likeliest[:1]
    yield Run(("marginal",), model, image, best, "marginal")
    yield Run(("grey occlusion",), model, image, best, "grey occlusion", knobs={"samples": 1})
    yield Run(_ranked("probability"), model, image, likeliest)
    yield Run(_ranked("logit"), model, image, likeliest, output="activation")
    if name == CHOSEN[0]:
        yield Run(_ranked("paper"), model, image, likeliest, knobs=PAPER)
        for k in (20, 30):
            yield Run((f"k = {k}",), model, image, best, knobs={"patch": k, "stride": 10})
        for place, layer in LAYERS.items():
            inside = as_model(model, layer, average=True)
            channels = outputs(inside, image)[0].topk(TOP).indices
            yield Run(_ranked(place), inside, image, channels, output="activation", knobs={"stride": 10})
        single = {"patch": 1, "stride": 1, "samples": 1}
        window = image[..., *WINDOW]
        yield Run(("k = 1",), Within(model, image, WINDOW), window, best, output="activation", knobs=single)


def _ranked(title: str) -> tuple[str, ...]:
    return tuple(f"{title} {rank + 1}" for rank in range(TOP))


def real_maps(name: str, *, progress: Progress = quiet) -> dict[str, Tensor]:
    """The maps of one photograph by name, computed now; see `RealMaps`.

    Args:
        name: a name of `PHOTOGRAPHS`.
        progress: wraps the blocks of windows of each run.
    """
    maps = {"sensitivity": _at_a_glance(name)[1]}
    for run in real_runs(name):
        maps |= run.maps(real_samplers(name), progress)
    return maps


def record_real_maps(file: Path = FILE, *, progress: Progress = quiet) -> Path:
    """Computes the maps that are not recorded with this setting yet; those of each run are written at once.

    Args:
        file: where the maps are kept, in half precision and with how they came about.
        progress: wraps the blocks of windows of each run.
    """
    tensors, about = _read(file) if file.exists() else ({}, {"pictures": {}, "runs": {}})
    for name in CHOSEN:
        about["pictures"][name], tensors[f"{name}/sensitivity"] = _at_a_glance(name)
        for run in real_runs(name):
            first = f"{name}/{run.names[0]}"
            if about["runs"].get(first, {}).get("setting") == run.setting():
                continue
            start = time.process_time()
            tensors |= {f"{name}/{key}": found for key, found in run.maps(real_samplers(name), progress).items()}
            seconds = round(time.process_time() - start, 1)  # of all cores together
            about["runs"][first] = {"setting": run.setting(), "seconds": seconds, "code": code_hash()}
            _write(file, tensors, about)
    return file


def _at_a_glance(name: str) -> tuple[dict, Tensor]:
    """What one forward and one backward pass tell: the likeliest classes, and the sensitivity map."""
    model, image = classifier(NETWORK), load_photograph(name)
    likeliest = predict(model, image)[0].topk(TOP)
    said = {"classes": [model.classes[i] for i in likeliest.indices], "probabilities": likeliest.values.tolist()}
    return said, gradient(model, image, likeliest.indices[0].item())[0]


def read_real_maps(file: Path = FILE) -> Mapping[str, RealMaps]:
    """The recorded maps, by the photograph's name."""
    tensors, about = _read(file)
    read = {}
    for name, said in about["pictures"].items():
        maps = {key.split("/", 1)[1]: found for key, found in tensors.items() if key.startswith(f"{name}/")}
        runs = {
            key.split("/", 1)[1]: {"forwards": run["setting"]["forwards"], "seconds": run["seconds"]}
            for key, run in about["runs"].items()
            if key.startswith(f"{name}/")
        }
        read[name] = RealMaps(maps, **said, runs=runs)
    return read


def _read(file: Path) -> tuple[dict[str, Tensor], dict]:
    """The maps by photograph and name, and what is known of them: `pictures`, `runs` and `how`."""
    with safe_open(file, framework="pt") as stored:
        about = {key: json.loads(value) for key, value in stored.metadata().items()}
        return {key: stored.get_tensor(key).float() for key in stored.keys()}, about  # noqa: SIM118


def _write(file: Path, tensors: dict[str, Tensor], about: dict) -> None:
    """Replaces the file in one atomic step."""
    about = {**about, "how": {"network": NETWORK, "versions": versions(), "command": f"{COMMAND} --real"}}
    halved = {key: found.half().contiguous() for key, found in tensors.items()}
    file.parent.mkdir(parents=True, exist_ok=True)
    partial = file.with_name(file.name + ".partial")
    save_file(halved, partial, metadata={key: json.dumps(value) for key, value in about.items()})
    os.replace(partial, file)
