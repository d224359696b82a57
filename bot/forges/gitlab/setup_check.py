"""Checks GitLab's set-up: the token, the projects and their webhooks, and that pipelines must pass.

Sources: GitLab Docs, "Project webhooks API" (`alert_status`, test), "Webhooks" (GitLab
disables failing ones, permanently after forty failures), "Projects API", "Personal access tokens
API" (`/personal_access_tokens/self` tells of any access token itself; it ends on `expires_at`).
"""

from collections.abc import Container, Mapping
from datetime import date, datetime, timedelta
from typing import Any

from bot.forges.gitlab.http import Http, ResponseError, project
from bot.forges.gitlab.refusals import RENEW

EVENTS = ("push_events", "merge_requests_events", "note_events")
PIPELINES = "pipeline_events"
NOT_VISIBLE = frozenset({401, 403, 404})
ENABLED = "executable"
WARNED_BEFORE = timedelta(days=14)
SCOPE = "api"


async def check_token(http: Http, now: datetime) -> tuple[str, ...]:
    """Warn before the token ends, and if it may not write."""
    try:
        token = await http.get("/personal_access_tokens/self")
    except ResponseError as error:
        if error.status in NOT_VISIBLE:
            return ()
        raise
    found = []
    if SCOPE not in token.get("scopes", [SCOPE]):
        found.append(f"the token lacks the scope `{SCOPE}`: {RENEW}")
    if token.get("expires_at"):
        left = date.fromisoformat(token["expires_at"]) - now.date()
        if left <= WARNED_BEFORE:
            found.append(f"the token ends on {token['expires_at']}, in {left.days} days: {RENEW}")
    return tuple(found)


async def check_project(http: Http, repository: str) -> tuple[str, ...]:
    """Check that a project is where it was registered, and can be written to."""
    found = await http.get(project(repository))
    warnings = []
    if found["path_with_namespace"] != repository:
        warnings.append(
            f"{repository}: the project is {found['path_with_namespace']} now; a platform engineer "
            f"writes that name in the fleet repo"
        )
    if found.get("archived"):
        warnings.append(f"{repository}: the project is archived; an owner can unarchive it")
    if found.get("marked_for_deletion_on"):
        warnings.append(
            f"{repository}: the project is deleted on {found['marked_for_deletion_on']}; an owner "
            f"can restore it"
        )
    return tuple(warnings)


async def check_webhooks(
    http: Http, deploys: Container[str], address: str, repository: str
) -> tuple[str, ...]:
    """Re-enable a webhook that GitLab disabled, and return what is wrong with it.

    A deploy repo sends its pipelines too: a new one counts alone, until it has the order.
    """
    events = (*EVENTS, PIPELINES) if repository in deploys else EVENTS
    path = f"{project(repository)}/hooks"
    try:
        webhooks = await http.all(path)
    except ResponseError as error:
        if error.status in NOT_VISIBLE:
            return (f"{repository}: the token cannot read webhooks (role Maintainer required)",)
        raise
    mine = [each for each in webhooks if each["url"].rstrip("/") == address]
    if not mine:
        return (f"{repository}: no webhook has the URL {address} (a group webhook is sufficient)",)
    for each in mine:
        if each.get("alert_status", ENABLED) != ENABLED:
            await http.post(f"{path}/{each['id']}/test/push_events", {})
    return tuple(warning for each in mine for warning in _warnings(repository, each, events))


def _warnings(repository: str, hook: Mapping[str, Any], events: tuple[str, ...]) -> tuple[str, ...]:
    found = [
        f"{repository}: the webhook does not send {event}"
        for event in events
        if not hook.get(event)
    ]
    if not hook.get("enable_ssl_verification", True):
        found.append(f"{repository}: the webhook does not verify TLS certificates")
    if hook.get("alert_status", ENABLED) != ENABLED:
        found.append(f"{repository}: GitLab had disabled the webhook ({hook['alert_status']})")
    return tuple(found)


async def check_required_status(http: Http, repository: str) -> tuple[str, ...]:
    """Check that the project merges only if all statuses succeed."""
    info = await http.get(project(repository))
    setting = "in the project's merge request settings"
    if info.get("builds_access_level") == "disabled":
        return (
            (
                f"{repository}: statuses cannot be set: enable CI/CD in the project's settings, "
                f"Visibility, project features, permissions"
            ),
        )
    if not info.get("only_allow_merge_if_pipeline_succeeds"):
        wrong = f"people can merge out of order: enable 'Pipelines must succeed' {setting}"
        return (f"{repository}: {wrong}",)
    if info.get("allow_merge_on_skipped_pipeline"):
        wrong = (
            f"people can merge out of order with a skipped pipeline: disable 'Skipped pipelines "
            f"are considered successful' {setting}"
        )
        return (f"{repository}: {wrong}",)
    return ()
