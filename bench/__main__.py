"""`python -m bench` runs all; `python -m bench planning 1000` one measurement, as JSON."""

import json
import sys

from bench import hooks, latency, many, placement, planning, reports, rollout, scale, table


def main() -> None:
    """Run what is named, or everything."""
    match sys.argv[1:]:
        case ["planning", size]:
            print(json.dumps(planning.measure(int(size))))
        case []:
            planning.run()
            scale.run()
            placement.run()
            rollout.run()
            _intake()
        case ["intake"]:
            _intake()
        case ["placement"]:
            scale.run()
            placement.run()
        case ["many"]:
            table.show(many.run())
        case ["many", count]:
            table.show(many.run(int(count)))
        case ["rollout"]:
            rollout.run()
        case ["rollout", size]:
            rollout.run((int(size),))
        case _:
            sys.exit(
                "usage: python -m bench "
                "[intake | many [APPLICATIONS] | placement | planning CLUSTERS | "
                "rollout [CLUSTERS]]"
            )


def _intake() -> None:
    """What programs send, as rows of the table, which is kept."""
    rows = [*hooks.run(), *reports.run(), *latency.run()]
    table.show(rows)
    table.keep(rows)


if __name__ == "__main__":
    main()
