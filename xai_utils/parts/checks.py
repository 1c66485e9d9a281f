"""What the caller of a scene may have got wrong, said in one sentence."""

import numpy as np

from .backgrounds import BACKGROUNDS
from .classes import CLASSES
from .outlines import Box
from .recipe import Role

MIN_SIDE, MAX_SIDE = 32, 2048


def check_background(background: str) -> None:
    """Refuses what is no place."""
    if background not in BACKGROUNDS:
        raise ValueError(f"background: expected one of {BACKGROUNDS}, got {background!r}")


def check_object(of: int, cast: tuple[Role, ...]) -> None:
    """Refuses what is no object's index."""
    if not isinstance(of, int) or not 0 <= of < len(cast):
        raise ValueError(f"of: expected an object's index from 0 to {len(cast) - 1}, got {of!r}")


def check_part(part: str, of: int, cast: tuple[Role, ...]) -> None:
    """Refuses what is no part of that object."""
    check_object(of, cast)
    names, owner = cast[of].part_names, CLASSES[cast[of].label]
    if part not in names:
        raise ValueError(f"part: expected one of {names}, the parts of {owner!r}, got {part!r}")


def check_class_of_pair(class_name: str, role: Role) -> None:
    """Refuses a class whose parts would not fit."""
    allowed = role.pair.classes
    if class_name not in allowed:
        raise ValueError(f"class_name: expected one of {allowed}, the object's pair, got {class_name!r}")


def check_range(name: str, value, low, high, kind) -> None:
    """Refuses a number of another kind or outside the range; `kind` is int, or (int, float) for any number."""
    if (
        isinstance(value, bool)
        or not isinstance(value, kind if isinstance(kind, tuple) else (kind, np.integer))
        or not low <= value <= high
    ):
        what = "an integer" if kind is int else "a number"
        raise ValueError(f"{name}: expected {what} from {low} to {high}, got {value!r}")


def checked_seed(seed: int) -> int:
    """The seed as a plain integer."""
    check_range("seed", seed, 0, 2**63 - 1, int)
    return int(seed)


def checked_size(size: tuple[int, int]) -> tuple[int, int]:
    """(height, width) as plain integers."""
    fine = (
        isinstance(size, (tuple, list))
        and len(size) == 2
        and all(isinstance(s, (int, np.integer)) and MIN_SIDE <= s <= MAX_SIDE for s in size)
    )
    if not fine:
        raise ValueError(f"size: expected (height, width) from {MIN_SIDE} to {MAX_SIDE} pixels each, got {size!r}")
    return int(size[0]), int(size[1])


def checked_window(window: Box, size: tuple[int, int]) -> Box:
    """The window as plain integers, if it lies inside a picture of that size."""
    fine = (
        isinstance(window, (tuple, list)) and len(window) == 4 and all(isinstance(v, (int, np.integer)) for v in window)
    )
    if not (fine and 0 <= window[0] < window[2] <= size[1] and 0 <= window[1] < window[3] <= size[0]):
        raise ValueError(
            f"window: expected (left, top, right, bottom) inside the picture of {size[0]} x {size[1]} pixels "
            f"(height x width) and not empty, got {window!r}"
        )
    return tuple(int(v) for v in window)
