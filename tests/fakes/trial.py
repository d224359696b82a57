"""A reviewer's trial: the sample shop on 60 clusters, in four regions and three sizes."""

from dataclasses import replace
from datetime import timedelta
from pathlib import Path

from bot.cli.folders import read_snapshot
from bot.sandbox.demo.site import sample
from planners.model import Readiness, Unit
from planners.model.fleet_files import FleetFiles
from planners.model.snapshot import Change, DeployBase, Snapshot
from tests.fakes.builders import NOW, World
from tests.fakes.comments import Told
from tests.fakes.folders import HEAD, cluster, tenant, write

REGIONS = ("eu", "us", "ap", "sa")
SIZES = ("small", "medium", "large")
POLICY = f"""{HEAD}kind: Policy
metadata: {{name: default}}
spec:
  approvals:
    - {{clusters: {{matchLabels: {{region: eu}}}}, count: 1, teams: [edge/eu]}}
"""


TENANT = "namespace: shop, kinds: {allowed: [ServiceExport.multicluster.x-k8s.io]}"


def fleet(**drained: str) -> dict[str, str | bytes]:
    """edge-1 to edge-60: a hub and a canary in each region, every tenth with a GPU."""
    files: dict[str, str | bytes] = {
        path: text
        for path, text in sample("fleet").items()
        if not path.startswith(("clusters/", "policies/", "tenants/"))
    }
    files |= {"policies/default.yaml": POLICY, **tenant(spec=TENANT)}
    for number in range(1, 61):
        labels = {
            "tier": "core" if number % 15 == 1 else "edge",
            "region": REGIONS[(number - 1) // 15],
            "size": SIZES[number % 3],
            "canary": f'"{"true" if number % 15 == 3 else "false"}"',
            "gpu": f'"{"true" if number % 10 == 0 else "false"}"',
        }
        text = ", ".join(f"{key}: {value}" for key, value in labels.items())
        name = f"edge-{number}"
        how = {"maintenance": drained[name]} if name in drained else {}
        network = f"{{clusterSet: shops, podRanges: [10.{number}.0.0/16]}}"
        files |= cluster(name, text, network=network, **how)
    return files


def shop(folder: Path, cart: str = "1.4.2", **drained: str) -> Snapshot:
    """The shop with a version of `cart`, not installed yet; clusters may be under maintenance."""
    app = dict(sample("app"))
    path = "deploy/cart/deployment.yaml"
    lines = app[path].decode().splitlines()
    images = [line for line in lines if "image:" in line]
    app[path] = app[path].replace(
        images[0].encode(), f"{images[0].rpartition(':')[0]}:{cart}".encode()
    )
    fleet_folder, app_folder = folder / "fleet", folder / f"app-{cart}"
    write(app_folder, app)
    write(fleet_folder, fleet(**drained))
    found = read_snapshot(app_folder, fleet_folder, None, None)
    return replace(found, now=NOW)


def first_install(folder: Path) -> Told:
    """What the first merge request shows."""
    return Told(World(shop(folder)))


def installed(folder: Path, cart: str, **drained: str) -> Told:
    """The shop runs everywhere, and another version of `cart` is to come."""
    told = first_install(folder / "before")
    proposal = told.proposal()
    told.blobs.update(proposal.contents)
    entries: dict[Unit, dict[str, str]] = {}
    for change in proposal.changes:
        for file in change.files:
            assert file.new is not None
            entries.setdefault(file.unit, {})[file.path] = file.new
    start = told.world.snapshot
    merged = Change("1" * 40, NOW, "Switchyard", start.revision.sha)
    base = DeployBase(start.base.revision, FleetFiles.of(entries), dict.fromkeys(entries, merged))
    now = replace(shop(folder / "after", cart, **drained), base=base)
    told.world = World(now)
    told.world.report_all()
    return told


def waiting(folder: Path) -> Told:
    """The canaries have the new image, and one of them is not ready: the next wave waits."""
    told = installed(folder, "1.5.0")
    told.change(policies=(), revision=replace(told.world.snapshot.revision, sha="b" * 40))
    told.world.later(timedelta(minutes=1))
    told.world.pass_once()
    told.world.pass_once()
    for unit in told.world.snapshot.base.changes:
        if unit not in told.world.snapshot.observations:
            told.world.report(unit, Readiness.READY)
    told.world.report(Unit("cart", "edge-33"), Readiness.PROGRESSING, "1 of 2 pods are ready")
    return told


def left_out(folder: Path) -> Told:
    """edge-17 is drained: it gets no new image, and what runs there goes."""
    return installed(folder, "1.5.0", **{"edge-17": "drained"})
