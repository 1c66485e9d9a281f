"""How far are the samplers' fillings from what could truly stand in a window (drawn again, all else fixed)?"""

from pathlib import Path

import torch
from torch import Tensor, nn

from xai_utils.experiments.prediction_difference.setting import COMMAND, classifier, parts_samplers, with_outer
from xai_utils.experiments.records import RESULTS, record_all
from xai_utils.models import predict
from xai_utils.papers.prediction_difference import weight_of_evidence
from xai_utils.parts import Parts
from xai_utils.perturb import ConditionalSampler, InpaintingSampler
from xai_utils.tensors import Progress, quiet


def measure_fillings(model: str, scene: int, patch: int, draws: int) -> dict:
    """One window of one scene: how far each sampler's fillings are from the true alternatives.

    The window is put at random on the main object. The truth is `draws` redrawings of the scene with everything outside
    the window fixed.

    Args:
        model: as `load_model` takes it.
        scene: index in the test split.
        patch: side of the window.
        draws: fillings of each kind.

    Returns:
        Sampler -> `distance` (energy distance of the fillings to the truth, colour units per pixel, after taking off
        what the truth has to itself), `roughness` (mean absolute step across the window's edge), and `bits` (weight of
        evidence with these fillings less that with the truth).
    """
    network, drawn = classifier(model), Parts("test").scene(scene)
    generator = torch.Generator().manual_seed(scene)
    corner = _corner_on(drawn.region, patch, generator)
    row, column = corner.tolist()
    window = (column, row, column + patch, row + patch)
    redrawn = torch.stack([drawn.redrawn(window, seed).image for seed in range(2 * draws)])
    truth = redrawn[..., row : row + patch, column : column + patch]
    fillings = {"truth": truth[draws:]}
    for name, sampler in {**parts_samplers(), "inpainted": InpaintingSampler()}.items():
        if isinstance(sampler, ConditionalSampler):
            sampler = with_outer(sampler, patch + 4)
        noise = sampler.draw(1, draws, patch, generator)
        fillings[name] = sampler.bind(drawn.image)(corner[None], patch, noise)[0]

    def evidence(filling: Tensor) -> Tensor:
        images = drawn.image.expand(len(filling), -1, -1, -1).clone()
        images[..., row : row + patch, column : column + patch] = filling
        probability = predict(network, torch.cat([drawn.image[None], images]))[:, drawn.label]
        return weight_of_evidence(probability[0], probability[1:].mean(), network.training_images, len(network.classes))

    true_bits = evidence(truth[:draws])
    return {
        name: {
            "distance": round(energy_distance(filling, truth[:draws]), 5),
            "roughness": round(_roughness(filling, drawn.image, row, column), 5),
            "bits": round((evidence(filling) - true_bits).item(), 4),
        }
        for name, filling in fillings.items()
    }


def energy_distance(first: Tensor, second: Tensor) -> float:
    """The energy distance of two samples of contents (Székely and Rizzo, 2013), root-mean-square colour per pixel.

    Args:
        first: float [samples, ...].
        second: float [samples, ...].

    Returns:
        2 E|X - Y| - E|X - X'| - E|Y - Y'|; 0 in expectation if both come from one distribution.

    Example:
        >>> energy_distance(torch.zeros(3, 4), torch.ones(3, 4))
        2.0
    """
    x, y = (sample.flatten(1).double() / sample[0].numel() ** 0.5 for sample in (first, second))
    within = sum(torch.cdist(s, s).sum() / max(1, len(s) * (len(s) - 1)) for s in (x, y))
    return float(2 * torch.cdist(x, y).mean() - within)


def _corner_on(region: Tensor, patch: int, generator: torch.Generator) -> Tensor:
    """The corner (row, column) of a window centred on a random pixel of the region, moved inside the picture."""
    pixels = region.nonzero()
    centre = pixels[torch.randint(len(pixels), (1,), generator=generator)[0]] if len(pixels) else torch.tensor([64, 64])
    return (centre - patch // 2).clamp_min(0).minimum(torch.tensor(region.shape) - patch)


def _roughness(filling: Tensor, image: Tensor, row: int, column: int) -> float:
    """The mean absolute difference between the window's rim and the pixels next to it outside."""
    patch = filling.shape[-1]
    padded = nn.functional.pad(image[None], (1, 1, 1, 1), mode="replicate")[0]
    outside = padded[:, row : row + patch + 2, column : column + patch + 2]
    steps = [
        filling[..., 0, :] - outside[:, 0, 1:-1],
        filling[..., -1, :] - outside[:, -1, 1:-1],
        filling[..., :, 0] - outside[:, 1:-1, 0],
        filling[..., :, -1] - outside[:, 1:-1, -1],
    ]
    return float(torch.cat(steps, dim=-1).abs().mean())


def fillings(
    models: tuple[str, ...] = ("parts/alexnet", "parts/resnet"),
    scenes: int = 200,
    *,
    patches: tuple[int, ...] = (10, 20),
    draws: int = 16,
    folder: Path = RESULTS,
    progress: Progress = quiet,
) -> list[dict]:
    """The rows of the table "how far are the samplers from the truth", recorded or computed now.

    Args:
        models: as `load_model` takes them.
        scenes: the first so many of the test split.
        patches: sides of the window.
        draws: fillings of each kind.
        folder: where the rows are recorded.
        progress: wraps the windows.
    """
    wanted = [
        {"model": model, "scene": scene, "patch": patch, "draws": draws}
        for model in models
        for patch in patches
        for scene in range(scenes)
    ]
    return record_all("fillings", wanted, measure_fillings, command=COMMAND, folder=folder, progress=progress)
