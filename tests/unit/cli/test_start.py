"""Start-up: a subcommand imports what it needs when it runs, and nothing before."""

import argparse
import inspect
import signal
import subprocess
import sys
from collections.abc import Sequence
from importlib import import_module
from importlib.metadata import version
from pathlib import Path

import pytest

from bot.cli.parser import parser
from bot.cli.parser import subcommands as subcommands_of

SCRIPT = Path(sys.executable).parent / "switchyard"
SAMPLE = Path(__file__).parents[3] / "bot/sandbox/demo/sample"
LOADED = """
import sys
before = set(sys.modules)
from bot.__main__ import main
try:
    code = main(sys.argv[1:])
except SystemExit as ended:
    code = ended.code
print(*sys.modules.keys() - before, file=sys.stderr)
sys.exit(code)
"""

INTERRUPTED = """
import signal
import sys
signal.signal(signal.SIGINT, signal.default_int_handler)
from bot.__main__ import main
sys.exit(main(sys.argv[1:]))
"""


def subcommands() -> dict[str, argparse.ArgumentParser]:
    return subcommands_of(parser())


def run(*command: str | Path) -> "subprocess.CompletedProcess[str]":
    return subprocess.run(command, capture_output=True, text=True, check=True)


def loaded(*arguments: str | Path) -> set[str]:
    """The packages that a command imports."""
    ended = run(sys.executable, "-c", LOADED, *arguments)
    return {name.partition(".")[0] for name in ended.stderr.splitlines()[-1].split()}


@pytest.mark.parametrize(
    "arguments",
    [["--help"], ["plan", "--help"], ["--version"], ["paln"], ["plan", "--flet", "."]],
    ids=" ".join,
)
def test_help_and_mistakes_of_usage_import_the_standard_library_alone(
    arguments: Sequence[str],
) -> None:
    ended = subprocess.run(
        [sys.executable, "-c", LOADED, *arguments], capture_output=True, text=True, check=False
    )
    modules = set(ended.stderr.splitlines()[-1].split())
    assert {name.partition(".")[0] for name in modules} - sys.stdlib_module_names == {"bot"}
    assert modules.isdisjoint({"asyncio", "ssl", "http.client", "subprocess", "typing_extensions"})


def test_check_imports_no_service_and_no_client() -> None:
    found = loaded("check", "--app", SAMPLE / "app", "--fleet", SAMPLE / "fleet")

    assert {"pydantic", "yaml"} <= found
    assert found.isdisjoint(
        {
            *("alembic", "apscheduler", "fastapi", "gidgethub", "gitlab", "httpx", "jinja2"),
            *("psycopg", "pydantic_settings", "pygit2", "sqlalchemy", "starlette", "structlog"),
            *("asyncio", "highspy", "uvicorn"),
        }
    )


@pytest.mark.parametrize("name", subcommands())
def test_every_subcommand_names_a_function_and_has_examples(name: str) -> None:
    command = subcommands()[name]
    module, _, function = command.get_default("run").partition(":")
    found = getattr(import_module(module), function)

    assert list(inspect.signature(found).parameters) == ["options"]
    assert command.epilog is not None
    examples = [line.partition(" > ")[0].split()[1:] for line in command.epilog.splitlines()[1:]]
    assert examples
    for example in examples:
        assert parser().parse_args(example).run == f"{module}:{function}"


def test_the_script_and_the_module_are_the_same_program() -> None:
    expected = f"switchyard {version('switchyard')}\n"

    assert run(SCRIPT, "--version").stdout == expected
    assert run(sys.executable, "-m", "bot", "--version").stdout == expected


def test_an_interrupt_ends_without_a_traceback(tmp_path: Path) -> None:
    """Started from a terminal, whatever signals the tests themselves were told to ignore.

    The interrupt comes as soon as the address is printed, before or after the start has ended.
    """
    arguments = ["forge", "--data", str(tmp_path), "--port", "0"]
    with subprocess.Popen(
        [sys.executable, "-c", INTERRUPTED, *arguments],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    ) as running:
        try:
            assert running.stdout is not None
            assert running.stdout.readline().startswith("local forge on")
            running.send_signal(signal.SIGINT)
            _, said = running.communicate()
        finally:
            running.kill()

    assert running.returncode in {0, 128 + signal.SIGINT}
    assert "Traceback" not in said
