"""Make functions lazy, look at what will be computed, and compute it in parallel."""

import raskt


@raskt.delayed
def inc(x):
    return x + 1


@raskt.delayed
def add(x, y):
    return x + y


# Nothing runs yet: total remembers what to call.
total = add(inc(1), inc(2))
print(total.explain())

# The two calls of inc do not need each other, so they may run at the same time.
print("total:", total.compute())

# Lazy values may be anywhere in what is given to other lazy calls.
table = raskt.delayed({"squares": [inc(n) ** 2 for n in range(5)], "total": total})
print("table:", table.compute())

# Several results in one run; what they share is computed once.
print("both:", *raskt.compute(total * 2, total - 1))
