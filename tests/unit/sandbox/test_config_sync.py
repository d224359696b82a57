"""The simulated Config Sync, read by the plugin: what it says in the course of a rollout."""

import json
from datetime import UTC, datetime, timedelta
from typing import Any

from bot.sandbox.demo.config_sync import ConfigSyncBehaviour, SimulatedConfigSync
from planners.model import Repo
from plugins.anthos import PLUGIN, AnthosSettings
from renderers import yaml
from renderers.agents import Target
from tests.fakes.crds import violations

START = datetime(2026, 11, 20, 12, tzinfo=UTC)
A, B, C = ("a" * 40, "b" * 40, "c" * 40)
KEY = b"k" * 64
SETTINGS = AnthosSettings("https://git.example.com/{repo}.git")
SLOW = ConfigSyncBehaviour(apply_time=timedelta(seconds=100), report_every=timedelta(seconds=10))
Said = tuple[int, str, str, str]


def sync_file(component: str) -> bytes:
    folder = f"clusters/eu-1/apps/shop/store/{component}"
    deploy = Repo("local", "fleet/deploy")
    target = Target("eu-1", SETTINGS, "shop", "store", component, ("shop",), folder, deploy)
    return b"---\n".join(yaml.dump(item) for item in PLUGIN.references(target))


def deployment(image: str, namespace: str = "shop") -> bytes:
    metadata = f"{{name: web, namespace: {namespace}}}"
    return f"apiVersion: apps/v1\nkind: Deployment\nmetadata: {metadata}\nspec: {image}\n".encode()


def component(name: str, image: str = "1") -> dict[str, bytes]:
    return {
        f"sync/shop/store/{name}.yaml": sync_file(name),
        f"apps/shop/store/{name}/deployment-web.yaml": deployment(image),
    }


class Watched:
    """A cluster over time; `said` are the words that differ from those before."""

    def __init__(self, behaviour: ConfigSyncBehaviour = SLOW) -> None:
        self.cluster = SimulatedConfigSync("eu-1", KEY, behaviour)
        self.now = START
        self.last: dict[str, tuple[str, str, str]] = {}

    def run(self, seconds: int, revision: str, files: dict[str, bytes]) -> list[Said]:
        """Let time pass in steps of ten seconds; seconds, readiness, commit, message."""
        said: list[Said] = []
        end = self.now + timedelta(seconds=seconds)
        begin = self.now
        while self.now < end:
            for report in self.cluster.step(self.now, revision, files):
                headers = {name.lower(): value for name, value in report.headers.items()}
                assert PLUGIN.verify(headers, report.body, KEY)
                for word in PLUGIN.report("eu-1", report.body):
                    new = (word.readiness.name, word.revision[:1], word.message)
                    if word.application and self.last.get(word.component) != new:
                        self.last[word.component] = new
                        said.append((round((self.now - begin).total_seconds()), *new))
            self.now += timedelta(seconds=10)
        return said


def test_ready_is_said_long_after_the_sync() -> None:
    """That is complete after a minute, though the Deployment takes longer."""
    watched = Watched()
    first = watched.run(300, A, component("web"))
    second = watched.run(300, B, component("web", "2"))

    assert first == [
        (20, "PROGRESSING", "a", "being synced: Source"),
        (100, "PROGRESSING", "a", "Deployment web: InProgress"),
        (140, "READY", "a", "1 objects are Current"),
    ]
    assert second == [
        (100, "PROGRESSING", "b", "Deployment web: InProgress"),
        (140, "READY", "b", "1 objects are Current"),
    ]


def test_a_commit_that_touches_nothing_is_applied_and_ready_a_while_later() -> None:
    watched = Watched()
    watched.run(300, A, component("web"))

    assert watched.run(120, B, component("web")) == [(40, "READY", "b", "1 objects are Current")]


def test_a_failure_shows_after_the_sync_and_a_correction_goes_through() -> None:
    watched = Watched()
    watched.run(300, A, component("web"))
    watched.cluster.behaviour = ConfigSyncBehaviour(
        failing=frozenset({"web"}), report_every=timedelta(seconds=10)
    )
    failed = watched.run(200, B, component("web", "2"))
    watched.cluster.behaviour = SLOW
    mended = watched.run(300, C, component("web", "3"))

    assert [each[1:] for each in failed] == [("STALLED", "b", "Deployment web: Failed")]
    assert mended[-1][1:] == ("READY", "c", "1 objects are Current")


def test_without_the_role_binding_nothing_is_applied() -> None:
    files = component("web")
    path = "sync/shop/store/web.yaml"
    files[path] = files[path].partition(b"---\n")[2]
    said = Watched().run(120, A, files)

    assert said[-1][1] == "STALLED"
    assert said[-1][3].startswith("KNV2013: Insufficient permission")


def test_objects_of_another_namespace_are_refused() -> None:
    files = component("web")
    files["apps/shop/store/web/deployment-web.yaml"] = deployment("1", "other")
    ((_, readiness, _, message),) = Watched().run(120, A, files)

    assert readiness == "STALLED"
    assert message.startswith('KNV1058: Resources in the "shop" repo')


def test_what_leaves_the_sync_folder_is_removed() -> None:
    watched = Watched()
    watched.run(120, A, {**component("web"), **component("cart")})
    assert len(watched.cluster.syncs) == 3
    watched.run(120, B, component("cart"))

    assert list(watched.cluster.syncs) == [
        ("config-management-system", "switchyard-fleet-deploy"),
        ("shop", "store.cart"),
    ]


def test_an_empty_folder_is_an_error_of_the_cluster() -> None:
    cluster = SimulatedConfigSync("eu-1", KEY)
    (report,) = cluster.step(START, A, {})
    (word,) = PLUGIN.report("eu-1", report.body)

    assert word.is_about_cluster
    assert word.message.startswith("cannot apply its sync folder: KNV2004")


def test_its_objects_are_what_the_real_definitions_allow() -> None:
    """The same definitions as those of the plugin's objects."""
    watched = Watched()
    watched.run(120, A, component("web"))
    found: list[dict[str, Any]] = watched.cluster.objects()

    assert {each["kind"] for each in found} == {"RootSync", "RepoSync", "ResourceGroup"}
    assert [violations(each) for each in found] == [[]] * len(found)
    assert json.dumps(found)
