"""Making room for other tasks: ``secede`` and ``rejoin``, where Dask has them."""

from __future__ import annotations

from raskt.distributed.worker import rejoin, secede

__all__ = ["rejoin", "secede"]
