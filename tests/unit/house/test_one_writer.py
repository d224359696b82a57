"""One writer: nothing outside of bot/effects writes to a forge or pushes to Git."""

import ast
from pathlib import Path

ROOT = Path(__file__).parents[3]
WRITES = {
    "add_comment",
    "edit_comment",
    "merge",
    "open_merge_request",
    "push",
    "react",
    "set_merge_request_state",
    "set_status",
    "update_merge_request",
}
OF_A_SPAN = {"bot/tracing.py": {"set_status"}}
"""The same name for something else: the status of a span."""
WRITERS = ("bot/effects/", "bot/forges/", "bot/git/", "bot/sandbox/")


def writes(source: str) -> set[str]:
    """The methods of forges and mirrors that write, as far as some code calls them."""
    calls = (node.func for node in ast.walk(ast.parse(source)) if isinstance(node, ast.Call))
    return {call.attr for call in calls if isinstance(call, ast.Attribute)} & WRITES


def test_only_effects_write_to_forges_and_repositories() -> None:
    found = {
        path: named
        for file in (ROOT / "bot").rglob("*.py")
        if not (path := file.relative_to(ROOT).as_posix()).startswith(WRITERS)
        and (named := writes(file.read_text()) - OF_A_SPAN.get(path, set()))
    }

    assert found == {}


def test_a_second_writer_is_found() -> None:
    assert writes("async def f(forge): await forge.set_status('a/b', 'c', None)") == {"set_status"}
