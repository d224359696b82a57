"""Ordinary Git against the local forge."""

import gzip
import subprocess
from pathlib import Path

import httpx
import pytest

from tests.unit.sandbox.conftest import REPO, Stage


def work_tree(stage: Stage, folder: Path, login: str = "ada") -> Path:
    stage.person(login).git("clone", "--quiet", stage.clone_url, str(folder))
    return folder


def test_a_clone_has_what_was_pushed(stage: Stage, tmp_path: Path) -> None:
    stage.begin()

    tree = work_tree(stage, tmp_path / "w", "reader")

    assert (tree / "a.txt").read_text() == "one\n"


def test_a_push_to_a_protected_branch_is_rejected_by_report_status(
    stage: Stage, tmp_path: Path
) -> None:
    first = stage.begin()
    tree = work_tree(stage, tmp_path / "w")
    ada = stage.person("ada")
    ada.git("-C", str(tree), "commit", "--quiet", "--allow-empty", "--message", "Past the rules")

    with pytest.raises(RuntimeError) as refused:
        ada.git("-C", str(tree), "push", "origin", "HEAD:main", "HEAD:other")

    assert "main (protected branch: open a merge request)" in str(refused.value)
    assert "other (rejected together with another ref)" in str(refused.value)
    assert stage.made.forge.git.branches(REPO) == {"main": first}


def test_only_an_admin_creates_or_deletes_a_protected_branch(stage: Stage) -> None:
    with pytest.raises(RuntimeError, match="protected branch"):
        stage.person("ada").push(REPO, "main", {"a": b""}, "First")
    stage.begin()
    with pytest.raises(RuntimeError, match="protected branch"):
        stage.person("ada").git("push", stage.clone_url, ":main")


def test_roles_and_tokens_are_checked(stage: Stage, tmp_path: Path) -> None:
    stage.begin()
    tree = work_tree(stage, tmp_path / "w")

    with pytest.raises(RuntimeError, match=r"reader has role read on .*; role write is required"):
        stage.person("reader").git("-C", str(tree), "push", "origin", "HEAD:x")
    with pytest.raises(RuntimeError, match="not found"):
        stage.person("stranger").git("ls-remote", stage.clone_url)
    wrong = type(stage.person("ada"))("ada", "token-of-rita", stage.server.url)
    with pytest.raises(RuntimeError, match=r"Authentication failed|could not read Username"):
        wrong.git("ls-remote", stage.clone_url)


def test_refs_other_than_branches_and_tags_are_refused(stage: Stage, tmp_path: Path) -> None:
    stage.begin()
    tree = work_tree(stage, tmp_path / "w")
    ada = stage.person("ada")

    ada.git("-C", str(tree), "push", "origin", "HEAD:refs/tags/v1")

    with pytest.raises(RuntimeError, match="only branches and tags can be pushed"):
        ada.git("-C", str(tree), "push", "origin", "HEAD:refs/merge-requests/1/head")


def test_a_large_push_and_a_fetch_with_many_haves_arrive(stage: Stage, tmp_path: Path) -> None:
    """More than one buffer each way: the push is chunked, the fetch's request is compressed."""
    stage.begin()
    ours, theirs = work_tree(stage, tmp_path / "o"), work_tree(stage, tmp_path / "t")
    ada = stage.person("ada")
    commits = b"".join(
        b"commit refs/heads/long\ncommitter A <a@example.com> %d +0000\ndata 1\nx\n" % number
        for number in range(1, 3000)
    )
    blob = bytes(range(256)) * 40_000
    big = b"commit refs/heads/big\ncommitter A <a@example.com> 1 +0000\ndata 1\nx\n"
    big += b"M 644 inline big\ndata %d\n%b\n" % (len(blob), blob)
    for tree, stream in ((ours, commits + big), (theirs, commits.replace(b"long", b"other"))):
        subprocess.run(["git", "-C", str(tree), "fast-import", "--quiet"], input=stream, check=True)
    ada.git("-C", str(ours), "push", "--quiet", "origin", "long", "big")
    ada.git("-C", str(theirs), "commit", "--quiet", "--allow-empty", "--message", "Own")

    ada.git("-C", str(theirs), "fetch", "--quiet", "origin")

    assert ada.git("-C", str(theirs), "cat-file", "-s", "origin/big:big").strip() == str(len(blob))
    assert ada.git("-C", str(theirs), "rev-list", "--count", "origin/long").strip() == "2999"


def test_hostile_trees_are_refused(stage: Stage, tmp_path: Path) -> None:
    stage.begin()
    tree = work_tree(stage, tmp_path / "w")
    stream = b"commit refs/heads/evil\ncommitter A <a@example.com> 1 +0000\ndata 1\nx\n"
    stream += b"M 644 inline .git/config\ndata 1\nx\n"
    subprocess.run(["git", "-C", str(tree), "fast-import", "--quiet"], input=stream, check=True)

    with pytest.raises(RuntimeError, match="hasDotgit"):
        stage.person("ada").git("-C", str(tree), "push", "origin", "evil")


def exchange(stage: Stage, service: str, body: bytes, **headers: str) -> httpx.Response:
    given = {"content-type": f"application/x-{service}-request", **headers}
    return httpx.post(
        f"{stage.clone_url}/{service}",
        content=body,
        headers={name.replace("_", "-"): value for name, value in given.items()},
        auth=("ada", "token-of-ada"),
    )


def test_malformed_bodies_get_a_400(stage: Stage) -> None:
    stage.begin()
    listing = b"0014command=ls-refs\n0000"

    good = exchange(
        stage,
        "git-upload-pack",
        gzip.compress(listing),
        content_encoding="gzip",
        git_protocol="version=2",
    )
    assert b"refs/heads/main" in good.content

    for body in (b"no push", b"0004", b"00zz", b"0010nothing here", b""):
        assert exchange(stage, "git-receive-pack", body).status_code == 400
    for body in (b"not gzip", gzip.compress(b"0000" * 9)[:-9]):
        answer = exchange(stage, "git-receive-pack", body, content_encoding="gzip")
        assert answer.status_code == 400
    assert exchange(stage, "git-shell", b"").status_code == 403


def test_the_dumb_http_protocol_is_rejected(stage: Stage) -> None:
    stage.begin()

    answer = httpx.get(f"{stage.clone_url}/info/refs", auth=("ada", "token-of-ada"))

    assert answer.status_code == 403
