"""Folders as people write them, and what the command line makes of them."""

import textwrap
from collections.abc import Mapping
from pathlib import Path

from bot.cli.folders import read_snapshot
from bot.engine.propose import Proposal, propose
from planners.model.snapshot import Snapshot

HEAD = "apiVersion: switchyard.dev/v1alpha1\n"


def cluster(name: str, labels: str = "", **spec: str) -> dict[str, str]:
    """A cluster document; `labels` and the values of `spec` are YAML."""
    lines = "".join(f"  {key}: {value}\n" for key, value in spec.items())
    text = f"{HEAD}kind: Cluster\nmetadata: {{name: {name}, labels: {{{labels}}}}}\nspec:\n"
    return {f"clusters/{name}.yaml": f"{text}  agent: flux\n{lines}"}


def tenant(name: str = "shop", spec: str = "namespace: shop") -> dict[str, str]:
    """A tenant document."""
    text = f"{HEAD}kind: Tenant\nmetadata: {{name: {name}}}\nspec: {{{spec}}}\n"
    return {f"tenants/{name}.yaml": text}


def registration(
    application: str = "store", tenant: str = "shop", extra: str = ""
) -> dict[str, str]:
    """A registration document."""
    text = (
        f"{HEAD}kind: Registration\nmetadata: {{name: {application}}}\nspec:\n"
        f"  application: {application}\n  tenant: {tenant}\n  app: local:shop/{application}\n"
        f"  deploy: local:fleet/deploy\n{textwrap.indent(textwrap.dedent(extra), '  ')}"
    )
    return {f"applications/{application}.yaml": text}


def policy(spec: str) -> dict[str, str]:
    """A policy document."""
    text = f"{HEAD}kind: Policy\nmetadata: {{name: default}}\nspec: {{{spec}}}\n"
    return {"policies/default.yaml": text}


def application(spec: str, name: str = "store", tenant: str = "shop") -> dict[str, str]:
    """`switchyard.yaml` with that spec."""
    body = textwrap.indent(textwrap.dedent(spec).strip("\n"), "  ")
    text = (
        f"{HEAD}kind: Application\nmetadata: {{name: {name}}}\nspec:\n  tenant: {tenant}\n{body}\n"
    )
    return {"switchyard.yaml": text}


def deployment(name: str, requests: str = "", replicas: int = 1) -> str:
    """A small valid Deployment; `requests` is a flow mapping's inside (`cpu: 500m`)."""
    resources = f"\n          resources: {{requests: {{{requests}}}}}" if requests else ""
    return (
        textwrap.dedent(f"""\
        apiVersion: apps/v1
        kind: Deployment
        metadata:
          name: {name}
        spec:
          replicas: {replicas}
          selector:
            matchLabels: {{app: {name}}}
          template:
            metadata:
              labels: {{app: {name}}}
            spec:
              containers:
                - name: {name}
                  image: registry.example.com/{name}:1.0.0""")
        + resources.replace("\n          ", "\n          ")
        + "\n"
    )


def write(folder: Path, files: Mapping[str, str | bytes]) -> Path:
    """Write files below a folder."""
    for path, content in files.items():
        target = folder / path
        target.parent.mkdir(parents=True, exist_ok=True)
        target.write_bytes(content if isinstance(content, bytes) else content.encode())
    return folder


def snapshot_of(
    folder: Path,
    app: Mapping[str, str | bytes],
    fleet: Mapping[str, str | bytes],
    deploy: Mapping[str, bytes] | None = None,
) -> Snapshot:
    """The Snapshot of an app folder and a fleet folder."""
    merged = write(folder / "deploy", deploy) if deploy else None
    return read_snapshot(write(folder / "app", app), write(folder / "fleet", fleet), merged, None)


def planned(
    folder: Path, app: Mapping[str, str | bytes], fleet: Mapping[str, str | bytes]
) -> Proposal:
    """What is proposed for them; `problems` says what is wrong."""
    return propose(snapshot_of(folder, app, fleet), thorough=True)


def sites(proposal: Proposal, component: str) -> list[str]:
    """The clusters chosen for a component."""
    return [unit.cluster for unit in proposal.plan.units if unit.component == component]
