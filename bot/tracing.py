"""Traces in OpenTelemetry's model, one for each rollout; the only importer of OpenTelemetry.

A rollout lasts for hours and is carried by any number of processes, so its spans are not held open:
each is sent once it has ended, with ids that are derived from the rollout: whoever knows an
application and a revision knows the id of the trace. The libraries come with the extra `telemetry`.
"""

import hashlib
import secrets
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from contextvars import ContextVar
from dataclasses import dataclass, field, replace
from datetime import datetime
from typing import TYPE_CHECKING, Any, Protocol, cast

if TYPE_CHECKING:
    from opentelemetry.sdk.trace.export import SpanExporter
    from opentelemetry.sdk.trace.id_generator import IdGenerator

MOST_EFFECTS = 500
"""Spans of one pass; the rest is left out."""
SCOPE, DELAYED = "switchyard", "delayed"

Attributes = Mapping[str, str | int | bool]
Clock = Callable[[], datetime]


class TracingMissingError(Exception):
    """The libraries of OpenTelemetry are not installed."""


def derived(size: int, *parts: str) -> int:
    """An id of so many bytes, the same for the same parts, and not zero."""
    digest = hashlib.sha256("\0".join(parts).encode("utf-8", "replace")).digest()
    return int.from_bytes(digest[:size], "big") or 1


def trace_id(application: str, revision: str) -> str:
    """The id of the trace of a rollout, as collectors and logs have it."""
    return f"{derived(16, application, revision):032x}"


def _random() -> int:
    """The id of a span that nobody else has to know."""
    return secrets.randbits(64) or 1


@dataclass(frozen=True, slots=True)
class RolloutId:
    """A rollout: a revision of an application, and since when it is rolled out."""

    application: str
    revision: str
    since: datetime

    @property
    def trace(self) -> int:
        """The id of its trace; a second rollout of the same revision is a part of it."""
        return derived(16, self.application, self.revision)

    @property
    def span(self) -> int:
        """The id of its own span, the parent of waves and passes."""
        return derived(8, self.application, self.revision, self.since.isoformat())

    def of_wave(self, wave: str) -> int:
        """The id of a wave's span."""
        return derived(8, self.application, self.revision, self.since.isoformat(), wave)


@dataclass(frozen=True, slots=True)
class Span:
    """Something that has ended; a `failure` says why it failed."""

    name: str
    trace: int
    id: int
    parent: int | None
    start: datetime
    end: datetime
    attributes: Attributes = field(default_factory=dict)
    events: Sequence[tuple[str, datetime]] = ()
    failure: str = ""


class Sink(Protocol):
    """Where spans go."""

    def send(self, span: Span) -> None:
        """Send a span, or keep it to be sent."""

    def close(self) -> None:
        """Send what is kept."""


@dataclass(slots=True)
class PassTrace:
    """A pass that goes on; `rollout` is known once the plan is, `changed` if it made progress."""

    key: str
    start: datetime
    rollout: RolloutId | None = None
    changed: bool = False
    effects: list[Span] = field(default_factory=list)


_PASS: ContextVar[PassTrace | None] = ContextVar("_PASS", default=None)


@dataclass(frozen=True, slots=True)
class Traces:
    """Spans on their way to a sink; without one nothing is recorded."""

    sink: Sink | None = None

    def record(self, span: Span) -> None:
        """Record what has ended."""
        if self.sink is not None:
            self.sink.send(span)

    @contextmanager
    def of_pass(self, key: str, clock: Clock) -> Iterator[None]:
        """Record a pass, if it did something, made progress or failed."""
        if self.sink is None:
            yield
            return
        current, failure = PassTrace(key, clock()), ""
        token = _PASS.set(current)
        try:
            yield
        except Exception as error:
            failure = type(error).__name__
            raise
        finally:
            _PASS.reset(token)
            self._record_pass(current, clock(), failure)

    def _record_pass(self, ended: PassTrace, end: datetime, failure: str) -> None:
        rollout = ended.rollout
        if rollout is None or not (ended.effects or ended.changed or failure):
            return
        own = _random()
        for each in ended.effects:
            self.record(replace(each, trace=rollout.trace, id=_random(), parent=own))
        attributes: Attributes = {
            "switchyard.key": ended.key,
            "switchyard.effects": len(ended.effects),
        }
        self.record(
            Span(
                name="pass",
                trace=rollout.trace,
                id=own,
                parent=rollout.span,
                start=ended.start,
                end=end,
                attributes=attributes,
                failure=failure,
            )
        )

    def close(self) -> None:
        """Send what is still kept."""
        if self.sink is not None:
            self.sink.close()


def note_rollout(rollout: RolloutId, *, changed: bool = False) -> None:
    """Say which rollout the present pass belongs to, and whether it made progress."""
    current = _PASS.get()
    if current is not None:
        current.rollout, current.changed = rollout, current.changed or changed


@contextmanager
def traced_effect(name: str, clock: Clock, told: Attributes) -> Iterator[None]:
    """Record an effect of the present pass, with what is told of it when it has ended.

    One that is only delayed is done later, and recorded then.
    """
    current = _PASS.get()
    if current is None or len(current.effects) >= MOST_EFFECTS:
        yield
        return
    start, failure = clock(), ""
    try:
        yield
    except Exception as error:
        failure = type(error).__name__
        raise
    finally:
        if told.get("outcome") != DELAYED:
            attributes = {f"{SCOPE}.{key}": value for key, value in told.items()}
            ended = Span(name, 0, 0, None, start, clock(), attributes, failure=failure)
            current.effects.append(ended)


def connect(service: str, version: str) -> Traces:
    """Traces to the collector that OpenTelemetry's own variables name.

    Raises:
        TracingMissingError: the extra `telemetry` is not installed.
    """
    try:
        from opentelemetry.exporter.otlp.proto.http.trace_exporter import (  # noqa: PLC0415 - an extra
            OTLPSpanExporter,
        )
    except ImportError as missing:
        raise TracingMissingError(
            "OTEL_EXPORTER_OTLP_ENDPOINT is set, but OpenTelemetry is not installed: run "
            "`pip install 'switchyard[telemetry]'`, or unset it"
        ) from missing
    return Traces(OpenTelemetrySink(OTLPSpanExporter(), service, version))


class OpenTelemetrySink:
    """Sends spans in batches, from a thread of its own; those that find no room are dropped."""

    def __init__(self, exporter: "SpanExporter", service: str, version: str) -> None:
        from opentelemetry.sdk.resources import Resource  # noqa: PLC0415 - an extra
        from opentelemetry.sdk.trace import TracerProvider  # noqa: PLC0415 - as above
        from opentelemetry.sdk.trace.export import BatchSpanProcessor  # noqa: PLC0415 - as above

        self._ids = _DerivedIds()
        names = {"service.name": service, "service.version": version}
        self._provider = TracerProvider(
            resource=Resource.create(names),
            id_generator=cast("IdGenerator", self._ids),
            shutdown_on_exit=False,
        )
        self._provider.add_span_processor(BatchSpanProcessor(exporter))
        self._tracer = self._provider.get_tracer(SCOPE, version)

    def send(self, span: Span) -> None:
        """See the Protocol."""
        from opentelemetry.trace import Status, StatusCode  # noqa: PLC0415 - an extra

        made = self._ids.using(
            span,
            lambda: self._tracer.start_span(
                span.name,
                context=_parent(span),
                start_time=_nanoseconds(span.start),
                attributes=dict(span.attributes),
            ),
        )
        for name, at in span.events:
            made.add_event(name, timestamp=_nanoseconds(at))
        if span.failure:
            made.set_status(Status(StatusCode.ERROR, span.failure))
        made.end(_nanoseconds(span.end))

    def close(self) -> None:
        """See the Protocol."""
        self._provider.shutdown()


class _DerivedIds:
    """OpenTelemetry's generator of ids, which gives those of the span that is being made."""

    def __init__(self) -> None:
        self._span: ContextVar[Span | None] = ContextVar("span", default=None)

    def using(self, span: Span, make: Callable[[], Any]) -> Any:
        """What `make` makes, with the ids of a span."""
        token = self._span.set(span)
        try:
            return make()
        finally:
            self._span.reset(token)

    def generate_span_id(self) -> int:
        """See the library."""
        span = self._span.get()
        assert span is not None
        return span.id

    def generate_trace_id(self) -> int:
        """See the library."""
        span = self._span.get()
        assert span is not None
        return span.trace

    def is_trace_id_random(self) -> bool:
        """See the library: they are hashes."""
        return False


def _parent(span: Span) -> Any:
    """The context in which a span has its parent; an empty one for the first span of a trace."""
    from opentelemetry.context import Context  # noqa: PLC0415 - an extra
    from opentelemetry.trace import (  # noqa: PLC0415 - as above
        NonRecordingSpan,
        SpanContext,
        TraceFlags,
        set_span_in_context,
    )

    if span.parent is None:
        return Context()
    sampled = TraceFlags(TraceFlags.SAMPLED)
    parent = SpanContext(span.trace, span.parent, is_remote=True, trace_flags=sampled)
    return set_span_in_context(NonRecordingSpan(parent), Context())


def _nanoseconds(at: datetime) -> int:
    return round(at.timestamp() * 1_000_000) * 1_000
