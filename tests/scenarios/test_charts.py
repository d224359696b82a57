"""Charts of registries and repositories in documents, policies and on the command line."""

import os
import shutil
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from bot.__main__ import main
from tests.fakes.certificates import Authority, make_authority
from tests.fakes.chart_host import ARCHIVE, ChartHost
from tests.fakes.folders import application, cluster, policy, registration, tenant, write

SPEC = """
components:
  - {{name: web, source: {{helm: {source}}}}}
placement:
  - {{components: [web], allOf: [{{}}]}}
"""
DIGEST = f"sha256:{'0' * 64}"
OCI = "oci://registry.example.com/charts/web"
FOUND = f"{{chart: '{OCI}', version: 1.2.3, digest: '{DIGEST}'}}"
HTTPS = "https://charts.example.com/stable"


@pytest.fixture(autouse=True)
def _on_path(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PATH", f"{sys.prefix}/bin{os.pathsep}{os.environ['PATH']}")


@pytest.fixture
def authority(tmp_path: Path) -> Authority:
    return make_authority(tmp_path / "ca")


@pytest.fixture
def host(authority: Authority, monkeypatch: pytest.MonkeyPatch) -> Iterator[ChartHost]:
    if shutil.which("helm") is None:
        assert "CI" not in os.environ, "continuous integration must have helm"
        pytest.skip("helm is not on PATH: the wheel with it has no program for this platform")
    monkeypatch.setenv("SWITCHYARD_CHART_CA_FILE", str(authority.ca_file))
    made = ChartHost(authority)
    yield made
    made.stop()


def folders(folder: Path, source: str, charts: str) -> list[str]:
    """The options for an app folder with that source and a fleet folder with that policy."""
    fleet = {
        **cluster("one", kubernetes='"1.31"'),
        **tenant(),
        **tenant("bank", "namespace: bank"),
        **registration(),
        **policy(f"charts: {charts}"),
    }
    write(folder / "app", application(SPEC.format(source=source)))
    write(folder / "fleet", fleet)
    return ["--app", str(folder / "app"), "--fleet", str(folder / "fleet")]


MISTAKES: dict[str, tuple[str, str, str]] = {
    "no digest": (
        f"{{chart: '{OCI}', version: 1.2.3}}",
        "[]",
        f"7:28: missing key 'digest': `helm pull {OCI} --version 1.2.3` prints it",
    ),
    "no digest in a repository": (
        f"{{chart: web, repository: '{HTTPS}', version: 1.2.3}}",
        "[]",
        "and `sha256sum web-1.2.3.tgz`, and write the result after `sha256:`",
    ),
    "no version": (f"{{chart: '{OCI}', digest: '{DIGEST}'}}", "[]", "missing key 'version'"),
    "a range of versions": (
        f"{{chart: '{OCI}', version: ^1.2, digest: '{DIGEST}'}}",
        "[]",
        "invalid version '^1.2'; expected one version",
    ),
    "a tag": (f"{{chart: '{OCI}:1.2.3'}}", "[]", "without tag or digest"),
    "a path upwards": ("{chart: 'oci://registry.example.com/../web'}", "[]", "invalid address"),
    "credentials in the address": (
        "{chart: 'oci://me:secret@registry.example.com/web'}",
        "[]",
        "invalid address",
    ),
    "a repository over plain HTTP": (
        "{chart: web, repository: 'http://charts.example.com'}",
        "[]",
        "invalid repository 'http://charts.example.com'",
    ),
    "a short digest": (
        f"{{chart: '{OCI}', version: 1.2.3, digest: 'sha256:00'}}",
        "[]",
        "expected sha256: and 64 hexadecimal digits",
    ),
    "a digest for a folder": ("{chart: web, version: 1.2.3}", "[]", "only for charts that are not"),
    "an address in a repository": (
        f"{{chart: '{OCI}', repository: '{HTTPS}'}}",
        "[]",
        "expected the name of a chart in `repository`",
    ),
    "no policy": (
        FOUND,
        "[]",
        f"7:28: no policy of the fleet lets tenant 'shop' use the chart {OCI}",
    ),
    "no policy, and what to add": (
        FOUND,
        "[]",
        "add `charts: [{from: oci://registry.example.com/charts}]` to a policy of the fleet repo",
    ),
    "a policy for another path": (FOUND, "[{from: 'oci://registry.example.com/chart'}]", "lets"),
    "a policy for another tenant": (
        FOUND,
        "[{from: 'oci://registry.example.com/charts', tenants: [bank]}]",
        "no policy of the fleet lets tenant 'shop' use",
    ),
    "nothing is fetched without being asked": (
        FOUND,
        "[{from: 'oci://registry.example.com'}]",
        "give `--charts DIR`",
    ),
    "a policy that is no address": (FOUND, "[{from: registry.example.com}]", "invalid address"),
    "a policy with a host that is none": (
        FOUND,
        "[{from: 'oci://registry.example.com', tokenHosts: ['https://auth.example.com']}]",
        "invalid host 'https://auth.example.com'",
    ),
}


@pytest.mark.parametrize("name", MISTAKES)
def test_a_mistake_is_told(name: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    source, charts, expected = MISTAKES[name]

    assert main(["check", *folders(tmp_path, source, charts)]) == 1
    assert expected in capsys.readouterr().err


def test_the_command_line_fetches_when_it_is_asked_and_needs_nothing_again(
    host: ChartHost, tmp_path: Path
) -> None:
    digest, charts = host.push(), str(tmp_path / "charts")
    options = folders(
        tmp_path,
        f"{{chart: 'oci://{host.place}/charts/web', version: 1.2.3, digest: '{digest}'}}",
        f"[{{from: 'oci://{host.place}', privateNetwork: true}}]",
    )

    assert main(["check", *options, "--charts", charts]) == 0
    host.stop()
    out = tmp_path / "out"
    assert main(["render", *options, "--charts", charts, "--out", str(out)]) == 0
    (found,) = out.rglob("configmap-web.yaml")
    assert "size: small" in found.read_text()


def test_a_chart_of_a_repository_renders_as_helm_renders_its_archive(
    host: ChartHost, tmp_path: Path
) -> None:
    digest = host.publish()
    options = folders(
        tmp_path,
        f"{{chart: web, repository: 'https://{host.place}/stable/', version: 1.2.3, "
        f"digest: '{digest}'}}",
        f"[{{from: 'https://{host.place}', privateNetwork: true}}]",
    )
    out = tmp_path / "out"
    archive = tmp_path / "web.tgz"
    archive.write_bytes(ARCHIVE)
    printed = subprocess.run(
        ["helm", "template", "web", archive], capture_output=True, check=True
    ).stdout

    charts = str(tmp_path / "charts")
    assert main(["render", *options, "--charts", charts, "--out", str(out)]) == 0
    (found,) = out.rglob("configmap-web.yaml")
    assert b'data: {size: "small"}' in printed
    assert "size: small" in found.read_text()


@pytest.mark.parametrize(
    ("setting", "expected"),
    [
        ('CREDENTIALS={"registry.example.com": "canary"}', "must be of the form user:password"),
        ('CREDENTIALS={"https://registry.example.com": "canary:x"}', "should match pattern"),
        ("CA_FILE=/none.pem", "cannot be read as PEM certificates"),
    ],
)
def test_a_wrong_setting_is_told_without_its_value(
    setting: str,
    expected: str,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    variable, _, value = setting.partition("=")
    monkeypatch.setenv(f"SWITCHYARD_CHART_{variable}", value)
    options = folders(tmp_path, FOUND, "[{from: 'oci://registry.example.com'}]")

    assert main(["check", *options, "--charts", str(tmp_path / "charts")]) == 1
    said = capsys.readouterr().err
    assert said.startswith(f"invalid settings:\nSWITCHYARD_CHART_{variable}")
    assert expected in said
    assert "canary" not in said


def test_a_host_that_is_away_is_told(
    host: ChartHost, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    host.stop()
    options = folders(
        tmp_path,
        f"{{chart: 'oci://{host.place}/charts/web', version: 1.2.3, digest: '{DIGEST}'}}",
        f"[{{from: 'oci://{host.place}', privateNetwork: true}}]",
    )

    assert main(["plan", *options, "--charts", str(tmp_path / "charts")]) == 1
    assert "is not here yet: 127.0.0.1 cannot be reached" in capsys.readouterr().err
