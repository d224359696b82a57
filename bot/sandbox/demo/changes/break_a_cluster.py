"""`break-a-cluster`: a component fails its health check on the canary."""

from bot.sandbox.demo.changes import (
    BROKEN_CLUSTER,
    BROKEN_COMPONENT,
    Change,
    Look,
    NotNowError,
    Outcome,
    Place,
    Scene,
)


class BreakACluster:
    """Lets one component fail on one cluster from now on."""

    name = "break-a-cluster"
    summary = f"{BROKEN_COMPONENT} fails its health check on {BROKEN_CLUSTER}, a canary"

    def outcome(self, scene: Scene) -> Outcome:
        """See Change."""
        failing = scene.failing.get(BROKEN_CLUSTER, frozenset())
        if BROKEN_COMPONENT in failing:
            raise NotNowError(
                f"{BROKEN_COMPONENT} fails on {BROKEN_CLUSTER} already: play mend-a-cluster first"
            )
        looks = (
            Look(Place.SERVICE, "/fleet", f"{BROKEN_CLUSTER} among the worst clusters, on top"),
            Look(Place.SERVICE, f"/fleet/{BROKEN_CLUSTER}", "what its agent reports"),
            Look(
                Place.SERVICE,
                "/rollouts/storefront",
                "a rollout stops at the canary while this lasts: play bump-an-image, then "
                "mend-a-cluster",
            ),
        )
        return Outcome(
            f"{BROKEN_COMPONENT} fails its health check on {BROKEN_CLUSTER} from now on.",
            looks,
            failing={**scene.failing, BROKEN_CLUSTER: failing | {BROKEN_COMPONENT}},
        )


CHANGE: Change = BreakACluster()
