"""The documentation names only what exists: links, anchors, files, functions, decision records."""

import ast
import re
import tomllib
from collections.abc import Iterator
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[3]
TOP = {"bot", "planners", "renderers"}
RECORDS = ROOT / "docs/adr"
PAGES = sorted(
    path.relative_to(ROOT).as_posix()
    for path in [*ROOT.glob("*.md"), *(ROOT / "docs").rglob("*.md")]
)
LINK = re.compile(r"\]\(([^)\s]+)\)")
FILE = re.compile(
    r"(?<![\w/.<>-])((?:bench|bot|docs|planners|plugins|renderers|tests)/[\w./*-]*[\w*/])"
)
HOP = re.compile(r"^\| \d+ \| `(?P<file>[\w./]+\.py)` \| `(?P<name>[\w.]+)` \|", re.MULTILINE)
STATUS = re.compile(
    r"^- Status: (Accepted|Superseded by \[\d{4}\]\(\S+\))\n- Date: \d{4}-\d\d-\d\d$", re.MULTILINE
)
SECTIONS = ["Context", "Decision", "Alternatives considered", "Consequences"]


@pytest.mark.parametrize("page", PAGES)
def test_every_relative_link_leads_to_a_file_and_a_heading(page: str) -> None:
    for link in LINK.findall(_prose((ROOT / page).read_text())):
        if "://" in link:
            continue
        path, _, anchor = link.partition("#")
        target = (ROOT / page).parent / path if path else ROOT / page
        assert target.exists(), link
        if anchor:
            assert anchor in set(_anchors(target.read_text())), link


@pytest.mark.parametrize("page", [page for page in PAGES if page != "CHANGELOG.md"])
def test_every_file_that_is_named_exists(page: str) -> None:
    for path in FILE.findall((ROOT / page).read_text()):
        assert any(ROOT.glob(path.rstrip("/"))), path


def test_the_site_has_every_page_once() -> None:
    index = ROOT / "docs/index.md"
    trees = re.findall(r"(?s)```\{toctree\}\n(.*?)```", index.read_text())
    listed = [line for tree in trees for line in tree.splitlines() if line and line[0] != ":"]
    names = [re.sub(r".*<(.*)>", r"\1", line) for line in listed]
    pages = [(index.parent / f"{name}.md").resolve().relative_to(ROOT).as_posix() for name in names]
    elsewhere = {"docs/index.md", *(page for page in PAGES if page.startswith("docs/adr/0"))}

    assert sorted(pages) == sorted(set(PAGES) - elsewhere)


def test_every_verb_of_the_makefile_is_in_the_contributing_guide() -> None:
    verbs = re.findall(r"(?m)^([a-z-]+):.*##", (ROOT / "Makefile").read_text())
    listed = re.findall(r"(?m)^\| `make ([a-z-]+)` \|", (ROOT / "CONTRIBUTING.md").read_text())

    assert set(verbs) - {"help"} == set(listed)


def test_the_hops_of_the_design_exist_and_are_counted_right() -> None:
    text = (ROOT / "docs/design.md").read_text()

    for section in re.split(r"(?m)^###? ", text):
        hops = HOP.findall(section)
        counted = re.search(r"(\d+) hops over (\d+) files", section)
        assert bool(hops) is bool(counted)
        if counted:
            assert [int(each) for each in counted.groups()] == [
                len(hops),
                len({file for file, _ in hops}),
            ]
    for file, name in HOP.findall(text):
        assert name in set(_definitions(ast.parse((ROOT / file).read_text()))), f"{file}: {name}"


def test_the_layers_of_the_design_are_those_that_the_build_checks() -> None:
    design = " ".join((ROOT / "docs/design.md").read_text().split())
    importlinter = tomllib.loads((ROOT / "pyproject.toml").read_text())["tool"]["importlinter"]

    for contract in importlinter["contracts"]:
        if contract["type"] == "layers" and contract.get("containers", ["bot"])[0] in TOP:
            assert " > ".join(contract["layers"]) in design, contract["name"]


@pytest.mark.parametrize("path", sorted(RECORDS.glob("0*.md")), ids=lambda path: path.stem[:4])
def test_every_decision_record_has_a_status_and_is_listed(path: Path) -> None:
    text = path.read_text()
    number, title = text.partition("\n")[0].removeprefix("# ").split(" ", 1)

    assert [each.name for each in RECORDS.glob(f"{number}-*.md")] == [path.name]
    assert STATUS.search(text)
    assert re.findall(r"(?m)^## (.*)$", text) == SECTIONS
    assert f"| [{number}]({path.name}) | {title} |" in (RECORDS / "README.md").read_text()


def _prose(text: str) -> str:
    """The text without code."""
    return re.sub(r"`[^`\n]*`", "", re.sub(r"(?ms)^```.*?^```$", "", text))


def _anchors(text: str) -> Iterator[str]:
    """The anchors that GitHub and GitLab give to the headings."""
    for heading in re.findall(r"(?m)^#+ (.*)$", re.sub(r"(?ms)^```.*?^```$", "", text)):
        yield re.sub(r"[^\w -]", "", heading.lower()).replace(" ", "-")


def _definitions(node: ast.AST, prefix: str = "") -> Iterator[str]:
    """Every function and class of a module, methods as `Class.method`."""
    for each in ast.iter_child_nodes(node):
        if isinstance(each, ast.ClassDef | ast.FunctionDef | ast.AsyncFunctionDef):
            yield f"{prefix}{each.name}"
            yield from _definitions(each, f"{prefix}{each.name}.")
