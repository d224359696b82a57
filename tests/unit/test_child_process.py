"""Limits of programs that the service runs, shown by small shell programs that exceed them."""

import os
from pathlib import Path

import pytest

from bot.child_process import MIB, Limits, ProgramError, Result, run

WIDE = Limits(seconds=60, memory=512 * MIB, output=MIB)
EXCEEDED = {
    "time": ("sleep 60", {"seconds": 0.2}, "sh took longer than 0.2 s"),
    "time of a child": ("sleep 60 & sleep 60", {"seconds": 0.2}, "sh took longer than 0.2 s"),
    "time without outputs": ("exec >&- 2>&-; sleep 60", {"seconds": 0.2}, "took longer than 0.2 s"),
    "output": ("while :; do echo yyyyyyyy; done", {}, "sh wrote more than 1048576 bytes"),
    "errors": ("while :; do echo yyyyyyyy >&2; done", {}, "sh wrote more than 1048576 bytes"),
    "file": ("exec head -c 200000 /dev/zero > big", {"file": 100_000}, "file of more than 100000"),
    "memory": (
        "exec tail -n 1 /dev/zero",
        {"memory": 32 * MIB},
        "sh needs more than 32 MiB of memory",
    ),
}


def shell(text: str, folder: Path, **limits: float) -> Result:
    wide = {name: getattr(WIDE, name) for name in WIDE.__slots__}
    return run(
        ["/bin/sh", "-c", text],
        folder=folder,
        environment={"A": "b"},
        limits=Limits(**{**wide, **limits}),
    )


@pytest.mark.parametrize(("text", "limits", "why"), EXCEEDED.values(), ids=EXCEEDED)
def test_a_program_that_exceeds_a_limit_is_ended(
    text: str, limits: dict[str, float], why: str, tmp_path: Path
) -> None:
    with pytest.raises(ProgramError, match=why):
        shell(text, tmp_path, **limits)


def test_cpu_time_is_limited_from_the_first_instruction(tmp_path: Path) -> None:
    shown = shell("ulimit -t; ulimit -d; ulimit -f; ulimit -n; ulimit -c", tmp_path, seconds=7)
    assert shown.stdout.split() == [b"7", b"524288", b"32768", b"256", b"0"]


def test_the_number_of_processes_is_limited(tmp_path: Path) -> None:
    text = "exec sed -n 's/^Max processes *//p' /proc/self/limits"
    soft = int(shell(text, tmp_path, processes=10).stdout.split()[0])
    assert 10 < soft < 100_000


def test_nothing_of_a_program_outlives_it(tmp_path: Path) -> None:
    """The pipe ends when the process in the background, which holds it open, has ended."""
    os.mkfifo(tmp_path / "pipe")
    reading = os.open(tmp_path / "pipe", os.O_RDONLY | os.O_NONBLOCK)
    os.set_blocking(reading, True)
    with os.fdopen(reading, "rb") as pipe:
        text = "exec 3>pipe; echo up >&3; sleep 600 >&- 2>&- &"
        assert shell(text, tmp_path).status == 0
        assert pipe.read() == b"up\n"


def test_a_program_gets_its_input_and_only_the_environment_given(tmp_path: Path) -> None:
    command = ["/bin/sh", "-c", "cat; env"]
    ended = run(command, folder=tmp_path, environment={"A": "b"}, limits=WIDE, stdin=b"in\n")
    names = {line.partition(b"=")[0] for line in ended.stdout.splitlines()[1:]}
    assert ended.stdout.startswith(b"in\n")
    assert names - {b"PWD", b"OLDPWD", b"SHLVL", b"_"} == {b"A"}


def test_a_long_message_is_cut_and_says_so() -> None:
    message = Result(1, b"", b"x" * 2100).message
    assert message == "x" * 2000 + " [100 more bytes]"
