"""Bounds the work of all patches of an application, so that its plan cannot take long."""

from dataclasses import dataclass

from planners.model import Json
from renderers.json_size import count
from renderers.patch import PatchError

WORK_OF_APPLICATION = 300_000
WORK_OF_UNIT = 10_000
WORK_OF_PATCH = 100


@dataclass(slots=True)
class PatchBudget:
    """What all patches of an application may cost.

    That is about a tenth of a second, and a little for each unit, which legitimate patches need.

    It counts the values of each patch and of the object before and after, so that the same input
    always ends at the same place, on a fast machine and on a slow one.
    """

    left: int
    total: int

    @classmethod
    def of(cls, units: int) -> "PatchBudget":
        """The budget of an application whose components and clusters form so many pairs."""
        total = WORK_OF_APPLICATION + units * WORK_OF_UNIT
        return cls(total, total)

    def spend(self, *values: Json) -> None:
        """Pay for copying or comparing values.

        Raises:
            PatchError: the budget is exhausted.
        """
        if self.left > 0:
            self.left -= WORK_OF_PATCH + sum(count(each, self.left) for each in values)
        if self.left <= 0:
            raise PatchError(
                f"the patches of the application copy or compare more than {self.total} values: "
                f"make patches or their targets smaller, or use fewer of them"
            )
