"""Signed status documents of edges that are seldom online: what counts, and what it says."""

import hashlib
import hmac
import json
from typing import Any

import pytest
from structlog.testing import capture_logs

from bot.keys import status_key
from bot.report.model import REPORTERS
from bot.sandbox.demo.site import APP
from bot.web.cluster_status import (
    Document,
    RepeatedStatusError,
    SignedStatus,
    read_status,
    record_documents,
)
from bot.worker.status_branches import read_status_branches
from planners.model import Repo
from tests.fakes.world import REPORT_KEY, SWITCHYARD, World, small_app, small_fleet

STATUS = "fleet/status"
COMPONENTS = ("redis", "cart", "web")


def document(world: World, cluster: str, sequence: int, **changes: Any) -> bytes:
    """What the cluster says: everything is ready at main's head."""
    units = [
        {
            "application": "storefront",
            "component": each,
            "revision": world.pull(),
            "readiness": "READY",
        }
        for each in changes.pop("components", COMPONENTS)
    ]
    value = {
        "apiVersion": "switchyard.dev/v1alpha1",
        "kind": "ClusterStatus",
        "cluster": cluster,
        "at": world.now.isoformat(),
        "sequence": sequence,
        "units": units,
        **changes,
    }
    return json.dumps(value).encode()


def signature(body: bytes, cluster: str) -> str:
    key = status_key(REPORT_KEY, cluster)
    return "sha256=" + hmac.new(key, body, hashlib.sha256).hexdigest()


async def push(world: World, cluster: str, body: bytes, signed_by: str = "") -> tuple[int, str]:
    headers = {"x-signature": signature(body, signed_by or cluster)}
    answer = await world.client.post(f"/status/{cluster}", content=body, headers=headers)
    await world.settle()
    return answer.status_code, answer.text


async def installed(world: World, clusters: tuple[str, ...], document: bytes) -> None:
    """The shop runs on all clusters."""
    world.found(small_fleet(clusters))
    world.ada.push(APP, "main", {**small_app(), "switchyard.yaml": document}, "Open the shop")
    await world.settle()
    await world.finish()


@pytest.fixture
async def away(world: World) -> World:
    """A cluster that has lost its connection, and an update that is merged."""
    await installed(world, ("one", "two", "three"), SWITCHYARD)
    world.behave("three", silent=True)
    world.ada.push(APP, "main", small_app(redis="2.0.0"), "Update redis")
    for _ in range(6):
        await world.advance(3)
    return world


async def test_documents_that_come_together_are_judged_one_by_one(away: World) -> None:
    values = {
        "one": document(away, "one", 1),
        "two": document(away, "two", 1, components=("made-up",)),
        "three": document(away, "three", 7),
    }
    reporters = away.context.store.views.load_shared(REPORTERS, "")
    assert reporters is not None
    group = [
        Document(read_status(SignedStatus(name, body, "")), reporters)
        for name, body in [*values.items(), ("three", values["three"])]
    ]
    copy = Document(read_status(SignedStatus("three", document(away, "three", 6), "")), reporters)

    *found, again, older = record_documents(away.context, [*group, copy])

    assert found == [frozenset(), frozenset(), frozenset({"storefront"})]
    assert isinstance(again, RepeatedStatusError)
    assert str(older) == "number 6 is not newer than 7"


async def test_a_document_tells_how_the_agent_itself_fares(away: World) -> None:
    agent = [{"part": "source", "readiness": "STALLED", "message": "cannot fetch"}]

    assert (await push(away, "three", document(away, "three", 7, agent=agent)))[0] == 202

    said = {
        row.message
        for row in away.context.store.reports.of_application("")
        if (row.cluster, row.component) == ("three", "source")
    }
    assert said == {"cannot fetch"}


async def test_a_document_counts_once_and_in_order(away: World) -> None:
    assert not away.view().done
    first = document(away, "three", 7)

    assert (await push(away, "three", first))[0] == 202
    assert away.view().done
    for body, why in (
        (first, "number 7 is not newer than 7"),
        (document(away, "three", 6), "number 6 is not newer than 7"),
        (document(away, "three", 8, at="2026-11-20T11:00:00Z"), "its time older"),
        (document(away, "three", 9, at="2027-11-20T11:00:00Z"), "in the future"),
        (document(away, "two", 9), "it is of cluster two, not of three"),
        (document(away, "three", 9, units=[{}]), "units.0.application"),
        (document(away, "three", 9, extra=1), "extra"),
        (b"[]", "not a JSON object"),
        (b"[" * 10_000, "not JSON"),
    ):
        status, text = await push(away, "three", body)
        assert (status, why in text) == (422, True), text
    assert (await push(away, "three", document(away, "three", 9), signed_by="two"))[0] == 401
    assert (await push(away, "nine", document(away, "nine", 9)))[0] == 422
    assert (await push(away, "three", document(away, "three", 9)))[0] == 202


async def test_what_a_document_says_is_as_old_as_the_document(away: World) -> None:
    """Kept back by who carried it, for a day."""
    late = document(away, "three", 1)
    await away.advance(24 * 3600)

    assert (await push(away, "three", late))[0] == 202
    assert not away.view().done
    unit = next(each for each in away.view().units if each.cluster == "three")
    assert unit.readiness == "UNKNOWN"


async def test_a_document_says_nothing_of_what_is_not_there(away: World) -> None:
    made_up = {"application": "bank", "component": "vault", "readiness": "STALLED"}
    also = {"application": "storefront", "component": "safe", "readiness": "STALLED"}

    assert (await push(away, "three", document(away, "three", 1, units=[made_up, also])))[0] == 202
    assert away.context.store.reports.of_application("bank") == ()
    assert {r.component for r in away.context.store.reports.of_application("storefront")} == {
        *COMPONENTS
    }


def leave(world: World, cluster: str, body: bytes, signed: str) -> None:
    """Push a document to the cluster's branch in place of what was there, as one commit."""
    branch = f"status/{cluster}"
    files = {"status.json": body, "status.json.sig": signed.encode() + b"\n"}
    before = world.forge.git.head(STATUS, branch)
    if before is not None:
        world.forge.git.delete(STATUS, branch, before)
    world.otto.push(STATUS, branch, files, "Status")


async def read(world: World) -> list[str]:
    """Let the bot read the branches; what it refuses."""
    with capture_logs() as logs:
        await read_status_branches(world.context, Repo("local", STATUS), (REPORT_KEY,))
    await world.settle()
    return [f"{each['cluster']}: {each['reason']}" for each in logs if "reason" in each]
