"""Who has a hand in commits, as GitHub and GitLab tell it, beyond what their fakes do."""

import re
from collections.abc import Callable, Mapping
from typing import Any, cast

from bot.forges import MAX_COMMIT_RANGE, CommitRange, Contributors, User
from bot.forges.github import contributors as on_github
from bot.forges.github.http import Http as GitHubHttp
from bot.forges.github.http import ResponseError as GitHubError
from bot.forges.gitlab import contributors as on_gitlab
from bot.forges.gitlab.http import Http as GitLabHttp
from bot.forges.gitlab.http import ResponseError as GitLabError

REPO, FORK = "shop/storefront", "otto/storefront"
ADA, OTTO, RITA = ({"id": number, "login": f"user-{number}"} for number in (1, 2, 3))
WEB_FLOW = {"id": 19864447, "login": "web-flow"}
ZERO = "0" * 40
Json = dict[str, Any]


async def me() -> User:
    return User(99, "switchyard[bot]", "", bot=True)


def commits(**parents: str) -> CommitRange:
    """Each commit with its parents; the first is the head."""
    graph = {sha: tuple(of.split()) for sha, of in parents.items()}
    return CommitRange("main", next(iter(graph)), graph)


class GitHub:
    """Answers by path; lists are given whole."""

    def __init__(self) -> None:
        self.answers: dict[str, Any] = {}
        self.asked: list[str] = []

    def pushed(self, actor: Json | None, before: str, after: str, ref: str, of: str = REPO) -> None:
        listed = self.answers.setdefault(f"/repos/{of}/activity", [])
        told = {"before": before, "after": after, "ref": f"refs/heads/{ref}", "actor": actor}
        listed.insert(0, {"id": len(listed) + 1, **told})

    def committed(self, sha: str, author: Json | None, committer: Json | None) -> None:
        listed = self.answers.setdefault(f"/repos/{REPO}/commits", [])
        listed.append({"sha": sha, "author": author, "committer": committer})

    def pulled(self, number: int, by: Json, merged_by: Json | None, **fields: Any) -> None:
        """A merged pull request; `brings` are commits of the range, `commits` its own."""
        own: list[Json] = fields.get("commits", [])
        pull = {
            "number": number,
            "user": by,
            "merged_by": merged_by,
            "merged_at": "2026-11-20T12:00:00Z",
            "merge_commit_sha": fields["merge"],
            "commits": fields.get("count", len(own)),
            "head": {
                "sha": own[-1]["sha"] if own else "",
                "ref": fields.get("branch", "shop"),
                "repo": {"full_name": fields.get("repo", REPO)},
            },
        }
        self.answers[f"/repos/{REPO}/pulls/{number}"] = pull
        self.answers[f"/repos/{REPO}/pulls/{number}/commits"] = own
        for sha in fields.get("brings", ()):
            self.answers[f"/repos/{REPO}/commits/{sha}/pulls"] = [pull]
        base = fields.get("base", "main")
        self.answers.setdefault(f"/repos/{REPO}/pulls?base={base}", []).append(pull)

    async def get(self, repository: str, path: str, **_: str) -> Any:
        assert repository == REPO
        return self.answers[path]

    async def pages(
        self,
        repository: str,
        path: str,
        query: Mapping[str, str] | None = None,
        is_last: Callable[[Any], bool] = lambda _: False,
    ) -> list[Any]:
        assert repository == REPO, "a fork is asked with the token for the repository"
        key = f"{path}?base={query['base']}" if query and "base" in query else path
        self.asked.append(key)
        if path == f"/repos/{FORK}/activity" and path not in self.answers:
            raise GitHubError(404, path, "Not Found")
        found = []
        for each in self.answers.get(key, []):
            found.append(each)
            if is_last(each):
                break
        return found

    async def read(self, found: CommitRange) -> Contributors:
        return await on_github.ContributorReader(cast("GitHubHttp", self), me).read(REPO, found)


def commit(sha: str, parent: str, who: Json | None) -> Json:
    return {"sha": sha, "author": who, "committer": who, "parents": [{"sha": parent}]}


def squashed(**fields: Any) -> GitHub:
    """Pull request 7, of two commits by otto and ada, squashed to `q` by rita."""
    github = GitHub()
    github.committed("q", OTTO, WEB_FLOW)
    github.pulled(
        7,
        OTTO,
        RITA,
        merge="q",
        brings=["q"],
        commits=[commit("s1", "old", OTTO), commit("s2", "s1", OTTO)],
        **fields,
    )
    return github


async def test_whoever_pushed_what_was_squashed_counts() -> None:
    github = squashed()
    github.pushed(OTTO, ZERO, "s1", "shop")
    github.pushed(ADA, "s1", "s2", "shop")
    github.pushed(RITA, "old", "q", "main")

    found = await github.read(commits(q="old"))

    assert (found.accounts, found.unattributed) == ({1, 2, 3}, ())


async def test_a_pull_request_with_more_commits_than_are_listed_is_not_attributed() -> None:
    github = squashed(count=MAX_COMMIT_RANGE + 1)
    github.pushed(OTTO, ZERO, "s2", "shop")
    github.pushed(RITA, "old", "q", "main")

    found = await github.read(commits(q="old"))

    assert [each.sha for each in found.unattributed] == ["s2"]
    assert "more than 250" in found.unattributed[0].reason


async def test_pushes_to_a_fork_count_where_they_can_be_read() -> None:
    github = squashed(repo=FORK)
    github.pushed(RITA, "old", "q", "main")
    hidden = await github.read(commits(q="old"))
    assert {each.sha for each in hidden.unattributed} == {"s1", "s2"}

    github.pushed(ADA, ZERO, "s2", "shop", of=FORK)
    found = await github.read(commits(q="old"))

    assert (found.accounts, found.unattributed) == ({1, 2, 3}, ())


async def test_pull_requests_below_others_are_found_by_their_target() -> None:
    github = GitHub()
    for sha in ("m", "b", "a"):
        github.committed(sha, OTTO, OTTO)
    own = [commit("a", "old", OTTO), commit("b", "a", OTTO)]
    github.pulled(7, OTTO, OTTO, merge="m", brings=["m", "a", "b"], commits=own)
    github.pulled(6, ADA, RITA, merge="b", base="shop", branch="part", commits=own[:1])
    github.pushed(OTTO, ZERO, "a", "part")
    github.pushed(OTTO, "old", "b", "shop")
    github.pushed(OTTO, "old", "m", "main")

    found = await github.read(commits(m="old b", b="a", a="old"))

    assert (found.accounts, found.unattributed) == ({1, 2, 3}, ())


async def test_what_github_does_not_tell_is_said_of_each_commit() -> None:
    github = GitHub()
    github.committed("c", None, OTTO)
    github.committed("b", OTTO, OTTO)
    github.pulled(7, OTTO, None, merge="b", brings=["b"])
    github.pushed(None, "old", "a", "main")
    github.pushed(OTTO, "a", "c", "main")

    found = await github.read(commits(c="b", b="a", a="old"))

    reasons = {each.sha: each.reason for each in found.unattributed}
    assert set(reasons) == {"a", "b", "c"}
    assert "no GitHub account" in reasons["c"]
    assert "who merged pull request #7" in reasons["b"]


async def test_known_pushes_are_not_listed_again_and_noreply_addresses_name_accounts() -> None:
    github = GitHub()
    github.committed("a", OTTO, OTTO)
    for number in range(300):
        github.pushed(OTTO, f"x{number}", f"x{number + 1}", "other")
    github.pushed(OTTO, "old", "a", "main")
    reader = on_github.ContributorReader(cast("GitHubHttp", github), me)
    address = "3+rita@users.noreply.github.com"
    await reader.read(REPO, CommitRange("main", "a", {"a": ("old",)}))
    github.committed("b", OTTO, OTTO)
    github.pushed(ADA, "a", "b", "main")

    found = await reader.read(REPO, CommitRange("main", "b", {"b": ("a",)}, frozenset({address})))

    assert (found.accounts, found.unattributed) == ({1, 2, 3}, ())


class GitLab:
    """Answers by path; lists are given whole."""

    def __init__(self) -> None:
        self.answers: dict[str, list[Json]] = {}
        self.authors: dict[str, int | None] = {}

    def pushed(self, author: int, before: str | None, after: str | None, ref: str | None) -> None:
        listed = self.answers.setdefault("/events", [])
        data = {"ref_type": "branch", "commit_from": before, "commit_to": after, "ref": ref}
        listed.insert(0, {"id": len(listed) + 1, "author_id": author, "push_data": data})

    def requested(self, number: int, author: int, merger: int | None, **fields: Any) -> None:
        """A merged merge request, related to the commits `of`."""
        found = {
            "iid": number,
            "state": "merged",
            "author": {"id": author},
            "merge_user": {"id": merger} if merger else None,
            "merge_commit_sha": fields.get("merge"),
            "squash_commit_sha": fields.get("squash"),
            "sha": fields["own"][0],
            "target_branch": fields.get("target", "main"),
            "source_branch": fields.get("source", "shop"),
            "source_project_id": fields.get("project", 1),
            "target_project_id": 1,
        }
        for sha in fields["of"]:
            path = f"/repository/commits/{sha}/merge_requests"
            self.answers.setdefault(path, []).append(found)
        told = [{"id": sha, "parent_ids": []} for sha in fields["own"]]
        self.answers[f"/merge_requests/{number}/commits"] = told

    async def get(self, path: str, **query: Any) -> Any:
        if path.startswith("/projects/9/"):
            raise GitLabError(404, path, "404 Project Not Found")
        found = self.answers.get(path.removeprefix("/projects/shop%2Fstorefront"), [])
        start = (query["page"] - 1) * query["per_page"]
        return found[start : start + query["per_page"]]

    async def all(self, path: str, **_: Any) -> list[Any]:
        return self.answers.get(path.removeprefix("/projects/shop%2Fstorefront"), [])

    async def graphql(self, query: str, variables: Mapping[str, str]) -> Any:
        """Every commit is of account 1, unless `authors` says otherwise."""
        assert variables == {"path": REPO}
        trees = {}
        for name, sha in re.findall(r'(\w+): tree\(ref: "(\w+)"\)', query):
            account = self.authors.get(sha, 1)
            author = {"id": f"gid://gitlab/User/{account}"} if account else None
            trees[name] = {"lastCommit": {"sha": sha, "author": author}}
        return {"project": {"repository": trees}}

    async def me(self) -> int:
        return 99

    async def read(self, found: CommitRange) -> Contributors:
        reader = on_gitlab.ContributorReader(cast("GitLabHttp", self), self.me)
        return await reader.read(REPO, found)


async def test_squashed_commits_are_a_line_to_gitlab() -> None:
    gitlab = GitLab()
    gitlab.requested(7, 2, 3, squash="q", of=["q"], own=["s2", "s1"])
    gitlab.pushed(1, None, "s1", "shop")
    gitlab.pushed(2, "s1", "s2", "shop")
    gitlab.pushed(3, "old", "q", "main")

    found = await gitlab.read(commits(q="old"))

    assert (found.accounts, found.unattributed) == ({1, 2, 3}, ())


async def test_a_merge_request_that_takes_the_commits_elsewhere_is_none_of_theirs() -> None:
    """Such as from main to the branch of an environment."""
    gitlab = GitLab()
    gitlab.requested(8, 3, 3, merge="p", of=["a"], own=["a"], source="main", target="production")
    gitlab.pushed(1, "old", "a", "main")
    gitlab.pushed(3, "older", "p", "production")

    found = await gitlab.read(commits(a="old"))

    assert (found.accounts, found.unattributed) == ({1}, ())


async def test_fast_forward_merge_requests_are_found_by_their_branches() -> None:
    gitlab = GitLab()
    gitlab.requested(6, 1, 2, of=["a"], own=["a"], source="part", target="shop")
    gitlab.requested(7, 2, 2, of=["a", "b"], own=["b", "a"])
    gitlab.pushed(2, None, "a", "part")
    gitlab.pushed(2, "old", "a", "shop")
    gitlab.pushed(2, "a", "b", "shop")
    gitlab.pushed(2, "old", "b", "main")

    found = await gitlab.read(commits(b="a", a="old"))

    assert (found.accounts, found.unattributed) == ({1, 2}, ())


async def test_what_gitlab_does_not_tell_is_said() -> None:
    gitlab = GitLab()
    gitlab.requested(7, 2, None, merge="m", of=["m", "a"], own=["a"], project=9)
    gitlab.pushed(1, None, None, None)
    gitlab.pushed(2, "old", "m", "main")

    found = await gitlab.read(commits(m="old a", a="old"))

    reasons = {each.sha: each.reason for each in found.unattributed}
    assert "who merged merge request !7" in reasons["m"]
    assert "who pushed it to the branch of merge request 7" in reasons["a"]


async def test_who_wrote_what_another_pushed_is_told_by_the_verified_address() -> None:
    gitlab = GitLab()
    gitlab.pushed(2, "old", "b", "main")
    gitlab.authors |= {"a": 3, "b": None}

    found = await gitlab.read(commits(b="a", a="old"))

    assert found.accounts == {2, 3}
    assert [(each.sha, each.reason) for each in found.unattributed] == [
        ("b", "its author's address belongs to no GitLab account")
    ]


async def test_what_switchyard_pushed_first_has_no_author_besides() -> None:
    gitlab = GitLab()
    gitlab.pushed(2, "old", "a", "shop")
    gitlab.pushed(99, "old", "b", "main")
    gitlab.authors |= {"a": 3, "b": None}

    found = await gitlab.read(commits(b="a", a="old"))

    assert (found.accounts, found.unattributed) == ({2, 3, 99}, ())
