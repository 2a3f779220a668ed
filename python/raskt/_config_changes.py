"""Options set for a while, and taken back without touching what others set since."""

from __future__ import annotations

from _weakref import ref  # the one of weakref, without importing all of that

from raskt._config_schema import ConfigError
from raskt._config_tree import canonical_name, merge, no_default

TYPE_CHECKING = False  # importing typing would cost more than this module
if TYPE_CHECKING:
    from typing import Any


class Changes:
    """The assignments of one `set`. Its user holds the lock of the configuration."""

    def __init__(self, config: dict[str, Any]) -> None:
        self._config = config
        self._made: list[_Change] = []

    def make(self, wanted: dict[str, Any]) -> None:
        """Set options by their dotted names: all of them, or none if one cannot be."""
        try:
            for key, value in wanted.items():
                if type(value) is dict and any(k.startswith(f"{key}.") for k in wanted):
                    value = merge(value)  # the next ones go into a copy
                self._assign(key.split("."), value)
        except BaseException:
            self.undo()
            raise

    def undo(self) -> None:
        """Take all assignments back, the last one first."""
        while self._made:
            self._made.pop().undo()

    def _assign(self, parts: list[str], value: Any) -> None:
        section = self._config
        path: tuple[str, ...] = ()
        for part in parts[:-1]:
            name = canonical_name(part, section)
            path += (name,)
            if section.get(name) is None:
                self._change(section, path, {}, opens_section=True)
            elif not isinstance(section[name], dict):
                raise ConfigError(
                    f"cannot set {'.'.join(parts)!r}: "
                    f"{'.'.join(path)!r} is {section[name]!r}, not a section"
                )
            section = section[name]
        path += (canonical_name(parts[-1], section),)
        self._change(section, path, value, opens_section=False)

    def _change(
        self,
        section: dict[str, Any],
        path: tuple[str, ...],
        value: Any,
        *,
        opens_section: bool,
    ) -> None:
        change = _Change(self._config, section, path, opens_section)
        self._made.append(change)
        _standing.append(ref(change, _standing.remove))
        section[path[-1]] = value


class _Change:
    """One assignment, and what it replaced."""

    __slots__ = (
        "__weakref__",
        "config",
        "had_neighbours",
        "opens_section",
        "path",
        "previous",
    )

    def __init__(
        self,
        config: dict[str, Any],
        section: dict[str, Any],
        path: tuple[str, ...],
        opens_section: bool,
    ) -> None:
        self.config = config
        self.path = path
        self.opens_section = opens_section
        self.previous = section.get(path[-1], no_default)
        self.had_neighbours = bool(section)

    def undo(self) -> None:
        later = self._next_of_same_option()
        if later is not None:
            # Theirs stands; when they leave, ours must not come back.
            later.previous = self.previous
            return
        section = self._section(len(self.path) - 1)
        name = self.path[-1]
        if section is None or (self.opens_section and section.get(name)):
            return  # the section now holds options of others
        if self.previous is not no_default:
            section[name] = self.previous
            return
        section.pop(name, None)
        if self.had_neighbours:
            self._close_empty_sections()

    def _next_of_same_option(self) -> _Change | None:
        after = False
        for reference in list(_standing):
            change = reference()
            if change is self:
                after = True
            elif (
                after
                and change is not None
                and change.config is self.config
                and change.path == self.path
            ):
                return change
        return None

    def _section(self, depth: int) -> dict[str, Any] | None:
        section: Any = self.config
        for name in self.path[:depth]:
            section = section.get(name) if isinstance(section, dict) else None
        return section if isinstance(section, dict) else None

    def _close_empty_sections(self) -> None:
        # Who opened the section has left already, and left it to us.
        for depth in range(len(self.path) - 1, 0, -1):
            parent = self._section(depth - 1)
            if parent is None or parent.get(self.path[depth - 1]) != {}:
                return
            del parent[self.path[depth - 1]]


# All changes that can still be taken back, oldest first. Weak, because those of a `set`
# that is no context manager are for good, and vanish with it.
_standing: list[ref[_Change]] = []
