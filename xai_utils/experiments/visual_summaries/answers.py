"""What people call the summaries: their answers as CSV files, and the columns of Table 1."""

import csv
import os
import re
from collections import Counter, defaultdict
from collections.abc import Iterable, Sequence
from itertools import chain
from pathlib import Path
from typing import NamedTuple
from unicodedata import normalize

import numpy as np
from scipy.spatial.distance import pdist, squareform

COLUMNS = ("rater", "class", "summary", "tags")
WORD = re.compile(r"[^\W\d_](?:[\w '’-]*\w)?")  # begins with a letter, so that no spreadsheet takes it for a formula

# In place of WordNet: the words of a line are one tag, the first.
SYNONYMS = {
    word: words[0]
    for words in (
        ("meadow", "grass", "lawn"),
        ("forest", "wood", "woods"),
        ("road", "street"),
        ("brown", "rust"),
        ("yellow", "brass", "gold"),
        ("grey", "gray"),
        ("ball", "sphere"),
        ("crate", "box"),
        ("post", "pole"),
        ("bush", "shrub"),
        ("beak", "bill"),
        ("breast", "chest"),
        ("wing", "wings"),
        ("legs", "leg", "feet", "foot", "paws"),
        ("body", "torso"),
        ("ear", "ears"),
        ("head", "face"),
        ("carriage", "wagon", "coach"),
        ("windows", "window"),
        ("wheels", "wheel", "tyres", "tires"),
        ("windshield", "windscreen"),
        ("lightbar", "beacons"),
        ("keys", "key"),
        ("buttons", "button"),
        ("car", "automobile", "vehicle"),
    )
    for word in words
}


class Answer(NamedTuple):
    """What one rater calls one summary."""

    rater: str
    class_name: str
    summary: int
    tags: tuple[str, ...]


def merged_words(words: Iterable[str]) -> tuple[str, ...]:
    """Words with `SYNONYMS` put together, each once, in their order.

    Example:
        >>> merged_words(["grass", "head", "meadow"])
        ('meadow', 'head')
    """
    return tuple(dict.fromkeys(SYNONYMS.get(word, word) for word in words))


def jaccard_distances(tags: Sequence[Sequence[str]]) -> np.ndarray:
    """The Jaccard distance of each two sets of tags, from their one-hot vectors: float [sets, sets], 0 to 1.

    Args:
        tags: at least two sets, none of them empty.

    Raises:
        ValueError: fewer sets, or one without a tag.

    Example:
        >>> jaccard_distances([["bird", "sky"], ["bird", "road"], ["sky", "bird"]])[0].round(3).tolist()
        [0.0, 0.667, 0.0]
    """
    if len(tags) < 2 or not all(tags):
        raise ValueError(f"tags: expected at least two sets with at least one tag each, got {list(tags)}")
    entries = sorted(set().union(*tags))
    vectors = np.array([[entry in own for entry in entries] for own in tags])  # bool [sets, entries]
    return squareform(pdist(vectors, "jaccard"))


def nouns(text: str) -> tuple[str, ...]:
    """The nouns of a text with commas between them, in small letters, each once; synonyms stay what they are.

    Raises:
        ValueError: none, or one that does not begin with a letter or holds other signs than letters, digits,
            blanks, hyphens and apostrophes.

    Example:
        >>> nouns(" Head,  front  train, head")
        ('head', 'front train')
    """
    words = (" ".join(word.split()).lower() for word in normalize("NFC", text).split(","))
    words = tuple(dict.fromkeys(word for word in words if word))
    if not words:
        raise ValueError(f"tags: expected nouns with commas between them, got {text!r}")
    for word in words:
        _check_word("tags", word)
    return words


def _check_word(name: str, word: str) -> str:
    if not WORD.fullmatch(word):
        raise ValueError(f"{name}: expected letters first, then also digits, blanks and hyphens, got {word!r}")
    return word


def read_answers(path: str | Path) -> list[Answer]:
    """The answers in a CSV file.

    Args:
        path: of a file with the columns rater, class, summary (counted from 0) and tags (with commas between them).

    Raises:
        ValueError: a line that is no answer, or a second answer of a rater to one summary; names file and line.
    """
    path, answers = Path(path), {}
    with path.open(encoding="utf-8-sig", newline="") as file:
        rows = csv.reader(file, strict=True)
        try:
            if tuple(head := next(rows, [])) != COLUMNS:
                raise ValueError(f"expected the columns {', '.join(COLUMNS)}, got {', '.join(head)!r}")
            for row in filter(None, rows):  # a blank line is no answer
                answer = _answer(row)
                if answer[:3] in answers:
                    raise ValueError(f"expected one answer of {answer.rater!r} to {answer[1:3]}, got a second one")
                answers[answer[:3]] = answer
        except (ValueError, csv.Error) as error:
            raise ValueError(f"{path.name}, line {max(rows.line_num, 1)}: {error}") from error
    return list(answers.values())


def _answer(row: Sequence[str]) -> Answer:
    if len(row) != len(COLUMNS):
        raise ValueError(f"expected {len(COLUMNS)} columns, got {len(row)}")
    rater, class_name, summary, tags = (cell.strip() for cell in row)
    if not (summary.isascii() and summary.isdigit()):
        raise ValueError(f"summary: expected a number of at least 0, got {summary!r}")
    return Answer(_check_word("rater", rater), _check_word("class", class_name), int(summary), nouns(tags))


def add_answer(path: str | Path, rater: str, class_name: str, summary: int, text: str) -> Answer:
    """Writes one more answer into a CSV file, in place of what the rater said of this summary before.

    The file is read again first, so that what came in between stays, and replaced in one step, so that a process that
    is killed leaves the old file or the new one.

    Args:
        path: of the file; made where there is none.
        rater: a name or pseudonym.
        class_name: of the summary.
        summary: its number within the class.
        text: nouns with commas between them.

    Returns:
        The answer as it was written.

    Raises:
        ValueError: no such name or nouns, or a file of something else; it is left as it was.
    """
    path = Path(path)
    answer = _answer((rater, class_name, str(summary), text))
    answers = {one[:3]: one for one in read_answers(path)} if path.exists() else {}
    write_answers(path, (answers | {answer[:3]: answer}).values())
    return answer


def write_answers(path: str | Path, answers: Iterable[Answer]) -> None:
    """Writes answers as `read_answers` reads them, in one step."""
    path = Path(path)
    path.parent.mkdir(parents=True, exist_ok=True)
    partial = path.with_name(f"{path.name}.{os.getpid()}.partial")
    with partial.open("w", encoding="utf-8", newline="") as file:
        rows = csv.writer(file)
        rows.writerow(COLUMNS)
        rows.writerows((*answer[:3], ", ".join(answer.tags)) for answer in answers)
        file.flush()
        os.fsync(file.fileno())
    os.replace(partial, path)


class Named(NamedTuple):
    """A class's row of Table 1."""

    raters: int
    distance: float | None  # mu_U, 0 to 1; None if no summary has two raters
    tags: tuple[str, ...]  # the most proposed one of each summary, in the order of their numbers


def study_table(answers: Iterable[Answer]) -> dict[str, Named]:
    """How far raters agree on the summaries of each class, and what they call them.

    **Source**: section 4.2 and Table 1. Synonyms are put together first, as in fig. 4; the paper does not say whether
    it does so here.

    Args:
        answers: of one or several files (`[*read_answers(one), *read_answers(other)]`).

    Returns:
        class -> raters, the mean pairwise Jaccard distance of their sets of tags, averaged over the summaries with at
        least two raters, and the tag that most of them propose (several with " / " between them if as many do).

    Raises:
        ValueError: two different answers of a rater to one summary: two people share a pseudonym.

    Example:
        >>> head, beak = (Answer(name, "robin", 0, tags) for name, tags in (("a", ("head",)), ("b", ("face", "beak"))))
        >>> study_table([head, beak])
        {'robin': Named(raters=2, distance=0.5, tags=('head',))}
    """
    found = defaultdict(dict)  # (class, summary) -> rater -> tags
    for rater, class_name, summary, tags in answers:
        if found[class_name, summary].setdefault(rater, merged_words(tags)) != merged_words(tags):
            raise ValueError(f"rater: expected one answer of each to {class_name} {summary}, got two of {rater!r}")
    table = {}
    for class_name in dict.fromkeys(name for name, _ in found):
        own = [found[key] for key in sorted(found) if key[0] == class_name]
        apart = [_disagreement(list(said.values())) for said in own if len(said) > 1]
        raters, named = len(set(chain(*own))), tuple(_most_proposed(said.values()) for said in own)
        table[class_name] = Named(raters, round(float(np.mean(apart)), 4) if apart else None, named)
    return table


def _disagreement(said: Sequence[Sequence[str]]) -> float:
    return float(jaccard_distances(said)[np.triu_indices(len(said), 1)].mean())


def _most_proposed(said: Iterable[Sequence[str]]) -> str:
    counts = Counter(chain(*said))
    return " / ".join(sorted(tag for tag in counts if counts[tag] == max(counts.values())))
