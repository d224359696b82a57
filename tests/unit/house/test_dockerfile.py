"""What the Dockerfile promises to a security review; there is no container runtime in the tests."""

import json
import re
from pathlib import Path
from typing import Any, cast

import pytest

from bot.engine.kubernetes_schemas import KubernetesSchemas
from renderers.policy.pods import pod_violations
from renderers.yaml import load_documents

ROOT = Path(__file__).parents[3]
GUIDE = ROOT / "docs/guides/run-in-a-container.md"
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


def manifests() -> dict[str, dict[str, Any]]:
    """The objects of the guide's example by kind."""
    (text,) = re.findall(r"```yaml\n(.*?)```", GUIDE.read_text(), re.DOTALL)
    found = [cast("dict[str, Any]", each.value) for each in load_documents(text.encode())]
    return {each["kind"]: each for each in found}


def test_the_example_for_kubernetes_passes_the_restricted_pod_standard() -> None:
    """By the same rules as tenants' pods."""
    deployment = manifests()["Deployment"]
    pod = deployment["spec"]["template"]["spec"]
    (container,) = pod["containers"]

    assert list(pod_violations(deployment, "restricted")) == []
    assert pod["automountServiceAccountToken"] is False
    assert pod["securityContext"]["runAsUser"] == 10001
    assert container["securityContext"] == {
        "allowPrivilegeEscalation": False,
        "readOnlyRootFilesystem": True,
        "capabilities": {"drop": ["ALL"]},
    }
    assert "@sha256:" in container["image"]
    assert {each["mountPath"] for each in container["volumeMounts"]} >= {
        "/var/lib/switchyard",
        "/tmp",
    }


@pytest.mark.parametrize("kind", sorted(manifests()))
def test_the_example_for_kubernetes_is_valid(kind: str) -> None:
    assert list(KubernetesSchemas().violations(manifests()[kind], "1.31", {})) == []


def test_the_network_policy_refuses_addresses_of_clouds_metadata() -> None:
    policy = manifests()["NetworkPolicy"]["spec"]
    (block,) = [to["ipBlock"] for rule in policy["egress"] for to in rule["to"] if "ipBlock" in to]

    assert set(policy["policyTypes"]) == {"Ingress", "Egress"}
    assert "169.254.0.0/16" in block["except"]
