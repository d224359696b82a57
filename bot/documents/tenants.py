"""A tenant's own set-up as an application: rolled out, gated and reported on like any other.

Its source is the tenant's document in the fleet repo; it has one component, `namespace`, on every
cluster of the tenant. The tenant's applications wait for it on each cluster.
"""

from dataclasses import replace

from planners.model import (
    Application,
    Component,
    ComponentSource,
    Dependency,
    Fleet,
    PlacementIntent,
    Registration,
    Repo,
    Tenant,
)
from planners.model.selectors import Selector
from renderers import yaml
from renderers.tenant_setup import tenant_objects
from renderers.tree import FileTree

PREFIX = "tenant-"
COMPONENT = "namespace"
FILE = "objects.yaml"


def with_tenants(fleet: Fleet, repo: Repo) -> Fleet:
    """The fleet with a registration for each tenant that says where its set-up is deployed."""
    own = [
        Registration(PREFIX + each.name, each.name, repo, each.deploy)
        for each in fleet.tenants
        if each.deploy is not None
    ]
    return replace(
        fleet,
        registrations=tuple(
            sorted([*fleet.registrations, *own], key=lambda each: each.application)
        ),
    )


def is_own(registration: Registration) -> bool:
    """Whether a registration is for a tenant's set-up; no other may have such a name."""
    return registration.application == PREFIX + registration.tenant


def tenant_application(tenant: Tenant) -> tuple[Application, FileTree]:
    """The application that sets a tenant up, and the files of its component."""
    part = Component(COMPONENT, ComponentSource("manifests", ""))
    intent = PlacementIntent((COMPONENT,), all_of=(Selector(),))
    made = Application(PREFIX + tenant.name, tenant.name, (part,), (intent,), is_tenant_setup=True)
    return made, {FILE: b"---\n".join(yaml.dump(item) for item in tenant_objects(tenant))}


def after_tenant(application: Application, tenant: Tenant | None) -> Application:
    """The application with every component waiting for its tenant's set-up on the same cluster."""
    if tenant is None or tenant.deploy is None:
        return application
    need = Dependency(COMPONENT, application=PREFIX + tenant.name)
    return replace(
        application,
        components=tuple(
            replace(part, depends_on=(*part.depends_on, need)) for part in application.components
        ),
    )
