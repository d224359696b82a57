"""Tests wait for events, and for as long as these take: no wait of theirs ends by itself."""

import ast
from collections.abc import Iterator
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[3]
OTHERS = ("tests/acceptance/", "tests/simulation/", "tests/tools/", "tests/trials/")
"""Programs that are run by hand, and those with virtual time."""
LIMITS = {"timeout", "timeout_at", "wait_for", "fail_after", "move_on_after", "unused_tcp_port"}
"""The last word of what sets a limit of time, and a port that may be somebody else's by then."""


def chances(source: str) -> Iterator[str]:
    """What makes the result of a test depend on how fast the machine is, with its line."""
    tree = ast.parse(source)
    polled = {
        id(call)
        for loop in ast.walk(tree)
        if isinstance(loop, ast.While)
        for call in ast.walk(loop)
        if isinstance(call, ast.Call)
    }
    for node in ast.walk(tree):
        if isinstance(node, ast.arg) and node.arg in LIMITS:
            yield f"{node.lineno}: {node.arg}"
        if not isinstance(node, ast.Call):
            continue
        name = ast.unparse(node.func).rpartition(".")[2]
        lasts = bool(node.args) and ast.unparse(node.args[0]) not in {"0", "''"}
        if (name == "sleep" and lasts and id(node) not in polled) or (
            name in LIMITS and ast.unparse(node.func).startswith(("asyncio.", "anyio."))
        ):
            yield f"{node.lineno}: {ast.unparse(node.func)}"
        if name in {"communicate", "check_output", "run"} and any(
            each.arg == "timeout" for each in node.keywords
        ):
            yield f"{node.lineno}: {name} with a timeout"


def test_no_test_waits_for_a_duration() -> None:
    found = {
        path: listed
        for file in (ROOT / "tests").rglob("*.py")
        if not (path := file.relative_to(ROOT).as_posix()).startswith(OTHERS)
        and (listed := [*chances(file.read_text())])
    }
    assert found == {}


@pytest.mark.parametrize(
    ("source", "found"),
    [
        ("await asyncio.sleep(1)", ["1: asyncio.sleep"]),
        ("for _ in range(9):\n    time.sleep(0.1)", ["2: time.sleep"]),
        ("while not ready():\n    await asyncio.sleep(0.1)", []),
        ("await asyncio.sleep(0)", []),
        ("async with asyncio.timeout(5):\n    await event.wait()", ["1: asyncio.timeout"]),
        ("await asyncio.wait_for(event.wait(), 5)", ["1: asyncio.wait_for"]),
        ("process.communicate(timeout=5)", ["1: communicate with a timeout"]),
        ("def test(unused_tcp_port): ...", ["1: unused_tcp_port"]),
    ],
)
def test_each_kind_of_chance_is_found(source: str, found: list[str]) -> None:
    assert list(chances(source)) == found
