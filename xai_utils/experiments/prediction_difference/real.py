"""Maps of a real network on photographs: minutes of work, so they are recorded, and drawn by the chapter."""

import json
from collections.abc import Mapping
from pathlib import Path
from typing import NamedTuple

import torch
from safetensors import safe_open
from safetensors.torch import save_file
from torch import Tensor

from xai_utils.activations import as_model
from xai_utils.baselines import gradient
from xai_utils.experiments.prediction_difference.setting import COMMAND
from xai_utils.experiments.records import RESULTS, code_hash, versions
from xai_utils.models import load_model, outputs, predict
from xai_utils.papers.prediction_difference import prediction_differences
from xai_utils.perturb import ConditionalSampler, ConstantSampler, MarginalSampler, Sampler
from xai_utils.pictures import PHOTOGRAPHS, load_photograph
from xai_utils.tensors import Progress, quiet

FILE = RESULTS.parent / "figures" / "prediction_difference_squeezenet.safetensors"
NETWORK, CHOSEN, TOP = "squeezenet1_1", ("cat", "coffee"), 3
LAYERS = {"early": "network.features.0", "middle": "network.features.6", "last": "network.features.12"}
KNOBS = {"patch": 10, "stride": 7, "samples": 3}


class RealMaps(NamedTuple):
    """What was recorded of one photograph.

    Args:
        maps: name -> float [height, width]. "probability 1" to "probability 3" and "logit 1" to "logit 3" are the
            conditional maps of the three likeliest classes; "sensitivity", "marginal" and "grey occlusion" those of
            other methods. The first photograph also has "k = 20" and "k = 30", and for an "early", a "middle" and the
            "last" layer the maps of the three most active channels ("early 1", ...).
        classes: the names of the likeliest classes.
        probabilities: of these classes.
    """

    maps: dict[str, Tensor]
    classes: list[str]
    probabilities: list[float]


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


def real_maps(name: str, *, figures: bool = False, progress: Progress = quiet) -> tuple[dict[str, Tensor], dict]:
    """The maps of one photograph, computed now.

    Args:
        name: a name of `PHOTOGRAPHS`.
        figures: also the maps for figures 2 and 5: patch sizes and feature maps.
        progress: wraps the blocks of windows of each map.

    Returns:
        The maps by name, and what is said about them: classes and probabilities.
    """
    model, image, samplers = load_model(NETWORK), load_photograph(name), real_samplers(name)
    likeliest = predict(model, image)[0].topk(TOP)
    best = [likeliest.indices[0].item()]

    def maps_of(targets, asked=model, sampler=None, **changed) -> Tensor:
        knobs = {**KNOBS, **changed, "generator": torch.Generator().manual_seed(0), "progress": progress}
        sampler = sampler or samplers["conditional"].with_outer(knobs["patch"] + 4)
        return prediction_differences(asked, image, targets, sampler=sampler, **knobs)[0]

    maps = {"sensitivity": gradient(model, image, best[0])[0]}
    maps["marginal"] = maps_of(best, sampler=samplers["marginal"])[0]
    maps["grey occlusion"] = maps_of(best, sampler=samplers["grey occlusion"], samples=1)[0]
    for output, title in (("probability", "probability"), ("activation", "logit")):
        found = maps_of(likeliest.indices, output=output)
        maps |= {f"{title} {rank + 1}": found[rank] for rank in range(TOP)}
    if figures:
        maps |= {f"k = {k}": maps_of(best, patch=k, stride=10)[0] for k in (20, 30)}
        for place, layer in LAYERS.items():
            inside = as_model(model, layer, average=True)
            channels = outputs(inside, image)[0].topk(TOP).indices
            found = maps_of(channels, asked=inside, stride=10, output="activation")
            maps |= {f"{place} {rank + 1}": found[rank] for rank in range(TOP)}
    about = {"classes": [model.classes[i] for i in likeliest.indices], "probabilities": likeliest.values.tolist()}
    return maps, about


def record_real_maps(file: Path = FILE, *, progress: Progress = quiet) -> Path:
    """Computes the maps of all chosen photographs and writes them in half precision, with how they came about."""
    tensors, about = {}, {}
    for name in CHOSEN:
        maps, about[name] = real_maps(name, figures=name == CHOSEN[0], progress=progress)
        tensors |= {f"{name}/{key}": value.half().contiguous() for key, value in maps.items()}
    how = {"network": NETWORK, "knobs": KNOBS, "code": code_hash(), "versions": versions(), "command": COMMAND}
    file.parent.mkdir(parents=True, exist_ok=True)
    save_file(tensors, file, metadata={"pictures": json.dumps(about), "how": json.dumps(how)})
    return file


def read_real_maps(file: Path = FILE) -> Mapping[str, RealMaps]:
    """The recorded maps, by the photograph's name."""
    with safe_open(file, framework="pt") as stored:
        about = json.loads(stored.metadata()["pictures"])
        tensors = {key: stored.get_tensor(key).float() for key in stored.keys()}  # noqa: SIM118
    return {
        name: RealMaps(
            {key.split("/", 1)[1]: value for key, value in tensors.items() if key.startswith(f"{name}/")}, **said
        )
        for name, said in about.items()
    }
