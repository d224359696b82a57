"""Two owners of one object on one cluster are refused, and both are named."""

from collections.abc import Mapping
from pathlib import Path

from bot.engine.propose import propose
from renderers.tree import FileTree
from tests.fakes.folders import application, cluster, registration, snapshot_of, tenant

FLEET = {
    **cluster("edge-1", "size: small"),
    **cluster("edge-2", "size: big"),
    **tenant(),
    **tenant("bank", "namespace: bank, namespaces: [vault]"),
    **registration(),
    **registration("till"),
    **registration("safe", "bank"),
}
EVERYWHERE = "[{components: [%s], allOf: [{}]}]"


def service(name: str, namespace: str = "") -> str:
    """A Service."""
    place = f", namespace: {namespace}" if namespace else ""
    return (
        f"apiVersion: v1\nkind: Service\nmetadata: {{name: {name}{place}}}\n"
        f"spec: {{ports: [{{port: 80}}]}}\n"
    )


def app(
    files: Mapping[str, str], placement: str, name: str = "store", of: str = "shop"
) -> FileTree:
    """An application with a component for each folder."""
    folders = sorted({file.partition("/")[0] for file in files})
    components = ", ".join(f"{{name: {each}, source: {{manifests: {each}}}}}" for each in folders)
    spec = f"components: [{components}]\nplacement: {placement}"
    return {k: v.encode() for k, v in {**application(spec, name, of), **files}.items()}


def run(folder: Path, files: FileTree, deploy: FileTree | None = None) -> list[str]:
    """The problems of a plan."""
    snapshot = snapshot_of(folder, files, FLEET, deploy)
    return [str(each) for each in propose(snapshot).problems]


def merged(folder: Path, files: FileTree) -> FileTree:
    """The deploy tree of another application."""
    proposal = propose(snapshot_of(folder, files, FLEET))
    assert not proposal.problems
    return {path: data for tree in proposal.trees.values() for path, data in tree.items()}


def test_two_components_with_one_object(tmp_path: Path) -> None:
    files = {
        "cart/all.yaml": f"{service('cart')}---\n{service('redis')}",
        "redis/r.yaml": service("redis"),
    }

    assert run(tmp_path, app(files, EVERYWHERE % "cart, redis")) == [
        (
            "redis/r.yaml:1:1: Service/redis in namespace shop is in component cart "
            "(cart/all.yaml:6:1) and in component redis (redis/r.yaml:1:1): keep it in one of "
            "them, and let the other one depend on that [on edge-1, edge-2]"
        )
    ]


def test_two_components_with_one_object_on_different_clusters(tmp_path: Path) -> None:
    files = {"cart/a.yaml": service("redis"), "redis/r.yaml": service("redis")}
    placement = (
        "[{components: [cart], allOf: [{names: [edge-1]}]}, "
        "{components: [redis], allOf: [{names: [edge-2]}]}]"
    )

    assert run(tmp_path, app(files, placement)) == []


def test_one_component_with_an_object_and_the_same_one_in_its_namespace(tmp_path: Path) -> None:
    files = {"redis/a.yaml": service("redis"), "redis/b.yaml": service("redis", "shop")}

    assert run(tmp_path, app(files, EVERYWHERE % "redis")) == [
        (
            "redis/b.yaml:1:1: component redis (redis/b.yaml:1:1) contains Service/redis in "
            "namespace shop twice, also at redis/a.yaml:1:1; remove one [on edge-1, edge-2]"
        )
    ]


def test_another_application_of_the_tenant(tmp_path: Path) -> None:
    deploy = merged(
        tmp_path / "till", app({"pay/a.yaml": service("redis")}, EVERYWHERE % "pay", "till")
    )
    files = app({"redis/r.yaml": service("redis")}, EVERYWHERE % "redis")

    assert run(tmp_path / "store", files, deploy) == [
        (
            "redis/r.yaml:1:1: Service/redis in namespace shop is in component redis "
            "(redis/r.yaml:1:1), and already belongs to component pay of application till "
            "(service-redis.yaml in its folder of the deploy repo): rename it, or remove it "
            "there first [on edge-1, edge-2]"
        )
    ]


def test_another_tenant_has_the_same_name_in_its_own_namespace(tmp_path: Path) -> None:
    deploy = merged(
        tmp_path / "safe",
        app({"safe/a.yaml": service("redis")}, EVERYWHERE % "safe", "safe", "bank"),
    )
    files = app({"redis/r.yaml": service("redis")}, EVERYWHERE % "redis")

    assert run(tmp_path / "store", files, deploy) == []


def test_another_tenant_owns_the_object_on_one_cluster(tmp_path: Path) -> None:
    theirs = {"safe/a.yaml": service("redis", "vault")}
    deploy = merged(
        tmp_path / "safe",
        app(theirs, "[{components: [safe], allOf: [{names: [edge-2]}]}]", "safe", "bank"),
    )
    moved = {
        path.replace("apps/bank/safe", "apps/shop/till"): data.replace(b"vault", b"shop")
        for path, data in deploy.items()
    }
    files = app({"redis/r.yaml": service("redis")}, EVERYWHERE % "redis")

    problems = run(tmp_path / "store", files, moved)

    assert len(problems) == 1
    assert "component safe of application till" in problems[0]
    assert problems[0].endswith("[on edge-2]")


def test_the_application_itself_is_not_another_owner(tmp_path: Path) -> None:
    """A component that is renamed takes its objects along."""
    deploy = merged(tmp_path / "old", app({"old/r.yaml": service("redis")}, EVERYWHERE % "old"))

    assert (
        run(tmp_path / "new", app({"new/r.yaml": service("redis")}, EVERYWHERE % "new"), deploy)
        == []
    )
