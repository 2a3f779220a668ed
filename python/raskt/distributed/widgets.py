"""How objects show themselves in notebooks: they have ``_repr_html_`` of their own."""

from __future__ import annotations

__all__: list[str] = []
