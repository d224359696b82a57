"""Spans as OpenTelemetry's own libraries send them, and as a collector receives them."""

import sys
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from threading import Thread

import pytest
from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import ExportTraceServiceRequest
from opentelemetry.sdk.trace import ReadableSpan
from opentelemetry.sdk.trace.export.in_memory_span_exporter import InMemorySpanExporter

from bot.cli.errors import InputError
from bot.cli.service import _connect_traces, _forget_settings
from bot.tracing import (
    MOST_EFFECTS,
    OpenTelemetrySink,
    RolloutId,
    Span,
    Traces,
    note_rollout,
    trace_id,
    traced_effect,
)

NOON = datetime(2026, 11, 20, 12, 0, tzinfo=UTC)
ROLLOUT = RolloutId("storefront", "5ca1ab1e", NOON)


class Ticking:
    """A clock that is a second later each time."""

    def __init__(self) -> None:
        self.now = NOON

    def __call__(self) -> datetime:
        self.now += timedelta(seconds=1)
        return self.now


class Sent:
    """A sink that keeps spans."""

    def __init__(self) -> None:
        self.spans: list[Span] = []

    def send(self, span: Span) -> None:
        self.spans.append(span)

    def close(self) -> None:
        """Nothing is left."""


def exported(*spans: Span) -> list[ReadableSpan]:
    exporter = InMemorySpanExporter()
    traces = Traces(OpenTelemetrySink(exporter, "switchyard", "0.1.0"))
    for each in spans:
        traces.record(each)
    traces.close()
    return list(exporter.get_finished_spans())


def root(**changes: object) -> Span:
    given = {"name": "rollout", "trace": ROLLOUT.trace, "id": ROLLOUT.span, "parent": None}
    times = {"start": NOON, "end": NOON + timedelta(hours=3)}
    return Span(**{**given, **times, **changes})  # type: ignore[arg-type]


def test_spans_have_the_ids_and_times_of_their_rollout() -> None:
    wave = root(name="wave", id=ROLLOUT.of_wave("canary.1"), parent=ROLLOUT.span)
    sent, whole = exported(wave, root(events=(("merged", NOON),), attributes={"a": 1}))

    assert f"{sent.context.trace_id:032x}" == trace_id("storefront", "5ca1ab1e")
    assert sent.parent is not None
    assert sent.parent.span_id == ROLLOUT.span == whole.context.span_id
    assert whole.parent is None
    assert whole.start_time == NOON.timestamp() * 1e9
    assert whole.end_time == (NOON + timedelta(hours=3)).timestamp() * 1e9
    assert [(each.name, each.timestamp) for each in whole.events] == [
        ("merged", NOON.timestamp() * 1e9)
    ]
    assert whole.attributes == {"a": 1}
    assert whole.resource.attributes["service.name"] == "switchyard"
    assert whole.status.is_unset


def test_a_failure_is_an_error_with_its_type_only() -> None:
    (sent,) = exported(root(failure="TransientForgeError"))

    assert not sent.status.is_ok
    assert sent.status.description == "TransientForgeError"


def test_a_pass_has_its_effects_as_children() -> None:
    sink, clock = Sent(), Ticking()
    with Traces(sink).of_pass("application/storefront", clock):
        with traced_effect("merge", clock, {"outcome": "done"}):
            pass
        with traced_effect("edit_comment", clock, {"outcome": "delayed"}):
            pass
        note_rollout(ROLLOUT)

    effect, whole = sink.spans
    assert (effect.name, effect.parent, effect.trace) == ("merge", whole.id, ROLLOUT.trace)
    assert effect.attributes == {"switchyard.outcome": "done"}
    assert (whole.name, whole.parent) == ("pass", ROLLOUT.span)
    assert whole.start < effect.start < effect.end < whole.end


def test_passes_that_do_nothing_leave_no_span() -> None:
    sink, clock = Sent(), Ticking()
    traces = Traces(sink)
    with traces.of_pass("a", clock):
        note_rollout(ROLLOUT)
    assert sink.spans == []
    with traces.of_pass("a", clock):
        note_rollout(ROLLOUT, changed=True)
    with pytest.raises(KeyError), traces.of_pass("a", clock):
        _fail()

    assert [each.failure for each in sink.spans] == ["", "KeyError"]


def _fail() -> None:
    note_rollout(ROLLOUT)
    raise KeyError("secret")


def test_what_is_outside_of_a_recorded_pass_is_not_kept() -> None:
    clock = Ticking()
    with Traces().of_pass("a", clock), traced_effect("merge", clock, {}):
        note_rollout(ROLLOUT, changed=True)
    sink = Sent()
    with Traces(sink).of_pass("a", clock):
        for _ in range(MOST_EFFECTS + 5):
            with traced_effect("merge", clock, {}):
                pass
        note_rollout(ROLLOUT)

    assert len(sink.spans) == MOST_EFFECTS + 1


@contextmanager
def collector() -> Iterator[tuple[str, list[ExportTraceServiceRequest]]]:
    """What takes OTLP over HTTP: `POST /v1/traces` with protobuf (OpenTelemetry, "OTLP/HTTP")."""
    received: list[ExportTraceServiceRequest] = []

    class Handler(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            body = self.rfile.read(int(self.headers["content-length"]))
            assert self.path == "/v1/traces"
            assert self.headers["content-type"] == "application/x-protobuf"
            received.append(ExportTraceServiceRequest.FromString(body))
            self.send_response(200)
            self.end_headers()

        def log_message(self, *_: object) -> None:
            """Quiet."""

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    serving = Thread(target=server.serve_forever, args=[0.01])
    serving.start()
    try:
        yield f"http://127.0.0.1:{server.server_port}", received
    finally:
        server.shutdown()
        serving.join()
        server.server_close()


def test_a_collector_receives_what_the_variables_say(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("NO_PROXY", "127.0.0.1")
    monkeypatch.setenv("OTEL_EXPORTER_OTLP_HEADERS", "authorization=canary")
    with collector() as (url, received):
        monkeypatch.setenv("OTEL_EXPORTER_OTLP_ENDPOINT", url)
        traces = _connect_traces()
        traces.record(root())
        traces.close()

    (request,) = received
    (resource,) = request.resource_spans
    (scope,) = resource.scope_spans
    (span,) = scope.spans
    assert span.name == "rollout"
    assert span.trace_id.hex() == trace_id("storefront", "5ca1ab1e")
    assert {each.key: each.value.string_value for each in resource.resource.attributes}[
        "service.name"
    ] == "switchyard"
    _forget_settings()
    with pytest.raises(KeyError):
        monkeypatch.delenv("OTEL_EXPORTER_OTLP_HEADERS")


def test_without_a_collector_nothing_is_sent_or_imported(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("OTEL_EXPORTER_OTLP_ENDPOINT", raising=False)

    assert _connect_traces() == Traces()


def test_libraries_that_are_missing_are_named(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("OTEL_EXPORTER_OTLP_ENDPOINT", "http://127.0.0.1:1")
    name = "opentelemetry.exporter.otlp.proto.http.trace_exporter"
    monkeypatch.setitem(sys.modules, name, None)

    with pytest.raises(InputError, match=r"pip install 'switchyard\[telemetry\]'"):
        _connect_traces()
