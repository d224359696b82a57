"""`init` writes first documents that have no mistakes, and overwrites nothing."""

import re
import shlex
from pathlib import Path

import pytest

from bot.__main__ import main
from tests.fakes.world import small_app

DEPLOYMENT = small_app()["deploy/web/deployment.yaml"] or b""
KUSTOMIZATION = b"resources: [deployment.yaml]\n"
CHART = b"apiVersion: v2\nname: web\nversion: 1.0.0\n"
TEMPLATE = b"{{ if .Values.on }}\n" + DEPLOYMENT + b"{{ end }}\n"
CHOICE = (
    "--application storefront --cluster eu-1 --app github:shop/app --deploy github:fleet/deploy"
)
FLEET = ["fleet", ".", *CHOICE.split()]

FOUND = {
    "folders of manifests": (
        {"deploy/web/a.yaml": DEPLOYMENT, "deploy/web/more/b.yaml": DEPLOYMENT, "x/y.yml": b"a: 1"},
        {"web": "manifests: deploy/web"},
    ),
    "equal names": (
        {"a/web/d.yaml": DEPLOYMENT, "b/web/d.yaml": DEPLOYMENT, "c-b/web/d.yaml": DEPLOYMENT},
        {"web": "manifests: a/web", "b-web": "manifests: b/web", "c-b-web": "manifests: c-b/web"},
    ),
    "names that are none": (
        {
            "Deploy/My App/d.yaml": DEPLOYMENT,
            "_/d.yaml": DEPLOYMENT,
            "\N{ROCKET} go/d.yaml": DEPLOYMENT,
        },
        {
            "my-app": 'manifests: "Deploy/My App"',
            "component-2": "manifests: _",
            "go": 'manifests: "\N{ROCKET} go"',
        },
    ),
    "a base and its overlays": (
        {
            "base/kustomization.yaml": KUSTOMIZATION,
            "base/deployment.yaml": DEPLOYMENT,
            "overlays/prod/kustomization.yaml": b"resources: [../../base]\n",
            "overlays/prod/patch.yaml": DEPLOYMENT,
        },
        {"base": "kustomize: base"},
    ),
    "a chart with a subchart and templates": (
        {
            "charts/web/Chart.yaml": CHART,
            "charts/web/templates/d.yaml": TEMPLATE,
            "charts/web/charts/db/Chart.yaml": CHART,
            "charts/web/crds/c.yaml": DEPLOYMENT,
        },
        {"web": "helm: charts/web"},
    ),
    "other YAML, hidden folders and other files": (
        {".github/w.yaml": DEPLOYMENT, "web/d.yaml": DEPLOYMENT, "web/README.md": b"kind: a\n"},
        {"web": "manifests: web"},
    ),
}


def put(folder: Path, files: dict[str, bytes]) -> Path:
    for path, content in files.items():
        (folder / path).parent.mkdir(parents=True, exist_ok=True)
        (folder / path).write_bytes(content)
    return folder


@pytest.mark.parametrize(("files", "components"), FOUND.values(), ids=FOUND)
def test_every_folder_of_a_component_is_found(
    tmp_path: Path, files: dict[str, bytes], components: dict[str, str]
) -> None:
    folder = put(tmp_path / "shop", files)

    assert main(["init", "application", str(folder)]) == 0

    written = (folder / "switchyard.yaml").read_text()
    assert written.startswith("# yaml-language-server: $schema=.switchyard/application.json\n")
    assert (folder / ".switchyard/application.json").exists()
    lines = [line.strip() for line in written.splitlines() if "source:" in line]
    assert lines == [
        f"- {{name: {name}, source: {{{source}}}}}" for name, source in components.items()
    ]


def test_what_is_written_has_no_mistakes(tmp_path: Path) -> None:
    app = put(tmp_path / "app", {"deploy/web/d.yaml": DEPLOYMENT})
    fleet = tmp_path / "fleet"

    assert main(["init", "application", str(app), "--name", "storefront", "--tenant", "shop"]) == 0
    command = ["init", "fleet", str(fleet), "--application", "storefront", "--tenant", "shop"]
    command += ["--app", "local:shop/app", "--deploy", "local:fleet/deploy", "--cluster", "eu-1"]
    assert main([*command, "--cluster", "us-1"]) == 0

    assert main(["check", "--app", str(app), "--fleet", str(fleet)]) == 0


NOT_READ_AS_TEXT = ("no", "on", "null", "123", "1e3", "true", "0x1f", "y", "2026-11-29")


def test_names_that_yaml_reads_as_something_else_are_quoted(tmp_path: Path) -> None:
    different = {f"{name}/d.yaml": f"x{name}".encode() for name in NOT_READ_AS_TEXT}
    files = {path: DEPLOYMENT.replace(b"web", name) for path, name in different.items()}
    app = put(tmp_path / "app", files)
    fleet = tmp_path / "fleet"

    assert main(["init", "application", str(app), "--name", "no", "--tenant", "off"]) == 0
    command = ["init", "fleet", str(fleet), "--application", "no", "--tenant", "off"]
    command += ["--app", "local:no/on", "--deploy", "local:1/2"]
    clusters = [each for name in NOT_READ_AS_TEXT for each in ("--cluster", name)]
    assert main([*command, *clusters]) == 0

    assert main(["check", "--app", str(app), "--fleet", str(fleet)]) == 0


def test_nothing_is_overwritten_and_a_dry_run_writes_nothing(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    app = put(tmp_path / "app", {"web/d.yaml": DEPLOYMENT})
    assert main(["init", "application", str(app), "--dry-run"]) == 0
    assert "kind: Application" in capsys.readouterr().out
    assert not (app / "switchyard.yaml").exists()

    put(app, {"switchyard.yaml": b"# mine\n"})
    assert main(["init", "application", str(app)]) == 0

    assert (app / "switchyard.yaml").read_bytes() == b"# mine\n"
    assert f"kept  {app}/switchyard.yaml: it is there already" in capsys.readouterr().out


def test_the_first_two_sections_of_getting_started_do_as_written(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    guide = (Path(__file__).parents[3] / "docs/guides/getting-started.md").read_text()
    blocks = re.findall(r"(?ms)^```sh\n(.*?)^```$", guide)
    commands = [shlex.split(line) for line in "".join(blocks).replace("\\\n", "").splitlines()]
    put(tmp_path / "storefront", {"deploy/web/d.yaml": DEPLOYMENT})
    monkeypatch.chdir(tmp_path)

    assert [main(words[1:]) for words in commands if words[0] == "switchyard"] == [0] * 5


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (["application", "."], "no manifests, kustomization or chart found"),
        (["application", ".", "--name", "My Shop"], "'My Shop' is no name"),
        (["application", "missing"], "missing: folder not found"),
        ([*FLEET, "--deploy", "gh:fleet/deploy"], "--deploy: unknown forge 'gh'; expected one of"),
        ([*FLEET, "--app", "github:shop"], "--app: invalid repository 'github:shop'; expected"),
        ([*FLEET, "--agent", "flex"], "unknown agent 'flex' (did you mean 'flux'?)"),
        (["fleet", "."], "init fleet needs --application, --app, --deploy, --cluster"),
    ],
)
def test_a_mistake_says_what_to_do(
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
    arguments: list[str],
    said: str,
) -> None:
    monkeypatch.chdir(tmp_path)

    assert main(["init", *arguments]) == 1

    assert said in capsys.readouterr().err
    assert list(tmp_path.iterdir()) == []


def test_files_in_no_folder_are_named(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    app = put(tmp_path / "app", {"deployment.yaml": DEPLOYMENT, "web/d.yaml": DEPLOYMENT})

    assert main(["init", "application", str(app)]) == 0

    assert "deployment.yaml: a component is a folder; move them into one" in capsys.readouterr().err
