"""How many examples properties are tried on: few and the same each time, or more with EXAMPLES."""

import os
from typing import Any

from hypothesis import HealthCheck, settings

TIMES = int(os.environ.get("EXAMPLES", "1"))

settings.register_profile(
    "tests",
    deadline=None,
    derandomize=TIMES == 1,
    suppress_health_check=[HealthCheck.too_slow],  # a machine that is busy is no defect
)
settings.load_profile("tests")


def examples(number: int, **options: Any) -> settings:
    """Try this many; EXAMPLES in the environment multiplies them, and draws others each time."""
    return settings(max_examples=number * TIMES, **options)
