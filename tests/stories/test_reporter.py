"""`switchyard report` in a cluster whose agent tells nobody: a rollout is done by what it sends."""

from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from bot.buckets import Bucket
from bot.cli.errors import InputError
from bot.cli.parser import parser
from bot.cli.report import send_report
from bot.keys import status_key
from bot.sandbox.demo.site import APP
from bot.sandbox.forge.server import ThreadedServer
from bot.worker.status_bucket import StatusBucket
from tests.fakes.certificates import make_authority
from tests.fakes.cluster_api import TOKEN, FakeCluster
from tests.fakes.direct_fleet import write_kubeconfig
from tests.fakes.s3_server import KEY_ID, NAME, REGION, SECRET, FakeS3, bucket_settings
from tests.fakes.world import REPORT_KEY, World, small_app
from tests.stories.test_watched_agents import KUSTOMIZATION, SOURCE, Watched


class Reporter:
    """The reporter of a cluster with Flux, which reports nothing itself."""

    def __init__(self, watched: Watched, kubeconfig: Path) -> None:
        self.watched, self.world, self.kubeconfig = watched, watched.world, kubeconfig

    async def report(self, *way: str) -> None:
        """Run the command, as the CronJob does."""
        options = ["report", "one", "--kubeconfig", str(self.kubeconfig), *way]
        await send_report(parser().parse_args(options), lambda: self.world.now)
        await self.world.settle()


@pytest.fixture
async def reporter(
    world: World, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> AsyncIterator[Reporter]:
    monkeypatch.setenv("SWITCHYARD_STATUS_KEY", status_key(REPORT_KEY, "one").decode())
    authority, cluster = make_authority(tmp_path / "tls"), FakeCluster()
    cluster.tenant("shop", "flux-system")
    cluster.objects.kinds += [KUSTOMIZATION, SOURCE]
    async with cluster.listen(authority) as address:
        write_kubeconfig(tmp_path / "one.kubeconfig", address, authority.ca_file, TOKEN)
        watched = Watched(world, cluster)
        await watched.found("{}")
        world.ada.push(APP, "main", small_app(), "Open the shop")
        await world.settle()
        yield Reporter(watched, tmp_path / "one.kubeconfig")


async def test_a_rollout_is_done_by_what_is_pushed(reporter: Reporter) -> None:
    world, server = reporter.world, ThreadedServer(reporter.world.app).start()
    world.closing.callback(server.stop)
    for _ in range(6):
        await reporter.watched.advance()
        reporter.watched.reconcile()
        await reporter.report("--push", server.url)

    assert world.view().done
    assert {unit.readiness for unit in world.view().units} == {"READY"}
    assert {method for method, _, _ in reporter.watched.cluster.requests} == {"GET"}
    with pytest.raises(InputError, match=r"status 422: .*is not newer than"):
        await reporter.report("--push", server.url)


async def test_what_holds_an_agent_up_is_reported_too(reporter: Reporter) -> None:
    world, cluster = reporter.world, reporter.watched.cluster
    when = world.now.strftime("%Y-%m-%dT%H:%M:%SZ")
    failed = {"type": "Ready", "status": "False", "reason": "GitOperationFailed"}
    condition = {**failed, "message": "no route to host", "lastTransitionTime": when}
    source = {
        "apiVersion": SOURCE.api_version,
        "kind": "GitRepository",
        "metadata": {"name": "switchyard", "namespace": "flux-system"},
        "status": {"observedGeneration": 1, "conditions": [condition]},
    }
    cluster.add(source, "source-controller")
    server = FakeS3()
    async with server.listen() as url:
        bucket = Bucket(bucket_settings(url), lambda: world.now)
        documents = StatusBucket(world.context, bucket, (REPORT_KEY,))
        with pytest.MonkeyPatch.context() as patch:
            for name, value in (
                ("", NAME),
                ("_URL", url),
                ("_REGION", REGION),
                ("_KEY_ID", KEY_ID),
                ("_SECRET", SECRET),
            ):
                patch.setenv(f"SWITCHYARD_STATUS_BUCKET{name}", value)
            await reporter.report("--bucket")
        await documents.read()
        await bucket.close()
    await world.settle()

    (row,) = world.context.store.reports.of_application("")
    assert (row.cluster, row.readiness) == ("one", "STALLED")
    assert row.message == "cannot fetch the deploy repo: no route to host"
    assert server.requests == ["PUT /status/one.json", "GET ", "GET /status/one.json"]
