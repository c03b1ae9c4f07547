"""Measures Cronwright on the cluster of KUBECONFIG: how fast Tasks converge, what that writes, how much memory the
operator holds, how soon an action starts, how punctual a loop is and what it costs; and what the API takes, answers and
tells, from a timeline of a million rows, of ten thousand Tasks, to five hundred who listen.
"""

import argparse
import os
import sys
from collections.abc import Callable, Iterator
from pathlib import Path

HERE = Path(__file__).parent
sys.path.insert(0, str(HERE.parent / "tests"))  # the cluster and the operator as a process, as tests have them

import converging  # noqa: E402
import listing  # noqa: E402
import memory  # noqa: E402
import posting  # noqa: E402
import querying  # noqa: E402
import starting  # noqa: E402
import streaming  # noqa: E402
import ticking  # noqa: E402
import writing  # noqa: E402
from figures import Figure, table, write, write_over  # noqa: E402
from machine import describe  # noqa: E402

from programs import LOG, no_other_operator  # noqa: E402
from support.cluster import Cluster, NotOurClusterError  # noqa: E402

DOCUMENT = HERE.parent / "docs" / "performance.md"
TASKS, ROUNDS = 1_000, 3
EACH = 100
EVENTS = 4_000
ROWS = (10_000, 100_000, 1_000_000)
HELD = 10_000
LISTENERS = 500
GROWING = (500, 1_000, 2_000)

Benchmark = Callable[[Cluster, float], Iterator[Figure]]

BENCHMARKS: dict[str, Benchmark] = {
    "writing": lambda cluster, scale: writing.measure(cluster, _scaled(EACH, scale)),
    "memory": lambda cluster, scale: memory.measure(cluster, [_scaled(count, scale) for count in GROWING]),
    "starting": lambda cluster, scale: starting.measure(),
    "ticking": lambda cluster, scale: ticking.measure(cluster),
    "converging": lambda cluster, scale: converging.measure(cluster, _scaled(TASKS, scale), ROUNDS),
    "posting": lambda cluster, scale: posting.measure(cluster, _scaled(EVENTS, scale)),
    "querying": lambda cluster, scale: querying.measure(cluster, [max(10_000, _scaled(size, scale)) for size in ROWS]),
    "listing": lambda cluster, scale: listing.measure(cluster, _scaled(TASKS, scale), _scaled(HELD, scale)),
    "streaming": lambda cluster, scale: streaming.measure(cluster, _scaled(LISTENERS, scale)),
}


def main() -> None:
    """Run the benchmarks that are asked for."""
    parser = argparse.ArgumentParser(prog="benchmarks", description=__doc__)
    parser.add_argument("--only", action="append", choices=list(BENCHMARKS), help="run this one; may be repeated")
    parser.add_argument(
        "--scale", type=float, default=1.0, help="of the full number of Tasks, such as 0.1 for a quick try"
    )
    parser.add_argument(
        "--write", action="store_true", help="put the figures into docs/performance.md; with --only, those alone"
    )
    arguments = parser.parse_args()
    if arguments.write and arguments.scale != 1:
        parser.error("--write takes benchmarks at full size; leave --scale away")
    if "KUBECONFIG" not in os.environ:
        parser.error('there is no cluster; run `make up`, then: eval "$(make -s env)"')
    LOG.unlink(missing_ok=True)
    try:
        cluster = Cluster(Path(os.environ["KUBECONFIG"]))
    except NotOurClusterError as error:
        parser.error(str(error))
    figures: list[Figure] = []
    with no_other_operator(cluster):
        for name in arguments.only or BENCHMARKS:
            print(f"{name}:", file=sys.stderr, flush=True)
            for figure in BENCHMARKS[name](cluster, arguments.scale):
                print(f"  {figure.name}: {figure.measured}", file=sys.stderr, flush=True)
                figures.append(figure)
    machine = describe(cluster)
    cluster.close()
    print(f"{machine}\n\n{table(figures)}")
    if arguments.write:
        (write_over if arguments.only else write)(DOCUMENT, machine, figures)


def _scaled(number: int, scale: float) -> int:
    return max(10, round(number * scale))


if __name__ == "__main__":
    main()
