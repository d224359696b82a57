"""The house keeps its own rules: sizes, and documentation that cannot lag."""

import ast
import re
import tomllib
from collections.abc import Iterator
from pathlib import Path

import pytest

from docs.generate import HERE, pages

ROOT = Path(__file__).parents[3]
GENERATED = {"renderers/kubernetes/merge_keys.py"}
SOURCES = sorted(
    path.relative_to(ROOT).as_posix()
    for package in ("bot", "planners", "plugins", "renderers")
    for path in (ROOT / package).rglob("*.py")
)


def too_long(path: str) -> Iterator[str]:
    """The parts of a file that are too long: itself, or functions without those inside of them."""
    text = (ROOT / path).read_text()
    if len(text.splitlines()) > 500:
        yield path
    for node in ast.walk(ast.parse(text)):
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef):
            assert node.end_lineno is not None
            nested = [
                each.end_lineno - each.lineno + 1
                for each in ast.walk(node)
                if isinstance(each, ast.FunctionDef | ast.AsyncFunctionDef)
                and each is not node
                and each.end_lineno is not None
            ]
            if node.end_lineno - node.lineno + 1 - sum(nested) > 40:
                yield node.name


def test_no_file_over_500_lines_and_no_function_over_40() -> None:
    checked = (path for path in SOURCES if path not in GENERATED)

    assert {path: found for path in checked if (found := [*too_long(path)])} == {}


NO_DOOR = {
    "python-multipart": "imported by FastAPI",
    "sniffio": "imported by httpcore",
    "structlog": "every package of the shell may log",
    "tzdata": "data for zoneinfo",
}
IMPORTED_AS = {
    "azure-identity": "azure",
    "azure-mgmt-kubernetesconfiguration-fluxconfigurations": "azure",
    "markdown-it-py": "markdown_it",
    "opentelemetry-exporter-otlp-proto-http": "opentelemetry",
    "opentelemetry-sdk": "opentelemetry",
    "python-gitlab": "gitlab",
    "pyyaml": "yaml",
}


def test_every_library_has_its_doors() -> None:
    project = tomllib.loads((ROOT / "pyproject.toml").read_text())
    extras = project["project"]["optional-dependencies"].values()
    listed = [*project["project"]["dependencies"], *(each for extra in extras for each in extra)]
    names = {re.split(r"[=\[]", each)[0] for each in listed} - NO_DOOR.keys()
    guarded = {
        module
        for contract in project["tool"]["importlinter"]["contracts"]
        if "source_modules" in contract and "bot" in contract["source_modules"]
        for module in contract["forbidden_modules"]
    }

    assert {IMPORTED_AS.get(each, each.replace("-", "_")) for each in names} <= guarded


def test_every_module_says_what_it_is_for() -> None:
    for path in SOURCES:
        if "migrations" not in path:
            assert ast.get_docstring(ast.parse((ROOT / path).read_text())), path


def test_generated_pages_are_what_the_code_says(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("COLUMNS", "80")

    for path, text in pages().items():
        assert (HERE / path).read_text() == text, f"{path} lags: run `make docs`"
