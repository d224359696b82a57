"""What the Dockerfile promises to a security review; there is no container runtime in the tests."""

import json
import re
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[3]
TEXT = (ROOT / "Dockerfile").read_text()


def instructions() -> list[tuple[str, str]]:
    """Each instruction and its arguments, continued lines joined."""
    lines = [line for line in TEXT.splitlines() if not line.startswith("#")]
    joined = "\n".join(lines).replace("\\\n", " ")
    found = (line.partition(" ") for line in joined.splitlines() if line.strip())
    return [(name, rest.strip()) for name, _, rest in found]


def final_stage() -> list[tuple[str, str]]:
    start = max(index for index, (name, _) in enumerate(instructions()) if name == "FROM")
    return instructions()[start:]


def of(name: str) -> list[str]:
    return [rest for each, rest in final_stage() if each == name]


def test_both_stages_have_one_base_that_a_build_can_pin_by_digest() -> None:
    bases = [rest.split()[0] for name, rest in instructions() if name == "FROM"]

    assert bases == ["${BASE}", "${BASE}"]
    assert [rest for name, rest in instructions() if name == "ARG"] == [
        "BASE=python:3.11-slim-bookworm"
    ]
    assert "--build-arg BASE=python:3.11-slim-bookworm@sha256:" in TEXT


def test_it_runs_as_a_numeric_user_that_is_not_root() -> None:
    """A name would not do: kubelet can check `runAsNonRoot` only for numbers."""
    assert of("USER") == ["10001"]
    assert "--uid 10001" in of("RUN")[0]
    assert final_stage().index(("USER", "10001")) > max(
        index for index, (name, _) in enumerate(final_stage()) if name in {"RUN", "COPY"}
    )


def test_only_locked_packages_are_installed() -> None:
    installs = re.findall(r"pip install [^&]*", TEXT)

    assert len(installs) == 3
    assert all("--require-hashes" in each or "--no-deps /dist" in each for each in installs)


def test_the_final_stage_has_no_build_tools_and_no_package_lists() -> None:
    (run,) = of("RUN")

    assert "--no-install-recommends git " in run
    assert "rm -rf /var/lib/apt/lists/*" in run
    assert of("COPY") == ["--from=build /opt/switchyard /opt/switchyard"]
    assert not of("ADD")


def test_commands_are_lists_and_need_no_shell() -> None:
    for name in ("ENTRYPOINT", "CMD"):
        assert isinstance(json.loads(of(name)[0]), list)
    (check,) = of("HEALTHCHECK")
    assert json.loads(check.partition("CMD ")[2]) == ["switchyard", "health"]


def test_only_the_data_directory_is_written() -> None:
    """Held at run time by tests/unit/cli/test_read_only.py."""
    environment = " ".join(of("ENV"))

    assert of("VOLUME") == ["/var/lib/switchyard"] == of("WORKDIR")
    assert "SWITCHYARD_DATA_DIR=/var/lib/switchyard" in environment
    assert "PYTHONDONTWRITEBYTECODE=1" in environment


def test_everything_that_the_wheel_needs_is_copied_into_the_build() -> None:
    copied = [
        word
        for name, rest in instructions()
        if name == "COPY" and "--from" not in rest
        for word in rest.split()[:-1]
    ]

    assert {"app.yaml", "bot", "planners", "plugins", "renderers"} <= set(copied)
    assert all((ROOT / each).exists() for each in copied)


@pytest.mark.parametrize("word", ["latest", "curl", "sudo", "chmod 777", "--privileged"])
def test_it_has_none_of_what_reviews_look_for(word: str) -> None:
    assert word not in TEXT
