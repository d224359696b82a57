"""Merge requests of the local forge, over its programming interface."""

import httpx
import pytest

from bot.sandbox.demo.people import Person
from bot.sandbox.forge.server import create_forge
from tests.unit.sandbox.conftest import NOW, REPO, Stage


def refused(answer: httpx.Response) -> tuple[int, str]:
    return answer.status_code, answer.json()["message"]


def test_opening_twice_gives_the_same(stage: Stage) -> None:
    stage.begin()
    number = stage.propose()
    ada = stage.person("ada")

    assert ada.open(REPO, "change", "Another title") == number
    found = ada.request(REPO, number)
    assert (found["title"], found["state"], found["conflicts"]) == (
        "Title of change",
        "open",
        False,
    )
    assert found["author"]["login"] == "ada"


def test_only_a_branch_with_new_commits_can_be_opened(stage: Stage) -> None:
    stage.begin()
    fields = {"branch": "nowhere", "target": "main", "title": "x", "body": ""}
    with stage.api("ada") as api:
        missing = api.post("/merge_requests", json=fields)
        same = api.post("/merge_requests", json={**fields, "branch": "main"})
        strange = api.post("/merge_requests", json={**fields, "branch": "a..b c\x7f"})

    assert refused(missing) == (422, "branch nowhere does not exist")
    assert refused(same) == (422, "main has no commits that are not in main")
    assert strange.status_code == 422


def test_a_merge_commit_has_two_parents_and_the_users_signature(stage: Stage) -> None:
    base = stage.begin()
    number = stage.propose()
    stage.report(number)
    ada = stage.person("ada")
    head = ada.request(REPO, number)["head"]

    sha = ada.merge(REPO, number)

    repository = stage.made.forge.git.open(REPO)
    commit = repository[sha]
    assert [str(parent) for parent in commit.parent_ids] == [base, head]
    assert (commit.author.name, commit.author.email) == ("Ada", "ada@example.com")
    assert commit.commit_time == NOW.timestamp()
    assert commit.message == "Merge: Title of change"
    found = ada.request(REPO, number)
    assert (found["state"], found["merge_sha"], found["merged_by"]) == ("merged", sha, "ada")
    assert stage.made.forge.git.branches(REPO) == {"main": sha}
    with stage.api("ada") as api:
        assert api.get(f"/commits/{sha}/merge_request").json()["number"] == number
        assert api.get(f"/commits/{head}/merge_request").json() is None


def test_blockers_of_a_merge_are_reported(stage: Stage) -> None:
    stage.begin()
    number = stage.propose()
    head = stage.person("ada").request(REPO, number)["head"]
    fields = {"head": head, "message": "m"}
    with stage.api("ada") as ada, stage.api("rita") as rita, stage.api("otto") as otto:
        path = f"/merge_requests/{number}"
        assert refused(ada.post(f"{path}/merge", json={**fields, "head": "0" * 40}))[0] == 409
        missing = ada.post(f"{path}/merge", json=fields)
        assert refused(missing) == (405, "ci is required but not reported yet")
        stage.report(number, "failure")
        failed = otto.post(f"{path}/merge", json=fields)
        assert refused(failed) == (405, "ci is failure: built")
        stage.report(number)
        assert refused(rita.post(f"{path}/merge", json=fields)) == (
            405,
            "merging requires role write",
        )
        ada.patch(path, json={"state": "closed"})
        assert refused(ada.post(f"{path}/merge", json=fields)) == (
            405,
            "the merge request is closed",
        )


def test_a_conflict_is_seen_and_stops_the_merge(stage: Stage) -> None:
    stage.begin()
    first, second = stage.propose("first", b"1\n"), stage.propose("second", b"2\n")
    for number in (first, second):
        stage.report(number)
    ada = stage.person("ada")
    ada.merge(REPO, first)

    assert ada.request(REPO, second)["conflicts"] is True
    with pytest.raises(RuntimeError, match=r"405.*conflicts with main"):
        ada.merge(REPO, second)


def test_a_push_updates_the_head_and_keeps_approvals_of_the_old_head(stage: Stage) -> None:
    stage.begin()
    number = stage.propose()
    rita, ada = stage.person("rita"), stage.person("ada")
    rita.approve(REPO, number)
    old = ada.request(REPO, number)["head"]

    new = ada.push(REPO, "change", {"a.txt": b"three\n"}, "More")

    assert ada.request(REPO, number)["head"] == new
    with stage.api("rita") as api:
        (review,) = api.get(f"/merge_requests/{number}/reviews").json()
        assert (review["user"]["login"], review["head"]) == ("rita", old)
        late = api.put(f"/merge_requests/{number}/approval", params={"head": old})
        assert refused(late) == (
            409,
            "the branch has changed since you loaded the page; review it again",
        )
        api.delete(f"/merge_requests/{number}/approval")
        assert api.get(f"/merge_requests/{number}/reviews").json() == []


def test_deleting_the_branch_closes_and_reopening_restores_it(stage: Stage) -> None:
    stage.begin()
    number = stage.propose()
    ada = stage.person("ada")
    head = ada.request(REPO, number)["head"]

    stage.person("otto").git("push", "--quiet", stage.clone_url, ":change")
    closed = ada.request(REPO, number)
    assert (closed["state"], closed["closed_by"], closed["head"]) == ("closed", "otto", head)

    ada.set_state(REPO, number, "open")
    assert stage.made.forge.git.head(REPO, "change") == head
    opened = ada.request(REPO, number)
    assert (opened["state"], opened["closed_by"]) == ("open", None)


def test_there_is_one_open_merge_request_for_a_branch(stage: Stage) -> None:
    stage.begin()
    first = stage.propose()
    ada = stage.person("ada")
    ada.set_state(REPO, first, "closed")
    second = ada.open(REPO, "change", "Again")

    with pytest.raises(RuntimeError, match=rf"409.*merge request {second} of that branch is open"):
        ada.set_state(REPO, first, "open")


def test_text_cannot_trigger_a_merge(stage: Stage) -> None:
    stage.begin()
    number = stage.propose()

    with pytest.raises(RuntimeError, match="422"):
        stage.person("otto").set_state(REPO, number, "merged")
    with pytest.raises(RuntimeError, match="403"):
        stage.person("reader").set_state(REPO, number, "closed")


def test_a_branch_merged_by_a_plain_push_counts_as_merged(stage: Stage) -> None:
    stage.begin()
    number = stage.propose()
    otto = stage.person("otto")
    head = otto.request(REPO, number)["head"]

    otto.git(*_pushing(stage, head))

    found = otto.request(REPO, number)
    assert (found["state"], found["merge_sha"], found["merged_by"]) == ("merged", head, "otto")


def test_a_stacked_merge_request_is_merged_with_the_one_that_contains_it(stage: Stage) -> None:
    stage.begin()
    ada = stage.person("ada")
    lower = stage.propose("lower")
    ada.git(*_pushing(stage, ada.request(REPO, lower)["head"], "upper"))
    ada.push(REPO, "upper", {"b.txt": b"more\n"}, "On top")
    upper = ada.open(REPO, "upper", "Upper")
    stage.report(upper)

    sha = ada.merge(REPO, upper)

    assert ada.request(REPO, lower)["merge_sha"] == sha


def _pushing(stage: Stage, sha: str, branch: str = "main") -> tuple[str, ...]:
    """Arguments of a push of a commit straight from the forge's own folder."""
    folder = stage.made.forge.git.folder(REPO)
    return "-C", str(folder), "push", "--quiet", stage.clone_url, f"{sha}:refs/heads/{branch}"


def test_lists_are_paged_without_gap_or_repetition(stage: Stage) -> None:
    stage.begin()
    numbers = [stage.propose(f"branch-{index}", b"%d\n" % index) for index in range(4)]
    with stage.api("ada") as api:
        first = api.get("/merge_requests", params={"limit": 3}).json()
        last = api.get("/merge_requests", params={"limit": 3, "before": first[-1]["number"]}).json()
        assert [each["number"] for each in first + last] == numbers[::-1]
        only = api.get("/merge_requests", params={"branch_prefix": "branch-2"}).json()
        assert [each["source_branch"] for each in only] == ["branch-2"]

        for index in range(3):
            api.post(f"/merge_requests/{numbers[0]}/comments", json={"body": f"no {index}"})
        path = f"/merge_requests/{numbers[0]}/comments"
        first = api.get(path, params={"limit": 2}).json()
        last = api.get(path, params={"limit": 2, "after": first[-1]["id"]}).json()
        assert [each["body"] for each in first + last] == ["no 0", "no 1", "no 2"]


def test_the_diff_numbers_lines_and_counts_omitted_ones(stage: Stage) -> None:
    stage.begin()
    ada = stage.person("ada")
    files = {"a.txt": b"uno\n", "long": b"x\n" * 4000, "bin": b"\0\1"}
    ada.push(REPO, "change", files, "Many")
    number = ada.open(REPO, "change", "Many")

    with stage.api("ada") as api:
        diff = api.get(f"/merge_requests/{number}/diff").json()

    shown = {file["path"]: file for file in diff["files"]}
    assert diff["total"] == 3
    assert shown["a.txt"]["text"] == "@@ -1 +1 @@\n-one\n+uno\n"
    assert (shown["long"]["added"], shown["long"]["left_out"]) == (4000, 1001)
    assert shown["bin"]["text"] == ""


def test_access_requires_a_token_and_a_role(stage: Stage) -> None:
    stage.begin()
    with stage.api("stranger") as foreign_branch:
        assert foreign_branch.get("/merge_requests").status_code == 404
        assert foreign_branch.get("/members/ada").status_code == 404
    for authorization in ("", "Bearer nonsense", "Basic eDp5", "Bearer \xff"):
        headers = {"Authorization": authorization.encode("latin-1")}
        answer = httpx.get(f"{stage.server.url}/api/v1/user", headers=headers)
        assert answer.status_code == 401


def test_a_body_over_the_limit_is_refused(stage: Stage) -> None:
    stage.begin()
    with stage.api("ada") as api:
        answer = api.post("/merge_requests", json={"title": "x" * 2_000_000})
    assert answer.status_code == 413


def test_state_survives_a_restart(stage: Stage) -> None:
    stage.begin()
    number = stage.propose()
    rita = stage.person("rita")
    rita.approve(REPO, number)
    rita.label(REPO, number, "switchyard/hold", present=True)
    stage.report(number)
    before = everything(rita, number)

    stage.restart()

    assert everything(stage.person("rita"), number) == before
    assert stage.propose("next") == number + 1


def everything(person: Person, number: int) -> list[object]:
    request = person.request(REPO, number)
    path = f"/repos/{REPO}/merge_requests/{number}"
    return [request, person.call("GET", f"{path}/reviews"), person.statuses(REPO, request["head"])]


def test_pushes_during_a_crash_are_processed_at_start(stage: Stage) -> None:
    """The forge ended after Git moved the branches and before its records did."""
    stage.begin()
    merged, moved = stage.propose("merged"), stage.propose("moved")
    head = stage.person("ada").request(REPO, merged)["head"]
    repository = stage.made.forge.git.open(REPO)
    repository.references["refs/heads/main"].set_target(head)
    repository.references["refs/heads/moved"].set_target(
        repository.create_commit(
            None,
            repository[head].author,
            repository[head].committer,
            "More",
            repository[head].tree_id,
            [stage.person("ada").request(REPO, moved)["head"]],
        )
    )
    now = str(repository.references["refs/heads/moved"].target)

    again = create_forge(stage.folder, clock=lambda: NOW)

    assert again.forge.request(REPO, merged).state == "merged"
    assert again.forge.request(REPO, moved).head == now
    again.forge.storage.close()
