"""Whether GitHub tells the bot what happens, and keeps to the order it gives.

Sources: GitHub Docs, "REST API endpoints for GitHub App webhooks" (deliveries of three days, their
redelivery; GitHub never repeats one by itself), "Handling failed webhook deliveries", "Get a
branch", "Get rules for a branch".
"""

from collections.abc import Iterator, Mapping
from typing import Any
from urllib.parse import quote

import httpx

from bot.forges import ORDER
from bot.forges.github.http import Http, ResponseError
from bot.forges.github.tokens import AppTokens

MOST_REDELIVERED = 50
MOST_TRIES = 3
HIDDEN = frozenset({403, 404})


async def check_webhook(tokens: AppTokens, address: str) -> tuple[str, ...]:
    """Ask again for what was not taken; what is wrong with the App's webhook."""
    config = await tokens.call("GET", "/app/hook/config", None)
    if config.get("url", "").rstrip("/") != address:
        told = config.get("url") or "nowhere"
        return (
            f"the App's webhook goes to {told}, not to {address}: set it in the App's settings",
        )
    lost = list(_lost(await tokens.call("GET", "/app/hook/deliveries?per_page=100", None)))
    for delivery in lost[:MOST_REDELIVERED]:
        await tokens.call("POST", f"/app/hook/deliveries/{delivery}/attempts", None)
    if str(config.get("insecure_ssl", "0")) != "0":
        return ("the App's webhook does not verify certificates: switch that on",)
    return ()


def _lost(log: list[Mapping[str, Any]]) -> Iterator[int]:
    """The newest attempt of every delivery of which none was taken, unless it was tried often."""
    attempts: dict[str, list[Mapping[str, Any]]] = {}
    for each in log:
        attempts.setdefault(each["guid"], []).append(each)
    for tries in attempts.values():
        taken = any(httpx.codes.is_success(each["status_code"]) for each in tries)
        if not taken and len(tries) < MOST_TRIES:
            yield tries[0]["id"]


async def check_required_status(http: Http, repository: str) -> tuple[str, ...]:
    """Whether the default branch asks for the status that keeps the order."""
    info = await http.get(repository, f"/repos/{repository}")
    branch = quote(info["default_branch"], safe="")
    required = await _protection(http, repository, branch) | await _rules(http, repository, branch)
    if ORDER in required:
        return ()
    wrong = (
        f"{repository}: {info['default_branch']} does not require the status {ORDER}, so that "
        f"people can merge out of order: protect it, or add a rule"
    )
    return (wrong,)


async def _protection(http: Http, repository: str, branch: str) -> set[str]:
    try:
        found = await http.get(repository, f"/repos/{repository}/branches/{branch}")
    except ResponseError as error:
        if error.status in HIDDEN:
            return set()
        raise
    checks = (found.get("protection") or {}).get("required_status_checks") or {}
    return set(checks.get("contexts") or ())


async def _rules(http: Http, repository: str, branch: str) -> set[str]:
    try:
        rules = await http.pages(repository, f"/repos/{repository}/rules/branches/{branch}")
    except ResponseError as error:
        if error.status in HIDDEN:
            return set()
        raise
    asked = (each.get("parameters") or {} for each in rules)
    return {
        check["context"] for each in asked for check in each.get("required_status_checks") or ()
    }
