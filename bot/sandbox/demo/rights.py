"""What service accounts may write in a simulated cluster, by the RoleBindings in it."""

from collections.abc import Iterator, Mapping

from renderers import yaml

KUSTOMIZE_CONTROLLER = "kustomize-controller"
FLUX = "flux-system"


class Rights:
    """The rights of accounts in `flux-system`; kustomize-controller may write everything."""

    def __init__(self, given: Mapping[str, frozenset[str]]) -> None:
        self._namespaces = {name: set(found) for name, found in given.items()}

    def learn(self, contents: Iterator[bytes]) -> None:
        """Add what the RoleBindings among applied objects give."""
        for content in contents:
            if b"kind: RoleBinding" not in content:
                continue
            for document in yaml.load_documents(content):
                item = document.value
                assert isinstance(item, dict)
                metadata, subjects = item["metadata"], item.get("subjects")
                assert isinstance(metadata, dict)
                for each in subjects if isinstance(subjects, list) else ():
                    if isinstance(each, dict) and each.get("namespace") == FLUX:
                        found = self._namespaces.setdefault(str(each["name"]), set())
                        found.add(str(metadata.get("namespace")))

    def refusal(self, account: str, contents: Iterator[bytes]) -> str:
        """Why the API server refuses the first object that the account may not write."""
        if account == KUSTOMIZE_CONTROLLER:
            return ""
        for content in contents:
            for document in yaml.load_documents(content):
                item = document.value
                assert isinstance(item, dict)
                metadata = item["metadata"]
                assert isinstance(metadata, dict)
                namespace = str(metadata.get("namespace", ""))
                if namespace and namespace not in self._namespaces.get(account, ()):
                    return (
                        f"{item['kind']}/{namespace}/{metadata['name']} dry-run failed "
                        f'(Forbidden): User "system:serviceaccount:{FLUX}:{account}" cannot patch '
                        f"resource in the namespace {namespace}"
                    )
        return ""
