"""What GitLab knows beyond the local forge: versions, webhooks, pipelines, its merge train.

`held` names what hinders a merge beside conflicts and pipelines, by the number of the merge
request: a `detailed_merge_status`. `merge_method` and `squash_option` are every project's settings,
`settings` has those of a single one.
"""

from collections.abc import Callable
from datetime import datetime, timedelta
from typing import Any
from urllib.parse import unquote

from fastapi import Request
from starlette.types import ASGIApp

from bot.sandbox.forge.accounts import RequestError
from bot.sandbox.forge.records import Comment, MergeRequest, User
from bot.sandbox.forge.state import ForgeState
from tests.fakes.gitlab import shapes
from tests.fakes.gitlab.pipelines import Pipelines
from tests.fakes.oauth import OAuth

Json = dict[str, Any]


class GitLab:
    """One GitLab: its state is the local forge's; it keeps when heads came (versions)."""

    def __init__(self, forge: ForgeState, clock: Callable[[], datetime]) -> None:
        self.forge, self.clock = forge, clock
        self.web = ""
        self.app: ASGIApp
        self.oauth = OAuth()
        self.versions: dict[tuple[str, int], list[Json]] = {}
        self.checking: dict[int, int] = {}
        self.groups: dict[str, set[str]] = {}
        self.bulk: set[int] = set()
        self.unverified: set[str] = set()
        self.hooks: dict[str, list[Json]] = {}
        self.tested: list[int] = []
        self.forks: dict[tuple[str, int], str] = {}
        self.awards: list[tuple[int, str]] = []
        self.kinds: dict[tuple[str, int, int], str] = {}
        self.touched: set[tuple[str, int, int]] = set()
        self.trains = False
        self.merge_method, self.squash_option = "merge", "default_off"
        self.settings: dict[str, Json] = {}
        self.held: dict[int, str] = {}
        self.reviewers: dict[tuple[str, int], list[int]] = {}
        self.many_reviewers = False
        self.token: Json = {"expires_at": None, "scopes": ["api"]}
        self.checked: dict[tuple[str, int], tuple[str, str | None]] = {}
        self.squashed: dict[tuple[str, int], str] = {}
        self.pipelines = Pipelines(forge)
        self.allowed_to_merge = "write"
        self.aboard: dict[int, str] = {}

    def signed_in(self, request: Request) -> User:
        _, _, token = request.headers.get("authorization", "").partition(" ")
        if token in self.oauth.tokens:
            return self.forge.users[self.oauth.tokens[token]]
        user = self.forge.authenticate(None, request.headers.get("private-token", ""))
        if user is None:
            raise RequestError(401, "401 Unauthorized")
        return user

    def path(self, request: Request, project: str) -> str:
        path = unquote(project)
        self.forge.require(self.signed_in(request), path, "read")
        return path

    def may_merge(self, user: User, path: str) -> bool:
        """Whether the target branch lets the user merge.

        GitLab Docs, "Protected branches": roles that are "Allowed to merge", by default Maintainers
        alone; here what `allowed_to_merge` says.
        """
        return self.forge.may(user, path, self.allowed_to_merge)

    def note(self, on: MergeRequest, found: Comment) -> Json:
        """A comment as a note; `kinds` has those on lines, in threads, and of GitLab itself.

        GitLab Docs, "Notes API": all of them are in one list, those of GitLab are `system`.
        """
        key = (on.repository, on.number, found.id)
        told = shapes.note(self.forge, on, found, self.web, touched=key in self.touched)
        kind = self.kinds.get(key)
        if kind == "system":
            return {**told, "system": True}
        return {**told, "type": kind, "resolvable": kind is not None}

    def notice(self, found: MergeRequest) -> list[Json]:
        """The versions of a merge request, the newest first; a new head is noticed when told of."""
        known = self.versions.setdefault((found.repository, found.number), [])
        if not known or known[0]["head_commit_sha"] != found.head:
            aside = timedelta(milliseconds=1 if known else -1)  # the clock of a test stands still
            at = self.clock() + aside
            known.insert(0, shapes.version(self.forge, found, len(known) + 1, at))
        self.pipelines.notice(found)
        return known

    def set_reviewers(self, found: MergeRequest, ids: list[int]) -> None:
        """Replace the reviewers of a merge request.

        app/services/merge_requests/base_service.rb, `filter_reviewer`: without a licence for more
        than one the first alone counts; who may not read the project is left out; if nobody is
        left, all stays as it was.
        """
        kept = ids if self.many_reviewers else ids[:1]
        users = {each.id: each for each in self.forge.users.values()}
        able = [
            each
            for each in kept
            if each in users and self.forge.may(users[each], found.repository, "read")
        ]
        if able:
            self.reviewers[found.repository, found.number] = able
