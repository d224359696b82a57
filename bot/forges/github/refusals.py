"""What GitHub's refusals mean, and who can do something about them.

Sources: GitHub Docs, "Troubleshooting the REST API", "Permissions required for GitHub Apps"
(`X-Accepted-GitHub-Permissions`), "Suspending a GitHub App installation", "Managing allowed IP
addresses for your organization", "Authenticating with SAML single sign-on", "About archived
repositories"; `Repository access blocked` is GitHub's own message of a blocked repository.
"""

import re
from collections.abc import Mapping
from dataclasses import dataclass

from bot.forges.github.tokens import accept_in_settings

UNAUTHORIZED, FORBIDDEN, NOT_FOUND, BLOCKED = 401, 403, 404, 451
PERMISSIONS = "x-accepted-github-permissions"
NO_PERMISSION = re.compile(r"not accessible by (integration|personal access token)", re.IGNORECASE)


@dataclass(frozen=True, slots=True)
class Refused:
    """A refusal as received; `by_app` tells whether the request was made as an installation."""

    status: int
    message: str
    headers: Mapping[str, str]
    repository: str
    by_app: bool

    @property
    def account(self) -> str:
        """The account that owns the repository."""
        return self.repository.partition("/")[0] or "the account"


def explained(refused: Refused) -> str:
    """GitHub's message, or where it is known what it means, that and who can clear it."""
    if NO_PERMISSION.search(refused.message):
        return _permission(refused)
    if refused.status == UNAUTHORIZED:
        return _credentials(refused)
    text = refused.message.lower()
    for mark, what in MEANINGS.items():
        if mark in text:
            return what.format(
                message=refused.message, account=refused.account, repository=refused.repository
            )
    if refused.status == BLOCKED:
        return MEANINGS["repository access blocked"].format(
            message=refused.message, repository=refused.repository
        )
    if refused.status == NOT_FOUND and refused.by_app:
        return (
            f"{refused.message}: it does not exist, or the GitHub App may not see it; an owner of "
            f"{refused.account} can add the repository to the App's installation"
        )
    return refused.message


MEANINGS: Mapping[str, str] = {
    "installation has been suspended": (
        "the installation of the GitHub App on {account} is suspended: an owner of {account} can "
        "unsuspend it in the settings of {account}, GitHub Apps"
    ),
    "ip allow list": (
        "{account} admits only known IP addresses: an owner of {account} can add the service's "
        "address, or allow the addresses that GitHub Apps state, in its settings, Authentication "
        "security"
    ),
    "saml enforcement": (
        "{account} requires single sign-on: the owner of the token can authorize it for {account}, "
        "or use a GitHub App, which needs none"
    ),
    "archived so is read-only": (
        "{repository} is archived: an admin of the repository can unarchive it, or remove it from "
        "the fleet repo"
    ),
    "repository access blocked": (
        "GitHub blocks {repository} ({message}): its owner can ask GitHub's support why"
    ),
    "issues are disabled": (
        "{repository} has issues disabled: an admin of the repository can enable them in its "
        "settings"
    ),
    "git repository is empty": ("{repository} is empty: push a first commit to its default branch"),
    "not granted to this installation": (
        "the installation of the GitHub App on {account} lost a permission: an owner of {account} "
        "can accept the App's permissions in the settings of {account}, GitHub Apps"
    ),
}


def _permission(refused: Refused) -> str:
    """Which permission is missing, as the header tells."""
    accepted = refused.headers.get(PERMISSIONS, "")
    choices = [each.strip().replace("=", ": ") for each in accepted.split(";") if each.strip()]
    what = f"the permission {' or '.join(choices)}" if choices else "a permission"
    if not refused.by_app:
        return f"the token lacks {what}: its owner can add it in the token's settings on GitHub"
    return (
        f"the GitHub App lacks {what} on {refused.repository or refused.account}; add it in the "
        f"App's settings, Permissions & events, and {accept_in_settings(refused.account)}"
    )


def _credentials(refused: Refused) -> str:
    if not refused.by_app:
        return (
            f"{refused.message}: the token in SWITCHYARD_GITHUB_TOKEN is wrong, expired or "
            f"revoked; set a new one"
        )
    return (
        f"{refused.message}: GitHub rejects a new token of the App's installation on "
        f"{refused.account}, as after an uninstallation; an owner of {refused.account} can look "
        f"in its settings, GitHub Apps"
    )
