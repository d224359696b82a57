"""The documents that people write, as pydantic models; their descriptions are the reference."""

from bot.intake.documents.application import (
    ApplicationDocument,
    ComponentPart,
    CustomizationPart,
    DataPart,
    DependencyPart,
    StagePart,
)
from bot.intake.documents.common import Part
from bot.intake.documents.fleet import (
    ClusterDocument,
    PolicyDocument,
    RegistrationDocument,
)
from bot.intake.documents.placement import AnyOfPart, ExceptionPart, PlacementPart
from bot.intake.documents.tenant import TenantDocument

FLEET_DOCUMENTS: dict[str, type[Part]] = {
    "clusters": ClusterDocument,
    "tenants": TenantDocument,
    "applications": RegistrationDocument,
    "policies": PolicyDocument,
}

__all__ = [
    "FLEET_DOCUMENTS",
    "AnyOfPart",
    "ApplicationDocument",
    "ClusterDocument",
    "ComponentPart",
    "CustomizationPart",
    "DataPart",
    "DependencyPart",
    "ExceptionPart",
    "PlacementPart",
    "PolicyDocument",
    "RegistrationDocument",
    "StagePart",
    "TenantDocument",
]
