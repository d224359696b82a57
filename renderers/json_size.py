"""The size of JSON values, in values: what copying, comparing and merging them costs."""

from planners.model import Json


def count(value: Json, most: int) -> int:
    """How many values a value consists of, itself included, counted until there are `most`.

    Iterative, so that no input can exhaust the stack.
    """
    pending, found = [value], 1
    while pending and found < most:
        each = pending.pop()
        children = each.values() if isinstance(each, dict) else each
        if isinstance(children, str | int | float | None):
            continue
        found += len(children)
        pending += [child for child in children if isinstance(child, dict | list)]
    return found
