"""Write a lazy collection of your own: raskt knows it by a few methods."""

import raskt
from raskt.base import DaskMethodsMixin, replace_name_in_key
from raskt.tokenize import tokenize


class Lines(DaskMethodsMixin):
    """Lazy lines of text; each is one task."""

    # What runs the tasks, unless the caller says otherwise.
    __dask_scheduler__ = staticmethod(raskt.get)

    def __init__(self, graph, keys):
        self.graph = graph
        self.keys = keys

    def map(self, func):
        """Call a function for each line: one more task for each."""
        name = f"map-{tokenize(self, func)}"
        layer = {(name, i): (func, key) for i, key in enumerate(self.keys)}
        return Lines({**self.graph, **layer}, list(layer))

    def __dask_graph__(self):
        return self.graph

    def __dask_keys__(self):
        return self.keys

    def __dask_tokenize__(self):
        return self.keys

    def __dask_postcompute__(self):
        # What makes the result of the results of the keys.
        return "\n".join, ()

    def __dask_postpersist__(self):
        # What makes a collection of a graph that has the results.
        return Lines._rebuild, (self.keys,)

    @staticmethod
    def _rebuild(graph, keys, rename=None):
        return Lines(graph, [replace_name_in_key(key, rename or {}) for key in keys])


graph = {("line", 0): "roses are red", ("line", 1): "tasks are lazy"}
poem = Lines(graph, list(graph))
loud = poem.map(str.upper)

print(loud.compute())
print("kept:", len(loud.persist().graph), "of", len(loud.graph), "keys")

# It works with everything else that is lazy.
print("letters:", raskt.delayed(len)(loud).compute())
