"""How well numbers tell usual pictures from unusual ones: areas under the ROC curve, with intervals."""

from collections.abc import Iterator, Mapping, Sequence

import numpy as np

Values = Mapping[str, np.ndarray]  # a measure's name -> a number for each picture, higher = more usual


def aurocs(
    usual: Values,
    unusual: Values,
    groups: tuple[np.ndarray, np.ndarray] | None = None,
    *,
    paired: bool = False,
    against: Sequence[tuple[str, str]] = (),
    draws: int = 1000,
    seed: int = 0,
) -> dict[str, list[float]]:
    """How often a usual picture has a higher value than an unusual one of its group, with 95% intervals.

    Args:
        usual: for each measure one value per picture.
        unusual: the same measures of the others.
        groups: of the usual and of the unusual pictures, such as their classes; pictures are compared within a group
            only, and all pairs count alike. None compares all with all.
        paired: the n-th usual and the n-th unusual picture of a group show the same scene, and are resampled together.
        against: pairs of measures whose difference is wanted too; it is named "first - second".
        draws: resamplings of the pictures, within groups.
        seed: of the resampling.

    Returns:
        Measure -> [area, low, high], four digits; 0.5 is chance, below it the unusual pictures have higher values.

    Raises:
        ValueError: no pair of pictures in any group; scenes that are not paired.

    Example:
        >>> aurocs({"any": np.array([3.0, 2.0])}, {"any": np.array([1.0, 2.5])}, draws=1)["any"][0]
        0.75
    """
    generator = np.random.default_rng(seed)
    sums, pairs = dict.fromkeys(usual, 0.0), 0
    for here, there in _members(usual, unusual, groups):
        if paired and len(here) != len(there):
            raise ValueError(f"unusual: expected as many as usual ones in each group, got {len(there)}, {len(here)}")
        first = _counts(generator, len(here), draws)
        second = first if paired else _counts(generator, len(there), draws)
        for name in usual:
            sums[name] = sums[name] + ((second @ _wins(usual[name][here], unusual[name][there])) * first).sum(axis=1)
        pairs += len(here) * len(there)
    if not pairs:
        raise ValueError("usual, unusual: expected pictures of both kinds in some group, got none")
    found = {name: of / pairs for name, of in sums.items()}
    found |= {f"{one} - {other}": found[one] - found[other] for one, other in against}
    return {
        name: [round(float(v), 4) for v in (of[0], *np.quantile(of[1:], [0.025, 0.975]))] for name, of in found.items()
    }


def _members(usual: Values, unusual: Values, groups) -> Iterator[tuple[np.ndarray, np.ndarray]]:
    """The indices of each group's usual and unusual pictures."""
    sizes = [len(next(iter(values.values()))) for values in (usual, unusual)]
    first, second = groups or [np.zeros(size, int) for size in sizes]
    for group in np.intersect1d(first, second):
        yield np.flatnonzero(first == group), np.flatnonzero(second == group)


def _counts(generator: np.random.Generator, size: int, draws: int) -> np.ndarray:
    """How often each picture is drawn, float32 [1 + draws, size]; first the sample itself."""
    drawn = generator.multinomial(size, np.full(size, 1 / size), size=draws)
    return np.concatenate([np.ones((1, size)), drawn]).astype(np.float32)


def _wins(usual: np.ndarray, unusual: np.ndarray) -> np.ndarray:
    """1 where the usual picture's value is higher, 1/2 for equal ones: float32 [unusual, usual]."""
    return np.heaviside(usual[None, :] - unusual[:, None], 0.5).astype(np.float32)
