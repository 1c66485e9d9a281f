"""Parts: pictures of objects made of named parts, drawn from a seed, in which it is known what made the difference."""

from .backgrounds import BACKGROUNDS
from .dataset import SPLITS, VERSION, Parts, load_images
from .scene import CLASSES, DIFFICULTY, HABITATS, PAIRS, Difficulty, Scene, SceneObject, draw_scene

__all__ = [
    "BACKGROUNDS",
    "CLASSES",
    "DIFFICULTY",
    "HABITATS",
    "PAIRS",
    "SPLITS",
    "VERSION",
    "Difficulty",
    "Parts",
    "Scene",
    "SceneObject",
    "draw_scene",
    "load_images",
]
