"""What a tenant's document says decides what its applications may write."""

from pathlib import Path

import pytest

from tests.fakes.folders import application, cluster, planned, registration, tenant

SPEC = """
components:
  - {name: web, source: {manifests: web}}
placement:
  - {components: [web], allOf: [{}]}
"""
INGRESS = """\
apiVersion: networking.k8s.io/v1
kind: Ingress
metadata: {name: web}
spec:
  rules:
    - host: www.shop.example.com
      http:
        paths:
          - {path: /, pathType: Prefix, backend: {service: {name: web, port: {number: 80}}}}
"""
STORE = """\
apiVersion: external-secrets.io/v1
kind: ExternalSecret
metadata: {name: web}
spec:
  secretStoreRef: {kind: ClusterSecretStore, name: vault}
"""
JOBS = "apiVersion: v1\nkind: ConfigMap\nmetadata: {name: web, namespace: shop-jobs}\n"
STORES = "ExternalSecret.external-secrets.io, ClusterSecretStore.external-secrets.io"


def problems(folder: Path, manifest: str, spec: str) -> list[str]:
    app = {**application(SPEC), "web/x.yaml": manifest}
    fleet = {**tenant(spec=spec), **registration(), **cluster("edge")}
    return [str(each) for each in planned(folder, app, fleet).problems]


@pytest.mark.parametrize(
    ("manifest", "without", "allowing", "refusal"),
    [
        (INGRESS, "", "hosts: ['*.shop.example.com']", "takes host www.shop.example.com at"),
        (INGRESS, "hosts: [shop.example.com]", "hosts: ['*']", "takes host www.shop.example.com"),
        (STORE, "", f"kinds: {{allowed: [{STORES}]}}", "is reserved for the platform"),
        (JOBS, "", "namespaces: [shop-jobs]", "is in namespace shop-jobs"),
    ],
)
def test_a_field_of_the_tenant_lets_an_object_pass(
    tmp_path: Path, manifest: str, without: str, allowing: str, refusal: str
) -> None:
    refused = problems(tmp_path / "1", manifest, f"namespace: shop, {without}")

    assert any(refusal in each for each in refused)
    assert problems(tmp_path / "2", manifest, f"namespace: shop, {allowing}") == []
