"""How GitHub answers: pages with Link headers, ETags, and 404 for what may not be read."""

import hashlib
import json
from typing import Any

from fastapi import Request
from fastapi.responses import Response

from tests.fakes.github.state import GitHub, Json


def readable(github: GitHub, request: Request, owner: str, name: str) -> str:
    path = f"{owner}/{name}"
    github.forge.require(github.signed_in(request), path, "read")
    return path


def paged(request: Request, found: list[Json]) -> Response:
    """One page of a list, with the Link header, and an ETag that conditional requests match."""
    size = min(int(request.query_params.get("per_page", "30")), 100)
    page = int(request.query_params.get("page", "1"))
    headers = {}
    if len(found) > page * size:
        following = request.url.include_query_params(page=page + 1)
        headers["link"] = f'<{following}>; rel="next"'
    return told(request, found[(page - 1) * size : page * size], headers)


def told(request: Request, value: Any, headers: dict[str, str] | None = None) -> Response:
    body = json.dumps(value).encode()
    etag = f'W/"{hashlib.sha256(body).hexdigest()}"'
    if request.headers.get("if-none-match") == etag:
        return Response(status_code=304, headers={"etag": etag})
    return Response(body, media_type="application/json", headers={"etag": etag, **(headers or {})})
