"""An edge's reporter on a real API server, and a bucket of a real S3 server (versitygw).

The calls that the tests' fake S3 server answers are made here on a server that others wrote, and
which verifies signatures. The reporter runs with the rights of its own account, on what Flux says.
"""

import asyncio
import os
import subprocess
import sys
from datetime import UTC, datetime
from pathlib import Path

import yaml as plain_yaml

from bot.buckets import Bucket, BucketError, BucketUnavailableError, ObjectMissingError
from bot.cli.reporter_objects import NAMESPACE, Reporter, reporter_objects
from bot.documents.cluster_status import ClusterStatus, read_cluster_status
from bot.settings import BucketSettings
from plugins import signature_matches
from plugins.flux import Flux, FluxSettings
from renderers.agents import ROOT
from tests.acceptance.processes import free_ports
from tests.acceptance.rig import LOCKED, Rig
from tests.acceptance.rollouts import ScenarioError
from tests.fakes.direct_fleet import write_kubeconfig
from tests.fakes.s3_server import KEY_ID, NAME, REGION, SECRET, bucket_settings

KEY = "key-of-the-status-documents"
START_SECONDS, RUN_SECONDS = 30, 60
SWITCHYARD = Path(sys.prefix) / "bin" / "switchyard"


def run_edges(rig: Rig) -> str:
    """The calls on a real bucket, then a document that the reporter of a cluster leaves there."""
    url = _start_server(rig)
    refused = asyncio.run(_try_calls(bucket_settings(url)))
    forbidden = _report(rig, url)
    status = asyncio.run(_read(bucket_settings(url)))
    names = {
        each["metadata"]["name"]
        for each in rig.cluster(LOCKED).items("kustomizations.kustomize.toolkit.fluxcd.io")
    }
    roots = {each for each in names if each.startswith(f"{ROOT}-")}
    expected = names - roots
    found = {f"{each.application}.{each.component}" for each in status.units}
    parts = {each.part: each.readiness for each in status.agent}
    wanted = {each.replace(ROOT, part) for each in roots for part in ("source", "sync")}
    if found != expected or parts.keys() != wanted or set(parts.values()) != {"READY"}:
        raise ScenarioError(f"reported {status}, where Flux has {sorted(expected)}")
    return (
        f"{len(found)} components and {len(parts)} parts of Flux on {LOCKED} are in the "
        f"bucket; the reporter may not {forbidden}; {refused}"
    )


def _start_server(rig: Rig) -> str:
    folder = rig.folder / "s3"
    (folder / NAME).mkdir(parents=True)
    address = f"127.0.0.1:{free_ports(1)[0]}"
    rig.processes.start(
        "versitygw",
        [rig.programs["versitygw"], "--region", REGION, "--port", address, "posix", str(folder)],
        {"ROOT_ACCESS_KEY": KEY_ID, "ROOT_SECRET_KEY": SECRET},
    )
    url = f"http://{address}"
    rig.processes.wait(
        "versitygw", lambda: asyncio.run(_answers(bucket_settings(url))), START_SECONDS
    )
    return url


def _now() -> datetime:
    return datetime.now(UTC)


async def _answers(settings: BucketSettings) -> bool:
    bucket = Bucket(settings, _now)
    try:
        await bucket.list("", "")
    except BucketUnavailableError:
        return False
    finally:
        await bucket.close()
    return True


async def _try_calls(settings: BucketSettings) -> str:
    """Write, list and read as the reader of documents does; what the server refuses."""
    bucket = Bucket(settings, _now)
    keys = ["try/a b+c.json", "try/a&<>.json", "try/b.json"]
    try:
        for key in keys:
            await bucket.write(key, key.encode(), {"signature": f"of {key}"})
        page = await bucket.list("try/", "")
        _check([each.key for each in page.entries] == sorted(keys), page)
        page = await bucket.list("try/", sorted(keys)[1])
        _check([each.key for each in page.entries] == sorted(keys)[2:], page)
        for key in keys:
            stored = await bucket.read(key, 100)
            _check((stored.body, stored.metadata["signature"]) == (key.encode(), f"of {key}"), key)
        (before,) = (await bucket.list("try/b", "")).entries
        await bucket.write("try/b.json", b"else", {"signature": "new"})
        (after,) = (await bucket.list("try/b", "")).entries
        _check(before.version != after.version, after)
        try:
            await bucket.read("try/none.json", 100)
        except ObjectMissingError:
            pass
        else:
            raise ScenarioError("an object that was never written can be read")
    finally:
        await bucket.close()
    wrong = {
        "secret": {"status_bucket_secret": "wrong"},
        "region": {"status_bucket_region": "mars"},
        "bucket": {"status_bucket": "other-bucket"},
    }
    told = [await _refusal(settings.model_copy(update=each)) for each in wrong.values()]
    return f"a wrong {', '.join(wrong)}: {'; '.join(told)}"


async def _refusal(settings: BucketSettings) -> str:
    secret = settings.status_bucket_secret
    values = settings.model_dump() | {"status_bucket_secret": secret}
    bucket = Bucket(BucketSettings.model_validate(values), _now)
    try:
        await bucket.list("", "")
    except BucketError as error:
        return str(error)
    finally:
        await bucket.close()
    raise ScenarioError("wrong settings are accepted")


def _check(holds: bool, seen: object) -> None:
    if not holds:
        raise ScenarioError(f"the bucket answers otherwise: {seen}")


def _report(rig: Rig, url: str) -> str:
    """Run the command of the CronJob with the token of its account; what it may not do."""
    cluster = rig.cluster(LOCKED)
    reporter = Reporter(LOCKED, Flux().watched(FluxSettings()), ("--bucket",), {}, "image")
    cluster.apply(plain_yaml.safe_dump_all(reporter_objects(reporter)))
    account = NAMESPACE
    token = cluster.kubectl("create", "token", account, f"--namespace={NAMESPACE}").strip()
    kubeconfig = rig.folder / "reporter.kubeconfig"
    certificate = cluster.folder / "certificates" / "apiserver.crt"
    write_kubeconfig(kubeconfig, cluster.server.removeprefix("https://"), certificate, token)
    done = subprocess.run(
        [str(SWITCHYARD), "report", LOCKED, "--kubeconfig", str(kubeconfig), "--bucket"],
        env={
            "PATH": os.environ["PATH"],
            "SWITCHYARD_STATUS_KEY": KEY,
            "SWITCHYARD_STATUS_BUCKET": NAME,
            "SWITCHYARD_STATUS_BUCKET_URL": url,
            "SWITCHYARD_STATUS_BUCKET_REGION": REGION,
            "SWITCHYARD_STATUS_BUCKET_KEY_ID": KEY_ID,
            "SWITCHYARD_STATUS_BUCKET_SECRET": SECRET,
        },
        capture_output=True,
        text=True,
        timeout=RUN_SECONDS,
        check=False,
    )
    if done.returncode:
        raise ScenarioError(f"the reporter ended with {done.returncode}: {done.stderr}")
    user = f"--as=system:serviceaccount:{NAMESPACE}:{account}"
    tried = ("list secrets", "get kustomizations.kustomize.toolkit.fluxcd.io", "create pods")
    for each in tried:
        can = cluster.try_kubectl("auth", "can-i", *each.split(), user, "--namespace=flux-system")
        if can.stdout.strip() != "no":
            raise ScenarioError(f"the reporter's account may {each}")
    return ", ".join(tried)


async def _read(settings: BucketSettings) -> ClusterStatus:
    bucket = Bucket(settings, _now)
    try:
        stored = await bucket.read(f"status/{LOCKED}.json", 1_000_000)
    finally:
        await bucket.close()
    if not signature_matches(stored.metadata["signature"], stored.body, KEY.encode()):
        raise ScenarioError("the signature of the document does not match")
    return read_cluster_status(stored.body)
