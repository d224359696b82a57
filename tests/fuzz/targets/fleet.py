"""The fleet repository: clusters, tenants, registrations and policies, in one input.

Documents are separated by lines `---` and go to the folder of their kind.
"""

from collections.abc import Iterator

from bot.documents import read_fleet
from bot.documents.problems import MAX_PROBLEMS
from tests.fuzz import Target
from tests.fuzz.documents import as_json, fleet_files

MOST_CHARACTERS = 20_000


def check(data: bytes) -> None:
    """Every problem has a place and a message of bounded length; what is left is a fleet."""
    files = {
        f"{folder}/a.yaml": data for folder in ("clusters", "tenants", "applications", "policies")
    }
    read = read_fleet(files)
    assert len(read.problems) <= MAX_PROBLEMS + 1
    for each in read.problems:
        assert each.position.line >= 1
        assert len(str(each)) < MOST_CHARACTERS
    names = [each.name for each in read.fleet.clusters]
    assert len(names) == len(set(names))


def seeds() -> Iterator[bytes]:
    """The documents of the demo, as they are written and as JSON, and fields it does not use."""
    for content in [*fleet_files().values(), MORE]:
        yield content
        yield from as_json(content)


MORE = b"""\
apiVersion: switchyard.dev/v1alpha1
kind: Policy
metadata: {name: holidays}
spec:
  windows:
  - {days: [mon, tue], start: "22:30", end: "02:00", clusters: {matchLabels: {a: b}}}
  freezes:
  - {name: x, from: "2026-12-24T00:00:00Z", to: "2026-12-27T00:00:00+01:00"}
---
apiVersion: switchyard.dev/v1alpha1
kind: Tenant
metadata: {name: shop}
spec:
  namespace: shop
  hosts: ["*.shop.example.com"]
  quota: {cpu: 100m, memory: 1.5Gi, pods: 1e3}
---
apiVersion: switchyard.dev/v1alpha1
kind: Cluster
metadata: {name: edge-1, labels: {region: eu}}
spec:
  agent: flux
  kubernetes: "1.31"
  timezone: Europe/Berlin
  capacity: {cpu: 4, memory: 8Gi}
  values: {replicas: 3, flag: true, text: a}
"""
WORDS = (
    *(b"quota", b"capacity", b"values", b"timezone", b"Europe/Berlin", b"/etc/passwd", b"hosts"),
    *(b"freezes", b"windows", b"approvals", b"roles", b"limits", b"location", b"price", b"kinds"),
    *(b"namespaces", b"1e9999", b"0001-01-01T00:00:00+23:59", b"99999999999999999h", b"taints"),
)
TARGET = Target(check, seeds, WORDS, share=0.4)
