"""Whether GitLab tells the bot what happens, and keeps to the order it gives.

Sources: GitLab Docs, "Project webhooks API" (`alert_status`, test), "Webhooks" (GitLab switches off
those that fail, for ever after forty failures), "Projects API".
"""

from collections.abc import Mapping
from typing import Any

from bot.forges.gitlab.http import Http, ResponseError, project

EVENTS = ("push_events", "merge_requests_events", "note_events")
HIDDEN = frozenset({401, 403, 404})
SENT = "executable"


async def check_webhooks(http: Http, repository: str, address: str) -> tuple[str, ...]:
    """Switch the webhook on again where GitLab switched it off; what is wrong with it."""
    path = f"{project(repository)}/hooks"
    try:
        webhooks = await http.all(path)
    except ResponseError as error:
        if error.status in HIDDEN:
            return (f"{repository}: the token may not see webhooks; as a Maintainer's it could",)
        raise
    mine = [each for each in webhooks if each["url"].rstrip("/") == address]
    if not mine:
        return (f"{repository}: no webhook goes to {address} (fine if its group has one)",)
    for each in mine:
        if each.get("alert_status", SENT) != SENT:
            await http.post(f"{path}/{each['id']}/test/push_events", {})
    return tuple(wrong for each in mine for wrong in _wrong(repository, each))


def _wrong(repository: str, hook: Mapping[str, Any]) -> tuple[str, ...]:
    found = [
        f"{repository}: its webhook leaves out {event}" for event in EVENTS if not hook.get(event)
    ]
    if not hook.get("enable_ssl_verification", True):
        found.append(f"{repository}: its webhook does not verify certificates")
    if hook.get("alert_status", SENT) != SENT:
        found.append(f"{repository}: GitLab had switched its webhook off ({hook['alert_status']})")
    return tuple(found)


async def check_required_status(http: Http, repository: str) -> tuple[str, ...]:
    """Whether the project merges only what all statuses agree to."""
    info = await http.get(project(repository))
    if info.get("only_allow_merge_if_pipeline_succeeds"):
        return ()
    wrong = (
        f"{repository}: people can merge out of order: switch on 'Pipelines must succeed' in the "
        f"project's merge request settings"
    )
    return (wrong,)
