"""Renders the agents' own objects: one file for each unit, and those of a tenant's set-up.

They are serialised once for each component, agent and settings, with NAME for the name of the
cluster.
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field

from planners.model import AgentSettings, Cluster, Json, Unit
from planners.model.snapshot import Snapshot
from planners.model.unit_files import folder_of
from renderers import yaml
from renderers.agents import (
    ApplicationTarget,
    References,
    RefusesObjects,
    Target,
    TenantTarget,
)
from renderers.cluster_files import NAME
from renderers.layout import Layout, object_files
from renderers.tenant_setup import access_objects
from renderers.tree import FileTree

CLUSTER_PLACEHOLDER = "stand_in.cluster"  # a valid name has no underscore (RFC 1123)


@dataclass(frozen=True, slots=True)
class AgentKey:
    """What distinguishes the text of an agent's objects on two clusters."""

    agent: str
    settings: AgentSettings


@dataclass(frozen=True, slots=True)
class Site:
    """A cluster as its agent's objects see it: the folders of the application there.

    On clusters of one `kind` the objects have the same text, with `rendered_name` for the name. On
    those that are `alike`, whose names are also as long, which agents limit, and which have the
    same version of Kubernetes, the same is found in files.
    """

    name: str
    key: AgentKey
    kind: int
    alike: int
    rendered_name: str
    folder: str
    objects: str
    sync: str


@dataclass(slots=True)
class ReferenceFiles:
    """The agents' objects of one plan."""

    snapshot: Snapshot
    layout: Layout
    agents: Mapping[str, References]
    _sites: dict[str, Site] = field(default_factory=dict)
    _kinds: dict[tuple[AgentKey, str], int] = field(default_factory=dict)
    _alike: dict[tuple[int, int, str | None], int] = field(default_factory=dict)
    _setups: dict[int, FileTree] = field(default_factory=dict)
    _refused: dict[tuple[str, int, int], bool] = field(default_factory=dict)

    def site(self, cluster: Cluster) -> Site:
        """What the files on a cluster have in common."""
        found = self._sites.get(cluster.name)
        if found is None:
            settings = cluster.agent_settings or self.agents[cluster.agent].settings()
            key, name = AgentKey(cluster.agent, settings), _rendered_name(cluster.name)
            kind = self._kinds.setdefault((key, name), len(self._kinds))
            like = kind, len(cluster.name), cluster.kubernetes
            found = self._sites[cluster.name] = Site(
                cluster.name,
                key,
                kind,
                self._alike.setdefault(like, len(self._alike)),
                name,
                folder_of(cluster.name),
                self.layout.application_folder(cluster.name),
                self.layout.sync_folder(cluster.name),
            )
        return found

    def files(self, component: str, site: Site) -> FileTree:
        """The agent's objects for a unit, in one file; with NAME for the cluster's name."""
        content = self._written(site, Unit(component, site.rendered_name))
        return {f"{site.sync}/{component}.yaml": _as_template(content)} if content else {}

    def setup_files(self, site: Site) -> FileTree:
        """What a tenant's set-up has on a cluster because of its agent, by file name."""
        if site.kind not in self._setups:
            items = self._setup_objects(site.key, site.rendered_name)
            files = object_files(items, self.snapshot.tenant.namespace)
            self._setups[site.kind] = {
                file: _as_template(yaml.dump(item)) for file, item in zip(files, items, strict=True)
            }
        return self._setups[site.kind]

    def refusals(self, component: str, site: Site) -> tuple[str, ...]:
        """Why the agent could not deliver the unit; each distinct kind of cluster is asked once."""
        known = (component, site.kind, len(site.name))
        if self._refused.get(known) is False:
            return ()
        agent = self.agents[site.key.agent]
        found = agent.refusals(self._target(site, Unit(component, site.name)))
        self._refused[known] = bool(found)
        return found

    def object_refusals(
        self, component: str, site: Site, objects: Iterable[Mapping[str, Json]]
    ) -> tuple[str, ...]:
        """Why the agent could not apply some of the unit's objects."""
        agent: object = self.agents[site.key.agent]
        if not isinstance(agent, RefusesObjects):
            return ()
        return agent.object_refusals(self._target(site, Unit(component, site.name)), objects)

    def _setup_objects(self, key: AgentKey, cluster: str) -> list[dict[str, Json]]:
        """The accounts, then the agent's objects for the tenant and for its applications."""
        tenant, plugin = self.snapshot.tenant, self.agents[key.agent]
        deploy = self.snapshot.registration.deploy
        target = TenantTarget(cluster, key.settings, tenant.name, tenant.all_namespaces, deploy)
        items = [*access_objects(tenant, plugin.accounts(target))]
        items += plugin.tenant_references(target)
        for each in self.snapshot.tenant_applications:
            items += plugin.application_references(
                ApplicationTarget(
                    cluster=cluster,
                    settings=key.settings,
                    tenant=tenant.name,
                    application=each.application,
                    namespaces=tenant.all_namespaces,
                    folder=Layout.of(each).application_folder(cluster),
                    deploy=each.deploy,
                )
            )
        return items

    def _written(self, site: Site, unit: Unit) -> bytes:
        """The agent's objects for a unit, as YAML."""
        items = self.agents[site.key.agent].references(self._target(site, unit))
        return b"---\n".join(yaml.dump(item) for item in items)

    def _target(self, site: Site, unit: Unit) -> Target:
        snapshot = self.snapshot
        return Target(
            cluster=unit.cluster,
            settings=site.key.settings,
            tenant=snapshot.tenant.name,
            application=self.layout.application,
            component=unit.component,
            namespaces=snapshot.tenant.all_namespaces,
            folder=self.layout.objects_folder(unit),
            deploy=snapshot.registration.deploy,
            is_tenant_setup=snapshot.application.is_tenant_setup,
            other_deploys=tuple(each.deploy for each in snapshot.tenant_applications),
        )


def _as_template(content: bytes) -> bytes:
    """Written objects with NAME instead of the placeholder."""
    return content.replace(CLUSTER_PLACEHOLDER.encode(), NAME)


def _rendered_name(name: str) -> str:
    """The placeholder, or the name itself if YAML would quote it."""
    return CLUSTER_PLACEHOLDER if yaml.is_plain(name) else name
