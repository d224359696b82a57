"""Runs `check` on the small application and fleet of the tests with one mistake."""

import contextlib
import io
import tempfile
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from bot.__main__ import main
from tests.fakes.world import small_app, small_fleet


def answers(row: Mapping[str, Any]) -> list[str]:
    """What `check` prints, by lines, with paths below the folder."""
    files = {f"app/{path}": content for path, content in small_app().items() if content}
    files |= {f"fleet/{path}": content for path, content in small_fleet().items() if content}
    for path, old, new in row.get("replace", ()):
        assert old.encode() in files[path], (path, old)
        files[path] = files[path].replace(old.encode(), new.encode(), 1)
    files |= {path: text.encode() for path, text in row.get("add", {}).items()}
    for path in row.get("remove", ()):
        del files[path]
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        for path, content in files.items():
            (folder / path).parent.mkdir(parents=True, exist_ok=True)
            (folder / path).write_bytes(content)
        with (
            contextlib.redirect_stderr(io.StringIO()) as said,
            contextlib.redirect_stdout(io.StringIO()),
        ):
            code = main(["check", "--app", f"{name}/app", "--fleet", f"{name}/fleet"])
        lines = said.getvalue().replace(f"{name}/", "").splitlines()
        assert code == any(not each.startswith("warning: ") for each in lines), row
        return lines
