"""One application of twelve components with five variants, and others, on fleets of any size."""

import textwrap
from collections.abc import Sequence
from dataclasses import replace
from datetime import UTC, datetime

from bot.documents import read_fleet
from bot.gather.sources import read_sources
from planners.model import (
    Application,
    Cluster,
    Component,
    ComponentSource,
    PlacementIntent,
    Registration,
    Repo,
    Revision,
    Tenant,
)
from planners.model.snapshot import DeployBase, Snapshot

COMPONENTS = [f"part-{number}" for number in range(12)]
VARIANTS = 5
NOW = datetime(2026, 11, 20, 12, 0, tzinfo=UTC)
HEAD = "apiVersion: switchyard.dev/v1alpha1\nkind: "
FLEET = {
    "tenants/shop.yaml": f"{HEAD}Tenant\nmetadata: {{name: shop}}\nspec: {{namespace: shop}}\n",
    "applications/store.yaml": (
        f"{HEAD}Registration\nmetadata: {{name: store}}\nspec: {{application: store, tenant: shop, "
        f"app: 'local:shop/store', deploy: 'local:fleet/deploy'}}\n"
    ),
    "clusters/one.yaml": (
        f"{HEAD}Cluster\nmetadata: {{name: one}}\nspec: {{agent: flux, capacity: {{cpu: 64, "
        f"memory: 256Gi}}, price: {{cpuHour: 0.05}}}}\n"
    ),
}


def manifest(name: str) -> str:
    """A Deployment, a Service and a ConfigMap."""
    return textwrap.dedent(f"""\
        apiVersion: apps/v1
        kind: Deployment
        metadata: {{name: {name}, labels: {{app: {name}}}}}
        spec:
          replicas: 2
          selector: {{matchLabels: {{app: {name}}}}}
          template:
            metadata: {{labels: {{app: {name}}}}}
            spec:
              containers:
                - name: {name}
                  image: registry.example.com/{name}:1.0.0
                  ports: [{{containerPort: 8080}}]
                  env: [{{name: LEVEL, value: info}}, {{name: REGION, value: none}}]
                  resources: {{requests: {{cpu: 100m, memory: 128Mi}}}}
        ---
        apiVersion: v1
        kind: Service
        metadata: {{name: {name}}}
        spec:
          selector: {{app: {name}}}
          ports: [{{port: 80, targetPort: 8080}}]
        ---
        apiVersion: v1
        kind: ConfigMap
        metadata: {{name: {name}}}
        data: {{greeting: hello, colour: blue}}
        """)


def patch(name: str, variant: int) -> str:
    """What a variant changes in a component's Deployment."""
    return textwrap.dedent(f"""\
        spec:
          replicas: {variant + 2}
          template:
            spec:
              containers:
                - name: {name}
                  env: [{{name: REGION, value: r{variant}}}]
        """)


def application() -> dict[str, bytes]:
    """The app repo: a chain of three, nine beside it, and a patch for each variant."""
    lines = [f"{HEAD}Application", "metadata: {name: store}", "spec:", "  tenant: shop"]
    lines += ["  components:"]
    for number, name in enumerate(COMPONENTS):
        need = f", dependsOn: [{{component: part-{number - 1}}}]" if number in {1, 2} else ""
        lines.append(f"    - {{name: {name}, source: {{manifests: {name}}}{need}}}")
    lines += ["  placement:", f"    - {{components: [{', '.join(COMPONENTS)}], allOf: [{{}}]}}"]
    lines += ["  customizations:"]
    for name in COMPONENTS:
        for variant in range(VARIANTS):
            body = textwrap.indent(patch(name, variant), " " * 8)
            lines += [
                f"    - name: {name}-{variant}",
                f"      components: [{name}]",
                f"      clusters: {{matchLabels: {{variant: v{variant}}}}}",
                f"      target: {{kind: Deployment, name: {name}}}",
                f"      strategicMerge:\n{body.rstrip()}",
            ]
    lines += ["  rollout: {stages: [{name: canary, clusters: {names: [c00000]}}, {name: rest, "]
    lines[-1] += "maxAtOnce: 10%}]}"
    files = {"switchyard.yaml": "\n".join(lines) + "\n"}
    files |= {f"{name}/all.yaml": manifest(name) for name in COMPONENTS}
    return {path: text.encode() for path, text in files.items()}


def snapshot(size: int) -> Snapshot:
    """A first rollout to so many clusters."""
    files = {path: text.encode() for path, text in FLEET.items()}
    loaded = read_fleet(files)
    fleet, problems = loaded.fleet, loaded.problems
    assert not problems, problems
    clusters = tuple(_cluster(fleet.clusters[0], number) for number in range(size))
    fleet = replace(fleet, clusters=clusters)
    registration = fleet.registration("store")
    tenant = fleet.tenant("shop")
    assert registration is not None
    assert tenant is not None
    read = read_sources(application(), fleet, registration, charts=None)
    return Snapshot(
        now=NOW,
        application=read.application,
        registration=registration,
        tenant=tenant,
        clusters=clusters,
        revision=Revision(registration.app, "a" * 40),
        fleet_revision=Revision(Repo("local", "fleet/fleet"), "b" * 40),
        base=DeployBase(Revision(registration.deploy, "c" * 40)),
        sources=read.sources,
        files=read.files,
    )


def to_place(
    parts: Sequence[str], intents: Sequence[PlacementIntent], clusters: Sequence[Cluster]
) -> Snapshot:
    """Components that nothing is known of but where they may be, and clusters."""
    app, fleet, deploy = (Repo("local", f"shop/{name}") for name in ("app", "fleet", "deploy"))
    components = tuple(Component(each, ComponentSource("manifests", each)) for each in parts)
    return Snapshot(
        now=NOW,
        application=Application("store", "shop", components, tuple(intents)),
        registration=Registration("store", "shop", app, deploy),
        tenant=Tenant("shop", "shop"),
        clusters=tuple(clusters),
        revision=Revision(app, "a" * 40),
        fleet_revision=Revision(fleet, "b" * 40),
        base=DeployBase(Revision(deploy, "c" * 40)),
    )


def _cluster(like: Cluster, number: int) -> Cluster:
    labels = {"variant": f"v{number % VARIANTS}", "region": f"r{number % 7}"}
    return replace(like, name=f"c{number:05}", labels=labels)
