"""How much CPU manifests request, in millicores, and how much a crowded cluster has."""

import re

import pygit2

CAPACITY = 3000
LARGE, SMALL = 1000, 500
CPU = re.compile(rb"cpu: (\d+)m")
REPLICAS = re.compile(rb"replicas: (\d+)")


def requesting(text: bytes, millicores: int) -> bytes:
    """A manifest whose container requests so much."""
    return text + f"          resources: {{requests: {{cpu: {millicores}m}}}}\n".encode()


def requested(tree: pygit2.Tree) -> int:
    """What all manifests in a folder request together."""
    found = 0
    for each in tree:
        if isinstance(each, pygit2.Tree):
            found += requested(each)
        elif isinstance(each, pygit2.Blob):
            cpu, replicas = CPU.search(each.data), REPLICAS.search(each.data)
            found += int(cpu[1]) * int(replicas[1]) if cpu and replicas else 0
    return found
