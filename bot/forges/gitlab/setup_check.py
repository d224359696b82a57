"""Checks GitLab's set-up: the projects' webhooks, and that pipelines must succeed.

Sources: GitLab Docs, "Project webhooks API" (`alert_status`, test), "Webhooks" (GitLab
disables failing ones, permanently after forty failures), "Projects API".
"""

from collections.abc import Mapping
from typing import Any

from bot.forges.gitlab.http import Http, ResponseError, project

EVENTS = ("push_events", "merge_requests_events", "note_events")
NOT_VISIBLE = frozenset({401, 403, 404})
ENABLED = "executable"


async def check_webhooks(http: Http, repository: str, address: str) -> tuple[str, ...]:
    """Re-enable a webhook that GitLab disabled, and return what is wrong with it."""
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
    return tuple(warning for each in mine for warning in _warnings(repository, each))


def _warnings(repository: str, hook: Mapping[str, Any]) -> tuple[str, ...]:
    found = [
        f"{repository}: the webhook does not send {event}"
        for event in EVENTS
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
    if info.get("only_allow_merge_if_pipeline_succeeds"):
        return ()
    wrong = (
        f"{repository}: people can merge out of order: enable 'Pipelines must succeed' in the "
        f"project's merge request settings"
    )
    return (wrong,)
