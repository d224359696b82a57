"""What `check` answers to mistakes with `connectivity:`: file, line, cause and next step.

The table is in `connectivity_mistakes.yaml`; the application and the fleet are as the guide "Let
two components talk across clusters" has them.
"""

from pathlib import Path
from typing import Any

import pytest

from bot.__main__ import main
from renderers import yaml
from tests.fakes.connectivity import service
from tests.fakes.folders import application, cluster, deployment, registration, tenant

NETWORK = """
    mesh: istio
    meshId: europe
    network: {name}
    eastWest: {{address: 198.51.100.7}}"""
APPLICATION = """\
components:
  - {name: cart, source: {manifests: deploy/cart}}
  - {name: payment, source: {manifests: deploy/payment}}
placement:
  - {components: [cart], allOf: [{names: [eu-2]}]}
  - {components: [payment], allOf: [{names: [eu-1]}]}
connectivity:
  - from: {component: cart}
    to: {component: payment, protocol: HTTP}
    allow: [{methods: [GET], paths: [/status/*]}]
"""


def mistakes() -> list[Any]:
    file = Path(__file__).with_name("connectivity_mistakes.yaml")
    (document,) = yaml.load_documents(file.read_bytes())
    assert isinstance(document.value, list)
    return document.value


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    fleet = registration("shop", "retail")
    fleet |= tenant(
        "retail", "namespace: shop, deploy: local:fleet/deploy, hosts: [shop.example.com]"
    )
    for name in ("eu-1", "eu-2"):
        fleet |= cluster(name, network=NETWORK.format(name=name))
    app = application(APPLICATION, "shop", "retail")
    for name in ("cart", "payment"):
        app[f"deploy/{name}/deployment.yaml"] = deployment(name)
        app[f"deploy/{name}/service.yaml"] = service(
            name, "{name: http, port: 80, targetPort: 8080}"
        )
    for root, files in (("app", app), ("fleet", fleet)):
        for path, text in files.items():
            target = tmp_path / root / path
            target.parent.mkdir(parents=True, exist_ok=True)
            target.write_text(text)
    return tmp_path


def check(folder: Path) -> int:
    return main(["check", "--app", f"{folder}/app", "--fleet", f"{folder}/fleet"])


def test_without_a_mistake_there_is_none(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert check(folder) == 0
    assert capsys.readouterr().out.endswith("no mistakes found\n")


@pytest.mark.parametrize("row", mistakes(), ids=lambda row: str(row["mistake"]))
def test_a_mistake_is_answered(folder: Path, row: Any, capsys: pytest.CaptureFixture[str]) -> None:
    for file, (old, new) in row.get("edit", {}).items():
        text = (folder / file).read_text()
        assert old in text
        (folder / file).write_text(text.replace(old, new, 1))
    for file, text in row.get("add", {}).items():
        with (folder / file).open("a") as opened:
            opened.write(text)

    assert check(folder) == 1
    assert capsys.readouterr().err.replace(f"{folder}/", "").splitlines() == [row["answer"]]
