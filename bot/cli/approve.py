"""`approve`: comments on the rollout's merge request, as the person, with their own token."""

import argparse
import re
from collections.abc import Callable
from urllib.parse import quote, urlsplit

from pydantic import HttpUrl

from bot.cli.errors import InputError
from bot.cli.http_client import Call, send
from bot.cli.service_api import Rollout, ServiceApi
from bot.cli.settings import read_client_settings
from bot.settings import ClientSettings
from bot.terminal import write

NAME = re.compile(r"[\w.-]+", re.ASCII)


def approve(options: argparse.Namespace) -> int:
    """Approve the waves of a rollout that wait, or one of them, or those of a cluster."""
    settings = read_client_settings()
    forge, token = _forge(settings)
    rollout = ServiceApi(settings).rollout(options.application)
    known = {name for wave in rollout.waves for name in (wave.name, *wave.clusters)}
    if options.target is not None and options.target not in known:
        waves = ", ".join(wave.name for wave in rollout.waves)
        raise InputError(f"{options.target!r} is no wave and no cluster; waves: {waves}")
    text = " ".join(["/switchyard approve", *([options.target] if options.target else [])])
    call = comment_call(rollout, forge, token, text)
    reply = send(call)
    if not reply.succeeded:
        raise InputError(
            f"{forge}: {reply.detail or f'answers with status {reply.status}'}; the token needs "
            f"the right to comment on merge requests of {rollout.app}"
        )
    assert rollout.home is not None
    write(f"commented on {rollout.home.url}: {text}\nplan {rollout.digest[:12]}; the reply there\n")
    return 0


def _forge(settings: ClientSettings) -> tuple[str, str]:
    if settings.forge_url is None or settings.forge_token is None:
        raise InputError(
            "set SWITCHYARD_FORGE_URL to the address of your forge, such as https://github.com, "
            "and SWITCHYARD_FORGE_TOKEN to a token of yours that may comment: an approval is yours"
        )
    return _origin(settings.forge_url), settings.forge_token.get_secret_value()


def _origin(url: HttpUrl) -> str:
    return str(url).rstrip("/")


def comment_call(rollout: Rollout, forge: str, token: str, text: str) -> Call:
    """The request that comments on the rollout's merge request.

    Raises:
        InputError: it has none, or it is not at the forge that the token is for.
    """
    if rollout.home is None:
        raise InputError(f"{rollout.application} has no merge request to comment on")
    if not rollout.home.url.startswith(f"{forge}/"):
        raise InputError(
            f"the rollout is at {rollout.home.url}, and SWITCHYARD_FORGE_URL is {forge}: the token "
            f"is sent to no other forge"
        )
    name, _, path = rollout.app.partition(":")
    if name not in COMMENTS or not _is_repository(path):
        raise InputError(f"{name}: comment there yourself, at {rollout.home.url}")
    call = COMMENTS[name](forge, path, rollout.home.number, token)
    return Call(call.method, call.url, call.headers, {"body": text})


def _is_repository(path: str) -> bool:
    """Whether a path is one of a repository, and leads to nothing else of the API."""
    parts = path.split("/")
    return len(parts) > 1 and all(NAME.fullmatch(each) and each.strip(".") for each in parts)


def _github(forge: str, path: str, number: int, token: str) -> Call:
    """GitHub REST documentation, "Create an issue comment"; GitHub Enterprise Server: `/api/v3`."""
    public = urlsplit(forge).hostname == "github.com"
    api = "https://api.github.com" if public else f"{forge}/api/v3"
    headers = {"authorization": f"Bearer {token}", "accept": "application/vnd.github+json"}
    return Call("POST", f"{api}/repos/{quote(path)}/issues/{number}/comments", headers)


def _gitlab(forge: str, path: str, number: int, token: str) -> Call:
    """GitLab REST documentation, "Notes API": create a merge request note."""
    project = quote(path, safe="")
    url = f"{forge}/api/v4/projects/{project}/merge_requests/{number}/notes"
    return Call("POST", url, {"private-token": token})


def _local(forge: str, path: str, number: int, token: str) -> Call:
    """The local forge, `bot/sandbox/forge/api.py`."""
    url = f"{forge}/api/v1/repos/{quote(path)}/merge_requests/{number}/comments"
    return Call("POST", url, {"authorization": f"Bearer {token}"})


COMMENTS: dict[str, Callable[[str, str, int, str], Call]] = {
    "github": _github,
    "gitlab": _gitlab,
    "local": _local,
}
