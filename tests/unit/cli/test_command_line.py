"""The command line on folders: what it prints and how it ends."""

import json
import subprocess
from pathlib import Path

import pytest

from bot.__main__ import main
from bot.sandbox.demo.site import sample

CHANGED = """\
1 of 12 clusters (eu-edge-1): image 1.4.2 -> 1.5.0, 1 object created, \
1 object deleted \u00b7 deletion
  - ConfigMap old: deleted
  + Service cart: created
  ~ Deployment cart: containers[cart].image 1.4.2 -> 1.5.0
  --- a/clusters/*/apps/shop/storefront/cart/deployment-cart.yaml
  +++ b/clusters/*/apps/shop/storefront/cart/deployment-cart.yaml
  @@ -22,7 +22,7 @@
           env:
           - name: CART_REDIS
             value: cart-redis:6379
  -        image: registry.example.com/storefront/cart:1.4.2
  +        image: registry.example.com/storefront/cart:1.5.0
           livenessProbe:
             httpGet:
               path: /healthz

11 of 12 clusters: image 1.4.2 -> 1.5.0
"""


@pytest.fixture
def folders(tmp_path: Path) -> list[str]:
    """The sample application and fleet as folders, as options."""
    for name in ("app", "fleet"):
        for path, content in sample(name).items():
            target = tmp_path / name / path
            target.parent.mkdir(parents=True, exist_ok=True)
            target.write_bytes(content)
    return ["--app", str(tmp_path / "app"), "--fleet", str(tmp_path / "fleet")]


def test_the_sample_has_no_mistakes(folders: list[str], capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["check", *folders]) == 0
    assert capsys.readouterr().out.endswith("no mistakes found\n")


def test_a_mistake_ends_with_1_and_its_place(
    folders: list[str], capsys: pytest.CaptureFixture[str]
) -> None:
    file = Path(folders[1]) / "switchyard.yaml"
    file.write_text(
        file.read_text().replace("{kind: Deployment, name: web}", "{kind: Deployment, name: w}")
    )

    assert main(["plan", *folders]) == 1
    said = capsys.readouterr().err
    assert "switchyard.yaml:84:7: customisation small-sites-sell-with-less: matches nothing" in said
    assert "web has no Deployment/w" in said


@pytest.mark.parametrize(
    "arguments",
    [["check", "--app", "all/shop"], ["plan", "--app", "all/shop"],
     ["plan", "--app", "all", "--application", "storefront"]],
    ids=" ".join,
)  # fmt: skip
def test_an_application_in_a_folder_of_its_repository(
    arguments: list[str],
    folders: list[str],
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    """`--app` is its folder, or with its name that of the repository."""
    monkeypatch.chdir(Path(folders[1]).parent)
    Path("all").mkdir()
    Path("app").rename("all/shop")
    with Path("fleet/applications/storefront.yaml").open("a") as registration:
        registration.write("  path: shop\n")
    file = Path("all/shop/deploy/ads/service.yaml")
    file.write_text(file.read_text().replace("port: 8080", "prot: 8080"))

    assert main([*arguments, "--fleet", "fleet"]) == 1
    assert "all/shop/deploy/ads/service.yaml:11:7: " in capsys.readouterr().err


def test_a_folder_that_is_no_fleet_is_a_mistake(
    folders: list[str], capsys: pytest.CaptureFixture[str]
) -> None:
    app = folders[1]
    assert main(["check", "--fleet", app]) == 1
    assert f"{app}: no clusters/, tenants/, applications/ or policies/" in capsys.readouterr().err


def test_the_digest_can_be_expected(folders: list[str], capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["plan", *folders, "--format", "json"]) == 0
    digest = json.loads(capsys.readouterr().out)["digest"]

    assert main(["plan", *folders, "--expect", digest[:12]]) == 0
    assert main(["plan", *folders, "--expect", "000000"]) == 3


def test_a_plan_shows_objects_and_diffs_of_groups_of_clusters(
    folders: list[str], tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """One file changed, one deleted, one created, against what was rendered before."""
    deploy, file = tmp_path / "out", Path(folders[1]) / "deploy/cart/deployment.yaml"
    assert main(["render", *folders, "--out", str(deploy)]) == 0
    file.write_text(file.read_text().replace("cart:1.4.2", "cart:1.5.0"))
    extra = Path("clusters/eu-edge-1/apps/shop/storefront/cart")
    (deploy / extra / "configmap-old.yaml").write_text(
        "{apiVersion: v1, kind: ConfigMap, metadata: {name: old, namespace: shop}}\n"
    )
    (deploy / extra / "service-cart.yaml").unlink()
    capsys.readouterr()
    options = [*folders, "--deploy", str(deploy)]

    assert main(["plan", *options]) == 0
    shown = capsys.readouterr().out
    assert shown.partition("\n\n")[2].startswith(CHANGED)
    assert "\nobjects: 1 created, 12 configured, 1 deleted, on 12 clusters\ndigest " in shown

    assert main(["plan", *options, "--format", "json"]) == 0
    one, others = json.loads(capsys.readouterr().out)["groups"]
    assert one["clusters"] == ["eu-edge-1"]
    assert {each["object"]: each["change"] for each in one["objects"]} == {
        "ConfigMap old": "deleted",
        "Service cart": "created",
        "Deployment cart": "configured",
    }
    assert one["risks"] == ["deletion"]
    assert len(others["clusters"]) == 11
    (text,) = others["diffs"].values()
    assert "-        image: registry.example.com/storefront/cart:1.4.2\n" in text


def test_a_plan_without_changes_says_so(
    folders: list[str], tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    deploy = str(tmp_path / "out")
    assert main(["render", *folders, "--out", deploy]) == 0

    assert main(["plan", *folders, "--deploy", deploy]) == 0
    assert "\nnothing changes: everything is merged already\n" in capsys.readouterr().out


def test_what_is_rendered_leaves_nothing_to_plan(
    folders: list[str], tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    out = str(tmp_path / "out")
    assert main(["render", *folders, "--out", out]) == 0
    capsys.readouterr()

    assert main(["plan", *folders, "--deploy", out, "--format", "json"]) == 0
    plan = json.loads(capsys.readouterr().out)
    assert [wave["files"] for wave in plan["waves"]] == [[]] * 12
    assert main(["render", *folders, "--out", out]) == 1


def test_every_cluster_is_explained(folders: list[str], capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["explain", *folders, "recommendation", "us-edge-2"]) == 0
    assert capsys.readouterr().out == (
        "recommendation, on 4 clusters:\n"
        "  us-edge-2: not chosen, ranked 5; the best 4 are chosen, 0 points\n"
        "    steady 0 (weight 10): not running\n"
        "    to be chosen, requires: more than 0 points, the score of the last chosen cluster, "
        "which precedes it by load or name\n"
    )
    assert main(["explain", *folders, "recommendations"]) == 1


@pytest.mark.parametrize(
    ("arguments", "expected"),
    [
        (["paln"], "switchyard: unknown command 'paln'; did you mean plan?"),
        (["x"], "switchyard: unknown command 'x'; known: demo, forge, serve, "),
        (["plan", "--flet", "."], "switchyard plan: unknown option --flet; did you mean --fleet?"),
        (["plan", "--flet=."], "switchyard plan: unknown option --flet; did you mean --fleet?"),
        (
            ["plan", "--fleet", ".", "--format", "jsno"],
            "switchyard plan: argument --format: unknown choice 'jsno'; did you mean json?",
        ),
        (
            ["report-key", "edge-1", "--generation", "4000"],
            "switchyard report-key: argument --generation: unknown choice 4000; expected 1 to 999",
        ),
        (["plan"], "switchyard plan: the following arguments are required: --fleet"),
        ([], "switchyard: the following arguments are required: COMMAND"),
    ],
    ids=lambda each: " ".join(each) if isinstance(each, list) else "",
)
def test_a_mistake_of_usage_names_what_was_meant(
    arguments: list[str], expected: str, capsys: pytest.CaptureFixture[str]
) -> None:
    with pytest.raises(SystemExit) as ended:
        main(arguments)

    assert ended.value.code == 2
    shown = capsys.readouterr()
    assert shown.out == ""
    assert shown.err.startswith(expected)
    assert "--help` shows options and examples" in shown.err


def test_options_may_be_abbreviated_and_values_may_look_like_options(folders: list[str]) -> None:
    assert main(["check", "--fl", folders[3]]) == 0
    assert main(["check", f"--fleet={folders[3]}"]) == 0


@pytest.mark.parametrize("shell", ["bash", "zsh", "fish"])
def test_a_shell_completes_subcommands_options_and_folders(
    shell: str, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["completion", shell]) == 0
    script = capsys.readouterr().out

    assert "report-key" in script
    assert "fleet" in script
    folder = {"bash": "_shtab_compgen_dirs", "zsh": "_files -/", "fish": "complete_directories"}
    assert folder[shell] in script


def test_bash_completes_from_the_script(capsys: pytest.CaptureFixture[str]) -> None:
    """Bash itself, as it calls a completion: GNU Bash Reference Manual, 8.6 and 8.7."""
    main(["completion", "bash"])
    ask = """
COMP_WORDS=({words}); COMP_CWORD=$((${{#COMP_WORDS[@]}} - 1))
"$(complete -p switchyard | sed 's/.*-F \\([^ ]*\\).*/\\1/')"
echo "${{COMPREPLY[@]}}"
"""
    script = capsys.readouterr().out
    words = {"switchyard pl": "plan", "switchyard plan --fo": "--format"}
    for typed, expected in words.items():
        text = script + ask.format(words=typed)
        ended = subprocess.run(["bash"], input=text, capture_output=True, text=True, check=True)
        assert ended.stdout.split() == [expected]
