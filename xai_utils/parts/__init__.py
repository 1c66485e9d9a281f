"""Parts: pictures of objects made of named parts, drawn from a seed, in which it is known what made the difference."""

from .backgrounds import BACKGROUNDS
from .classes import CLASSES, HABITATS, PAIRS
from .dataset import SPLITS, VERSION, Parts, load_images
from .recipe import DIFFICULTY, Difficulty
from .scene import Scene, draw_scene
from .truth import SceneObject

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
