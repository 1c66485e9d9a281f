"""How far are the samplers' fillings from what could truly stand in a window (drawn again, all else fixed)?"""

import torch
from torch import Tensor, nn

from xai_utils.experiments.classifiers import classifier
from xai_utils.experiments.prediction_difference.setting import COMMAND, parts_samplers, with_outer
from xai_utils.experiments.records import grid, record_all
from xai_utils.models import predict
from xai_utils.papers.prediction_difference import weight_of_evidence
from xai_utils.parts import Parts, Scene
from xai_utils.perturb import ConditionalSampler, InpaintingSampler
from xai_utils.tensors import Progress, quiet


def fillings_by_sampler(
    scene: Scene, corner: tuple[int, int], patch: int, draws: int, seed: int = 0
) -> dict[str, Tensor]:
    """What every sampler puts into one window, beside what could truly stand there.

    Args:
        scene: whose window it is.
        corner: (row, column) of the window.
        patch: its side.
        draws: fillings of each kind.
        seed: of the samplers' draws.

    Returns:
        Name -> float [draws, 3, patch, patch]: "truth" (the scene drawn again with everything outside fixed), the
        names of `parts_samplers`, and "inpainted". The Gaussian sees two pixels more on each side, as in the paper.
    """
    generator, (row, column) = torch.Generator().manual_seed(seed), corner
    window = (column, row, column + patch, row + patch)
    redrawn = torch.stack([scene.redrawn(window, other).image for other in range(draws)])
    fillings = {"truth": redrawn[..., row : row + patch, column : column + patch]}
    for name, sampler in {**parts_samplers(), "inpainted": InpaintingSampler()}.items():
        if isinstance(sampler, ConditionalSampler):
            sampler = with_outer(sampler, patch + 4)
        noise = sampler.draw(1, draws, patch, generator)
        fillings[name] = sampler.bind(scene.image)(torch.tensor([corner]), patch, noise)[0]
    return fillings


def filled(scene: Scene, corner: tuple[int, int], fillings: Tensor) -> Tensor:
    """The scene's picture with its window replaced by each filling, float [fillings, 3, height, width]."""
    (row, column), patch = corner, fillings.shape[-1]
    images = scene.image.expand(len(fillings), -1, -1, -1).clone()
    images[..., row : row + patch, column : column + patch] = fillings
    return images


def measure_fillings(model: str, scene: int, patch: int, draws: int) -> dict:
    """One window of one scene: how far each sampler's fillings are from the true alternatives.

    The window lies at random on the main object. Half of the true redrawings are the truth, the other half show how far
    two samples of the truth are from each other.

    Args:
        model: as `load_model` takes it.
        scene: index in the test split.
        patch: side of the window.
        draws: fillings of each kind.

    Returns:
        Sampler -> `distance` (energy distance of the fillings to the truth, colour per pixel), `roughness` (mean
        absolute step across the window's edge), and `bits` (weight of evidence with these fillings less that with the
        truth).
    """
    network, drawn = classifier(model), Parts("test").scene(scene)
    corner = corner_on(drawn.region, patch, torch.Generator().manual_seed(scene))
    found = fillings_by_sampler(drawn, corner, patch, 2 * draws, seed=scene)
    truth, found["truth"] = found["truth"][:draws], found["truth"][draws:]

    def evidence(filling: Tensor) -> Tensor:
        images = torch.cat([drawn.image[None], filled(drawn, corner, filling)])
        probability = predict(network, images)[:, drawn.label]
        return weight_of_evidence(probability[0], probability[1:].mean(), network.training_images, len(network.classes))

    true_bits = evidence(truth)
    return {
        name: {
            "distance": round(energy_distance(filling[:draws], truth), 5),
            "roughness": round(_roughness(filling[:draws], drawn.image, *corner), 5),
            "bits": round((evidence(filling[:draws]) - true_bits).item(), 4),
        }
        for name, filling in found.items()
    }


def energy_distance(first: Tensor, second: Tensor) -> float:
    """The energy distance of two samples of contents (Székely and Rizzo, 2013), root-mean-square colour per pixel.

    Args:
        first: float [samples, ...].
        second: float [samples, ...].

    Returns:
        `2 E|X - Y| - E|X - X'| - E|Y - Y'|`; 0 in expectation if both come from one distribution.

    Example:
        >>> energy_distance(torch.zeros(3, 4), torch.ones(3, 4))
        2.0
    """
    x, y = (sample.flatten(1).double() / sample[0].numel() ** 0.5 for sample in (first, second))
    within = sum(torch.cdist(s, s).sum() / max(1, len(s) * (len(s) - 1)) for s in (x, y))
    return float(2 * torch.cdist(x, y).mean() - within)


def corner_on(region: Tensor, patch: int, generator: torch.Generator) -> tuple[int, int]:
    """The corner (row, column) of a window centred on a random pixel of the region, moved inside the picture."""
    pixels = region.nonzero() if region.any() else torch.ones_like(region).nonzero()
    centre = pixels[torch.randint(len(pixels), (1,), generator=generator)[0]]
    row, column = (centre - patch // 2).clamp_min(0).minimum(torch.tensor(region.shape) - patch).tolist()
    return row, column


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
    scenes: int = 100,
    *,
    patches: tuple[int, ...] = (10, 20),
    draws: int = 16,
    progress: Progress = quiet,
) -> list[dict]:
    """The rows of the table "how far are the samplers from the truth", recorded or computed now.

    Args:
        models: as `load_model` takes them.
        scenes: the first so many of the test split.
        patches: sides of the window.
        draws: fillings of each kind.
        progress: wraps the windows.
    """
    wanted = grid(model=models, patch=patches, scene=range(scenes), draws=[draws])
    return record_all("fillings", wanted, measure_fillings, command=COMMAND, progress=progress)
