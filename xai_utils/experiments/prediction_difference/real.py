"""Maps of a real network on photographs: minutes of work, so they are recorded, and drawn by the chapter."""

import json
from collections.abc import Mapping
from pathlib import Path
from typing import NamedTuple

import torch
from safetensors import safe_open
from safetensors.torch import save_file
from torch import Tensor

from xai_utils.baselines import gradient
from xai_utils.experiments.prediction_difference.setting import COMMAND
from xai_utils.experiments.records import RESULTS, code_hash, versions
from xai_utils.models import load_model, predict
from xai_utils.papers.prediction_difference import prediction_difference, prediction_differences
from xai_utils.perturb import ConditionalSampler, ConstantSampler, MarginalSampler, Sampler
from xai_utils.pictures import PHOTOGRAPHS, load_photograph
from xai_utils.tensors import Progress, quiet

FILE = RESULTS.parent / "figures" / "prediction_difference_squeezenet.safetensors"
NETWORK, CHOSEN, TOP = "squeezenet1_1", ("cat", "coffee", "rocket"), 3
KNOBS = {"patch": 10, "stride": 7, "samples": 8}


class RealMaps(NamedTuple):
    """What was recorded of one photograph.

    Args:
        maps: name -> float [height, width]; "probability 1" to "probability 3" and "logit 1" to "logit 3" are the
            conditional maps of the three likeliest classes, the other names are those of the methods.
        classes: the names of the likeliest classes.
        probabilities: of these classes.
    """

    maps: dict[str, Tensor]
    classes: list[str]
    probabilities: list[float]


def real_samplers() -> dict[str, Sampler]:
    """Samplers for photographs, from random crops of the four photographs that come with scikit-image."""
    generator = torch.Generator().manual_seed(0)
    large = torch.cat([load_photograph(name, (300, 400)) for name in PHOTOGRAPHS])
    tops, lefts = (torch.randint(high, (16, 4), generator=generator).tolist() for high in (77, 177))
    crops = [
        large[i, :, top : top + 224, left : left + 224]
        for row, column in zip(tops, lefts, strict=True)
        for i, (top, left) in enumerate(zip(row, column, strict=True))
    ]
    pictures = torch.stack(crops)
    return {
        "marginal": MarginalSampler(pictures),
        "conditional": ConditionalSampler.fit(pictures, outer=14, generator=generator),
        "grey occlusion": ConstantSampler(0.5),
    }


def real_maps(name: str, *, progress: Progress = quiet) -> tuple[dict[str, Tensor], dict]:
    """All maps of one photograph, computed now.

    Args:
        name: a name of `PHOTOGRAPHS`.
        progress: wraps the blocks of windows of each map.

    Returns:
        The maps by name, and what is said about them: classes and probabilities.
    """
    model, image, samplers = load_model(NETWORK), load_photograph(name), real_samplers()
    likeliest = predict(model, image)[0].topk(TOP)

    def draws() -> torch.Generator:
        return torch.Generator().manual_seed(0)

    maps = {"sensitivity": gradient(model, image, likeliest.indices[0].item())[0]}
    for method in ("marginal", "grey occlusion"):
        knobs = {**KNOBS, "samples": 1} if method == "grey occlusion" else KNOBS
        target = likeliest.indices[0].item()
        maps[method] = prediction_difference(
            model, image, target, sampler=samplers[method], generator=draws(), progress=progress, **knobs
        )[0]
    for output, title in (("probability", "probability"), ("activation", "logit")):
        found = prediction_differences(
            model,
            image,
            likeliest.indices,
            sampler=samplers["conditional"],
            output=output,
            generator=draws(),
            progress=progress,
            **KNOBS,
        )[0]
        maps |= {f"{title} {rank + 1}": found[rank] for rank in range(TOP)}
    about = {"classes": [model.classes[i] for i in likeliest.indices], "probabilities": likeliest.values.tolist()}
    return maps, about


def record_real_maps(file: Path = FILE, *, progress: Progress = quiet) -> Path:
    """Computes the maps of all chosen photographs and writes them in half precision, with how they came about."""
    tensors, about = {}, {}
    for name in CHOSEN:
        maps, about[name] = real_maps(name, progress=progress)
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
