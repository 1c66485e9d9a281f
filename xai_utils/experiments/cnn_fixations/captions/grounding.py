"""Which pixels each word of a caption comes from, and whether what the word names is there (section IV-B)."""

from collections.abc import Callable
from functools import partial
from typing import NamedTuple

import torch
from torch import Tensor

from xai_utils.baselines import grad_cam
from xai_utils.experiments.cnn_fixations.captions.network import (
    END,
    Captioner,
    Speaker,
    load_captioner,
    split_words,
)
from xai_utils.experiments.explanations import at_points
from xai_utils.experiments.statistics import bootstrap_interval
from xai_utils.papers.cnn_fixations import cnn_fixations
from xai_utils.parts import Parts, Scene
from xai_utils.parts.backgrounds import PLACES

LAST_MAPS = "captioner.encoder.network.features"


class Grounded(NamedTuple):
    """A caption with the evidence for each of its words."""

    caption: str
    words: list[str]  # one for each step of the LSTM; the last one is the end of the sentence
    points: list[Tensor]  # for each of them int64 [points, 2]: (row, column); the last are the whole caption's


def grounded_caption(captioner: Captioner, image: Tensor, *, move: bool = False) -> Grounded:
    """What a captioner says about a picture, and where it looked for each word.

    Args:
        captioner: in eval mode.
        image: float [3, 128, 128], RGB in [0, 1].
        move: see `cnn_fixations`.

    Example:
        >>> from xai_utils.parts import draw_scene
        >>> told = grounded_caption(load_captioner(), draw_scene(0, label=0).image)
        >>> told.words[-1], len(told.points) == len(told.words)
        ('<end>', True)
    """
    words = spoken_words(captioner, image)
    points = word_fixations(captioner, image, words, move=move)
    return Grounded(captioner.decode(words[None])[0], [captioner.vocabulary[word] for word in words], points)


def spoken_words(captioner: Captioner, image: Tensor) -> Tensor:
    """What is said about a picture, int64 [steps]; the last word is END, unless the sentence never ended."""
    words = captioner.speak(image[None])[0]
    return words[: 1 + int((words != 1).sum())]


def word_fixations(captioner: Captioner, image: Tensor, words: Tensor, *, move: bool = False) -> list[Tensor]:
    """The fixations of every word of a sentence.

    A word is read from the state m of its step, so the walk starts from the largest element of m there, and goes back
    through the gates of this and all earlier steps to the embedding I, and through the CNN to the picture.

    **Source**: section III-D, where the start is the last step and the points are the whole caption's. Here each word
    has its own step; END has the last. As every positive product is followed through four gates, two steps reach all
    of I (but for tiny layers): the points are the picture's, and the same for each word.

    Args:
        captioner: in eval mode.
        image: float [3, 128, 128], RGB in [0, 1].
        words: int64 [steps], the sentence.
        move: see `cnn_fixations`.

    Returns:
        For each word int64 [points, 2].
    """
    speaker, images = _speaker(captioner, image, words)
    with torch.no_grad():
        largest = captioner(image[None], words[None])[0].argmax(dim=1)  # [steps]
    target = torch.arange(len(words)) * captioner.width + largest
    return cnn_fixations(speaker, images, target, layer="states", move=move, batch_size=len(words))


def _speaker(captioner: Captioner, image: Tensor, words: Tensor) -> tuple[Speaker, Tensor]:
    """The sentence once for each of its words: copy k of the picture is asked for word k."""
    copies = image.expand(len(words), -1, -1, -1).contiguous(memory_format=torch.channels_last)
    return Speaker(captioner, words.expand(len(words), -1)), copies


def fixated_pixels(captioner: Captioner, image: Tensor, words: Tensor, *, move: bool = False) -> Tensor:
    """The fixations of every word as maps of zeros and ones, [steps, height, width]."""
    return at_points(word_fixations(captioner, image, words, move=move), image.shape[1:])


def word_grad_cam(captioner: Captioner, image: Tensor, words: Tensor) -> Tensor:
    """Grad-CAM of every word's logit at the CNN's last maps, [steps, height, width]."""
    speaker, images = _speaker(captioner, image, words)
    return grad_cam(speaker, images, torch.arange(len(words)), layer=LAST_MAPS)


Evidence = Callable[[Captioner, Tensor, Tensor], Tensor]
METHODS: dict[str, Evidence] = {
    "fixations": partial(fixated_pixels, move=False),
    "fixations, moving": partial(fixated_pixels, move=True),
    "Grad-CAM": word_grad_cam,
}
"""What gives a map of evidence for each word, by the names of the table."""


def named_regions(scene: Scene) -> dict[str, dict[str, Tensor]]:
    """Where the things are that a caption of the scene may name.

    Returns:
        For each kind of word the words and their pixels, bool [height, width]: "class" (the words of the class, on the
        object), "part" (every word of the true caption that is the name of a part of the object, in the singular or
        the plural, on that part), "place" (the last word of the place, outside of the object), "caption" (END, whose
        fixations are the whole caption's, on the object). What is hidden is left out.

    Example:
        >>> from xai_utils.parts import draw_scene
        >>> [sorted(words) for words in named_regions(draw_scene(0, label=1, background="meadow")).values()]
        [['bald', 'eagle'], ['beak'], ['meadow'], ['<end>']]
    """
    region, parts = scene.region, scene.parts
    said = {word: parts.get(word, parts.get(word.removesuffix("s"))) for word in split_words(scene.caption)}
    return {
        "class": dict.fromkeys(scene.class_name.split(), region),
        "part": {word: mask for word, mask in said.items() if mask is not None and mask.any()},
        "place": {split_words(PLACES[scene.background][0])[-1]: ~region},
        "caption": {END: region},
    }


def measure_grounding(model: str, method: str, pictures: list) -> dict:
    """How much of the evidence for a word lies where that is what the word names.

    Args:
        model: the captioner, as `load_captioner` takes it.
        method: a name of `METHODS`.
        pictures: [split, first, last] of Parts.

    Returns:
        For each kind of `named_regions`, over the scenes in which such a word was said rightly, means with 95%
        intervals by resampled scenes: "inside" (the share of the word's evidence in the region it names), "area" (of
        the picture: what points anywhere would have), "others" (the same share for all other words of the sentence)
        and "own" (inside less others: what is the word's own); and "scenes". "overlap" is how much two words of a
        sentence share of their evidence, 0 to 1; "silent" the share of the words without any.
    """
    captioner, (split, first, last) = load_captioner(model), pictures
    rows: dict[str, list[Tensor]] = {kind: [] for kind in ("class", "part", "place", "caption")}
    overlaps, silent = [], []
    for scene in map(Parts(split).scene, range(first, last)):
        words = spoken_words(captioner, scene.image)
        evidence = METHODS[method](captioner, scene.image, words).double()
        shares = evidence / evidence.sum(dim=(1, 2), keepdim=True)  # not a number for a word without evidence
        told = [captioner.vocabulary[word] for word in words]
        for kind, regions in named_regions(scene).items():
            rows[kind] += shares_inside(shares, told, regions)
        heard = ~shares.isnan().any(dim=(1, 2))
        overlaps.append(overlap(shares[heard]))
        silent.append(1 - heard.double().mean().item())
    result = {kind: _intervals(torch.stack(some)) for kind, some in rows.items() if some}
    return {**result, "overlap": _interval(overlaps), "silent": _interval(silent)}


def shares_inside(shares: Tensor, told: list[str], regions: dict[str, Tensor]) -> list[Tensor]:
    """How much evidence lies in the regions that words name: the mean over those words, as one row or none.

    Args:
        shares: of the evidence for each word in each pixel, float [steps, height, width].
        told: the words.
        regions: word -> the pixels that it names, bool [height, width].

    Returns:
        [inside, area, others, own], as `measure_grounding` explains them; nothing if no such word was said.
    """
    elsewhere = torch.tensor([word not in regions for word in told])
    rows = []
    for word, region in regions.items():
        inside = shares[:, region].sum(dim=1)  # [steps]
        own = inside[torch.tensor([said == word for said in told])].nanmean()
        others = inside[elsewhere].nanmean()
        rows.append(torch.stack([own, region.double().mean(), others, own - others]))
    said = [row for row in rows if not row.isnan().any()]
    return [torch.stack(said).mean(dim=0)] if said else []


def _intervals(rows: Tensor) -> dict:
    columns = zip(("inside", "area", "others", "own"), rows.T.tolist(), strict=True)
    return {**{name: _interval(column) for name, column in columns}, "scenes": len(rows)}


def _interval(values: list[float]) -> list[float]:
    return [round(value, 4) + 0.0 for value in bootstrap_interval(values)]  # + 0.0: no negative zero


def overlap(shares: Tensor) -> float:
    """How much the evidence of two words has in common, the mean over all pairs: 1 if it is the same, 0 if nothing.

    Args:
        shares: float [words, height, width], each summing to 1.

    Example:
        >>> overlap(torch.tensor([[[0.5, 0.5, 0.0]], [[0.0, 0.5, 0.5]]]))
        0.3333333333333333
    """
    flat = shares.flatten(1)
    pairs = torch.combinations(torch.arange(len(flat)))
    common = torch.minimum(flat[pairs[:, 0]], flat[pairs[:, 1]]).sum(dim=1).double()
    return (common / (2 - common)).mean().item()  # the shares' union is 2 less what they have in common
