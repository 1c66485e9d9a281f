"""Looks for what a built page must not have and Sphinx does not report: `python tests/check_pages.py _build/html`.

Error outputs of cells, pictures without an alternative text or with a file name in its place, pages above 3 MB, links
to pages or pictures that are not there, and paths of the machine that built the book.
"""

import re
import sys
from html.parser import HTMLParser
from pathlib import Path
from urllib.parse import unquote, urlsplit

LIMIT = 3_000_000  # bytes of a page with the pictures that it shows
ERROR = re.compile(r"Traceback \(most recent call last\)")
FILE_NAME = re.compile(r"^\S*(?:[0-9a-f]{16}\S*|\.(?:png|jpe?g|svg|webp|gif))$", re.IGNORECASE)
MACHINE = re.compile(r"(?<![\w.])/(?:home|Users|root|tmp)/\w+")


class Page(HTMLParser):
    """What the checks need of a page: its pictures, its links, its cells' outputs as text, and its ids."""

    def __init__(self, html: str):
        super().__init__()
        self.pictures: list[dict[str, str | None]] = []
        self.links: list[str] = []
        self.outputs: list[str] = []
        self._depth = 0  # of open <div> within an output; 0 outside
        self.feed(html)

    def handle_starttag(self, tag, attributes):
        found = dict(attributes)
        if tag == "img":
            self.pictures.append(found)
        if tag == "a" and found.get("href"):
            self.links.append(found["href"])
        if tag == "div" and self._depth:
            self._depth += 1
        elif tag == "div" and "cell_output" in (found.get("class") or "").split():
            self._depth = 1
            self.outputs.append("")

    def handle_endtag(self, tag):
        if tag == "div" and self._depth:
            self._depth -= 1

    def handle_data(self, data):
        if self._depth:
            self.outputs[-1] += data


def _local(reference: str, page: Path) -> Path | None:
    """The file that a reference of a page means; None for other sites, data and places on the page itself."""
    parts = urlsplit(reference)
    if parts.scheme or parts.netloc or not parts.path:
        return None
    return page.parent / unquote(parts.path)


def problems(page: Path) -> list[str]:
    """What is wrong with one built page, a sentence each; empty when it is fine."""
    html = page.read_text(encoding="utf-8")
    content = Page(html)
    found = [f"a cell shows an error: {text.strip()[-200:]!r}" for text in content.outputs if ERROR.search(text)]
    paths = [match[0] for text in content.outputs for match in MACHINE.finditer(text)]
    found += [f"an output names a path of this machine: {path}" for path in paths]
    for picture in content.pictures:
        alt = (picture.get("alt") or "").strip()
        if not alt:
            found.append(f"a picture has no alternative text: {picture.get('src', '')[:60]}")
        elif FILE_NAME.match(alt):
            found.append(f"a picture's alternative text is a file name: {alt}")
    shown = {_local(picture.get("src") or "", page) for picture in content.pictures} - {None}
    linked = {_local(reference, page) for reference in content.links} - {None}
    found += [f"a link leads nowhere: {file}" for file in sorted(shown | linked) if not file.exists()]
    weight = len(html.encode()) + sum(file.stat().st_size for file in shown if file.is_file())
    if weight > LIMIT:
        found.append(f"the page weighs {weight / 1e6:.1f} MB with its pictures, the limit is {LIMIT / 1e6:.0f}")
    return found


def main(folder: str) -> int:
    """Prints every problem of every page below the folder; returns the exit status."""
    pages = [p for p in sorted(Path(folder).rglob("*.html")) if "_static" not in p.parts]
    if not pages:
        print(f"{folder}: expected built pages, found none")
        return 1
    found = [f"{page}: {problem}" for page in pages for problem in problems(page)]
    print("\n".join([*found, f"{len(pages)} pages checked, {len(found)} problems"]))
    return 1 if found else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1]))
