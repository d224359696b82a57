"""Values of queries, by answers of a real Prometheus (see `tests/tools/record_prometheus.py`)."""

import asyncio
import json
from datetime import UTC, datetime
from pathlib import Path

import httpx
import pytest

from bot.outbound import Server
from bot.outbound.prometheus import PrometheusError, query
from tests.fakes.receiver import PUBLIC, answering

RECORDED = json.loads((Path(__file__).parents[2] / "data/prometheus/answers.json").read_text())
VALUES = {
    "a vector": 0.5,
    "a scalar": 2.0,
    "nothing": None,
    "no number": None,
    "infinity": None,
    "minus infinity": None,
    "a large number": 1e300,
}
MISTAKES = {
    "several values": "has 2 values: aggregate them",
    "a string": "answered with a string, not with a vector",
    "a matrix": "answered with a matrix, not with a vector",
    "a mistake": "status 400: invalid parameter .* unclosed left parenthesis",
    "a mistake of types": "status 400: .* expected type range vector",
}
AT = datetime(2023, 11, 14, 22, 13, 20, tzinfo=UTC)


def ask(status: int, body: bytes, token: str = "") -> float | None:
    def serve(request: httpx.Request) -> httpx.Response:
        assert dict(request.url.params) == {"query": "sum(x) > 1", "time": "1700000000.000"}
        assert request.headers.get("authorization") == (f"Bearer {token}" if token else None)
        return httpx.Response(status, content=body)

    server = Server("https://prometheus.example.com")
    return asyncio.run(query(answering(serve, PUBLIC), server, "sum(x) > 1", AT, token=token))


def recorded(name: str) -> tuple[int, bytes]:
    status, body = RECORDED[name]
    return status, json.dumps(body).encode()


def test_every_recorded_answer_is_in_a_table() -> None:
    assert VALUES.keys() | MISTAKES.keys() == RECORDED.keys()


@pytest.mark.parametrize("name", VALUES)
def test_a_finite_number_is_a_value_and_anything_else_is_no_data(name: str) -> None:
    assert ask(*recorded(name), token="secret") == VALUES[name]


@pytest.mark.parametrize("name", MISTAKES)
def test_a_mistake_is_told_in_the_words_of_the_server(name: str) -> None:
    with pytest.raises(PrometheusError, match=MISTAKES[name]):
        ask(*recorded(name))


@pytest.mark.parametrize(
    "body",
    [
        b"", b"<html>", b"[" * 100_000, b"[]", b'{"status": "success"}',
        b'{"status": "success", "data": []}',
        b'{"status": "success", "data": {"resultType": "vector", "result": {}}}',
        b'{"status": "success", "data": {"resultType": "vector", "result": [1]}}',
        b'{"status": "success", "data": {"resultType": "vector", "result": [{"value": [1]}]}}',
        b'{"status": "success", "data": {"resultType": "scalar", "result": [1, 2]}}',
        b'{"status": "success", "data": {"resultType": "scalar", "result": [1, "x"]}}',
    ],
)  # fmt: skip
def test_an_answer_of_another_shape_is_a_mistake(body: bytes) -> None:
    with pytest.raises(PrometheusError, match=r"https://prometheus\.example\.com"):
        ask(200, body)


def test_an_outage_is_told() -> None:
    with pytest.raises(PrometheusError, match="status 503"):
        ask(503, b"Service Unavailable")
