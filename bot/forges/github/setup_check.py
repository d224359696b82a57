"""Checks GitHub's set-up: the App, its webhook, and the required status of deploy repos.

Sources: GitHub Docs, "REST API endpoints for GitHub App webhooks" (deliveries of three days, their
redelivery; GitHub does not retry by itself), "Handling failed webhook deliveries", "Get a
branch", "Get rules for a branch", "Approving updated permissions for a GitHub App".
"""

from collections.abc import Iterator, Mapping
from typing import Any
from urllib.parse import quote

import httpx

from bot.forges import ORDER
from bot.forges.github.http import Http, ResponseError
from bot.forges.github.manifest import read_manifest
from bot.forges.github.rules import NOT_VISIBLE, rules_of
from bot.forges.github.tokens import AppTokens

MAX_REDELIVERIES = 50
MAX_ATTEMPTS = 3
ADD = "add it in the App's settings, Permissions & events"
RULE = "add a branch protection or a ruleset"
SOURCE = "choose Switchyard's App as its source in the branch protection or ruleset"
ADMIN = 3
ANY = -1
LEVELS = {"none": 0, "read": 1, "write": 2, "admin": ADMIN}


async def check_app(tokens: AppTokens) -> tuple[str, ...]:
    """Check that the App has what `app.yaml` asks for, and that each account accepted it."""
    wanted = read_manifest()
    app = await tokens.call("GET", "/app", None)
    own = _lacking(wanted["default_permissions"], app["permissions"])
    found = [f"the App lacks the permission {each}; {ADD}" for each in own]
    events = sorted(set(wanted["default_events"]) - set(app["events"]))
    found += [f"the App does not subscribe to {each}; {ADD}" for each in events]
    for each in await tokens.call("GET", "/app/installations?per_page=100", None):
        account = each["account"].get("login") or each["account"]["slug"]
        found += [
            f"the installation of the App on {account} lacks the permission {permission}; an owner "
            f"of {account} can accept it in the settings of {account}, GitHub Apps"
            for permission in _lacking(app["permissions"], each["permissions"])
            if permission not in own
        ]
    return tuple(found)


def _lacking(wanted: Mapping[str, str], granted: Mapping[str, str]) -> list[str]:
    return [
        f"{name}: {level}"
        for name, level in sorted(wanted.items())
        if LEVELS.get(granted.get(name, "none"), ADMIN) < LEVELS.get(level, ADMIN)
    ]


async def check_webhook(tokens: AppTokens, address: str) -> tuple[str, ...]:
    """Redeliver failed deliveries, and return what is wrong with the App's webhook."""
    config = await tokens.call("GET", "/app/hook/config", None)
    if config.get("url", "").rstrip("/") != address:
        url = config.get("url") or "not set"
        wrong = f"the App's webhook URL is {url}, not {address}: change it in the App's settings"
        return (wrong,)
    failed = list(_failed(await tokens.call("GET", "/app/hook/deliveries?per_page=100", None)))
    for delivery in failed[:MAX_REDELIVERIES]:
        await tokens.call("POST", f"/app/hook/deliveries/{delivery}/attempts", None)
    if str(config.get("insecure_ssl", "0")) != "0":
        return ("the App's webhook does not verify TLS certificates: enable SSL verification",)
    return ()


def _failed(log: list[Mapping[str, Any]]) -> Iterator[int]:
    """The newest attempt of every failed delivery with fewer than MAX_ATTEMPTS attempts."""
    attempts: dict[str, list[Mapping[str, Any]]] = {}
    for each in log:
        attempts.setdefault(each["guid"], []).append(each)
    for tries in attempts.values():
        delivered = any(httpx.codes.is_success(attempt["status_code"]) for attempt in tries)
        if not delivered and len(tries) < MAX_ATTEMPTS:
            yield tries[0]["id"]


async def check_required_status(http: Http, app: int | None, repository: str) -> tuple[str, ...]:
    """Check that the default branch requires the status `ORDER`, of the App with that id.

    Source: GitHub Docs, "About status checks": everybody who may write can set any status, unless
    the rule names the App that it has to come from.
    """
    info = await http.get(repository, f"/repos/{repository}")
    branch = info["default_branch"]
    sources = await _protection(http, repository, branch) | await _rules(http, repository, branch)
    if not sources:
        wrong = f"does not require the status {ORDER}, so people can merge out of order: {RULE}"
    elif app is not None and sources - {app, ANY}:
        wrong = f"requires the status {ORDER} from another App, so nothing can be merged: {SOURCE}"
    elif app is not None and app not in sources:
        wrong = f"takes the status {ORDER} from anybody with write access: {SOURCE}"
    else:
        return ()
    return (f"{repository}: branch {branch} {wrong}",)


async def _protection(http: Http, repository: str, branch: str) -> set[int]:
    """From which Apps the branch protection takes the status."""
    try:
        found = await http.get(repository, f"/repos/{repository}/branches/{quote(branch, safe='')}")
    except ResponseError as error:
        if error.status in NOT_VISIBLE:
            return set()
        raise
    checks = (found.get("protection") or {}).get("required_status_checks") or {}
    named = {
        each.get("app_id") or ANY for each in checks.get("checks") or () if each["context"] == ORDER
    }
    return named or ({ANY} if ORDER in (checks.get("contexts") or ()) else set())


async def _rules(http: Http, repository: str, branch: str) -> set[int]:
    """From which Apps rulesets take the status."""
    rules = await rules_of(http, repository, branch)
    parameters = (each.get("parameters") or {} for each in rules)
    return {
        check.get("integration_id") or ANY
        for each in parameters
        for check in each.get("required_status_checks") or ()
        if check["context"] == ORDER
    }
