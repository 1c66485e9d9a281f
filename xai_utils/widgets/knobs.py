"""One control of an explorer: a keyword and its choices."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any


@dataclass(frozen=True)
class Knob:
    """One control: the keyword it sets, its label, and the choices by name, with a slider when they are numbers."""

    keyword: str
    label: str
    names: tuple[str, ...]
    choices: tuple[Any, ...]
    slider: bool

    def index(self, choice: object) -> int:
        """The place of a choice, given as itself or by its name."""
        for i, (name, own) in enumerate(zip(self.names, self.choices, strict=True)):
            if choice is own or (isinstance(choice, str | int | float) and (choice == name or _same(choice, own))):
                return i
        got = repr(choice) if isinstance(choice, str | int | float) else type(choice).__name__
        raise ValueError(f"{self.keyword}: expected one of {', '.join(self.names)}, got {got}")


def knob_of(keyword: str, choices: Sequence | Mapping[str, Any], label: str) -> Knob:
    """Reads the choices of one keyword: numbers make a slider, strings a menu, a dict a menu of its names."""
    if isinstance(choices, Mapping):
        names, values, slider = tuple(map(str, choices)), tuple(choices.values()), False
    elif isinstance(choices, Sequence) and not isinstance(choices, str):
        if not all(isinstance(choice, str | int | float | None) for choice in choices):
            raise TypeError(f"{keyword}: expected numbers or strings, or a dict that names the choices")
        names, values = tuple(map(_name, choices)), tuple(choices)
        slider = all(isinstance(choice, int | float) and not isinstance(choice, bool) for choice in choices)
    else:
        raise TypeError(f"{keyword}: expected a tuple or a dict of choices, got {type(choices).__name__}")
    if len(set(names)) < max(2, len(names)):
        raise ValueError(f"{keyword}: expected two or more different choices, got {', '.join(names) or 'none'}")
    return Knob(keyword, label, names, values, slider)


def _name(choice: object) -> str:
    if isinstance(choice, bool) or choice is None:
        return {True: "yes", False: "no", None: "none"}[choice]
    return f"{choice:g}".replace("-", "\N{MINUS SIGN}") if isinstance(choice, float) else str(choice)


def _same(choice: object, own: object) -> bool:
    return type(own) in (str, int, float) and choice == own
