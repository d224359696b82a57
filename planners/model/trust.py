"""Trust between the clusters of a tenant: who signs its authorities, and their certificates."""

from dataclasses import dataclass
from datetime import datetime


@dataclass(frozen=True, slots=True)
class Issuer:
    """An issuer of cert-manager in every cluster of a tenant, which signs the tenant's authority.

    `group` is the API group of external issuers (cert-manager.io: `issuerRef`).
    """

    name: str
    kind: str = "ClusterIssuer"
    group: str = "cert-manager.io"


@dataclass(frozen=True, slots=True)
class Authority:
    """The certificate of a certification authority: public, as PEM, valid `until` then."""

    pem: str
    until: datetime
