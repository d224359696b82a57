"""The guide "Open an application to the outside", done as it is written, by the command line."""

import re
import shlex
import textwrap
from pathlib import Path

import pytest

from bot.__main__ import main

GUIDE = Path(__file__).parents[3] / "docs/guides/open-an-application-to-the-outside.md"
TEXT = GUIDE.read_text()
BLOCK = re.compile(r"(?ms)^( *)```yaml\n *# (app|fleet|instead): (\S+)\n(.*?)^ *```$")
DOCUMENT = "app/switchyard.yaml"


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The folders `app` and `fleet` with every file of the guide, as the current folder."""
    for _, root, name, content in BLOCK.findall(TEXT):
        if root != "instead":
            file = tmp_path / root / name
            file.parent.mkdir(parents=True, exist_ok=True)
            file.write_text(textwrap.dedent(content))
    monkeypatch.chdir(tmp_path)
    return tmp_path


def steps() -> list[tuple[list[str], list[str]]]:
    """Each command of the guide, and the lines that it prints, of which some are left out."""
    text = "\n".join(re.findall(r"(?ms)^```console\n(.*?)^```$", TEXT))
    found = re.findall(r"(?m)^\$ switchyard (.*)\n((?:(?!\$ ).*\n?)*)", text)
    return [(shlex.split(command), said.strip("\n").splitlines()) for command, said in found]


def without_entry(document: str) -> str:
    return document.partition("  connectivity:")[0]


def test_its_commands_print_what_it_says(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    *opening, (closing, closed) = steps()
    assert [command[0] for command, _ in opening] == ["check", "plan", "render"]
    for command, said in opening:
        assert main(command) == 0
        assert set(said) <= set(capsys.readouterr().out.splitlines())

    names = {each.name for each in (folder / "deploy").rglob("*connect-to-web*")}
    assert names == set(re.findall(r"`([a-z]+-connect-to-web\S*\.yaml)`", TEXT))

    document = folder / DOCUMENT
    document.write_text(without_entry(document.read_text()))
    assert main(closing) == 0
    assert set(closed) <= set(capsys.readouterr().out.splitlines())


@pytest.mark.parametrize("number", range(2))
def test_its_other_entries_are_planned(
    folder: Path, number: int, capsys: pytest.CaptureFixture[str]
) -> None:
    others = [content for _, root, _, content in BLOCK.findall(TEXT) if root == "instead"]
    document = folder / DOCUMENT
    document.write_text(without_entry(document.read_text()) + textwrap.indent(others[number], "  "))

    assert len(others) == 2
    assert main(["check", "--app", "app", "--fleet", "fleet"]) == 0
    assert "no mistakes found" in capsys.readouterr().out
