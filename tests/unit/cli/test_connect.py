"""`switchyard connect` prints what the guide shows."""

import re
from pathlib import Path
from typing import Any

import pytest

from bot.__main__ import main
from renderers import yaml

GUIDE = Path(__file__).parents[3] / "docs/guides/getting-started.md"
CLUSTER = """apiVersion: switchyard.dev/v1alpha1
kind: Cluster
metadata: {name: eu-edge-1}
spec: {agent: flux, flux: {gitSecret: switchyard-git}}
"""
URLS = [
    "--deploy-url", "https://git.example.com/fleet/deploy.git",
    "--service-url", "https://switchyard.example.com/",
]  # fmt: skip


def objects(text: str) -> list[Any]:
    return [each.value for each in yaml.load_documents(text.encode())]


@pytest.fixture
def fleet(tmp_path: Path) -> list[str]:
    (tmp_path / "clusters").mkdir()
    (tmp_path / "clusters/eu-edge-1.yaml").write_text(CLUSTER)
    return ["--fleet", str(tmp_path)]


def test_it_prints_the_objects_of_the_guide(
    fleet: list[str], capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["connect", "eu-edge-1", *fleet, *URLS]) == 0

    blocks = re.findall(r"(?ms)^```yaml\n(.*?)^```$", GUIDE.read_text())
    shown = [item for text in blocks for item in objects(text)]
    flux = [item for item in shown if ".toolkit.fluxcd.io/" in str(item.get("apiVersion"))]
    assert objects(capsys.readouterr().out) == flux


def test_a_cluster_that_is_not_declared_is_a_mistake(
    fleet: list[str], capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["connect", "eu-edge-2", *fleet, *URLS]) == 1
    assert "no cluster eu-edge-2; declare it in clusters/" in capsys.readouterr().err
