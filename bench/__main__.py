"""`python -m bench` runs all; `python -m bench planning 1000` one measurement, as JSON."""

import json
import sys

from bench import hooks, placement, planning, reports, rollout, scale


def main() -> None:
    """Run what is named, or everything."""
    match sys.argv[1:]:
        case ["planning", size]:
            print(json.dumps(planning.measure(int(size))))
        case []:
            planning.run()
            scale.run()
            placement.run()
            hooks.run()
            reports.run()
            rollout.run()
        case ["hooks"]:
            hooks.run()
        case ["reports"]:
            reports.run()
        case ["placement"]:
            scale.run()
            placement.run()
        case ["rollout"]:
            rollout.run()
        case ["rollout", size]:
            rollout.run((int(size),))
        case _:
            sys.exit(
                "usage: python -m bench "
                "[hooks | placement | planning CLUSTERS | reports | rollout [CLUSTERS]]"
            )


if __name__ == "__main__":
    main()
