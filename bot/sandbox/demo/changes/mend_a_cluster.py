"""`mend-a-cluster`: ends what `break-a-cluster` began."""

from bot.sandbox.demo.changes import Change, Look, NotNowError, Outcome, Place, Scene


class MendACluster:
    """Lets all components pass their health checks again."""

    name = "mend-a-cluster"
    summary = "all components pass their health checks again"

    def outcome(self, scene: Scene) -> Outcome:
        """See Change."""
        if not any(scene.failing.values()):
            raise NotNowError("no cluster is broken: play break-a-cluster first")
        looks = (
            Look(Place.SERVICE, "/fleet", "every cluster ready again"),
            Look(Place.SERVICE, "/rollouts/storefront", "what waited for the cluster goes on"),
        )
        names = " and ".join(sorted(name for name, each in scene.failing.items() if each))
        return Outcome(f"All components pass their health checks on {names}.", looks, failing={})


CHANGE: Change = MendACluster()
