"""A tenant's set-up (namespaces, quotas, roles) as a generated application.

It is rolled out like any other application. Its source is the tenant's document in the fleet repo;
its component `namespace` runs on every cluster of the tenant. The tenant's applications depend on
it on each cluster. `bot.documents.trust` adds what makes its clusters trust each other.
"""

from dataclasses import dataclass, replace

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
from renderers.tenant_setup import COMPONENT, tenant_objects
from renderers.tree import FileTree

PREFIX = "tenant-"
FILE = "objects.yaml"


@dataclass(frozen=True, slots=True)
class TenantSetup:
    """The application that sets up a tenant, and the files of its component."""

    application: Application
    files: FileTree


def with_tenant_setups(fleet: Fleet, repo: Repo) -> Fleet:
    """The fleet with a registration for the set-up of each tenant that has a deploy repo."""
    setups = [
        Registration(application=PREFIX + each.name, tenant=each.name, app=repo, deploy=each.deploy)
        for each in fleet.tenants
        if each.deploy is not None
    ]
    return replace(
        fleet,
        registrations=tuple(
            sorted([*fleet.registrations, *setups], key=lambda each: each.application)
        ),
    )


def is_tenant_setup(registration: Registration) -> bool:
    """Whether a registration is for a tenant's set-up; its name is reserved."""
    return registration.application == PREFIX + registration.tenant


def tenant_applications(fleet: Fleet, setup: Registration) -> tuple[Registration, ...]:
    """What a tenant's set-up prepares its clusters for: the tenant's applications."""
    if not is_tenant_setup(setup):
        return ()
    return tuple(
        each for each in fleet.registrations if each.tenant == setup.tenant and each != setup
    )


def tenant_setup(tenant: Tenant) -> TenantSetup:
    """The generated application of a tenant."""
    application = Application(
        name=PREFIX + tenant.name,
        tenant=tenant.name,
        components=(Component(COMPONENT, ComponentSource("manifests", "")),),
        placements=(PlacementIntent((COMPONENT,), all_of=(Selector(),)),),
        is_tenant_setup=True,
    )
    objects = b"---\n".join(yaml.dump(item) for item in tenant_objects(tenant))
    return TenantSetup(application, {FILE: objects})


def with_tenant_dependency(application: Application, tenant: Tenant | None) -> Application:
    """The application with a dependency of every component on its tenant's set-up there."""
    if tenant is None or tenant.deploy is None:
        return application
    dependency = Dependency(COMPONENT, application=PREFIX + tenant.name)
    return replace(
        application,
        components=tuple(
            replace(part, depends_on=(*part.depends_on, dependency))
            for part in application.components
        ),
    )
