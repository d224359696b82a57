"""`drain-a-region`: Otto proposes that nothing runs in one region, for maintenance."""

from bot.documents.edits import find_documents, with_maintenance
from bot.sandbox.demo.changes import Change, Look, NotNowError, Outcome, Place, Proposal, Scene
from bot.sandbox.demo.site import DEPLOY, FLEET

REGION = "ap"


class DrainARegion:
    """Drains all clusters of a region."""

    name = "drain-a-region"
    summary = f"Otto proposes to empty the clusters of region {REGION}"

    def outcome(self, scene: Scene) -> Outcome:
        """See Change."""
        names = _running(scene)
        if not names:
            raise NotNowError(
                f"all clusters of region {REGION} are drained already: as Otto, remove "
                f"`maintenance: drained` from clusters/{REGION}-*.yaml of {FLEET}"
            )
        files: dict[str, bytes] = {}
        for name in names:
            for path, content in with_maintenance(scene.fleet, name, drained=True).items():
                assert content is not None, "the edit deletes no file"
                files[path] = content
        title = f"Drain region {REGION}"
        proposal = Proposal(
            "otto", FLEET, f"drain-{REGION}", title, f"Maintenance of {', '.join(names)}.", files
        )
        looks = (
            Look(Place.REQUEST, "", "four lines in four documents. Merge it as Otto"),
            Look(
                Place.SERVICE,
                "/rollouts/storefront",
                "then: recommendation moves to clusters elsewhere; everything in the region is "
                "removed once that is ready",
            ),
            Look(
                Place.FORGE,
                f"/{DEPLOY}/merge_requests",
                "then: as Rita, approve the canary's waves. The removals come last; in the middle "
                "of them the canary asks once more, for recommendation without its old callers",
            ),
        )
        return Outcome(f"Otto's merge request is open: {title}.", looks, proposal)


def _running(scene: Scene) -> list[str]:
    """The clusters of the region that are not drained."""
    found = []
    for each in find_documents(scene.fleet, "clusters", "Cluster"):
        metadata, spec = each.value.get("metadata"), each.value.get("spec")
        labels = metadata.get("labels") if isinstance(metadata, dict) else None
        if not (isinstance(metadata, dict) and isinstance(labels, dict) and isinstance(spec, dict)):
            continue
        if labels.get("region") == REGION and spec.get("maintenance") != "drained":
            found.append(str(metadata["name"]))
    return found


CHANGE: Change = DrainARegion()
