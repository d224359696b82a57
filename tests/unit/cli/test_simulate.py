"""`switchyard simulate`: what rules would have done with a series of signals."""

from pathlib import Path
from xml.etree import ElementTree as ET

import pytest

from bot.__main__ import main
from tests.fakes.world import manifest, small_fleet

APP = """apiVersion: switchyard.dev/v1alpha1
kind: Application
metadata: {name: storefront}
spec:
  tenant: shop
  components: [{name: web, source: {manifests: web}}]
  placement: [{components: [web], anyOf: {select: {}, count: 1}}]
  rules:
    - name: lunch
      components: [web]
      signal: {load: web}
      above: 0.8
      below: 0.4
      for: 2m
      cooldown: 5m
      addClusters: {most: 1}
"""
SERIES = """start: 2026-11-29T12:00:00Z
step: 1m
signals:
  load/web: [0.5, 0.9, 0.9, 0.9, 0.9, 0.9, 0.9, null, null, 0.2, 0.2, 0.2, 0.2, 0.2, 0.2, 0.2]
"""


@pytest.fixture
def folders(tmp_path: Path) -> list[str]:
    files = {"app/switchyard.yaml": APP.encode(), "app/web/web.yaml": manifest("web")}
    files |= {f"fleet/{name}": text or b"" for name, text in small_fleet(("one", "two")).items()}
    for name, content in files.items():
        path = tmp_path / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(content)
    (tmp_path / "series.yaml").write_text(SERIES)
    return [
        "simulate",
        *("--app", str(tmp_path / "app"), "--fleet", str(tmp_path / "fleet")),
        *("--signals", str(tmp_path / "series.yaml"), "--svg", str(tmp_path / "picture.svg")),
    ]


def test_it_tells_and_draws_what_would_have_happened(
    folders: list[str], tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(folders) == 0

    lines = capsys.readouterr().out.splitlines()
    assert [line[11:16] + line[38:54] for line in lines[1:-1]] == [
        "12:00  idle          ",
        "12:00                ",
        "12:01  pending       ",
        "12:03  pending       ",
        "12:05  active 1      ",
        "12:05                ",
        "12:11  retracting    ",
        "12:11                ",
        "12:12  idle          ",
    ]
    assert "waits until 12:05:00 UTC (cooldown 5m)" in lines[4]
    assert "web on one, two" in lines[6]
    assert lines[-1] == "16 steps, 2 changes of placement"
    drawn = ET.parse(tmp_path / "picture.svg")
    texts = [each.text for each in drawn.iter("{http://www.w3.org/2000/svg}text")]
    assert {"load web", "steps of rule lunch", "clusters of web"} <= set(texts)


@pytest.mark.parametrize(
    ("change", "expected"),
    [
        (("load/web", "load"), "invalid signal 'load'"),
        (("load/web", "schedule/x"), "invalid signal 'schedule/x'"),
        (("1m", "0s"), "`step` must be longer than 0s"),
        (("0.5", "lots"), "signals.load/web.0"),
        (("start", "begin"), "start: Field required"),
        (("12:00:00Z", "12:00:00"), "invalid time"),
        (("signals:", "signals: ["), "expected"),
    ],
)
def test_a_wrong_file_says_where(
    change: tuple[str, str],
    expected: str,
    folders: list[str],
    tmp_path: Path,
    capsys: pytest.CaptureFixture[str],
) -> None:
    (tmp_path / "series.yaml").write_text(SERIES.replace(*change, 1))

    assert main(folders) == 1
    assert expected in capsys.readouterr().err


def test_an_application_without_rules_has_nothing_to_simulate(
    folders: list[str], tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / "app/switchyard.yaml").write_text(APP.partition("  rules:")[0])

    assert main(folders) == 1
    assert "the application has no rules to simulate" in capsys.readouterr().err


def test_a_plan_names_its_rules_and_why_its_digest_may_be_another(
    folders: list[str], capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["plan", *folders[1:5], "--expect", "000000"]) == 3

    told = capsys.readouterr()
    assert "\nrule lunch is idle: it acts when load web is over 0.8 for 120s.\n" in told.out
    assert "what they decided is read below --deploy: merge the open" in told.err
