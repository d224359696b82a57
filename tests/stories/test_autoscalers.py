"""An autoscaler comes to a component that runs: nothing takes its pods away."""

from bot.sandbox.demo.site import APP
from renderers import yaml
from renderers.kubernetes.fields import mapping
from tests.fakes.world import World, small_app, small_fleet

SCALER = (
    b"apiVersion: autoscaling/v2\nkind: HorizontalPodAutoscaler\nmetadata: {name: cart}\n"
    b"spec:\n  maxReplicas: 9\n"
    b"  scaleTargetRef: {apiVersion: apps/v1, kind: Deployment, name: cart}\n"
)
FILE = "deploy/cart/deployment.yaml"


def app(replicas: int | None, **more: bytes) -> dict[str, bytes | None]:
    files = small_app()
    (document,) = yaml.load_documents(files[FILE] or b"")
    item = dict(mapping(document.value))
    spec = {key: each for key, each in mapping(item["spec"]).items() if key != "replicas"}
    item["spec"] = spec if replicas is None else {**spec, "replicas": replicas}
    scaler = {f"deploy/cart/{name}.yaml": content for name, content in more.items()}
    return {**files, FILE: yaml.dump(item), **scaler}


async def deploy(world: World, files: dict[str, bytes | None]) -> str:
    """Push, and the replicas of cart that are merged then."""
    world.ada.push(APP, "main", files, "Change cart")
    await world.settle()
    await world.finish()
    text = world.deployed("one", "cart")
    return next((line.strip() for line in text.splitlines() if "replicas:" in line), "")


async def test_replicas_that_are_merged_stay_until_the_source_leaves_them_out(
    world: World,
) -> None:
    world.found(small_fleet(("one",)))
    assert await deploy(world, app(4)) == "replicas: 4"

    assert await deploy(world, app(4, scaler=SCALER)) == "replicas: 4"
    assert await deploy(world, app(None, scaler=SCALER)) == ""
    assert await deploy(world, app(4, scaler=SCALER)) == ""
