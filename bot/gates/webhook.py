"""A server that is told of the wave by a signed request, and posts its verdict back, signed too."""

import json
from dataclasses import dataclass, field
from datetime import timedelta
from urllib.parse import urlsplit

from bot.gates import Finding, GateKind, Outside, Question
from bot.outbound import OutboundError
from bot.signatures import signed_headers
from planners.model.gate_rules import GateSettings, GateState

ACCEPTED = 202
FIRST_PAUSE, LONGEST_PAUSE = timedelta(seconds=30), timedelta(minutes=10)
REMINDER = timedelta(minutes=10)
MOST_PAUSES = 6


@dataclass(frozen=True, slots=True)
class WebhookSettings(GateSettings):
    """A server that is asked by a signed request."""

    url: str = field(
        metadata={
            "description": "Where the request goes; a policy of the fleet repo must list its "
            "scheme and host in `gateServers`.",
            "pattern": r"^https?://[a-z0-9.-]+(:[0-9]{1,5})?(/[!-~]{0,500})?$",
        }
    )

    @property
    def server(self) -> str:
        """Its scheme, host and port."""
        found = urlsplit(self.url)
        return f"{found.scheme}://{found.netloc}"


@dataclass(frozen=True, slots=True)
class Webhook:
    """Posts the question until the server accepts it, and reminds it now and then."""

    name: str = "webhook"
    summary: str = "a server that was told of the wave has posted that it passed"
    settings: type[GateSettings] = WebhookSettings

    async def ask(self, question: Question, outside: Outside) -> Finding:
        """See AskedGate."""
        settings = question.rule.settings
        assert isinstance(settings, WebhookSettings)
        if outside.server is None or not outside.secret:
            return _again(question, "no secret is shared with the server: see SWITCHYARD_GATE_KEYS")
        body = _body(question)
        signed = signed_headers(outside.secret, question.id, body, question.now)
        target = settings.url.removeprefix(settings.server) or "/"
        try:
            reply = await outside.outbound.send(
                outside.server,
                "POST",
                target,
                headers={"content-type": "application/json", **signed},
                body=body,
            )
        except OutboundError as error:
            return _again(question, str(error))
        if reply.status != ACCEPTED:
            return _again(question, f"the server answered with status {reply.status}, not 202")
        told = question.before.message if question.before and not question.before.memory else ""
        return Finding(GateState.RUNNING, told or "asked; no result yet", again=REMINDER)


def _body(question: Question) -> bytes:
    rule, subject = question.rule, question.subject
    told = {
        "id": question.id,
        "gate": rule.name,
        "phase": rule.phase,
        "actions": subject.actions,
        "rollout": question.application,
        "wave": subject.wave,
        "digest": subject.digest,
        "revision": question.revision,
        "commit": subject.commit,
        "mergeRequest": subject.number,
        "clusters": subject.clusters,
        "callback": question.callback,
    }
    return json.dumps(told).encode()


def _again(question: Question, why: str) -> Finding:
    """The server did not take it: later again, each time after a longer pause."""
    memory = question.before.memory if question.before is not None else ""
    failures = int(memory) if memory.isdecimal() else 0
    pause = min(FIRST_PAUSE * 2 ** min(failures, MOST_PAUSES), LONGEST_PAUSE)
    return Finding(
        GateState.RUNNING, f"not asked yet: {why}", again=pause, memory=f"{failures + 1}"
    )


GATE: GateKind = Webhook()
