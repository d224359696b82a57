"""The pydantic models of documents; the reference pages and JSON schemas derive from them."""

from bot.documents.models.application import (
    ApplicationDocument,
    ComponentPart,
    CustomizationPart,
    DataPart,
    DependencyPart,
    SourcePart,
    StagePart,
)
from bot.documents.models.common import Part
from bot.documents.models.connectivity import ConnectivityPart, GatewayPart, NetworkPart
from bot.documents.models.fleet import ClusterDocument, PolicyDocument, RegistrationDocument
from bot.documents.models.gates import GatePart
from bot.documents.models.placement import AnyOfPart, ExceptionPart, PlacementPart
from bot.documents.models.tenant import TenantDocument

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
    "ConnectivityPart",
    "CustomizationPart",
    "DataPart",
    "DependencyPart",
    "ExceptionPart",
    "GatePart",
    "GatewayPart",
    "NetworkPart",
    "PlacementPart",
    "PolicyDocument",
    "RegistrationDocument",
    "SourcePart",
    "StagePart",
    "TenantDocument",
]
