import pytest

from bot.forges import GitCredentials
from bot.git import BranchUpdate, GitError, TransientGitError
from tests.fakes.githttp import git
from tests.unit.git.world import BOT, CREDENTIALS, NOON, World


def commit(world: World, text: str) -> str:
    head = world.at("main")
    return world.mirror.commit(head, {"a": text.encode()}, message=text, author=BOT, at=NOON)


@pytest.fixture
def ready(world: World) -> World:
    world.add({"a": b"start"})
    git(world.remote, "branch", "old", "main")
    world.fetch()
    return world


def test_branches_are_made_moved_and_deleted_in_one_push(ready: World) -> None:
    main, new, newer = ready.at("main"), commit(ready, "one"), commit(ready, "two")
    first = ready.mirror.push(
        ready.url,
        CREDENTIALS,
        {"sy/one": BranchUpdate(new, None), "sy/two": BranchUpdate(new, None)},
    )
    assert first == {"sy/one": None, "sy/two": None}
    ready.server.requests.clear()
    updates = {
        "sy/one": BranchUpdate(newer, new),
        "sy/two": BranchUpdate(None, new),
        "sy/three": BranchUpdate(new, None),
    }
    assert ready.mirror.push(ready.url, CREDENTIALS, updates) == dict.fromkeys(updates)
    assert sum(request.startswith("POST") for request in ready.server.requests) == 1
    ready.fetch()
    assert ready.mirror.branches() == {
        "main": main,
        "old": main,
        "sy/one": newer,
        "sy/three": new,
    }


def test_a_stale_branch_is_skipped_and_the_others_are_pushed(ready: World) -> None:
    main, new = ready.at("main"), commit(ready, "one")
    theirs = ready.add({"b": b"theirs"}, branch="old")
    outcome = ready.mirror.push(
        ready.url,
        CREDENTIALS,
        {
            "old": BranchUpdate(new, main),
            "fresh": BranchUpdate(new, None),
            "gone": BranchUpdate(new, main),
            "main": BranchUpdate(None, new),
        },
    )
    assert outcome == {
        "fresh": None,
        "gone": f"stale: the branch is absent, not at {main[:12]}",
        "main": f"stale: the branch is at {main[:12]}, not at {new[:12]}",
        "old": f"stale: the branch is at {theirs[:12]}, not at {main[:12]}",
    }
    assert (ready.at("old"), ready.at("fresh"), ready.at("main")) == (theirs, new, main)


def test_a_branch_moved_while_the_push_is_under_way_is_not_overwritten(ready: World) -> None:
    main, new = ready.at("main"), commit(ready, "one")
    theirs = ready.add({"b": b"theirs"}, branch="theirs")
    ready.server.before_receive = lambda: git(ready.remote, "update-ref", "refs/heads/old", theirs)
    outcome = ready.mirror.push(
        ready.url, CREDENTIALS, {"old": BranchUpdate(new, main), "b": BranchUpdate(new, None)}
    )
    assert outcome == {"b": None, "old": "failed to update ref"}
    assert ready.at("old") == theirs


def test_a_repeated_push_after_a_crash_succeeds_without_sending(ready: World) -> None:
    main, new = ready.at("main"), commit(ready, "one")
    updates = {"old": BranchUpdate(new, main), "gone": BranchUpdate(None, new)}
    ready.mirror.push(ready.url, CREDENTIALS, updates)
    ready.server.requests.clear()
    assert ready.mirror.push(ready.url, CREDENTIALS, updates) == {"old": None, "gone": None}
    assert not any(request.startswith("POST") for request in ready.server.requests)


def test_the_servers_rejection_is_returned(ready: World) -> None:
    hook = ready.remote / "hooks" / "update"
    hook.write_text('#!/bin/sh\ntest "$1" != refs/heads/old\n')
    hook.chmod(0o755)
    main, new = ready.at("main"), commit(ready, "one")
    outcome = ready.mirror.push(
        ready.url, CREDENTIALS, {"old": BranchUpdate(new, main), "free": BranchUpdate(new, None)}
    )
    words = "hook declined: error: hook declined to update refs/heads/old"
    assert outcome == {"old": words, "free": None}


def test_what_the_servers_hook_prints_is_returned_in_printable_words(ready: World) -> None:
    """As GitLab refuses by push rules, protected branches and limits of storage."""
    hook = ready.remote / "hooks" / "pre-receive"
    words = "GitLab: You are not allowed to push code to protected branches on this project."
    hook.write_text(f"#!/bin/sh\nprintf '\\033[31m\\n{words}\\n\\n' >&2\nexit 1\n")
    hook.chmod(0o755)
    new = commit(ready, "one")

    outcome = ready.mirror.push(ready.url, CREDENTIALS, {"free": BranchUpdate(new, None)})

    assert outcome == {"free": f"pre-receive hook declined: [31m {words}"}


@pytest.mark.parametrize(
    ("printed", "told"),
    [
        (
            (
                "error: GH013: Repository rule violations found for refs/heads/free.\\n\\n"
                "- Commits must have verified signatures.\\n"
            ),
            (
                "GH013: Repository rule violations found for refs/heads/free. "
                "- Commits must have verified signatures."
            ),
        ),
        (
            (
                "error: GH013: Repository rule violations found for refs/heads/free.\\n"
                "- GITHUB PUSH PROTECTION\\n  \u2014\u2014\u2014\u2014\u2014\u2014\u2014\u2014\\n"
                "  - Push cannot contain secrets\\n"
            ),
            "refs/heads/free. - GITHUB PUSH PROTECTION - Push cannot contain secrets",
        ),
        (
            (
                "error: File a.yaml is 101.00 MB; this exceeds the file size limit of 100.00 MB\\n"
                "error: GH001: Large files detected.\\n"
            ),
            (
                "File a.yaml is 101.00 MB; this exceeds the file size limit of 100.00 MB "
                "error: GH001: Large files detected."
            ),
        ),
    ],
)
def test_what_github_declines_is_told(ready: World, printed: str, told: str) -> None:
    """GitHub Docs: "Troubleshooting rules", "Working with push protection", "About large files"."""
    hook = ready.remote / "hooks" / "pre-receive"
    hook.write_text(f"#!/bin/sh\nprintf '%b' '{printed}' >&2\nexit 1\n")
    hook.chmod(0o755)
    new = commit(ready, "one")

    outcome = ready.mirror.push(ready.url, CREDENTIALS, {"free": BranchUpdate(new, None)})

    assert str(outcome["free"]).endswith(told)


def test_an_empty_push_sends_no_request(ready: World) -> None:
    ready.server.requests.clear()
    assert ready.mirror.push(ready.url, CREDENTIALS, {}) == {}
    assert ready.server.requests == []


def test_a_push_that_fails_as_a_whole_is_an_error(ready: World) -> None:
    new = commit(ready, "one")
    with pytest.raises(GitError, match="requires credentials"):
        ready.mirror.push(ready.url, GitCredentials("bot", "wrong"), {"b": BranchUpdate(new, None)})
    with pytest.raises(GitError, match="cannot push to http"):
        ready.mirror.push(ready.url, CREDENTIALS, {"no name": BranchUpdate(new, None)})
    with pytest.raises(GitError, match="does not match any existing object"):
        ready.mirror.push(ready.url, CREDENTIALS, {"b": BranchUpdate("1" * 40, None)})
    ready.server.status = 503
    with pytest.raises(TransientGitError, match="503"):
        ready.mirror.push(ready.url, CREDENTIALS, {"b": BranchUpdate(new, None)})


def test_no_ref_of_the_mirror_moves_by_committing_or_pushing(ready: World) -> None:
    before = ready.mirror.branches()
    ready.mirror.push(ready.url, CREDENTIALS, {"b": BranchUpdate(commit(ready, "one"), None)})
    assert ready.mirror.branches() == before


def test_a_commit_over_many_folders_is_pushed_whole(ready: World) -> None:
    changes = {f"clusters/c{number}/apps/x.yaml": b"%d" % number for number in range(300)}
    new = ready.mirror.commit(ready.at("main"), changes, message="Many", author=BOT, at=NOON)
    assert ready.mirror.push(ready.url, CREDENTIALS, {"many": BranchUpdate(new, None)}) == {
        "many": None
    }
    git(ready.remote, "fsck", "--strict")
    assert len(git(ready.remote, "ls-tree", "-r", "--name-only", "many").splitlines()) == 301
