"""What every kind of gate does, whatever it asks: outages are no result, and settings are told."""

import asyncio
import dataclasses
from dataclasses import replace
from datetime import timedelta
from typing import Any

import httpx
import pytest

from bot.documents.models.agents import part_of
from bot.engine import discovery
from bot.forges import Status, StatusState, TransientForgeError
from bot.gates import AskedGate, GateKind, Outside, Question
from bot.outbound import Server
from planners.gating.effects import GateSubject
from planners.model.gate_rules import (
    GateAction,
    GateAnswer,
    GatePhase,
    GateRule,
    GateSettings,
    GateState,
)
from tests.fakes.builders import NOW
from tests.fakes.receiver import PUBLIC, answering

KINDS = discovery.gates()
EXAMPLES: dict[str, dict[str, Any]] = {
    "commitCheck": {"check": "tests"},
    "webhook": {"url": "https://checks.example.com/hook"},
    "metric": {
        "prometheus": "https://checks.example.com",
        "query": "errors",
        "condition": "< 0.01",
    },
    "job": {"manifests": "deploy/migrate"},
}
SUBJECT = GateSubject("all.1", "d" * 64, (GateAction.INSTALL,), ("one",), 7, "c" * 40)
every = pytest.mark.parametrize("kind", KINDS.values(), ids=lambda each: each.name)
asked = pytest.mark.parametrize(
    "kind", [k for k in KINDS.values() if isinstance(k, AskedGate)], ids=lambda each: each.name
)


def example(kind: GateKind) -> GateSettings:
    return kind.settings(**EXAMPLES[kind.name])


class AwayForge:
    """A forge that cannot be reached, or reports these checks."""

    def __init__(self, *found: Status, away: bool = False) -> None:
        self.found, self.away = found, away

    async def checks(self, repository: str, sha: str) -> tuple[Status, ...]:
        assert (repository, sha) == ("fleet/deploy", "c" * 40)
        if self.away:
            raise TransientForgeError("the forge answered 502")
        return self.found


def ask(kind: AskedGate, reply: Any, **how: Any) -> Any:
    """What it finds when its server answers like this."""

    def serve(_: httpx.Request) -> httpx.Response:
        if isinstance(reply, Exception):
            raise reply
        status, content = reply
        headers = {"location": "http://169.254.169.254/"}
        return httpx.Response(status, headers=headers, content=content)

    rule = GateRule("g", kind.name, how.pop("phase", GatePhase.BEFORE), example(kind))
    question = Question("shop.1", "shop", "r" * 40, rule, SUBJECT, "https://s/gates/shop.1", NOW)
    client = answering(serve, PUBLIC)
    server = Server("https://checks.example.com")
    forge: Any = how.pop("forge", AwayForge())
    outside = Outside(forge, "fleet/deploy", client, server, b"secret")
    return asyncio.run(kind.ask(replace(question, **how), outside))


@every
def test_each_setting_has_a_description_and_a_part_in_documents(kind: GateKind) -> None:
    part = part_of(kind.settings)

    assert set(part.model_fields) == {each.name for each in dataclasses.fields(kind.settings)}
    assert part.model_validate(EXAMPLES[kind.name])
    assert example(kind).defect == ""


@asked
@pytest.mark.parametrize(
    "reply",
    [httpx.ConnectError("refused"), httpx.ReadTimeout("slow"), (302, b""), (500, b""),
     (404, b""), (200, b""), (200, b"x" * 2_000_000), (202, b'{"state": "passed"}')],
    ids=["refused", "slow", "redirect", "broken", "absent", "empty", "large", "lie"],
)  # fmt: skip
def test_an_outage_or_nonsense_is_no_result_and_is_asked_again(kind: AskedGate, reply: Any) -> None:
    found = ask(kind, reply)

    assert found.state is GateState.RUNNING
    assert found.message
    assert timedelta() < found.again <= timedelta(minutes=10)


@asked
def test_what_was_found_before_changes_no_type(kind: AskedGate) -> None:
    """Any answer that it gave can be given back to it."""
    before = ask(kind, (500, b""))
    answer = GateAnswer(before.state, NOW, NOW, before.message, memory=before.memory)

    assert ask(kind, (500, b""), before=answer).state is GateState.RUNNING


def check(name: str, state: StatusState) -> Status:
    return Status(name, state, "", f"https://forge.test/{name}")


OK, BAD, WAIT = StatusState.SUCCESS, StatusState.FAILURE, StatusState.PENDING


@pytest.mark.parametrize(
    ("name", "found", "state"),
    [
        ("tests", [check("tests", OK), check("lint", BAD)], GateState.PASSED),
        ("tests", [check("lint", OK)], GateState.RUNNING),
        ("tests", [check("tests", OK), check("tests", BAD)], GateState.FAILED),
        ("tests", [check("tests", WAIT)], GateState.RUNNING),
        ("*", [check("tests", OK), check("switchyard/order", WAIT)], GateState.PASSED),
        ("*", [check("switchyard/plan", OK)], GateState.RUNNING),
        ("*", [check("tests", OK), check("lint", WAIT), check("scan", BAD)], GateState.FAILED),
    ],
)
def test_all_checks_that_are_meant_must_be_successful(
    name: str, found: list[Status], state: GateState
) -> None:
    kind = KINDS["commitCheck"]
    assert isinstance(kind, AskedGate)
    rule = GateRule("g", kind.name, GatePhase.BEFORE, kind.settings(check=name))  # type: ignore[call-arg]

    assert ask(kind, (500, b""), rule=rule, forge=AwayForge(*found)).state is state


DEFECTS = {
    "its own status": (
        "commitCheck",
        {"check": "switchyard/order"},
        "successful only once the merge",
    ),
    "always passes": ("metric", {"samples": 2, "tolerance": 2}, "always passes"),
    "too many": ("metric", {"samples": 101}, "at most 100"),
    "too often": ("metric", {"interval": timedelta(0)}, "at least 1s"),
}


@pytest.mark.parametrize("name", DEFECTS)
def test_settings_with_which_it_could_not_decide_are_refused(name: str) -> None:
    kind, changed, told = DEFECTS[name]
    settings: Any = example(KINDS[kind])

    assert told in replace(settings, **changed).defect
