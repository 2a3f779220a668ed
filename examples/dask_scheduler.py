"""Run a program of Dask's on raskt: a collection of Dask's, our scheduler."""

import sys

import raskt

try:
    import dask
    import dask.array as da
except ImportError:
    sys.exit("this example needs dask and numpy")

x = da.random.default_rng(1).random((2000, 2000), chunks=(500, 500))
y = (x + x.T)[::2, 500:].mean(axis=0)

# For one call:
print("mean:", y.mean().compute(scheduler=raskt.get))

# Or for all:
with dask.config.set(scheduler=raskt.get):
    print("largest:", y.max().compute())
    total = dask.delayed(sum)([dask.delayed(abs)(n) for n in range(-5, 5)])
    print("sum:", total.compute())
