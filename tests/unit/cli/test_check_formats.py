"""`check` for CI servers: JSON, SARIF for code scanning, JUnit for test reports."""

import json
from pathlib import Path
from typing import Any
from xml.etree import ElementTree as ET

import pytest

from bot.__main__ import main

APPLICATION = """apiVersion: switchyard.dev/v1alpha1
kind: Application
metadata: {name: shop}
spec:
  tenant: retail
  componets: []
  components:
    - {name: web, source: {manifests: deploy}, size: "<&\\"\\u0007 東京"}
"""
SAMPLE = Path(__file__).parents[3] / "bot/sandbox/demo/sample"
VALID = ["--app", str(SAMPLE / "app"), "--fleet", str(SAMPLE / "fleet")]


@pytest.fixture
def wrong(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """An app repo with two mistakes, in a folder whose name needs quoting."""
    folder = tmp_path / "my app"
    (folder / "deploy").mkdir(parents=True)
    (folder / "switchyard.yaml").write_text(APPLICATION)
    monkeypatch.chdir(tmp_path)
    return ["--app", "my app"]


def printed(arguments: list[str], form: str, capsys: pytest.CaptureFixture[str]) -> tuple[int, str]:
    code = main(["check", *arguments, "--format", form])
    shown = capsys.readouterr()
    assert shown.err == ""
    return code, shown.out


def test_json_has_each_mistake_with_its_place(
    wrong: list[str], capsys: pytest.CaptureFixture[str]
) -> None:
    code, shown = printed(wrong, "json", capsys)

    assert code == 1
    assert json.loads(shown) == {
        "checked": ["my app"],
        "valid": False,
        "findings": [
            {
                "level": "error",
                "message": "unknown key 'componets' (did you mean 'components'?)",
                "file": "my app/switchyard.yaml",
                "line": 6,
                "column": 3,
            },
            {
                "level": "error",
                "message": "unknown key 'size' (available: dependsOn, name, source)",
                "file": "my app/switchyard.yaml",
                "line": 8,
                "column": 48,
            },
        ],
    }


def test_json_has_warnings_of_what_is_valid(capsys: pytest.CaptureFixture[str]) -> None:
    code, shown = printed(VALID, "json", capsys)

    found = json.loads(shown)
    assert (code, found["valid"]) == (0, True)
    (warning,) = found["findings"]
    assert warning["level"] == "warning"
    assert warning["message"].startswith("web: Deployment/web is written without replicas")
    assert warning["line"] is None


def test_a_mistake_without_a_place_is_told_too(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    code, shown = printed(["--fleet", str(tmp_path / "none")], "json", capsys)

    (finding,) = json.loads(shown)["findings"]
    assert code == 1
    assert finding["message"] == f"{tmp_path}/none: folder not found"
    assert finding["file"] is None


REQUIRED = {
    # JSON Schema of SARIF 2.1.0, `required` of each definition
    "log": {"version", "runs"},
    "run": {"tool"},
    "driver": {"name"},
    "result": {"message"},
    # GitHub, "SARIF support for code scanning", the tables of supported properties
    "rule": {"id", "shortDescription", "fullDescription", "help"},
    "code scanning result": {"ruleId", "message", "locations"},
    "region": {"startLine", "startColumn", "endLine", "endColumn"},
}


def has(value: dict[str, Any], *definitions: str) -> None:
    for definition in definitions:
        assert REQUIRED[definition] <= value.keys()


def test_sarif_has_what_readers_require(
    wrong: list[str], capsys: pytest.CaptureFixture[str]
) -> None:
    code, shown = printed(wrong, "sarif", capsys)

    log = json.loads(shown)
    assert (code, log["version"]) == (1, "2.1.0")
    (run,) = log["runs"]
    driver = run["tool"]["driver"]
    has(log, "log")
    has(run, "run")
    has(driver, "driver")
    for rule in driver["rules"]:
        has(rule, "rule")
    assert len(run["results"]) == 2
    for result in run["results"]:
        has(result, "result", "code scanning result")
        assert driver["rules"][result["ruleIndex"]]["id"] == result["ruleId"]
    place = run["results"][0]["locations"][0]["physicalLocation"]
    has(place["region"], "region")
    assert place["artifactLocation"] == {"uri": "my%20app/switchyard.yaml"}
    assert (place["region"]["startLine"], place["region"]["startColumn"]) == (6, 3)


def test_sarif_without_a_mistake_closes_what_was_reported_before(
    capsys: pytest.CaptureFixture[str],
) -> None:
    """A run without results ends the alerts of earlier runs; warnings stay."""
    code, shown = printed(["--fleet", VALID[3]], "sarif", capsys)

    assert code == 0
    assert json.loads(shown)["runs"][0]["results"] == []


def test_junit_has_a_failed_test_for_each_mistake(
    wrong: list[str], capsys: pytest.CaptureFixture[str]
) -> None:
    code, shown = printed(wrong, "junit", capsys)

    assert code == 1
    suite = ET.fromstring(shown).find("testsuite")
    assert suite is not None
    assert (suite.get("tests"), suite.get("failures"), suite.get("errors")) == ("2", "2", "0")
    case = suite.findall("testcase")[0]
    failure = case.find("failure")
    assert failure is not None
    assert case.get("file") == "my app/switchyard.yaml"
    assert failure.get("message") == "unknown key 'componets' (did you mean 'components'?)"
    assert failure.text == f"my app/switchyard.yaml:6:3: {failure.get('message')}"


def test_junit_passes_what_is_valid(capsys: pytest.CaptureFixture[str]) -> None:
    code, shown = printed(VALID, "junit", capsys)

    suite = ET.fromstring(shown).find("testsuite")
    assert suite is not None
    assert (code, suite.get("tests"), suite.get("failures")) == (0, "3", "0")
    assert suite.find("testcase/system-out") is not None


def test_foreign_text_stays_text_in_junit(
    wrong: list[str], capsys: pytest.CaptureFixture[str]
) -> None:
    file = Path("my app/switchyard.yaml")
    text = file.read_text().replace("componets", '"a<b>&\'\\"\\u0001\\uFFFE"')
    file.write_text(text)
    _, shown = printed(wrong, "junit", capsys)

    suite = ET.fromstring(shown).find("testsuite")
    assert suite is not None
    assert len(suite) == 2
    assert any("a<b>&" in str(case.get("name")) for case in suite)
