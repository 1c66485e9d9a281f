"""Fig. 2 on photographs: masks that a real network's class needs, kept so that every reader can see them."""

import argparse
import json
import os
from collections.abc import Mapping
from pathlib import Path
from typing import NamedTuple

import torch
from safetensors import safe_open
from safetensors.torch import save_file
from torch import Tensor
from torch.nn.functional import adaptive_avg_pool2d, interpolate
from tqdm.auto import tqdm

from xai_utils.experiments.classifiers import classifier
from xai_utils.experiments.realtime_saliency.regions import OBJECTIVES
from xai_utils.experiments.records import RESULTS, code_hash, versions
from xai_utils.masks import iterative_mask
from xai_utils.models import predict, target_probability
from xai_utils.perturb import blurred_baseline, noisy_baseline, remove_evidence
from xai_utils.pictures import PHOTOGRAPHS, load_photograph
from xai_utils.tensors import Progress, quiet

COMMAND = "python -m xai_utils.experiments.realtime_saliency.photographs"
FILE = RESULTS.parent / "figures" / "realtime_saliency_photographs.safetensors"
NETWORK = "squeezenet1_1"
SIDE = 112  # of the stored masks: half of the picture's; a quarter already changes what is measured


class PhotographMasks(NamedTuple):
    """What was recorded of one photograph."""

    name: str
    """Of the class that was asked about, the likeliest one."""
    target: int
    """Its index."""
    masks: dict[str, Tensor]
    """By the names of `OBJECTIVES`: float [height, width] in [0, 1], 1 on the region."""
    probabilities: dict[str, float]
    """The class's: "whole", "blurred" (the whole picture), "noisy" (a noisy colour in its place), and for each mask
    "NAME kept" and "NAME removed", with the blur in place of the rest, or ", noise" behind it with the noisy colour."""
    areas: dict[str, float]
    """The masks' means."""


def stored(masks: Tensor) -> Tensor:
    """Masks as they are kept: uint8 [batch, `SIDE`, `SIDE`]."""
    return (adaptive_avg_pool2d(masks[:, None], (SIDE, SIDE))[:, 0] * 255).round().byte()


def restored(masks: Tensor, size: tuple[int, int]) -> Tensor:
    """Masks as they are drawn and measured: float [batch, height, width] in [0, 1], from what `stored` gave."""
    return interpolate(masks[:, None].float() / 255, size, mode="bilinear")[:, 0]


def measure_masks(photograph: str, masks: Mapping[str, Tensor]) -> tuple[dict[str, float], dict[str, float]]:
    """What the network says of a photograph through masks.

    Args:
        photograph: a name of `PHOTOGRAPHS`.
        masks: by name, float [height, width]; 1 on the region.

    Returns:
        (probabilities, areas), see `PhotographMasks`.
    """
    network, image = classifier(NETWORK), load_photograph(photograph)
    target = predict(network, image)[0].argmax().item()
    baselines = {
        "": blurred_baseline(image),
        ", noise": noisy_baseline(image, generator=torch.Generator().manual_seed(1)),
    }
    shown = {"whole": image, "blurred": baselines[""], "noisy": baselines[", noise"]}
    for name, mask in masks.items():
        for word, keep in (("kept", mask), ("removed", 1 - mask)):
            shown |= {f"{name} {word}{how}": remove_evidence(image, keep[None], b) for how, b in baselines.items()}
    said = target_probability(network, torch.cat(list(shown.values())), target, batch_size=8)
    probabilities = {name: round(value, 5) for name, value in zip(shown, said.tolist(), strict=True)}
    return probabilities, {name: round(mask.mean().item(), 4) for name, mask in masks.items()}


def record_photographs(file: Path = FILE, *, progress: Progress = quiet) -> Path:
    """Searches the masks of all photographs and objectives with `NETWORK`, and keeps them with what it says of them.

    Args:
        file: where to.
        progress: wraps the objectives.

    Returns:
        The file.
    """
    network, tensors = classifier(NETWORK), {}
    images = torch.cat([load_photograph(name) for name in PHOTOGRAPHS])
    target = predict(network, images).argmax(dim=1)
    for kind, objective in progress(list(OBJECTIVES.items())):
        generator = torch.Generator().manual_seed(0)
        found = stored(iterative_mask(network, images, target, objective=objective, generator=generator))
        tensors |= {f"{name}/{kind}": mask for name, mask in zip(PHOTOGRAPHS, found, strict=True)}
    about = {}
    for name, asked in zip(PHOTOGRAPHS, target.tolist(), strict=True):
        masks = {kind: restored(tensors[f"{name}/{kind}"][None], images.shape[2:])[0] for kind in OBJECTIVES}
        probabilities, areas = measure_masks(name, masks)
        about[name] = {
            "name": network.classes[asked], "target": asked, "probabilities": probabilities, "areas": areas
        }  # fmt: skip
    how = {"network": NETWORK, "versions": versions(), "code": code_hash(), "command": COMMAND}
    metadata = {"photographs": json.dumps(about), "how": json.dumps(how)}
    partial = file.with_name(file.name + ".partial")
    file.parent.mkdir(parents=True, exist_ok=True)
    save_file({key: mask.contiguous() for key, mask in tensors.items()}, partial, metadata=metadata)
    os.replace(partial, file)
    return file


def read_photographs(file: Path = FILE, size: tuple[int, int] = (224, 224)) -> dict[str, PhotographMasks]:
    """What was recorded, by the photograph's name; needs no network.

    Args:
        file: where it lies.
        size: (height, width) of the masks.
    """
    with safe_open(file, framework="pt") as kept:
        about = json.loads(kept.metadata()["photographs"])
        masks = {
            name: {kind: restored(kept.get_tensor(f"{name}/{kind}")[None], size)[0] for kind in OBJECTIVES}
            for name in about
        }
    return {name: PhotographMasks(masks=masks[name], **said) for name, said in about.items()}


def main() -> None:
    """Command line: records the masks of the photographs; needs $XAI_WEIGHTS or torchvision's own weights."""
    argparse.ArgumentParser(description=main.__doc__).parse_args()
    for name, kept in read_photographs(record_photographs(progress=tqdm)).items():
        print(name, kept.name, kept.probabilities, kept.areas)


if __name__ == "__main__":
    main()
