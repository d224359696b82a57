import shutil
from collections.abc import Callable
from pathlib import Path

import pytest

from bot.child_process import MIB, Limits
from bot.engine.kustomize import build
from bot.engine.render_tools import ToolError
from renderers.sources import SourceError

FILES = {
    "deploy/cart/kustomization.yaml": b"resources: [../base]\nnamePrefix: a-\n",
    "deploy/base/kustomization.yaml": b"resources: [map.yaml]\n",
    "deploy/base/map.yaml": b"apiVersion: v1\nkind: ConfigMap\nmetadata: {name: m}\n",
}

Install = Callable[..., str]


@pytest.fixture
def install(tmp_path: Path) -> Install:
    """Puts a shell script of that name into a folder of its own; the folder, to search."""

    def installed(verb: str, name: str = "kustomize", version: str = "v5.7.1") -> str:
        folder = tmp_path / "bin"
        folder.mkdir(exist_ok=True)
        script = folder / name
        script.write_text(
            f'#!/bin/sh\nif [ "$1" = version ]; then echo "{version}"; exit; fi\n{verb}\n'
        )
        script.chmod(0o755)
        return str(folder)

    return installed


def test_the_tool_gets_the_folder_and_all_files(install: Install) -> None:
    path = install('echo "$1"; cat "$2/kustomization.yaml" "$2/../base/map.yaml"')
    printed = build("deploy/cart", FILES, search_path=path)
    cart, base = FILES["deploy/cart/kustomization.yaml"], FILES["deploy/base/map.yaml"]
    assert printed == b"build\n" + cart + base


def test_kubectl_builds_with_its_own_command(install: Install) -> None:
    version = "Client Version: v1.32.4\nKustomize Version: v5.5.0"
    path = install('echo "$1"; test -d "$2"', name="kubectl", version=version)
    assert build("deploy/cart", FILES, search_path=path) == b"kustomize\n"


def test_a_mistake_is_told_without_the_log_of_kubectl(install: Install) -> None:
    """The line is one of kubectl 1.32."""
    error = r"no matches for \"Deployment.v1.apps/wep.[noNs]\""
    line = f'E1129 08:50:06.514559   22310 run.go:72] "command failed" err="{error}"'
    path = install(f"cat >&2 <<'END'\n{line}\nEND\nexit 1")

    with pytest.raises(ToolError) as raised:
        build("deploy/cart", FILES, search_path=path)

    assert str(raised.value) == 'no matches for "Deployment.v1.apps/wep.[noNs]"'


def test_the_tool_does_not_inherit_the_environment(
    install: Install, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("SWITCHYARD_LOCAL_TOKEN", "canary")
    path = install("env; ls -a $HOME")
    seen = build("deploy/cart", FILES, search_path=path).decode()
    names = {line.partition("=")[0] for line in seen.splitlines() if "=" in line}
    assert names - {"PWD", "OLDPWD", "SHLVL", "_"} == {"PATH", "HOME", "TMPDIR"}
    assert "canary" not in seen
    assert seen.splitlines()[-1] == "files"


def test_the_message_of_the_tool_contains_no_temporary_paths(install: Install) -> None:
    path = install('echo "Error: $2/map.yaml: no such file in $HOME" >&2; exit 1')
    with pytest.raises(ToolError) as caught:
        build("deploy/cart", FILES, search_path=path)
    assert str(caught.value) == "deploy/cart/map.yaml: no such file in ~"


def test_a_tool_that_fails_without_output(install: Install) -> None:
    with pytest.raises(ToolError, match="exited with status 3, no message"):
        build("deploy/cart", FILES, search_path=install("exit 3"))


def test_a_tool_that_exceeds_a_limit_is_killed_and_the_build_fails(install: Install) -> None:
    path = install("while :; do echo yyyyyyyyyyyyyyyyyyyy; done")
    limits = Limits(seconds=60, memory=64 * MIB, output=100_000)
    with pytest.raises(ToolError, match="wrote more than 100000 bytes"):
        build("deploy/cart", FILES, search_path=path, limits=limits)


def test_the_tool_sees_only_files_that_kustomizations_refer_to(install: Install) -> None:
    files = FILES | {"deploy/base/other.yaml": b"a: &a [*a]", "charts/x/templates/y.yaml": b"{{"}
    seen = build("deploy/cart", files, search_path=install("cd $HOME/files; find . -type f"))
    assert sorted(seen.decode().split()) == [f"./{name}" for name in sorted(FILES)]


def test_files_that_the_source_rejects_never_reach_the_tool(
    install: Install, tmp_path: Path
) -> None:
    path = install(f"touch {tmp_path}/ran")
    remote = b"resources: [https://example.com/x.yaml]\n"
    with pytest.raises(SourceError, match="remote"):
        build("a", {"a/kustomization.yaml": remote}, search_path=path)
    assert not (tmp_path / "ran").exists()


@pytest.mark.parametrize("path", ["../x", "/etc/x", "a/../../x", "a\0b"])
def test_no_file_is_written_outside(install: Install, path: str) -> None:
    with pytest.raises(ToolError, match="is outside the repository"):
        build("deploy/cart", FILES | {path: b""}, search_path=install("true"))
    with pytest.raises(ToolError, match="is outside the repository"):
        build(path, FILES, search_path=install("true"))


def test_a_missing_folder_is_reported(install: Install) -> None:
    with pytest.raises(ToolError, match="no kustomization in the folder 'deploy/web'"):
        build("deploy/web", FILES, search_path=install("true"))


def test_a_missing_tool_is_reported_with_what_to_install() -> None:
    with pytest.raises(ToolError) as caught:
        build("deploy/cart", FILES, search_path="")
    assert str(caught.value) == (
        "kustomize folders need `kustomize` 5 or newer, or a `kubectl` that includes it, on PATH: "
        "install one of them, or use plain manifests"
    )


@pytest.mark.parametrize(
    ("version", "why"), [("{Version:v4.5.7}", "older"), ("(devel)", "of an unknown version")]
)
def test_a_tool_that_is_too_old_is_reported(install: Install, version: str, why: str) -> None:
    path = install("true", version=version)
    with pytest.raises(ToolError, match=rf"on PATH \({path}/kustomize is {why}\)"):
        build("deploy/cart", FILES, search_path=path)


def test_a_newer_kubectl_replaces_an_old_kustomize(install: Install) -> None:
    install("true", version="v3.2.0")
    path = install("echo kubectl", name="kubectl", version="Kustomize Version: v5.0.1")
    assert build("deploy/cart", FILES, search_path=path) == b"kubectl\n"


@pytest.mark.skipif(
    not (shutil.which("kustomize") or shutil.which("kubectl")), reason="needs the real tool"
)
def test_the_real_tool_builds_an_overlay() -> None:
    assert b"name: a-m" in build("deploy/cart", FILES)
    broken = FILES | {
        "deploy/base/kustomization.yaml": b"resources: [odd.yaml]\n",
        "deploy/base/odd.yaml": b"kind: x\n",
    }
    with pytest.raises(ToolError, match=r"odd\.yaml") as caught:
        build("deploy/cart", broken)
    assert "/tmp" not in str(caught.value)
