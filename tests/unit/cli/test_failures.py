"""What the machine refuses: one line with what, where and what to do; never a traceback."""

import os
import re
import signal
import socket
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

from bot.__main__ import main
from bot.cli import completion

SAMPLE = Path(__file__).parents[3] / "bot/sandbox/demo/sample"
FOLDERS = ["--app", str(SAMPLE / "app"), "--fleet", str(SAMPLE / "fleet")]
COMMAND = [sys.executable, "-m", "bot"]

Fail = Callable[[BaseException], None]


def run(arguments: list[str], **changes: object) -> "subprocess.CompletedProcess[str]":
    return subprocess.run(
        [*COMMAND, *arguments], stderr=subprocess.PIPE, text=True, check=False, **changes
    )


@pytest.fixture
def fail(monkeypatch: pytest.MonkeyPatch) -> Fail:
    """Let `switchyard completion` end so."""

    def failing(error: BaseException) -> None:
        def command(_: object) -> int:
            raise error

        monkeypatch.setattr(completion, "completion", command)

    return failing


@pytest.mark.parametrize("arguments", [["--help"], ["--version"], ["completion", "bash"]], ids=str)
def test_a_full_disk_behind_standard_output(arguments: list[str]) -> None:
    with Path("/dev/full").open("wb") as full:
        ended = run(arguments, stdout=full)

    assert ended.returncode == 1
    assert ended.stderr == "standard output: No space left on device; free some space\n"


@pytest.mark.parametrize("arguments", [["--help"], ["completion", "bash"]], ids=str)
def test_a_reader_of_standard_output_that_is_gone(arguments: list[str]) -> None:
    """As after `| head -1`."""
    reading, writing = os.pipe()
    os.close(reading)
    try:
        ended = run(arguments, stdout=writing)
    finally:
        os.close(writing)

    assert (ended.returncode, ended.stderr) == (128 + signal.SIGPIPE, "")


def test_standard_output_that_is_closed() -> None:
    ended = run(["completion", "bash"], preexec_fn=lambda: os.close(1))

    assert (ended.returncode, ended.stderr) == (0, "")


def test_standard_error_that_is_full() -> None:
    with Path("/dev/full").open("wb") as full:
        ended = subprocess.run([*COMMAND, "paln"], stderr=full, check=False)

    assert ended.returncode == 2


def test_a_disk_that_is_full_in_the_middle_of_a_folder(tmp_path: Path) -> None:
    """A limit of the size of files refuses a write as a full disk does: write(2), EFBIG."""
    out = tmp_path / "out"
    limited = ["sh", "-c", 'ulimit -f 0; exec "$0" "$@"', *COMMAND]
    ended = subprocess.run(
        [*limited, "render", *FOLDERS, "--out", str(out)],
        capture_output=True,
        text=True,
        check=False,
        env={**os.environ, "PYTHONDONTWRITEBYTECODE": "1"},
    )

    assert ended.returncode == 1
    assert "File too large; the limit" in ended.stderr
    assert f"{out}: the folder is incomplete; delete it and run this again" in ended.stderr
    assert "Traceback" not in ended.stderr


def test_a_folder_that_is_a_file(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    file = tmp_path / "file"
    file.touch()

    assert main(["render", *FOLDERS, "--out", str(file)]) == 1
    assert capsys.readouterr().err == f"{file}: Not a directory; name a folder\n"


@pytest.mark.parametrize(
    "command",
    [
        ["plan", *FOLDERS, "--facts"],
        ["forge", "--port", "0", "--data", "/tmp", "--site"],
        ["replay"],
    ],
)
def test_a_file_that_is_not_there(
    command: list[str], tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    command = [str(tmp_path) if each == "/tmp" else each for each in command]
    assert main([*command, str(tmp_path / "none.yaml")]) == 1
    assert capsys.readouterr().err == f"{tmp_path}/none.yaml: No such file or directory\n"


def test_a_folder_that_cannot_be_made(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["forge", "--data", "/proc/none", "--port", "0"]) == 1
    assert capsys.readouterr().err == "/proc/none: No such file or directory\n"


def test_a_used_port(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    with socket.create_server(("127.0.0.1", 0)) as used:
        port = str(used.getsockname()[1])
        assert main(["forge", "--data", str(tmp_path), "--port", port]) == 1

    expected = f"--port {port}: Address already in use; another program listens there: "
    assert capsys.readouterr().err == f"{expected}stop it, or choose another port\n"


@pytest.mark.parametrize("of", ["service", "forge"])
def test_a_used_port_of_the_demonstration(of: str, capsys: pytest.CaptureFixture[str]) -> None:
    """Its forge has the port after that of its service."""
    with socket.create_server(("127.0.0.1", 0)) as used:
        port = used.getsockname()[1]
        first = port if of == "service" else port - 1
        assert main(["demo", "--port", str(first)]) == 1

    said = capsys.readouterr().err
    assert re.match(f"--port ({first}|{port}): Address already in use", said)


@pytest.mark.parametrize("port", ["0", "65535"])
def test_a_demonstration_needs_two_ports(port: str, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["demo", "--port", port]) == 1
    assert "the forge takes the next one" in capsys.readouterr().err


@pytest.mark.parametrize("number", ["65536", "-1", "http"])
def test_a_port_that_is_none(number: str, capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit) as ended:
        main(["forge", "--data", "/tmp", f"--port={number}"])

    assert ended.value.code == 2
    assert f"{number!r} is no port; expected 0 to 65535" in capsys.readouterr().err


@pytest.mark.parametrize(
    ("raised", "code", "said"),
    [
        (KeyboardInterrupt(), 130, ""),
        (PermissionError(13, "Permission denied", "/etc/x"), 1, "/etc/x: Permission denied; check"),
        (OSError(24, "Too many open files"), 1, "Too many open files; raise the limit"),
        (OSError(5, "Input/output error", "/mnt/x"), 1, "/mnt/x: Input/output error\n"),
    ],
    ids=lambda each: type(each).__name__,
)
def test_what_ends_a_command_from_outside(
    raised: BaseException, code: int, said: str, fail: Fail, capsys: pytest.CaptureFixture[str]
) -> None:
    fail(raised)

    assert main(["completion", "bash"]) == code
    shown = capsys.readouterr().err
    assert shown.startswith(said)
    assert bool(shown) == bool(said)
