"""What GitHub checks of an App manifest before it makes the App.

Sources: GitHub Docs, "Webhook events and payloads" (each event's "To subscribe to this event, a
GitHub App must have at least read-level access for the ... permission"; `installation` and other
events of an App's life come to every App and cannot be subscribed to), "Registering a GitHub App
from a manifest" (parameters), "Registering a GitHub App" (name of at most 34 characters). The
sentences are those that people report from github.com. That GitHub shows them on its form again is
reported as well; with which HTTP status is not, 200 is assumed.
"""

from urllib.parse import urlsplit

from tests.fakes.github.description import components
from tests.fakes.github.state import Json

LONGEST_NAME = 34
MOST_CALLBACKS = 10
LOCAL = {"localhost", "127.0.0.1", "::1"}
PARAMETERS = {
    "name",
    "url",
    "hook_attributes",
    "redirect_url",
    "callback_urls",
    "setup_url",
    "description",
    "public",
    "default_events",
    "default_permissions",
    "request_oauth_on_install",
    "setup_on_update",
}
NEEDED_BY_EVENT = {
    "branch_protection_rule": "administration",
    "check_run": "checks",
    "check_suite": "checks",
    "commit_comment": "contents",
    "create": "contents",
    "delete": "contents",
    "fork": "contents",
    "issue_comment": "issues",
    "issues": "issues",
    "label": "metadata",
    "member": "members",
    "membership": "members",
    "merge_group": "merge_queues",
    "organization": "members",
    "public": "metadata",
    "pull_request": "pull_requests",
    "pull_request_review": "pull_requests",
    "pull_request_review_comment": "pull_requests",
    "pull_request_review_thread": "pull_requests",
    "push": "contents",
    "release": "contents",
    "repository": "metadata",
    "repository_dispatch": "contents",
    "star": "metadata",
    "status": "statuses",
    "team": "members",
    "team_add": "members",
    "watch": "metadata",
    "workflow_dispatch": "contents",
    "workflow_job": "actions",
    "workflow_run": "actions",
}


def faults(manifest: Json, *, public: bool = True) -> list[str]:
    """Why GitHub refuses the manifest; empty if it makes the App.

    `public` is github.com. Enterprise Server may deliver to networks of its own, and the one of the
    stories runs on the machine of the service.
    """
    found = [f'"{each}" is not a permitted key' for each in sorted(manifest.keys() - PARAMETERS)]
    if not manifest.get("url"):
        found.append("Url can't be blank")
    if len(manifest.get("name", "")) > LONGEST_NAME:
        found.append(f"Name is too long (maximum is {LONGEST_NAME} characters)")
    if len(manifest.get("callback_urls", [])) > MOST_CALLBACKS:
        found.append(f"Callback urls can't be more than {MOST_CALLBACKS}")
    found += _of_the_hook(manifest.get("hook_attributes", {}), public=public)
    return found + _of_permissions(manifest) + _of_events(manifest)


def _of_the_hook(hook: Json, *, public: bool) -> list[str]:
    if not hook.get("url"):
        return ["Hook url can't be blank"] if hook else []
    found = [f'"{each}" is not a permitted key' for each in sorted(hook.keys() - {"url", "active"})]
    if public and urlsplit(hook["url"]).hostname in LOCAL:
        found.append(
            "Hook url is not supported because it isn't reachable over the public Internet"
        )
    return found


def _of_permissions(manifest: Json) -> list[str]:
    """The names are those of the OpenAPI description, but for `emails` (there email_addresses)."""
    known = components()["app-permissions"]["properties"]
    for name, level in manifest.get("default_permissions", {}).items():
        if name != "emails" and (name not in known or level not in known[name]["enum"]):
            return ["Default permission records resource is not included in the list"]
    return []


def _of_events(manifest: Json) -> list[str]:
    events, granted = manifest.get("default_events", []), manifest.get("default_permissions", {})
    unknown = [each for each in events if each not in NEEDED_BY_EVENT]
    powerless = [each for each in events if NEEDED_BY_EVENT.get(each) not in granted]
    return [
        *([f"Default events unsupported: {' and '.join(unknown)}"] if unknown else []),
        *(
            [f"Default events are not supported by permissions: {' and '.join(powerless)}"]
            if powerless
            else []
        ),
    ]
