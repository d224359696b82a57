"""Direct Kubernetes: what inventories and objects say, and what is applied because of them."""

import re
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest

from planners.model import Readiness, Repo
from plugins import AppliesUnits
from plugins.kubernetes import PLUGIN, Kubernetes, KubernetesSettings
from renderers import yaml
from renderers.agents import ClusterTarget
from renderers.inventory import (
    NAMESPACE,
    REVISION_ANNOTATION,
    UNIT_LABEL,
    ApplyState,
    DesiredState,
    DesiredUnit,
    Entry,
    Inventory,
)
from renderers.kubernetes.kinds import kind_of
from tests.acceptance.derived_objects import set_up

GUIDE = Path(__file__).parents[3] / "docs/guides/clusters-without-an-agent.md"
NOW = datetime(2026, 11, 28, 12, tzinfo=UTC)
OLD, NEW = "a" * 40, "b" * 40
AGENT = Kubernetes()
ACCOUNT = f"system:serviceaccount:{NAMESPACE}:switchyard-shop"
CONFIG = Entry("v1", "ConfigMap", "shop", "cfg", "u1")
JOB = Entry("batch/v1", "Job", "shop", "import", "u2")
RECORD = Inventory(
    "storefront", "cart", OLD, ApplyState.APPLIED, "", (CONFIG, JOB), ACCOUNT, "local:d/d"
)
UNIT = DesiredUnit("storefront", "cart", "shop", "shop", OLD, "local:d/d", ({"kind": "X"},))
DONE = {"conditions": [{"type": "Complete", "status": "True"}]}
FAILED = {"conditions": [{"type": "Failed", "status": "True", "reason": "BackoffLimitExceeded"}]}


def live(entry: Entry, *, uid: str = "", revision: str = OLD, **fields: Any) -> dict[str, Any]:
    """The object of an entry, as the cluster has it."""
    metadata = {
        "name": entry.name,
        "namespace": entry.namespace,
        "uid": uid or entry.uid,
        "labels": {UNIT_LABEL: "storefront.cart"},
        "annotations": {REVISION_ANNOTATION: revision},
    }
    return {"apiVersion": entry.api_version, "kind": entry.kind, "metadata": metadata, **fields}


STATES: dict[str, tuple[Inventory, list[dict[str, Any]], Readiness, str]] = {
    "ready": (
        RECORD,
        [live(CONFIG), live(JOB, status=DONE)],
        Readiness.READY,
        "2 objects are as applied",
    ),
    "a job that runs": (
        RECORD,
        [live(CONFIG), live(JOB, status={"active": 1})],
        Readiness.PROGRESSING,
        "Job/import: 0 pods succeeded, 1 active",
    ),
    "a job that failed": (
        RECORD,
        [live(CONFIG), live(JOB, status=FAILED)],
        Readiness.STALLED,
        "Job/import: BackoffLimitExceeded",
    ),
    "an object that is gone": (
        RECORD,
        [live(JOB, status=DONE)],
        Readiness.PROGRESSING,
        "ConfigMap/cfg: is not there any more",
    ),
    "another object of that name": (
        RECORD,
        [live(CONFIG, uid="u9"), live(JOB, status=DONE)],
        Readiness.PROGRESSING,
        "ConfigMap/cfg: is not there any more",
    ),
    "an object at an older revision": (
        RECORD,
        [live(CONFIG, revision=NEW), live(JOB, status=DONE)],
        Readiness.PROGRESSING,
        "ConfigMap/cfg: is not at the applied revision",
    ),
    "an object of odd shape": (
        RECORD,
        [live(CONFIG), live(JOB, status={"succeeded": "x"})],
        Readiness.UNKNOWN,
        "Job/import: status.succeeded is no integer",
    ),
    "the worst counts": (
        RECORD,
        [live(JOB, status=FAILED)],
        Readiness.STALLED,
        "Job/import: BackoffLimitExceeded",
    ),
    "being applied": (
        replace(RECORD, state=ApplyState.APPLYING),
        [live(CONFIG), live(JOB, status=DONE)],
        Readiness.PROGRESSING,
        "being applied",
    ),
    "waiting": (
        replace(RECORD, state=ApplyState.APPLYING, message="c1 serves no Widget"),
        [],
        Readiness.PROGRESSING,
        "c1 serves no Widget",
    ),
    "refused": (
        replace(RECORD, state=ApplyState.STALLED, message="hpa manages fields"),
        [live(CONFIG), live(JOB, status=DONE)],
        Readiness.STALLED,
        "hpa manages fields",
    ),
    "without objects": (
        replace(RECORD, entries=()),
        [],
        Readiness.READY,
        "0 objects are as applied",
    ),
}


@pytest.mark.parametrize("name", STATES)
def test_a_unit_is_as_ready_as_its_worst_object(name: str) -> None:
    inventory, objects, readiness, message = STATES[name]
    (word,) = AGENT.words("c1", [*objects, inventory.manifest()], NOW)

    assert (word.readiness, word.message) == (readiness, message)
    assert (word.cluster, word.application, word.component) == ("c1", "storefront", "cart")
    assert (word.revision, word.at) == (OLD, NOW)


@pytest.mark.parametrize(
    "change",
    [
        {"data": {"inventory.json": "[]"}},
        {"data": {"inventory.json": "[" * 10_000}},
        {"data": None},
        {"kind": "Secret"},
    ],
    ids=range(4),
)
def test_what_is_no_inventory_says_nothing(change: dict[str, Any]) -> None:
    assert AGENT.words("c1", [RECORD.manifest() | change], NOW) == ()


def test_an_inventory_in_a_tenant_s_namespace_says_nothing() -> None:
    forged: Any = RECORD.manifest()
    forged["metadata"]["namespace"] = "shop"

    assert AGENT.words("c1", [forged], NOW) == ()


def state(*units: DesiredUnit, present: tuple[str, ...] = ("cart",)) -> DesiredState:
    """The deploy repo has these units of the storefront."""
    return DesiredState(
        units, frozenset(("storefront", each) for each in present), frozenset({"local:d/d"})
    )


OBJECTS = [live(CONFIG), live(JOB, status=DONE), RECORD.manifest()]


def test_what_is_applied_is_left_alone() -> None:
    assert AGENT.effects(state(UNIT), OBJECTS) == ()


@pytest.mark.parametrize(
    ("unit", "objects"),
    [
        (UNIT, []),
        (replace(UNIT, revision=NEW), OBJECTS),
        (UNIT, [*OBJECTS[:2], replace(RECORD, state=ApplyState.APPLYING).manifest()]),
        (UNIT, [*OBJECTS[:2], replace(RECORD, state=ApplyState.STALLED).manifest()]),
        (UNIT, OBJECTS[1:]),
        (UNIT, [live(CONFIG, uid="other"), *OBJECTS[1:]]),
    ],
    ids=["new", "changed", "interrupted", "refused", "deleted", "replaced"],
)
def test_what_is_not_as_merged_is_applied_as_the_tenant(
    unit: DesiredUnit, objects: list[dict[str, Any]]
) -> None:
    (effect,) = AGENT.effects(state(unit), objects)

    assert (effect.account, effect.namespace) == (ACCOUNT, "shop")
    assert (effect.revision, effect.items) == (unit.revision, unit.items)


def test_set_ups_come_first_and_as_an_account_of_their_own() -> None:
    setup = replace(UNIT, application="tenant-shop", component="namespace", is_tenant_setup=True)
    first, second = AGENT.effects(state(UNIT, setup), [])

    assert (first.application, second.application) == ("tenant-shop", "storefront")
    assert first.account == f"system:serviceaccount:{NAMESPACE}:switchyard-setup"


def test_what_is_merged_no_more_is_removed_as_the_account_that_applied_it() -> None:
    (effect,) = AGENT.effects(state(present=()), OBJECTS)

    assert effect.items == ()
    assert effect.account == ACCOUNT


@pytest.mark.parametrize(
    "desired",
    [state(), DesiredState((), frozenset(), frozenset({"local:other/deploy"}))],
    ids=["not registered any more", "from a repository that was not read"],
)
def test_what_nobody_removed_stays(desired: DesiredState) -> None:
    assert AGENT.effects(desired, OBJECTS) == ()


def test_the_guide_has_the_objects_that_an_administrator_applies() -> None:
    target = ClusterTarget("core-1", KubernetesSettings(), Repo("local", "a/b"), "", "", "", "")
    block = re.findall(r"(?ms)^```yaml\n(.*?)^```", GUIDE.read_text())[0]
    listed = [each.value for each in yaml.load_documents(block.encode())]

    assert listed == list(PLUGIN.cluster_references(target))


def test_the_account_of_set_ups_may_write_each_of_their_kinds() -> None:
    target = ClusterTarget("core-1", KubernetesSettings(), Repo("local", "a/b"), "", "", "", "")
    roles: list[Any] = [each for each in PLUGIN.cluster_references(target) if "rules" in each]
    (role,) = (each for each in roles if each["metadata"]["name"] == "switchyard-setup")
    written = {
        (group, resource)
        for rule in role["rules"]
        for group in rule["apiGroups"]
        for resource in rule["resources"]
    }

    for item in set_up():
        kind = kind_of(item)
        assert (kind.group, kind.plural) in written, f"{kind}"


def test_it_applies_itself() -> None:
    assert isinstance(PLUGIN, AppliesUnits)
