"""A second deploy repo on the same clusters, connected with what `switchyard connect` prints."""

import subprocess
import tempfile
from pathlib import Path

import yaml as plain_yaml

from bot.sandbox.demo.site import BOT, FLEET, ORDER
from tests.acceptance.rig import LOCKED, WITH_ARGO, Rig
from tests.acceptance.rollouts import ScenarioError, is_ready, wait_for
from tests.acceptance.site import SWITCHYARD, TENANT

REPOSITORY = "bank/deploy"
CONNECTED = (LOCKED, WITH_ARGO)
READY_SECONDS = 240
PRUNE_SECONDS = 30
"""An agent that has lost its root would prune within this time, since Flux pulls every 10 s."""


def run_repositories(rig: Rig) -> str:
    """Connect two clusters to a second deploy repo; what the first one brought stays."""
    before = {name: _namespaces(rig, name) for name in CONNECTED}
    _make_repository(rig)
    for name in CONNECTED:
        _connect(rig, name)
    wait_for(
        rig,
        "the second tenant is READY",
        is_ready,
        READY_SECONDS,
        "tenant-bank",
        repository=REPOSITORY,
    )
    rig.processes.settle(PRUNE_SECONDS)
    for name in CONNECTED:
        if troubles := rig.agents[name].conditions():
            raise ScenarioError("\n".join(troubles))
        missing = {*before[name], "bank", "bank-jobs"} - _namespaces(rig, name)
        if missing:
            raise ScenarioError(f"{name} has lost or not got {', '.join(sorted(missing))}")
    return f"both deploy repos run on {' and '.join(CONNECTED)}, each by a root of its own"


def _namespaces(rig: Rig, cluster: str) -> set[str]:
    return {each["metadata"]["name"] for each in rig.cluster(cluster).items("namespaces")}


def _make_repository(rig: Rig) -> None:
    roles = {"ada": "read", "rita": "write", "otto": "admin", BOT: "write"}
    rig.service.site.made.forge.create_repository(
        REPOSITORY, roles, protected=True, required_statuses=(ORDER,), description=""
    )
    otto = rig.service.person("otto")
    otto.push(REPOSITORY, "main", {"README.md": b"Of the bank.\n"}, "Begin")
    regions = ", ".join(name.partition("-")[0] for name in CONNECTED)
    text = TENANT.replace("REGIONS", regions).replace("shop", "bank")
    text = text.replace("local:fleet/deploy", f"local:{REPOSITORY}")
    otto.push(FLEET, "main", {"tenants/bank.yaml": text.encode()}, "Add the bank")


def _connect(rig: Rig, name: str) -> None:
    """Apply what `switchyard connect` prints; the Secrets of the first deploy repo serve here."""
    otto, url = rig.service.person("otto"), f"{rig.service.site.url}/{REPOSITORY}.git"
    with tempfile.TemporaryDirectory() as folder:
        fleet = Path(folder) / "fleet"
        otto.git("clone", "--quiet", f"{rig.service.site.url}/{FLEET}.git", str(fleet))
        command = [str(SWITCHYARD), "connect", name, "--fleet", str(fleet), "--deploy-url", url]
        command += ["--service-url", rig.recorder.url]
        done = subprocess.run(command, check=True, capture_output=True, text=True)
    if name == WITH_ARGO:
        rig.argo.add_repository(url, otto.login, otto.token)
    objects = list(plain_yaml.safe_load_all(done.stdout))
    names = {item["metadata"]["name"] for item in objects if item["kind"] != "AppProject"}
    if "switchyard-bank-deploy" not in names:
        raise ScenarioError(f"no root for {REPOSITORY} among {', '.join(sorted(names))}")
    rig.cluster(name).apply(done.stdout)
