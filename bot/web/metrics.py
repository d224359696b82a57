"""`/metrics`, an application of its own: it listens apart from what forges and people reach."""

import asyncio
from collections.abc import Callable, Iterable

from fastapi import FastAPI, Response

from bot.metrics import CONTENT_TYPE, Metrics, Sample


def metrics_app(metrics: Metrics, read: Callable[[], Iterable[Sample]]) -> FastAPI:
    """Serves all metrics in Prometheus' text format, one response at a time."""
    app = FastAPI(title="Switchyard metrics", openapi_url=None, docs_url=None, redoc_url=None)
    one_at_a_time = asyncio.Lock()

    @app.get("/metrics")
    async def exposed() -> Response:
        async with one_at_a_time:
            return Response(await asyncio.to_thread(metrics.text, read), media_type=CONTENT_TYPE)

    return app
