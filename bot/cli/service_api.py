"""What a running service says under `/api/v1`, as far as the command line shows it."""

from typing import Any, TypeVar
from urllib.parse import quote

from pydantic import BaseModel, Field, SecretStr, ValidationError

from bot.cli.errors import InputError
from bot.cli.http_client import Call, send
from bot.settings import ClientSettings

UNAUTHORIZED, NOT_FOUND = 401, 404
PAGE = 500
T = TypeVar("T", bound=BaseModel)


class Summary(BaseModel):
    """A rollout in a list."""

    application: str
    headline: str
    done: bool
    problems: int
    totals: dict[str, int]


class _Page(BaseModel):
    items: list[Summary]
    next: str | None


class MergeRequest(BaseModel):
    """A merge request on a forge."""

    number: int
    url: str


class Gate(BaseModel):
    """A reason to wait, and what ends it."""

    reason: str
    remedy: str
    since: str


class Pending(BaseModel):
    """A unit that is merged and not ready."""

    unit: str
    reason: str


class Wave(BaseModel):
    """A wave of a rollout."""

    name: str
    state: str
    changes: str
    digest: str
    components: list[str]
    clusters: list[str]
    merge_request: MergeRequest | None
    gates: list[Gate]
    pending: list[Pending]


class Unit(BaseModel):
    """A component on a cluster."""

    component: str
    cluster: str
    readiness: str
    message: str


class Rollout(BaseModel):
    """The rollout of an application."""

    application: str
    headline: str
    done: bool
    digest: str
    app: str
    problems: list[str]
    home: MergeRequest | None
    waves: list[Wave]
    units: list[Unit]
    data: dict[str, Any] = Field(default_factory=dict, exclude=True)


class ServiceApi:
    """The API of the service that the settings name."""

    def __init__(self, settings: ClientSettings) -> None:
        self._url = str(settings.service_url).rstrip("/")
        self._token: SecretStr | None = settings.api_token

    def rollouts(self) -> list[Summary]:
        """Every rollout in short."""
        found, after = list[Summary](), ""
        while True:
            page = self._read(f"/api/v1/rollouts?limit={PAGE}&after={quote(after)}", _Page)
            found += page.items
            if page.next is None or page.next <= after:
                return found
            after = page.next

    def rollout(self, application: str) -> Rollout:
        """The rollout of an application.

        Raises:
            InputError: it is unknown, or the service does not say.
        """
        return self._read(f"/api/v1/rollouts/{quote(application, safe='')}", Rollout)

    def _read(self, path: str, shape: type[T]) -> T:
        headers = {}
        if self._token is not None:
            headers["authorization"] = f"Bearer {self._token.get_secret_value()}"
        reply = send(Call("GET", self._url + path, headers))
        if reply.status == UNAUTHORIZED and self._token is None:
            raise InputError(
                f"{self._url} asks for a token: create one at {self._url}/sign-in and set "
                f"SWITCHYARD_API_TOKEN"
            )
        if not reply.succeeded:
            detail = reply.detail or f"answers with status {reply.status}"
            raise InputError(f"{self._url}: {detail}")
        try:
            found = shape.model_validate(reply.value)
        except ValidationError as error:
            raise InputError(
                f"{self._url} answers with what this version does not know: is it Switchyard?"
            ) from error
        if isinstance(found, Rollout):
            found.data = reply.value
        return found
