"""GitHub's own examples of webhooks, all of them, at the service's door."""

import asyncio
import hashlib
import hmac
import json
from pathlib import Path

from tests.fakes.dialects import SECRET
from tests.fakes.github.description import load
from tests.fakes.inline import work_inline
from tests.fakes.world import World, small_fleet


async def test_every_example_is_taken_when_signed_and_refused_when_not(tmp_path: Path) -> None:
    work_inline(asyncio.get_running_loop())
    world = World(tmp_path, "github")
    world.found(small_fleet())
    await world.settle()
    examples = load("webhooks.json.gz")
    assert len(examples) == 329

    for number, (event, payload) in enumerate(examples):
        body = json.dumps(payload).encode()
        signature = hmac.new(SECRET.encode(), body, hashlib.sha256).hexdigest()
        headers = {
            "x-github-event": event,
            "x-github-delivery": f"example-{number}",
            "x-hub-signature-256": f"sha256={signature}",
        }
        taken = await world.client.post("/hooks/github", content=body, headers=headers)
        assert taken.status_code == 202, (event, taken.text)
        again = await world.client.post("/hooks/github", content=body, headers=headers)
        assert (again.status_code, again.json()) == (202, {"stored": False})
        wrong = {**headers, "x-hub-signature-256": "sha256=" + "0" * 64}
        refused = await world.client.post("/hooks/github", content=body, headers=wrong)
        assert refused.status_code == 401

    await world.settle()
    assert world.context.store.inbox.pending(10) == ()
    await world.stop()
