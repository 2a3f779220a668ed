"""See when each task ran and for how long, and draw the graph that was run."""

import time
from pathlib import Path

import raskt
from raskt.diagnostics import Profiler, visualize


@raskt.delayed
def load(n):
    time.sleep(0.02)
    return list(range(n))


@raskt.delayed
def work(numbers):
    return sum(n * n for n in numbers)


@raskt.delayed
def merge(parts):
    return sum(parts)


total = merge([work(load(20_000 * n)) for n in range(1, 9)])

with Profiler() as profiler:
    print("total:", total.compute(num_workers=4))

out = Path("out")
out.mkdir(exist_ok=True)
visualize(profiler, filename=out / "profile.html", show=False)
print("picture:", total.visualize(out / "graph.svg", color="order"))

slowest = max(profiler.results, key=lambda task: task.end_time - task.start_time)
print("tasks:", len(profiler.results), "- the slowest:", slowest.key.split("-")[0])
