"""Webhooks of the local forge, received by a real receiver."""

import httpx

from tests.unit.sandbox.conftest import REPO, SECRET, Receiver, Stage


def test_webhooks_are_signed_and_in_order(stage: Stage, receiver: Receiver) -> None:
    stage.begin()
    stage.made.hooks.add(REPO, receiver.url, SECRET)
    number = stage.propose()
    rita, ada = stage.person("rita"), stage.person("ada")
    ada.call("POST", f"/repos/{REPO}/merge_requests/{number}/comments", {"body": "Please"})
    rita.approve(REPO, number)
    rita.label(REPO, number, "switchyard/hold", present=True)
    rita.label(REPO, number, "switchyard/hold", present=False)
    ada.set_state(REPO, number, "closed")
    ada.set_state(REPO, number, "open")
    ada.push(REPO, "change", {"a.txt": b"three\n"}, "More")
    stage.report(number)
    ada.merge(REPO, number)

    stage.made.hooks.wait_sent()

    assert receiver.forged == 0
    assert receiver.told() == [
        ("push", "created"),
        ("merge_request", "opened"),
        ("comment", "created"),
        ("merge_request", "approved"),
        ("merge_request", "labeled"),
        ("merge_request", "unlabeled"),
        ("merge_request", "closed"),
        ("merge_request", "reopened"),
        ("merge_request", "synchronize"),
        ("push", "updated"),
        ("status", "success"),
        ("merge_request", "merged"),
        ("push", "updated"),
        ("push", "deleted"),
    ]
    _, body = receiver.received[1]
    assert body == {
        "repository": REPO,
        "number": number,
        "ref": None,
        "action": "opened",
        "sender": "ada",
    }
    assert receiver.received[0][1]["ref"] == "refs/heads/change"
    identities = {headers["x-switchyard-delivery"] for headers, _ in receiver.received}
    assert len(identities) == len(receiver.received)


def test_operations_without_effect_send_no_webhooks(stage: Stage, receiver: Receiver) -> None:
    stage.begin()
    number = stage.propose()
    stage.person("rita").approve(REPO, number)
    stage.made.hooks.add(REPO, receiver.url, SECRET)

    stage.person("rita").approve(REPO, number)
    stage.person("rita").label(REPO, number, "absent", present=False)
    stage.person("ada").set_state(REPO, number, "open")
    stage.person("ada").open(REPO, "change", "Again")
    stage.made.hooks.wait_sent()

    assert receiver.received == []


def test_a_failed_delivery_is_resent_only_on_request_with_the_same_id(
    stage: Stage, receiver: Receiver
) -> None:
    receiver.code = 500
    stage.made.hooks.add(REPO, receiver.url, SECRET)
    stage.begin()
    stage.made.hooks.wait_sent()
    assert len(receiver.received) == 1
    with stage.api("otto") as otto, stage.api("ada") as ada:
        (found,) = otto.get("/deliveries").json()
        assert (found["outcome"], found["event"]) == ("500", "push")
        assert ada.get("/deliveries").status_code == 403
        assert otto.post("/deliveries/unknown/redeliver").status_code == 404

        receiver.code = 200
        otto.post(f"/deliveries/{found['id']}/redeliver")
        stage.made.hooks.wait_sent()
        (again,) = otto.get("/deliveries").json()

    assert again["outcome"] == "200"
    ours = [headers["x-switchyard-delivery"] for headers, _ in receiver.received]
    assert ours == [found["id"], found["id"]]


async def test_an_unreachable_receiver_does_not_block_others(
    stage: Stage, receiver: Receiver
) -> None:
    stage.made.hooks.add(REPO, "http://127.0.0.1:9/", SECRET)
    stage.made.hooks.add(REPO, "not an address", SECRET)
    stage.made.hooks.add(REPO, receiver.url, SECRET)
    stage.begin()

    await stage.made.hooks.flush()

    assert receiver.told() == [("push", "created")]
    outcomes = {each.url: each.outcome for each in stage.made.hooks.deliveries(REPO)}
    assert outcomes["http://127.0.0.1:9/"] == "no response: ConnectError"
    assert outcomes["not an address"].startswith("no response")


def test_pending_deliveries_are_sent_after_a_restart(stage: Stage, receiver: Receiver) -> None:
    stage.made.hooks.add(REPO, receiver.url, SECRET)
    stage.stop()
    forge = stage.made.forge
    forge.storage = type(forge.storage)(stage.folder / "forge.db")
    stage.made.hooks._storage = forge.storage
    stage.made.hooks.emit(REPO, "push", {"action": "updated", "number": None})
    forge.storage.close()

    stage.start()
    answer = httpx.get(f"{stage.server.url}/sign-in")
    stage.made.hooks.wait_sent()

    assert answer.status_code == 200
    assert receiver.told() == [("push", "updated")]


def test_an_admin_adds_and_removes_webhooks(stage: Stage, receiver: Receiver) -> None:
    with stage.api("otto") as otto, stage.api("ada") as ada:
        fields = {"url": receiver.url, "secret": SECRET}
        assert ada.post("/hooks", json=fields).status_code == 403
        assert otto.post("/hooks", json={**fields, "secret": ""}).status_code == 422
        assert otto.post("/hooks", json={**fields, "url": "file:///x"}).status_code == 422
        assert otto.post("/hooks", json=fields).status_code == 201
        assert otto.get("/hooks").json() == [{"url": receiver.url}]
        assert otto.delete("/hooks", params={"url": receiver.url}).json() == {"removed": True}
    stage.begin()
    stage.made.hooks.wait_sent()
    assert receiver.received == []


def test_the_log_of_deliveries_is_bounded(stage: Stage, receiver: Receiver) -> None:
    stage.made.hooks.add(REPO, receiver.url, SECRET)
    for number in range(1010):
        stage.made.hooks.emit(REPO, "push", {"action": "updated", "number": number})
    stage.made.hooks.wait_sent()

    kept = stage.made.hooks.deliveries(REPO)
    assert len(kept) == 1000
    assert '"number": 1009' in kept[0].body
    assert [body["number"] for _, body in receiver.received] == list(range(1010))
