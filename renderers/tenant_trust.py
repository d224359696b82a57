"""Builds what makes the clusters of a tenant trust each other: authorities, a bundle, an issuer.

Sources: cert-manager, "Certificate resource" and "CA issuer" (`deploy/crds`, v1); trust-manager,
"Bundle" (`v1alpha1`; `pkg/util/cert_pool.go`: text around certificates is dropped, anything but a
certificate is refused); Kubernetes, RFC 5280 section 4.1.2.6 (subjects of authorities differ).

No private key is ever in Git: cert-manager makes it in the cluster, and it never leaves it.
"""

import re
from collections.abc import Iterable, Iterator, Mapping
from datetime import UTC, datetime
from typing import TypeAlias

from planners.model import Json, Tenant
from planners.model.trust import Authority

Object: TypeAlias = dict[str, Json]
Trusted: TypeAlias = frozenset[tuple[str, str, Authority]]
"""Authorities, each with its cluster and issuer."""

PREFIX = "switchyard-ca"
BUNDLE_KEY = "ca.crt"
LIFETIME, RENEWED_BEFORE = "8760h", "2920h"
"""A year, renewed four months before its end: time for the new one to be trusted everywhere."""

_ENTRY = re.compile(
    r"# (\S+) (\S+) until (\S+)\n(-----BEGIN CERTIFICATE-----\n[^-]+-----END CERTIFICATE-----\n)"
)


def authority_objects(tenant: Tenant) -> Iterator[Object]:
    """A certification authority of the tenant in each cluster, for each issuer.

    The name of the cluster replaces `commonName`: authorities of one subject would be mistaken for
    each other.
    """
    for issuer in tenant.issuers:
        name = authority_name(issuer.name)
        yield _object(
            tenant,
            "cert-manager.io/v1",
            "Certificate",
            name,
            {
                "isCA": True,
                "commonName": tenant.name,
                "subject": {"organizations": [tenant.name], "organizationalUnits": [issuer.name]},
                "secretName": name,
                "duration": LIFETIME,
                "renewBefore": RENEWED_BEFORE,
                "privateKey": {"algorithm": "ECDSA", "size": 256, "rotationPolicy": "Always"},
                "usages": ["cert sign", "crl sign", "digital signature"],
                "issuerRef": {"name": issuer.name, "kind": issuer.kind, "group": issuer.group},
            },
        )


def bundle_objects(tenant: Tenant, trusted: Trusted) -> Iterator[Object]:
    """The bundle that trust-manager copies into every namespace of the tenant, as a ConfigMap."""
    target: Json = {
        "configMap": {"key": BUNDLE_KEY},
        "namespaceSelector": {"matchLabels": {"switchyard.dev/tenant": tenant.name}},
    }
    name = f"{PREFIX}-{tenant.name}"
    spec: Json = {"sources": [{"inLine": _written(trusted)}], "target": target}
    yield _object(tenant, "trust.cert-manager.io/v1alpha1", "Bundle", name, spec, scoped=False)


def issuer_objects(tenant: Tenant, issuer: str) -> Iterator[Object]:
    """The issuer that signs for the tenant's applications, with the authority by `issuer`."""
    spec: Json = {"ca": {"secretName": authority_name(issuer)}}
    yield _object(tenant, "cert-manager.io/v1", "Issuer", PREFIX, spec)


def authority_name(issuer: str) -> str:
    """The name of the Certificate and the Secret of an authority."""
    return f"{PREFIX}-{issuer}"


def read_bundles(objects: Iterable[Mapping[str, Json]]) -> Trusted:
    """The authorities in bundles that were written here; what is not one is left out."""
    found: set[tuple[str, str, Authority]] = set()
    for item in objects:
        for source in _list(_mapping(item.get("spec")).get("sources")):
            text = str(_mapping(source).get("inLine", ""))
            for cluster, issuer, until, pem in _ENTRY.findall(text):
                found.add((cluster, issuer, Authority(pem, datetime.fromisoformat(until))))
    return frozenset(found)


def read_signers(objects: Iterable[Mapping[str, Json]]) -> frozenset[str]:
    """The issuers whose authorities sign, by issuer objects that were written here."""
    secrets = (_mapping(_mapping(each.get("spec")).get("ca")).get("secretName") for each in objects)
    return frozenset(str(each).removeprefix(f"{PREFIX}-") for each in secrets if each)


def _written(trusted: Trusted) -> str:
    entries = sorted(trusted, key=lambda each: (each[0], each[1], each[2].until, each[2].pem))
    return "".join(
        f"# {cluster} {issuer} until {each.until.astimezone(UTC).isoformat()}\n{each.pem}"
        for cluster, issuer, each in entries
    )


def _object(
    tenant: Tenant, api_version: str, kind: str, name: str, spec: Json, *, scoped: bool = True
) -> Object:
    metadata: dict[str, Json] = {"name": name, "labels": {"switchyard.dev/tenant": tenant.name}}
    if scoped:
        metadata["namespace"] = tenant.namespace
    return {"apiVersion": api_version, "kind": kind, "metadata": metadata, "spec": spec}


def _mapping(value: Json) -> Mapping[str, Json]:
    return value if isinstance(value, dict) else {}


def _list(value: Json) -> list[Json]:
    return value if isinstance(value, list) else []
