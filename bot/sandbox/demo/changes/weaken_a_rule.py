"""`weaken-a-rule`: Otto proposes that the canaries no longer need an approval."""

from bot.documents.edits import find_documents
from bot.sandbox.demo.changes import Change, Look, NotNowError, Outcome, Place, Proposal, Scene
from bot.sandbox.demo.site import DEPLOY, FLEET

APPROVALS = ("spec", "approvals")


class WeakenARule:
    """Removes the approvals of the policies."""

    name = "weaken-a-rule"
    summary = "Otto proposes that canaries no longer need Rita's approval"

    def outcome(self, scene: Scene) -> Outcome:
        """See Change."""
        files = {
            each.file: each.edit.remove(APPROVALS)
            for each in find_documents(scene.fleet, "policies", "Policy")
            if isinstance(spec := each.value.get("spec"), dict) and "approvals" in spec
        }
        if not files:
            raise NotNowError(
                f"no policy requires an approval any more: as Otto, add `approvals` to "
                f"policies/default.yaml of {FLEET} again"
            )
        title = "Let canaries go without an approval"
        proposal = Proposal(
            "otto", FLEET, "no-approvals", title, "Faster, and nobody looks first.", files
        )
        looks = (
            Look(
                Place.REQUEST,
                "",
                "the rule that goes. Ada may not write here, and until Otto merges it the rule of "
                "main counts",
            ),
            Look(
                Place.FORGE,
                f"/{DEPLOY}/merge_requests",
                "then: play bump-an-image; its canary merges without Rita",
            ),
        )
        return Outcome(f"Otto's merge request is open: {title}.", looks, proposal)


CHANGE: Change = WeakenARule()
