"""The pages and notebooks as they are written, without building them, and the checks that the built ones must pass."""

import ast
import json
import re
from importlib import import_module
from pathlib import Path

import pytest
import yaml

import xai_utils
from tests.check_pages import LIMIT, main, problems

ROOT = Path(__file__).parent.parent
PAGES = sorted((ROOT / "book").rglob("*.md"))
NOTEBOOKS = sorted((ROOT / "notebooks").glob("*.ipynb"))
TOP_LEVEL = [ROOT / name for name in ("README.md", "CHANGELOG.md", "CONTRIBUTING.md")]
PAPERS = yaml.safe_load((ROOT / "data" / "papers.yml").read_text(encoding="utf-8"))
BIBLIOGRAPHY = set(re.findall(r"^@\w+\{(\w+),", (ROOT / "book" / "references.bib").read_text(encoding="utf-8"), re.M))


def text_of(page: Path) -> str:
    """The text of a page, or of a notebook's text cells."""
    if page.suffix == ".md":
        return page.read_text(encoding="utf-8")
    return "\n".join("".join(cell["source"]) for cell in cells_of(page) if cell["cell_type"] == "markdown")


def cells_of(notebook: Path) -> list[dict]:
    return json.loads(notebook.read_text(encoding="utf-8"))["cells"]


def code_of(notebook: Path) -> list[dict]:
    return [cell for cell in cells_of(notebook) if cell["cell_type"] == "code"]


def pages_of_the_toc() -> set[str]:
    toc = (ROOT / "_toc.yml").read_text(encoding="utf-8")
    return set(re.findall(r"(?:file|root): (\S+)", toc))


def each(files):
    return pytest.mark.parametrize("page", files, ids=lambda page: page.relative_to(ROOT).as_posix())


# --- pages ------------------------------------------------------------------------------------------------------


def test_the_table_of_contents_lists_every_page_and_nothing_else():
    assert pages_of_the_toc() == {p.relative_to(ROOT).with_suffix("").as_posix() for p in [*PAGES, *NOTEBOOKS]}


def test_no_label_stands_on_two_pages():
    labels = [label for page in [*PAGES, *NOTEBOOKS] for label in re.findall(r"^:label: (\S+)", text_of(page), re.M)]
    assert sorted(labels) == sorted(set(labels))


@each([*PAGES, *NOTEBOOKS])
def test_every_citation_is_in_the_bibliography(page):
    citations = re.findall(r"\{cite(?::\w+)?\}`([^`]+)`", text_of(page))
    assert {key.strip() for keys in citations for key in keys.split(",")} <= BIBLIOGRAPHY


def test_every_entry_of_the_bibliography_is_cited():
    texts = "\n".join(text_of(page) for page in [*PAGES, *NOTEBOOKS])
    cited = {key.strip() for keys in re.findall(r"\{cite(?::\w+)?\}`([^`]+)`", texts) for key in keys.split(",")}
    assert BIBLIOGRAPHY <= cited


@each([*PAGES, *NOTEBOOKS, *TOP_LEVEL])
def test_every_picture_of_a_page_has_an_alternative_text(page):
    text = text_of(page)
    assert not re.findall(r"!\[\s*\]\([^)]*\)", text)
    assert all(":alt:" in block for block in re.findall(r"```\{(?:image|figure)\}.*?```", text, re.S))
    assert all("alt=" in tag for tag in re.findall(r"<img\b[^>]*>", text))


@each(TOP_LEVEL)
def test_every_link_of_a_top_level_document_leads_somewhere(page):
    links = re.findall(r"\]\((?!https?:|#)([^)#]+)", text_of(page))
    assert [link for link in links if not (ROOT / link).exists()] == []


@each([ROOT / "README.md", ROOT / "book" / "reading.md"])
def test_what_an_example_imports_exists(page):
    for code in re.findall(r"```python\n(.*?)```", text_of(page), re.S):
        imports = [node for node in ast.parse(code).body if isinstance(node, ast.Import | ast.ImportFrom)]
        exec(compile(ast.Module(imports, []), page.name, "exec"), {})


@each(sorted((ROOT / "book" / "decisions").glob("0*.md")))
def test_a_decision_fits_half_a_page(page):
    assert len(text_of(page).splitlines()) <= 30


def test_every_public_module_has_its_place_on_an_api_page():
    documented = set(re.findall(r"automodule:: (\S+)", "\n".join(text_of(p) for p in PAGES)))
    files = [f.relative_to(ROOT) for f in (ROOT / "xai_utils").rglob("*.py") if not f.name.startswith("_")]
    # A folder's front door exports what its rooms hold, so a room is documented there.
    modules = {".".join(f.with_suffix("").parts): ".".join(f.parent.parts) for f in files}
    assert {module for module, folder in modules.items() if not {module, folder} & documented} == set()


def test_the_summary_of_the_api_names_what_the_package_exports():
    listed = re.findall(r"^   ~([\w.]+)\.(\w+)$", text_of(ROOT / "book" / "api" / "index.md"), re.M)
    assert sorted(name for _, name in listed) == sorted(xai_utils.__all__)
    assert all(getattr(import_module(module), name) is getattr(xai_utils, name) for module, name in listed)


@each([*PAGES, *NOTEBOOKS, *TOP_LEVEL])
def test_no_page_names_a_folder_of_somebodys_machine(page):
    assert not re.findall(r"(?<![\w.~$])/(?:home|Users|root|tmp)/\w+", page.read_text(encoding="utf-8"))


# --- notebooks --------------------------------------------------------------------------------------------------


@each(NOTEBOOKS)
def test_no_function_in_a_notebook_is_longer_than_five_lines(page):
    lines = ["".join(cell["source"]) for cell in code_of(page)]
    trees = [ast.parse(re.sub(r"^[%!].*$", "pass", code, flags=re.M)) for code in lines]
    functions = [node for tree in trees for node in ast.walk(tree) if isinstance(node, ast.FunctionDef)]
    assert [f.name for f in functions if f.end_lineno - f.lineno + 1 > 5] == []


@each(NOTEBOOKS)
def test_a_checked_cell_keeps_the_text_it_is_checked_against(page):
    for cell in code_of(page):
        if "nbval-check-output" in cell["metadata"].get("tags", []):
            texts = [out for out in cell["outputs"] if "text" in out or "text/plain" in out.get("data", {})]
            assert texts, "".join(cell["source"])
            assert cell["execution_count"], "".join(cell["source"])


@each(NOTEBOOKS)
def test_pictures_and_controls_are_stripped_from_notebooks(page):
    kinds = {kind for cell in code_of(page) for out in cell["outputs"] for kind in out.get("data", {})}
    assert not {k for k in kinds if k.startswith("image/") or "widget" in k or k == "text/html"}
    assert "widgets" not in json.loads(page.read_text(encoding="utf-8"))["metadata"]


# --- the numbers of the papers ----------------------------------------------------------------------------------


@pytest.mark.parametrize("paper", PAPERS)
def test_every_number_of_a_paper_has_its_place(paper):
    assert PAPERS[paper]["citation"] in BIBLIOGRAPHY
    assert PAPERS[paper]["title"]
    for group, entries in PAPERS[paper].items():
        if group in ("settings", "costs", "claims"):
            assert all(entry["place"] and entry["says"] for entry in entries.values())
        if group.startswith("table"):
            assert entries["place"]
            assert entries["says"]


def test_the_defaults_of_the_first_chapter_are_the_papers():
    settings = {name: entry["value"] for name, entry in PAPERS["prediction_difference"]["settings"].items()}
    assert (settings["patch"], settings["outer"], settings["samples"]) == (10, 14, 20)
    assert settings["patch"] + settings["ring"] == settings["outer"]
    assert settings["outline_patch"] + settings["ring"] == settings["outline_outer"]


# --- the checks of built pages ----------------------------------------------------------------------------------


def built(folder: Path, body: str) -> list[str]:
    page = folder / "page.html"
    page.write_text(f"<html><body>{body}</body></html>", encoding="utf-8")
    return problems(page)


def test_a_good_page_passes(tmp_path):
    (tmp_path / "map.png").write_bytes(b"0" * 100)
    body = '<img src="map.png" alt="A map of a robin"><div class="cell_output docutils"><pre>0.97</pre></div>'
    assert built(tmp_path, body + '<a href="page.html#top">up</a><a href="https://example.org/">out</a>') == []


@pytest.mark.parametrize(
    ("body", "problem"),
    [
        ('<img src="data:," >', "no alternative text"),
        ('<img src="data:," alt=" ">', "no alternative text"),
        ('<img src="data:," alt="../_images/0f3a9c1b2d4e5f60718293a4b5c6d7e8.png">', "is a file name"),
        ('<img src="data:," alt="0f3a9c1b2d4e5f60718293a4b5c6d7e8">', "is a file name"),
        ('<a href="nowhere.html">x</a>', "leads nowhere"),
        ('<div class="cell_output"><div><pre>Traceback (most recent call last)</pre></div></div>', "shows an error"),
        ('<div class="cell_output"><pre>saved to /' + "home/ada/map.png</pre></div>", "path of this machine"),
        ("x" * (LIMIT + 1), "weighs"),
    ],
)
def test_a_bad_page_is_named_with_its_problem(tmp_path, body, problem):
    assert [problem in found for found in built(tmp_path, body)] == [True]


def test_a_traceback_in_the_text_of_a_page_is_no_error(tmp_path):
    assert built(tmp_path, "<div class='cell_output'><p>fine</p></div><p>Traceback (most recent call last)</p>") == []


def test_a_folder_without_pages_fails(tmp_path, capsys):
    assert main(str(tmp_path)) == 1
    assert "expected built pages" in capsys.readouterr().out
