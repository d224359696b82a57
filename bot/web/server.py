"""The HTTP server: verifies and stores webhooks and reports; the workers process them later.

Signatures are checked on the exact bytes before anything parses them. An unauthenticated request
gets a 4xx and changes nothing.
"""

import asyncio
import hmac
import json
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import AbstractAsyncContextManager, contextmanager
from functools import partial

import structlog
from fastapi import FastAPI, HTTPException, Request, Response, status
from fastapi.responses import JSONResponse
from starlette.exceptions import HTTPException as StarletteHTTPException
from starlette.requests import ClientDisconnect

from bot.context import Context
from bot.documents.alerts import NotificationError, read_alerts
from bot.documents.facts import FactsReport
from bot.forges import Delivery
from bot.gather.alerts import hear
from bot.gather.facts import keep_reported
from bot.metrics.catalogue import REPORT_DELAY, REPORTS, WEBHOOKS
from bot.store import StoreError
from bot.store.inbox import InboxFullError, IncomingDelivery, InvalidDeliveryError
from bot.web import ui
from bot.web.auth import Auth, AuthMiddleware, routes
from bot.web.cluster_status import (
    MAX_SKEW,
    Document,
    ForgedStatusError,
    SignedStatus,
    StatusRefusedError,
    check_signature,
    read_status,
)
from bot.web.gates import MOST_BYTES, Outcome, record_result
from bot.web.guards import (
    ErrorMiddleware,
    ForwardedClientMiddleware,
    SecurityHeadersMiddleware,
    log_failure,
)
from bot.web.intake import INVALID_SIGNATURE, RETRY_SECONDS, Intake, Sender
from bot.web.machine_routes import Handler, MachineRoutes
from bot.web.places import readers_of
from plugins import Agent, ReportError, Word, signature_matches

MAX_HOOK_BYTES = 25 * 1024 * 1024
MAX_ALERTS_BYTES = 1024 * 1024
MAX_REPORT_BYTES = 256 * 1024
READ_SECONDS = 10
MAX_NAME = 100
DOCUMENT = "document"
"""The label `agent` of status documents, which tell of many."""

MALFORMED = "The request cannot be read."
NO_ALERTS = "No alerts are received here: the setting SWITCHYARD_ALERT_TOKENS is empty."
INVALID_TOKEN = "Invalid bearer token."  # noqa: S105 - a message
FUTURE_REPORT = "The report's time is in the future. Check the cluster's clock."

REFUSED_RESULTS = {
    Outcome.UNKNOWN: (status.HTTP_404_NOT_FOUND, "No gate waits for this result."),
    Outcome.FORGED: (status.HTTP_401_UNAUTHORIZED, INVALID_SIGNATURE),
    Outcome.MALFORMED: (status.HTTP_422_UNPROCESSABLE_CONTENT, MALFORMED),
    Outcome.CONTRADICTED: (status.HTTP_409_CONFLICT, "The gate has another result already."),
}

Lifespan = Callable[[FastAPI], AbstractAsyncContextManager[None]]


def create_app(
    auth: Auth,
    agents: dict[str, Agent],
    report_keys: tuple[str, ...],
    wake: Callable[[], None],
    *,
    lifespan: Lifespan | None = None,
    problems: Callable[[], Sequence[str]] = tuple,
) -> FastAPI:
    """The service as an ASGI application; `problems` are why it is not ready.

    `wake` tells its workers that something was stored.
    """
    context, intake = auth.context, Intake(auth.context, report_keys)
    tokens = tuple(each.get_secret_value() for each in auth.settings.alert_tokens)
    handlers = machine_handlers(intake, agents, wake)
    handlers["alerts", 0] = partial(_alerts, intake, tokens, wake)
    app = FastAPI(
        title="Switchyard",
        openapi_url="/api/v1/openapi.json",
        docs_url=None,
        redoc_url=None,
        lifespan=lifespan,
    )
    app.add_middleware(AuthMiddleware, auth=auth)
    app.add_middleware(MachineRoutes, handlers=handlers)
    app.add_middleware(ErrorMiddleware)
    app.add_middleware(ForwardedClientMiddleware, proxies=auth.settings.trusted_proxies)
    app.add_middleware(SecurityHeadersMiddleware)
    app.add_exception_handler(StarletteHTTPException, ui.refusal)
    _add_probes(app, problems)
    routes.serve(app, auth)
    ui.serve(app, context, lambda: bool(auth.sign_ins()))
    return app


def _add_probes(app: FastAPI, problems: Callable[[], Sequence[str]]) -> None:
    """`/healthz`: the process answers. `/readyz`: it does its work."""

    @app.get("/healthz", include_in_schema=False)
    async def healthz() -> dict[str, str]:
        return {"status": "ok"}

    @app.get("/readyz", include_in_schema=False)
    async def readyz() -> JSONResponse:
        found = list(problems())
        code = status.HTTP_503_SERVICE_UNAVAILABLE if found else status.HTTP_200_OK
        return JSONResponse({"ready": not found, "problems": found}, code)


def machine_handlers(
    intake: Intake, agents: Mapping[str, Agent], wake: Callable[[], None]
) -> dict[tuple[str, int], Handler]:
    """What answers programs, by the first part of an address and how many parts follow."""

    async def report(request: Request, agent: str, cluster: str) -> Response:
        if agent not in agents:
            raise HTTPException(status.HTTP_404_NOT_FOUND, f"Unknown agent {agent}.")
        return await _report(intake, wake, agents[agent], cluster, request)

    return {
        ("hooks", 1): partial(_hook, intake, wake),
        ("reports", 2): report,
        ("facts", 1): partial(_facts, intake, wake),
        ("status", 1): partial(_status, intake, wake),
        ("gates", 1): partial(_gate, intake.context, wake),
    }


async def _hook(intake: Intake, wake: Callable[[], None], request: Request, name: str) -> Response:
    """Store an authentic delivery before answering; a repeated one gets the same answer.

    A delivery without a repository succeeds as well: forges disable webhooks that fail.
    """
    forge = intake.context.forges.get(name)
    if forge is None:
        raise HTTPException(status.HTTP_404_NOT_FOUND, f"Unknown forge {name}.")
    with intake.context.metrics.counted(WEBHOOKS, forge=name, outcome="refused") as told:
        body = await read_body(request, MAX_HOOK_BYTES)
        with malformed("webhook", name):
            delivery = forge.verify(_headers(request), body)
        if delivery is None:
            told["outcome"] = "forged"
            raise HTTPException(status.HTTP_401_UNAUTHORIZED, INVALID_SIGNATURE)
        with structlog.contextvars.bound_contextvars(forge=name, delivery=delivery.id):
            new = bool(delivery.repository) and await _store(intake, name, delivery, body)
        told["outcome"] = "stored" if new else "repeated" if delivery.repository else "ignored"
    if new:
        wake()
    return JSONResponse({"stored": new}, status.HTTP_202_ACCEPTED)


async def _store(intake: Intake, forge: str, delivery: Delivery, body: bytes) -> bool:
    """Store a delivery durably; False if its id is known already."""
    try:
        return await intake.deliver(
            IncomingDelivery(
                forge,
                delivery.id,
                delivery.event,
                delivery.repository,
                delivery.number,
                body,
                delivery.sender,
            )
        )
    except InvalidDeliveryError as error:
        raise HTTPException(status.HTTP_400_BAD_REQUEST, str(error)) from error
    except InboxFullError as error:
        later = {"Retry-After": str(RETRY_SECONDS)}
        raise HTTPException(status.HTTP_503_SERVICE_UNAVAILABLE, str(error), later) from error


async def _report(
    intake: Intake, wake: Callable[[], None], agent: Agent, cluster: str, request: Request
) -> Response:
    """Record what a cluster's agent says; the key that authenticates it identifies the cluster."""
    with intake.context.metrics.counted(REPORTS, agent=agent.name, outcome="refused") as told:
        sender, words = await _words(intake, agent, cluster, request)
        reasons = [await intake.reason_to_ignore(sender, agent.name, word) for word in words]
        accepted = [word for word, reason in zip(words, reasons, strict=True) if not reason]
        recorded = await intake.record(accepted)
        told["outcome"] = _outcome(recorded.count, accepted)
    for word in accepted:
        delay = (intake.context.clock() - word.at).total_seconds()
        intake.context.metrics.observe(REPORT_DELAY, max(0.0, delay), agent=agent.name)
    await _wake(intake, wake, recorded.news)
    refused = next(filter(None, reasons), "")
    answer: dict[str, object] = {"recorded": recorded.count > 0}
    if refused:
        answer["reason"] = refused
    return JSONResponse(answer, status.HTTP_202_ACCEPTED)


def _outcome(recorded: int, accepted: Sequence[Word]) -> str:
    if recorded:
        return "recorded"
    return "unchanged" if accepted else "ignored"


async def _words(
    intake: Intake, agent: Agent, cluster: str, request: Request
) -> tuple[Sender, tuple[Word, ...]]:
    """Who sends a report, and what it says.

    Raises:
        HTTPException: it is not authentic, too large, malformed, or one too many.
    """
    headers = _headers(request)
    body = await read_body(request, MAX_REPORT_BYTES)
    sender = await intake.sender(cluster, agent.name)
    with malformed("status report", cluster):
        verified = [agent.verify(headers, body, key) for key in sender.keys]
    intake.admit(sender, is_authentic=any(verified))
    with malformed("status report", cluster):
        try:
            words = agent.report(cluster, body)
        except ReportError as error:
            raise HTTPException(status.HTTP_422_UNPROCESSABLE_CONTENT, str(error)) from error
    now = intake.context.clock()
    if any(word.at > now + MAX_SKEW for word in words):
        raise HTTPException(status.HTTP_422_UNPROCESSABLE_CONTENT, FUTURE_REPORT)
    return sender, tuple(words)


async def _facts(
    intake: Intake, wake: Callable[[], None], request: Request, cluster: str
) -> Response:
    """Keep a cluster's facts; they count from the next pass of each application.

    New addresses make those due that may call what has moved.
    """
    context, signature = intake.context, request.headers.get("x-signature", "")
    body = await read_body(request, MAX_REPORT_BYTES)
    sender = await intake.sender(cluster)
    with malformed("facts", cluster):
        verified = [signature_matches(signature, body, key) for key in sender.keys]
    intake.admit(sender, is_authentic=any(verified))
    with malformed("facts", cluster):
        try:
            value = json.loads(body)
            read = FactsReport.model_validate(value)
        except (ValueError, RecursionError) as error:
            raise HTTPException(status.HTTP_422_UNPROCESSABLE_CONTENT, str(error)[:500]) from error
    now = context.clock()
    if read.at > now + MAX_SKEW:
        raise HTTPException(status.HTTP_422_UNPROCESSABLE_CONTENT, FUTURE_REPORT)
    views, applications = context.store.views, sender.reporters.applications
    if await asyncio.to_thread(keep_reported, views, cluster, value, now):
        found = await asyncio.to_thread(readers_of, views, applications, cluster)
        await _wake(intake, wake, found)
    return JSONResponse({"recorded": True}, status.HTTP_202_ACCEPTED)


async def _status(
    intake: Intake, wake: Callable[[], None], request: Request, cluster: str
) -> Response:
    """Record a cluster's status document."""
    body = await read_body(request, MAX_REPORT_BYTES)
    signed = SignedStatus(cluster, body, request.headers.get("x-signature", ""))
    counted = intake.context.metrics.counted(REPORTS, agent=DOCUMENT, outcome="refused")
    with counted as told, malformed("status document", cluster):
        try:
            reporters = await intake.reporters()
            check_signature(reporters, intake.report_keys, signed)
            intake.limit(cluster)
            news = await intake.record_document(Document(read_status(signed), reporters))
            told["outcome"] = "recorded"
        except ForgedStatusError as error:
            raise HTTPException(status.HTTP_401_UNAUTHORIZED, INVALID_SIGNATURE) from error
        except StatusRefusedError as error:
            raise HTTPException(status.HTTP_422_UNPROCESSABLE_CONTENT, str(error)) from error
    await _wake(intake, wake, news)
    return JSONResponse({"recorded": True}, status.HTTP_202_ACCEPTED)


async def _gate(
    context: Context, wake: Callable[[], None], request: Request, gate: str
) -> Response:
    """Record the result of a declared gate, as the server that was asked posts it."""
    body = await read_body(request, MOST_BYTES)
    with malformed("result of a gate", gate):
        outcome = await record_result(context, gate, _headers(request), body)
    refused = REFUSED_RESULTS.get(outcome)
    if refused is not None:
        raise HTTPException(*refused)
    wake()
    return JSONResponse({"recorded": True}, status.HTTP_202_ACCEPTED)


async def _alerts(
    intake: Intake, tokens: Sequence[str], wake: Callable[[], None], request: Request
) -> Response:
    """Keep the alerts that rules watch; those make applications due whose alerts began or ended."""
    if not tokens:
        raise HTTPException(status.HTTP_404_NOT_FOUND, NO_ALERTS)
    given = request.headers.get("authorization", "").encode("utf-8", "replace")
    matches = [hmac.compare_digest(f"Bearer {each}".encode(), given) for each in tokens]
    if not any(matches):
        raise HTTPException(status.HTTP_401_UNAUTHORIZED, INVALID_TOKEN)
    body, context = await read_body(request, MAX_ALERTS_BYTES), intake.context
    with malformed("alerts", "alertmanager"):
        try:
            told = read_alerts(body)
        except NotificationError as error:
            raise HTTPException(status.HTTP_422_UNPROCESSABLE_CONTENT, str(error)) from error
    await _wake(
        intake, wake, await asyncio.to_thread(hear, context.store.views, told, context.clock())
    )
    return JSONResponse({"received": len(told)}, status.HTTP_202_ACCEPTED)


async def _wake(intake: Intake, wake: Callable[[], None], news: frozenset[str]) -> None:
    """Make the applications due about which a cluster said something new."""
    if news:
        await intake.wake(news)
        wake()


@contextmanager
def malformed(kind: str, sender: str) -> Iterator[None]:
    """Whatever fails while a request is verified and parsed is the request's fault: 400.

    What is expected to fail has its own answer; this is the net below it, for everybody can send
    anything here. The log has the place.
    """
    try:
        yield
    except (HTTPException, StoreError):
        raise
    except Exception as error:  # noqa: BLE001 - the net: nothing that is sent may end in a 500
        log_failure("request rejected", error, kind=kind, sender=sender[:MAX_NAME])
        raise HTTPException(status.HTTP_400_BAD_REQUEST, MALFORMED) from None


async def read_body(request: Request, limit: int) -> bytes:
    """The body, at most `limit` bytes, within ten seconds; 413, 408 or 400 otherwise."""
    chunks: list[bytes] = []
    size = 0
    try:
        async with asyncio.timeout(READ_SECONDS):
            async for chunk in request.stream():
                size += len(chunk)
                if size > limit:
                    raise HTTPException(
                        status.HTTP_413_CONTENT_TOO_LARGE, f"The body exceeds {limit} bytes."
                    )
                chunks.append(chunk)
    except TimeoutError as error:
        raise HTTPException(
            status.HTTP_408_REQUEST_TIMEOUT,
            f"The body was not received within {READ_SECONDS} seconds.",
        ) from error
    except ClientDisconnect as error:
        raise HTTPException(
            status.HTTP_400_BAD_REQUEST, "The connection closed before the body was complete."
        ) from error
    return b"".join(chunks)


def _headers(request: Request) -> dict[str, str]:
    return {name.lower(): value for name, value in request.headers.items()}
