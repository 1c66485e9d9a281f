"""A machine tagger in place of the paper's: nouns read off the true contents of a scene.

It knows nothing of summaries and networks. `picture_tags` sees a whole picture, as the paper's tagger had to;
`region_tags` sees one box, as people did with the parts of a summary.
"""

from collections.abc import Sequence

import numpy as np
import torch
from torch import Tensor

from xai_utils.experiments.visual_summaries.answers import merged_words
from xai_utils.parts import Scene
from xai_utils.parts.colours import PALETTE
from xai_utils.parts.layers import BEHIND
from xai_utils.parts.streams import stream
from xai_utils.parts.things import THINGS

TAGS = 8  # of a picture, as the paper
FAMILIES = ("bird", "dog", "train", "car", "instrument")  # of each two classes
COLOURS = ("red", "yellow", "blue", "brown", "white", "brass", "black", "grey", "rust", "green")  # of `PALETTE`
COLOURS_OF_A_PICTURE = 2  # the most frequent ones, so that there is room for things
FILLS = 0.2  # share of a box that a noun has to fill


def noun_masks(scene: Scene) -> dict[str, Tensor]:
    """The pixels that each noun names: parts of the object, things by their kind, and the place.

    Args:
        scene: as drawn from its seed, with one object.

    Returns:
        noun -> bool [height, width], without those of which nothing is seen; no pixel is named twice.

    Raises:
        ValueError: a scene with things drawn anew or windows of other scenes in it, or with several objects.

    Example:
        >>> from xai_utils.parts import draw_scene
        >>> list(noun_masks(draw_scene(0, label=0)))
        ['pipe', 'crate', 'sign', 'tail', 'legs', 'body', 'breast', 'wing', 'head', 'beak', 'stage']
    """
    if scene.restyled or scene.pasted or len(scene.cast) != 1:
        raise ValueError("scene: expected one object and things as drawn from the seed, got a changed scene")
    masks, free = {}, np.ones(scene.size, np.float32)  # what of each pixel nothing stands in front of
    for one in scene._visible:
        noun = one.layer.name if one.layer.owner >= 0 else _kind(scene.seed, one.layer.owner, one.layer.name)
        masks[noun] = masks.get(noun, False) | torch.from_numpy(one.seen > 0.5)
        free = free - one.seen
    masks[scene.background] = torch.from_numpy(free > 0.5)
    return {noun: mask for noun, mask in masks.items() if mask.any()}


def _kind(seed: int, owner: int, name: str) -> str:
    """What a thing behind or in front of the object is: its style's first draw chooses one of `THINGS`."""
    style = stream(seed, f"distractor {name}" if owner == BEHIND else "occluder/style")
    return THINGS[style.integers(len(THINGS))].__name__.lstrip("_")


def colour_shares(image: Tensor) -> dict[str, float]:
    """The share of a picture's pixels that each of `COLOURS` is nearest to, as the eye sees distances (CIELAB).

    Args:
        image: float [3, height, width], RGB in [0, 1].

    Example:
        >>> shares = colour_shares(torch.tensor([0.8, 0.2, 0.1]).view(3, 1, 1).expand(3, 4, 4))
        >>> shares["red"], shares["green"]
        (1.0, 0.0)
    """
    from skimage.color import rgb2lab

    pixels, palette = rgb2lab(image.flatten(1).T.numpy()), rgb2lab(np.array(PALETTE))
    nearest = ((pixels[:, None] - palette) ** 2).sum(axis=2).argmin(axis=1)
    return {name: float((nearest == i).mean()) for i, name in enumerate(COLOURS)}


def picture_tags(scene: Scene, tags: int = TAGS) -> tuple[str, ...]:
    """The tags of a whole picture: its most visible nouns, the one that fills most of it first.

    A noun's share is that of the pixels it names: the class and its family those of the object, the place those that
    nothing stands in front of, a colour those nearest to it (the two most frequent colours).

    Args:
        scene: as `noun_masks` takes it.
        tags: so many; fewer come back where two are synonyms, as two of the colours are.

    Example:
        >>> from xai_utils.parts import draw_scene
        >>> picture_tags(draw_scene(0, label=0), 6)
        ('stage', 'brown', 'bird', 'robin', 'breast')
    """
    shares = {noun: float(mask.float().mean()) for noun, mask in noun_masks(scene).items()}
    colours = colour_shares(scene.image)
    shares |= {name: colours[name] for name in sorted(colours, key=colours.get)[-COLOURS_OF_A_PICTURE:]}
    shares |= dict.fromkeys((FAMILIES[scene.label // 2], scene.class_name), float(scene.region.float().mean()))
    return merged_words(sorted(shares, key=lambda noun: (-shares[noun], noun))[:tags])


def region_tags(scene: Scene, box: Sequence[int]) -> tuple[str, ...]:
    """The tags of a part of a picture: what fills at least a fifth of its box, and always what fills most of it.

    Args:
        scene: as `noun_masks` takes it.
        box: (left, top, right, bottom), right and bottom exclusive.
    """
    left, top, right, bottom = box
    shares = {noun: float(mask[top:bottom, left:right].float().mean()) for noun, mask in noun_masks(scene).items()}
    ranked = sorted(shares, key=lambda noun: (-shares[noun], noun))
    return merged_words([noun for noun in ranked if shares[noun] >= FILLS] or ranked[:1])
