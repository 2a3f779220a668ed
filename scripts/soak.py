"""Random work on a local cluster for a while, every result checked.

Submissions, cancellations, deaths of workers and new ones, drawn from one seed; each
result is compared with that of a serial run. At the end come the figures: memory and
open files of this process, in which client and scheduler are, after the warm-up and at
the end. The exit code is 1 if a result was wrong, 2 if something hung.
"""

from __future__ import annotations

import argparse
import faulthandler
import os
import random
import signal
import sys
import time
from collections import Counter
from pathlib import Path

import raskt
from raskt.distributed import Client, LocalCluster, wait

#: So long may one round take before it counts as hung.
HUNG_S = 120
#: This share of the time is warm-up.
WARM_UP = 0.2
#: Between that many workers there are.
WORKERS = 2, 4


class WrongResultError(Exception):
    """A result is not that of a serial run."""


# --- what is computed -------------------------------------------------------------


def mix(*numbers):
    """Make a number of numbers, in which their order matters."""
    total = 17
    for number in numbers:
        total = (total * 31 + number) % 1_000_003
    return total


def slow_mix(*numbers):
    """Do the same, slowly: so that workers die while they run something."""
    time.sleep(0.002)  # payload: deaths and cancellations have to hit running tasks
    return mix(*numbers)


def block(number, nbytes):
    """Make data that is too large to come along with a message."""
    return number.to_bytes(4, "little") * (nbytes // 4)


def weigh(data, number):
    """Make a number of data."""
    return mix(len(data), data[0], data[-1], number)


def fail(number):
    """Raise."""
    raise LookupError(number)


# --- kinds of rounds: each gives the number of tasks and of checked results ---------


def expect(found, wanted, what):
    """Compare with the serial run."""
    if found != wanted:
        raise WrongResultError(f"{what}: {found!r}, and not {wanted!r}")


def mapped(client, rng):
    """Independent tasks, in two rows."""
    function = rng.choice([mix, slow_mix])
    numbers = [rng.randrange(1000) for _ in range(rng.randrange(1, 300))]
    first = client.map(function, numbers, pure=False)
    second = client.map(mix, first, numbers, pure=False)
    wanted = [mix(mix(n), n) for n in numbers]
    expect(client.gather(second), wanted, "mapped")
    return 2 * len(numbers), len(numbers)


def layered(client, rng):
    """A random graph of layers, through lazy values."""
    width, depth = rng.randrange(1, 30), rng.randrange(1, 8)
    lazy = [raskt.delayed(i) for i in range(width)]
    serial = list(range(width))
    for _ in range(depth):
        picks = [[rng.randrange(width) for _ in range(3)] for _ in range(width)]
        function = raskt.delayed(rng.choice([mix, slow_mix]))
        lazy = [function(*[lazy[i] for i in pick]) for pick in picks]
        serial = [mix(*[serial[i] for i in pick]) for pick in picks]
    futures = client.compute(lazy)
    expect(client.gather(futures), serial, "layered")
    return width * depth, width


def moved(client, rng):
    """Data that has to move between workers."""
    count, nbytes = rng.randrange(2, 12), rng.choice([40_000, 400_000, 2_000_000])
    blocks = client.map(block, range(count), nbytes=nbytes, pure=False)
    sums = [
        client.submit(weigh, blocks[i], j, pure=False)
        for i in range(count)
        for j in range(3)
    ]
    serial = [weigh(block(i, nbytes), j) for i in range(count) for j in range(3)]
    expect(client.gather(sums), serial, "moved")
    return count * 4, count * 3


def cancelled(client, rng):
    """Tasks of which some are cancelled; the others must not suffer."""
    count = rng.randrange(2, 150)
    futures = client.map(slow_mix, range(count), pure=False)
    gone = set(rng.sample(range(count), count // 2))
    client.cancel([futures[i] for i in gone])
    kept = [i for i in range(count) if i not in gone]
    results = client.gather([futures[i] for i in kept])
    expect(results, [mix(i) for i in kept], "not cancelled")
    return count, len(kept)


def dropped(client, rng):
    """Tasks that nobody waits for any more."""
    count = rng.randrange(1, 150)
    del client.map(slow_mix, range(count), pure=False)[:]
    return count, 0


def failing(client, rng):
    """A task that raises, and one that needs it."""
    number = rng.randrange(1000)
    failed = client.submit(fail, number, pure=False)
    needs = client.submit(mix, failed, pure=False)
    wait([failed, needs])
    for future in (failed, needs):
        expect(repr(future.exception()), repr(LookupError(number)), "failing")
    return 2, 2


ROUNDS = [mapped, layered, moved, cancelled, dropped, failing]


# --- what happens to workers --------------------------------------------------------


def kill(cluster, rng):
    """Kill a worker process with -9; its nanny starts another one."""
    pids = [nanny.pid for nanny in cluster.workers.values() if nanny.pid]
    if len(pids) >= WORKERS[0]:
        os.kill(rng.choice(pids), signal.SIGKILL)
        return "killed"
    return "spared"


def scale(cluster, rng):
    """Let workers come or go."""
    before, after = len(cluster.workers), rng.randint(*WORKERS)
    cluster.scale(after)
    return "joined" if after > before else "left" if after < before else "stayed"


# --- the run --------------------------------------------------------------------------


def usage():
    """Give the resident megabytes and the open files of this process."""
    pages = int(Path("/proc/self/statm").read_text().split()[1])
    files = len(list(Path("/proc/self/fd").iterdir()))
    return pages * os.sysconf("SC_PAGE_SIZE") / 1e6, files


def soak(client, cluster, rng, seconds, figures):
    """Run rounds until the time is over; give the figures after the warm-up."""
    begin = time.monotonic()
    warm = None
    while time.monotonic() - begin < seconds:
        faulthandler.dump_traceback_later(HUNG_S, exit=False, repeat=False)
        signal.alarm(HUNG_S + 5)
        if rng.random() < 0.1:
            figures[rng.choice([kill, scale])(cluster, rng)] += 1
        kind = rng.choice(ROUNDS)
        tasks, results = kind(client, rng)
        figures["rounds"] += 1
        figures["tasks"] += tasks
        figures["results"] += results
        if warm is None and time.monotonic() - begin > seconds * WARM_UP:
            warm = settled(client, cluster)
    return warm


def settled(client, cluster):
    """Give the usage when the least number of workers is there and nothing is known."""
    cluster.scale(WORKERS[0])
    client.wait_for_workers(WORKERS[0])
    while len(client.nthreads()) > WORKERS[0]:
        time.sleep(0.05)  # payload: it is asked until the others have left
    return usage()


def hang(signum, frame):
    """End the program, whose stacks are on standard error already."""
    print("HUNG: the stacks are above", flush=True)
    os._exit(2)


def main():
    """Read the arguments, run, and tell."""
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("--minutes", type=float, default=10)
    parser.add_argument("--seed", type=int, default=None)
    arguments = parser.parse_args()
    seed = arguments.seed
    if seed is None:
        seed = random.SystemRandom().randrange(2**32)
    print(f"seed {seed}", flush=True)
    signal.signal(signal.SIGALRM, hang)
    figures = Counter()
    # A task may be hit by many deaths here, for none of which it is to blame.
    options = {"distributed.scheduler.allowed-failures": 100}
    with (
        raskt.config.set(options),
        LocalCluster(
            n_workers=WORKERS[0],
            threads_per_worker=2,
            dashboard_address=None,
            memory_limit="1 GB",
        ) as cluster,
        Client(cluster) as client,
    ):
        rng = random.Random(seed)
        try:
            warm = soak(client, cluster, rng, arguments.minutes * 60, figures)
        except WrongResultError as error:
            print(f"WRONG: {error}")
            return 1
        end = settled(client, cluster)
        signal.alarm(HUNG_S)
    signal.alarm(0)
    faulthandler.cancel_dump_traceback_later()
    print(", ".join(f"{name} {number:,}" for name, number in sorted(figures.items())))
    for when, (megabytes, files) in (("warm", warm or end), ("end", end)):
        print(f"{when}: {megabytes:.1f} MB resident, {files} open files")
    return 0


if __name__ == "__main__":
    sys.exit(main())
