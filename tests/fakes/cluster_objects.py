"""The objects of a fake API server: field ownership, resource versions, finalizers, access.

Behaviour as in kube-apiserver 1.37 (tried against the real one, `tests/tools/api_server.sh`):

- Server-side apply (documentation, "Server-Side Apply"; apimachinery `NewApplyConflict`): a field
  of another manager with another value is a conflict, 409, with a cause for each field; `force`
  takes it over; a field that the manager applied before and states no more is removed. What an
  apply does not change leaves the resource version alone.
- A field that the schema lacks ends in 500 "failed to create typed patch object".
- A DELETE whose precondition does not match is 409; finalizers keep an object, with a
  deletionTimestamp, until they are gone.
- A new CustomResourceDefinition is not established at once; before that its kind is not served.
- RoleBindings grant nothing that their author does not hold (documentation, "Using RBAC
  Authorization", "Privilege escalation prevention").
"""

import copy
from dataclasses import dataclass, field
from itertools import count
from typing import Any

Item = dict[str, Any]
Address = tuple[str, str, str, str]
Fields = dict[tuple[str, ...], Any]

CREATED = "2026-11-28T12:00:00Z"
_UNOWNED = {("apiVersion",), ("kind",), ("metadata", "name"), ("metadata", "namespace")}
_CONFIG_MAP = {"apiVersion", "kind", "metadata", "data", "binaryData", "immutable"}


class ApiRefusalError(Exception):
    """An answer of the API server other than success: an HTTP code and a Status."""

    def __init__(self, code: int, reason: str, message: str, causes: tuple[Item, ...] = ()) -> None:
        super().__init__(message)
        self.code = code
        self.status = {
            "kind": "Status",
            "apiVersion": "v1",
            "status": "Failure",
            "code": code,
            "reason": reason,
            "message": message,
            "details": {"causes": list(causes)},
        }


@dataclass(frozen=True, slots=True)
class Kind:
    """A kind that the server serves."""

    api_version: str
    name: str
    plural: str
    is_namespaced: bool = True

    @property
    def group(self) -> str:
        """The API group."""
        return self.api_version.rpartition("/")[0]


BUILT_IN = (
    Kind("v1", "Namespace", "namespaces", is_namespaced=False),
    Kind("v1", "ConfigMap", "configmaps"),
    Kind("v1", "Secret", "secrets"),
    Kind("v1", "Service", "services"),
    Kind("v1", "ServiceAccount", "serviceaccounts"),
    Kind("v1", "ResourceQuota", "resourcequotas"),
    Kind("v1", "LimitRange", "limitranges"),
    Kind("networking.k8s.io/v1", "NetworkPolicy", "networkpolicies"),
    Kind("rbac.authorization.k8s.io/v1", "Role", "roles"),
    Kind("rbac.authorization.k8s.io/v1", "ClusterRole", "clusterroles", is_namespaced=False),
    Kind("apps/v1", "Deployment", "deployments"),
    Kind("batch/v1", "Job", "jobs"),
    Kind("discovery.k8s.io/v1", "EndpointSlice", "endpointslices"),
    Kind("rbac.authorization.k8s.io/v1", "RoleBinding", "rolebindings"),
    Kind("rbac.authorization.k8s.io/v1", "ClusterRoleBinding", "clusterrolebindings", False),
    Kind("apiextensions.k8s.io/v1", "CustomResourceDefinition", "customresourcedefinitions", False),
)


@dataclass(slots=True)
class Access:
    """What a user may do: in which namespaces (None: everywhere), and as whom it may act."""

    namespaces: frozenset[str] | None = frozenset()
    impersonates: frozenset[str] = frozenset()
    reads_everything: bool = False

    def allows(self, verb: str, namespace: str) -> bool:
        """Whether a verb on objects of a namespace is allowed."""
        if self.namespaces is None or namespace in self.namespaces:
            return True
        return self.reads_everything and verb in ("get", "list", "watch")


@dataclass(slots=True)
class Objects:
    """Every object of a cluster, and every event since `oldest`."""

    access: dict[str, Access] = field(default_factory=dict)
    items: dict[Address, Item] = field(default_factory=dict)
    kinds: list[Kind] = field(default_factory=lambda: list(BUILT_IN))
    events: list[tuple[int, str, Item]] = field(default_factory=list)
    oldest: int = 0
    version: int = 0
    establishes_at_once: bool = False
    _uids: Any = field(default_factory=lambda: count(1))
    _owners: dict[Address, dict[str, Fields]] = field(default_factory=dict)

    def kind(self, api_version: str, plural: str) -> Kind:
        """The kind at a path."""
        for each in self.kinds:
            if (each.api_version, each.plural) == (api_version, plural):
                return each
        raise ApiRefusalError(404, "NotFound", "the server could not find the requested resource")

    def check(self, user: str, verb: str, kind: Kind, namespace: str) -> None:
        """Refuse what the user may not do."""
        if not self.access.get(user, Access()).allows(verb, namespace):
            where = f'in the namespace "{namespace}"' if namespace else "at the cluster scope"
            raise ApiRefusalError(
                403,
                "Forbidden",
                f'{kind.plural} is forbidden: User "{user}" cannot {verb} resource '
                f'"{kind.plural}" in API group "{kind.group}" {where}',
            )

    def read(self, kind: Kind, namespace: str, name: str) -> Item:
        """One object."""
        found = self.items.get((kind.group, kind.name, namespace, name))
        if found is None:
            raise ApiRefusalError(404, "NotFound", f'{kind.plural} "{name}" not found')
        return found

    def apply(self, kind: Kind, item: Item, user: str, manager: str, *, force: bool) -> Item:
        """Server-side apply."""
        self._validate(kind, item)
        self._check_escalation(kind, item, user)
        address = self._address(kind, item)
        self._check_namespace(address)
        live = self.items.get(address)
        owners = self._owners.setdefault(address, {})
        wanted = leaves(item)
        there = leaves(live) if live else {}
        conflicts = {
            (other, path)
            for other, owned in owners.items()
            for path in owned.keys() & wanted.keys()
            if other != manager and there.get(path) != wanted[path]
        }
        if conflicts and not force:
            raise _conflict(conflicts)
        for other, path in conflicts:
            del owners[other][path]
        new = copy.deepcopy(live) if live else _bare(kind, address)
        for path in owners.get(manager, {}).keys() - wanted.keys():
            if not any(path in owned for other, owned in owners.items() if other != manager):
                _remove(new, path)
        for path, value in wanted.items():
            _put(new, path, value)
        owners[manager] = wanted
        return self._store(address, live, new)

    def replace(self, kind: Kind, item: Item, manager: str) -> Item:
        """PUT: the whole object, if it is still the one that was read."""
        address = self._address(kind, item)
        live = self.read(kind, address[2], address[3])
        if item["metadata"].get("resourceVersion") not in (None, _version_of(live)):
            raise ApiRefusalError(409, "Conflict", "the object has been modified")
        kept = {key: live["metadata"][key] for key in ("uid", "creationTimestamp")}
        new = {**item, "metadata": {**item["metadata"], **kept}}
        self._owners[address] = {manager: leaves(item)}
        return self._store(address, live, new)

    def create(self, kind: Kind, item: Item, manager: str) -> Item:
        """POST."""
        address = self._address(kind, item)
        if address in self.items:
            raise ApiRefusalError(
                409, "AlreadyExists", f'{kind.plural} "{address[3]}" already exists'
            )
        self._check_namespace(address)
        self._owners[address] = {manager: leaves(item)}
        return self._store(address, None, copy.deepcopy(item))

    def patch(self, address: Address, path: tuple[str, ...], value: Any, manager: str) -> None:
        """Somebody sets one field with an update: `kubectl edit`, a controller, an autoscaler."""
        live = self.items[address]
        new = copy.deepcopy(live)
        _put(new, path, value)
        for owned in self._owners.get(address, {}).values():
            owned.pop(path, None)
        self._owners.setdefault(address, {}).setdefault(manager, {})[path] = value
        self._store(address, live, new)

    def delete(self, kind: Kind, namespace: str, name: str, preconditions: Item) -> None:
        """DELETE, with preconditions."""
        live = self.read(kind, namespace, name)
        for key, value in preconditions.items():
            if live["metadata"][key] != value:
                raise ApiRefusalError(
                    409, "Conflict", f"the {key} in the precondition does not match"
                )
        if live["metadata"].get("finalizers"):
            new = copy.deepcopy(live)
            new["metadata"].setdefault("deletionTimestamp", CREATED)
            self._store((kind.group, kind.name, namespace, name), live, new)
            return
        self._drop((kind.group, kind.name, namespace, name))

    def release(self, address: Address) -> None:
        """A controller removes the last finalizer of an object that is being deleted."""
        self._drop(address)

    def settle(self) -> None:
        """The controllers do their work: definitions are established, workloads become ready."""
        for address, item in list(self.items.items()):
            if item["kind"] == "CustomResourceDefinition":
                self.establish(item)
            if item["kind"] == "Deployment":
                self.set_status(address, _available(item))

    def set_status(self, address: Address, status: Item) -> None:
        """A controller writes a status; the generation stays."""
        live = self.items[address]
        self._store(address, live, {**copy.deepcopy(live), "status": status})

    def establish(self, definition: Item) -> None:
        """The API server begins to serve a kind."""
        spec = definition["spec"]
        served = Kind(
            f"{spec['group']}/{spec['versions'][0]['name']}",
            spec["names"]["kind"],
            spec["names"]["plural"],
            spec["scope"] == "Namespaced",
        )
        if served not in self.kinds:
            self.kinds.append(served)
        address = ("apiextensions.k8s.io", definition["kind"], "", definition["metadata"]["name"])
        self.set_status(address, {"conditions": [{"type": "Established", "status": "True"}]})

    def compact(self) -> None:
        """Forget all events so far: whoever watches from before gets 410."""
        self.events.clear()
        self.oldest = self.version

    def managers(self, item: Item) -> list[Item]:
        """The managedFields of an object, without the fields."""
        address = (item["apiVersion"].rpartition("/")[0], item["kind"], *_names(item))
        return [
            {"manager": each, "operation": "Apply" if each == "switchyard" else "Update"}
            for each in self._owners.get(address, {})
        ]

    def _check_namespace(self, address: Address) -> None:
        if address[2] and ("", "Namespace", "", address[2]) not in self.items:
            raise ApiRefusalError(404, "NotFound", f'namespaces "{address[2]}" not found')

    def _address(self, kind: Kind, item: Item) -> Address:
        namespace, name = _names(item)
        return kind.group, kind.name, namespace, name

    def _validate(self, kind: Kind, item: Item) -> None:
        for each in sorted(item.keys() - _CONFIG_MAP) if kind.name == "ConfigMap" else ():
            raise ApiRefusalError(
                500,
                "",
                f"failed to create typed patch object ({'/'.join(_names(item))}; /v1, "
                f"Kind=ConfigMap): .{each}: field not declared in schema",
            )

    def _check_escalation(self, kind: Kind, item: Item, user: str) -> None:
        grants = item.get("roleRef", {}).get("name") == "cluster-admin"
        if grants and self.access.get(user, Access()).namespaces is not None:
            raise ApiRefusalError(
                403,
                "Forbidden",
                f'{kind.plural} "{item["metadata"]["name"]}" is forbidden: user "{user}" is '
                "attempting to grant RBAC permissions not currently held",
            )

    def _store(self, address: Address, live: Item | None, new: Item) -> Item:
        metadata = new["metadata"]
        if live is None:
            metadata |= {"uid": f"uid-{next(self._uids)}", "creationTimestamp": CREATED}
            metadata["generation"] = 1
        elif live == new:
            return live
        elif live.get("spec") != new.get("spec"):
            metadata["generation"] = live["metadata"].get("generation", 1) + 1
        self.version += 1
        metadata["resourceVersion"] = str(self.version)
        self.items[address] = new
        self.events.append((self.version, "ADDED" if live is None else "MODIFIED", new))
        if self.establishes_at_once and live is None and "versions" in new.get("spec", {}):
            self.establish(new)
        return new

    def _drop(self, address: Address) -> None:
        gone = copy.deepcopy(self.items.pop(address))
        self._owners.pop(address, None)
        self.version += 1
        gone["metadata"]["resourceVersion"] = str(self.version)
        self.events.append((self.version, "DELETED", gone))


def leaves(item: Any) -> Fields:
    """The fields that an object states, by path; lists count as one field each."""
    found: Fields = {}
    stack: list[tuple[tuple[str, ...], Any]] = [((), item)]
    while stack:
        path, value = stack.pop()
        if isinstance(value, dict) and (value or not path):
            stack += [((*path, key), each) for key, each in value.items()]
        elif path not in _UNOWNED:
            found[path] = value
    return found


def _conflict(conflicts: set[tuple[str, tuple[str, ...]]]) -> ApiRefusalError:
    causes = tuple(
        {
            "reason": "FieldManagerConflict",
            "message": f'conflict with "{manager}" using v1',
            "field": "." + ".".join(path),
        }
        for manager, path in sorted(conflicts)
    )
    return ApiRefusalError(409, "Conflict", f"Apply failed with {len(causes)} conflict", causes)


def _put(item: Item, path: tuple[str, ...], value: Any) -> None:
    for key in path[:-1]:
        item = item.setdefault(key, {})
    item[path[-1]] = value


def _remove(item: Item, path: tuple[str, ...]) -> None:
    for key in path[:-1]:
        item = item.get(key, {})
    item.pop(path[-1], None)


def _names(item: Item) -> tuple[str, str]:
    return item["metadata"].get("namespace", ""), item["metadata"]["name"]


def _bare(kind: Kind, address: Address) -> Item:
    """An object that states only what it is."""
    names = {"namespace": address[2], "name": address[3]}
    metadata = {key: value for key, value in names.items() if value}
    return {"apiVersion": kind.api_version, "kind": kind.name, "metadata": metadata}


def _version_of(item: Item) -> str:
    return str(item["metadata"]["resourceVersion"])


def _available(item: Item) -> Item:
    wanted = item["spec"].get("replicas", 1)
    names = ("replicas", "updatedReplicas", "readyReplicas", "availableReplicas")
    return {
        "observedGeneration": item["metadata"]["generation"],
        "conditions": [{"type": "Available", "status": "True"}],
        **dict.fromkeys(names, wanted),
    }
