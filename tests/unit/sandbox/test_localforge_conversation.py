"""Statuses and comments of the local forge, over its programming interface."""

import json

import pytest

from tests.unit.sandbox.conftest import Stage

JSON = {"Content-Type": "application/json"}


@pytest.mark.parametrize(
    ("changed", "why"),
    [
        ({"state": "great"}, "invalid state 'great': expected one of failure, pending, success"),
        ({"context": ""}, "a context must have 1 to 255 characters"),
        ({"url": "javascript:alert(1)"}, "the URL of a status must begin with http:// or https://"),
        ({"description": 7}, "description must be a string"),
        ({"description": "\ud800"}, "description must not contain a lone surrogate"),
        ({"description": "\0"}, "description must not contain NUL"),
    ],
)
def test_a_malformed_status_is_refused(stage: Stage, changed: dict[str, str], why: str) -> None:
    head = stage.begin()
    fields = {"context": "ci", "state": "success", "description": "", "url": "", **changed}
    with stage.api("bot") as api:
        answer = api.post(f"/statuses/{head}", content=json.dumps(fields), headers=JSON)
        assert (answer.status_code, answer.json()["message"]) == (422, why)
        assert api.get(f"/statuses/{head}").json() == []


def test_a_status_needs_a_commit_and_the_newest_counts(stage: Stage) -> None:
    head = stage.begin()
    fields = {"context": "ci", "state": "pending", "description": "x", "url": ""}
    with stage.api("bot") as api:
        for sha in ("0" * 40, "main", head[:8]):
            assert api.post(f"/statuses/{sha}", json=fields).status_code == 422
        api.post(f"/statuses/{head}", json=fields)
        api.post(f"/statuses/{head}", json={**fields, "state": "success"})
        assert [each["state"] for each in api.get(f"/statuses/{head}").json()] == ["success"]


def test_comments_belong_to_their_authors(stage: Stage) -> None:
    stage.begin()
    number = stage.propose()
    path = f"/merge_requests/{number}/comments"
    with stage.api("reader") as reader, stage.api("otto") as otto:
        made = reader.post(path, json={"body": "Why?"}).json()
        assert otto.patch(f"{path}/{made['id']}", json={"body": "x"}).status_code == 403
        assert reader.patch(f"{path}/{made['id']}", json={"body": "Why now?"}).status_code == 200
        assert reader.patch(f"{path}/99", json={"body": "x"}).status_code == 404
        assert reader.post(path, json={"body": " \n"}).status_code == 422
        (found,) = otto.get(path).json()
    assert (found["body"], found["edited"], found["author"]["login"]) == (
        "Why now?",
        True,
        "reader",
    )
