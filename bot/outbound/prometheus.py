"""Instant queries to a Prometheus server, and to what has the same API (Thanos, Mimir, ...).

Sources: Prometheus documentation, "HTTP API": format overview (`status`, `error`), expression query
result formats (vectors, scalars; values are strings, among them `NaN`, `+Inf` and `-Inf`), instant
queries (`GET /api/v1/query`, 400, 422 and 503).
"""

import json
import math
from datetime import datetime
from typing import Any
from urllib.parse import urlencode

from bot.outbound import Outbound, OutboundError, Server

MOST_TEXT = 300
OK, PAIR = 200, 2


class PrometheusError(Exception):
    """A query has no answer: the server is away, or the query is wrong; the message says which."""


async def query(
    outbound: Outbound, server: Server, expression: str, at: datetime, *, token: str = ""
) -> float | None:
    """The one value of an expression at a time; None if there is no data: nothing, NaN, infinity.

    Raises:
        PrometheusError: the server does not answer, or there are several values.
    """
    target = f"/api/v1/query?{urlencode({'query': expression, 'time': f'{at.timestamp():.3f}'})}"
    headers = {"accept": "application/json"}
    if token:
        headers["authorization"] = f"Bearer {token}"
    try:
        reply = await outbound.send(server, "GET", target, headers=headers)
    except OutboundError as error:
        raise PrometheusError(str(error)) from error
    try:
        answer = json.loads(reply.body)
    except (ValueError, RecursionError):
        answer = None
    if reply.status != OK or not isinstance(answer, dict) or answer.get("status") != "success":
        told = answer.get("error") if isinstance(answer, dict) else None
        why = f": {told}"[:MOST_TEXT] if isinstance(told, str) else ""
        raise PrometheusError(f"{server.address} answered with status {reply.status}{why}")
    return _value(answer.get("data"), server)


def _value(data: Any, server: Server) -> float | None:
    result = data.get("result") if isinstance(data, dict) else None
    kind = data.get("resultType") if isinstance(data, dict) else None
    if kind == "scalar":
        return _number(result, server)
    if kind != "vector" or not isinstance(result, list):
        raise PrometheusError(f"{server.address} answered with a {kind}, not with a vector")
    if len(result) > 1:
        raise PrometheusError(
            f"the query has {len(result)} values: aggregate them, as with sum(...) or max(...)"
        )
    if not result:
        return None
    return _number(result[0].get("value") if isinstance(result[0], dict) else None, server)


def _number(pair: Any, server: Server) -> float | None:
    if not isinstance(pair, list) or len(pair) != PAIR or not isinstance(pair[1], str):
        raise PrometheusError(f"{server.address} answered with something that is no sample")
    try:
        value = float(pair[1])
    except ValueError:
        raise PrometheusError(f"{server.address} answered with no number") from None
    return value if math.isfinite(value) else None
