"""Watch local computations: a progress bar, and profiles of tasks and resources."""

from raskt.callbacks import Callback
from raskt.diagnostics.profile import CacheProfiler, Profiler, ResourceProfiler
from raskt.diagnostics.profile_visualize import visualize
from raskt.diagnostics.progress import ProgressBar

__all__ = [
    "CacheProfiler",
    "Callback",
    "Profiler",
    "ProgressBar",
    "ResourceProfiler",
    "visualize",
]
