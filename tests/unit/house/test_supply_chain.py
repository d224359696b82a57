"""What is installed and run is pinned: actions by commit, packages by hash."""

import re
from pathlib import Path
from typing import Any, cast

import pytest

from renderers.yaml import load_documents

ROOT = Path(__file__).parents[3]
LOCKS = sorted(file.name for file in ROOT.glob("requirements*.lock"))
WORKFLOWS = sorted((ROOT / ".github/workflows").glob("*.yaml"))


def workflow(file: Path) -> dict[str, Any]:
    (document,) = load_documents(file.read_bytes())
    return cast("dict[str, Any]", document.value)


@pytest.mark.parametrize("name", LOCKS)
def test_every_locked_package_has_a_version_and_hashes(name: str) -> None:
    text = (ROOT / name).read_text()
    entries = re.split(r"\n(?=\S)", re.sub(r"^#.*\n", "", text, flags=re.MULTILINE).strip())

    assert all(re.match(r"[a-z0-9.\[\],_-]+==\S+", each) for each in entries)
    assert all(re.search(r"--hash=sha256:[0-9a-f]{64}", each) for each in entries)
    assert "://" not in text


def test_there_is_a_lock_for_each_purpose() -> None:
    assert LOCKS == [
        "requirements-audit.lock",
        "requirements-dev.lock",
        "requirements-fuzz.lock",
        "requirements-site.lock",
        "requirements.lock",
    ]
    runtime = (ROOT / "requirements.lock").read_text()
    for tool in ("atheris", "pip-audit", "cyclonedx-bom", "pytest"):
        assert f"\n{tool}==" not in runtime


@pytest.mark.parametrize("file", WORKFLOWS, ids=lambda file: file.name)
def test_actions_are_pinned_by_commit_and_may_only_read(file: Path) -> None:
    found = workflow(file)
    steps = [step for job in found["jobs"].values() for step in job["steps"]]
    actions = [step["uses"] for step in steps if "uses" in step]

    assert all(re.fullmatch(r"[\w-]+/[\w-]+@[0-9a-f]{40}", each) for each in actions)
    assert len(re.findall(r"@[0-9a-f]{40} # v\d+\.\d+\.\d+\n", file.read_text())) == len(actions)
    assert found["permissions"] == {"contents": "read"}
    assert "pull_request_target" not in found["on"]
    assert "secrets." not in file.read_text()
    checkouts = [step for step in steps if "checkout" in step.get("uses", "")]
    assert all(step["with"]["persist-credentials"] is False for step in checkouts)


def test_the_workflow_runs_the_checks_the_audit_and_the_bill_of_materials() -> None:
    steps = [step for job in workflow(WORKFLOWS[0])["jobs"].values() for step in job["steps"]]
    commands = [step["run"] for step in steps if "run" in step]

    assert commands == [".ci/run", "make sbom", "make audit", "make fuzz SECONDS=60"]
