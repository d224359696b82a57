"""A short, deterministic run over every target, and every input that once violated a rule."""

from pathlib import Path
from random import Random

import pytest

from tests.fuzz import Target, discovery
from tests.fuzz.mutate import Mutator
from tests.fuzz.session import Session

INPUTS = 40


def _broken() -> Target:
    def check(data: bytes) -> None:
        1 / (len(data) - len(data))

    return Target(check, list)


@pytest.fixture
def reports() -> list[str]:
    return []


@pytest.mark.parametrize("name", discovery.names())
def test_mutated_inputs_keep_every_rule(name: str, reports: list[str], tmp_path: Path) -> None:
    target = discovery.load(name)
    seeds = sorted({*target.seeds(), *discovery.found_inputs(name)})
    mutator, random = Mutator(seeds, target.words), Random(name)
    session = Session(name, target, reports.append, tmp_path, max_cpu_seconds=float("inf"))

    for seed in random.sample(seeds, min(len(seeds), INPUTS)):
        session.feed(seed)
    for number in range(INPUTS):
        session.feed(mutator.mutate(random.choice(seeds), number))

    assert reports == []


@pytest.mark.parametrize("name", discovery.names())
def test_inputs_found_by_fuzzing_keep_every_rule(name: str) -> None:
    for data in discovery.found_inputs(name):
        discovery.load(name).check(data)


def test_a_failure_is_stored_once_with_its_input(reports: list[str], tmp_path: Path) -> None:
    target = discovery.load("markers")
    session = Session("markers", target, reports.append, tmp_path, max_cpu_seconds=float("inf"))
    broken = Session("broken", _broken(), reports.append, tmp_path)

    session.feed(b"x")
    broken.feed(b"one")
    broken.feed(b"two")

    assert [file.read_bytes() for file in tmp_path.rglob("*") if file.is_file()] == [b"one"]
    assert [line.partition(" ")[0] for line in reports] == ["FOUND"]
    assert "ZeroDivisionError" in reports[0]
    assert broken.inputs == 2


def test_the_same_seed_gives_the_same_input() -> None:
    mutator = Mutator([b'{"a": [1, {"b": "c"}]}'], (b"x",))
    inputs = [mutator.mutate(b'{"a": [1, {"b": "c"}]}', seed) for seed in range(200)]

    assert inputs == [mutator.mutate(b'{"a": [1, {"b": "c"}]}', seed) for seed in range(200)]
    assert len(set(inputs)) > 100
