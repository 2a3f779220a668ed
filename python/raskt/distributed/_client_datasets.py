"""The part of a client that shares collections by name."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from raskt.distributed import _payload
from raskt.distributed._client_base import ClientPart
from raskt.distributed.publish import Datasets

__all__ = ["DatasetMethods"]

no_default: Any = "__no_default__"


class DatasetMethods(ClientPart):
    """``publish_dataset``, ``get_dataset`` and their kin."""

    @property
    def datasets(self) -> Datasets:
        """All data sets, as a mapping.

        Examples
        --------
        >>> from raskt.distributed import Client
        >>> with Client(processes=False, n_workers=1) as client:
        ...     client.datasets["x"] = [1, 2]
        ...     list(client.datasets), client.datasets["x"]
        (['x'], [1, 2])
        """
        return Datasets(self)

    async def _publish_dataset(self, items: dict[Any, Any], override: bool) -> None:
        for name, data in items.items():
            item = _payload.dumps_with_keys(data)
            try:
                await self._request(
                    "dataset_put", name=_text(name), item=item, replace=override
                )
            except ValueError:
                raise KeyError(f"Dataset {name} already exists") from None

    def publish_dataset(
        self, *args: Any, name: Any = None, override: bool = False, **kwargs: Any
    ) -> Any:
        """Keep collections or other data under names, for all clients.

        Results that they refer to are kept until they are unpublished.

        Parameters
        ----------
        *args : object
            What to keep under ``name``; or one dict of names and data.
        name : str, optional
            Its name.
        override : bool
            Replace what has that name?
        **kwargs
            More data, by name.

        Raises
        ------
        KeyError
            If there is something of that name, and ``override`` is false.
        """
        items = dict(kwargs)
        if name:
            if not args:
                raise ValueError(
                    "If name is provided, expecting call signature like"
                    " publish_dataset(df, name='ds')"
                )
            items[name] = args[0] if len(args) == 1 else args
        elif args:
            if len(args) != 1 or not isinstance(args[0], Mapping):
                raise ValueError(
                    "If name is omitted, positional argument must be "
                    "a {name: value} dict"
                )
            items.update(args[0])
        return self._do(self._publish_dataset(items, override))

    async def _unpublish_dataset(self, names: list) -> None:
        for name in names:
            try:
                await self._request("dataset_delete", name=_text(name))
            except KeyError:
                raise KeyError(f"Dataset {name!r} not found") from None

    def unpublish_dataset(self, name: Any, **kwargs: Any) -> Any:
        """Keep a data set, or several, no more.

        Parameters
        ----------
        name : str or list of str
            Which.
        """
        names = name if isinstance(name, list) else [name]
        return self._do(self._unpublish_dataset(names), kwargs.get("asynchronous"))

    async def _list_datasets(self) -> list:
        names = await self._request("dataset_list")
        return sorted(map(_name, names), key=str)

    def list_datasets(self, **kwargs: Any) -> Any:
        """List the names of all data sets."""
        return self._do(self._list_datasets(), kwargs.get("asynchronous"))

    async def _get_dataset(self, name: Any, default: Any) -> Any:
        if isinstance(name, list):
            return [await self._get_dataset(one, default) for one in name]
        try:
            data = await self._request("dataset_get", name=_text(name))
        except KeyError:
            if default is no_default:
                raise KeyError(f"Dataset '{name}' not found") from None
            return default
        from raskt.distributed import _current

        token = _current._current.set(self)
        try:
            return _payload.loads(data)
        finally:
            _current._current.reset(token)

    def get_dataset(self, name: Any, default: Any = no_default, **kwargs: Any) -> Any:
        """Give a data set, or several.

        Parameters
        ----------
        name : str or list of str
            Which.
        default : object, optional
            What to give if there is none.

        Raises
        ------
        KeyError
            If there is none, and no default.
        """
        return self._do(self._get_dataset(name, default), kwargs.get("asynchronous"))


def _text(name: Any) -> str:
    """Give a name as text that :func:`_name` reads."""
    if isinstance(name, str) and not name.startswith(_OTHER):
        return name
    return _OTHER + repr(name)


def _name(text: str) -> Any:
    import ast

    if text.startswith(_OTHER):
        return ast.literal_eval(text[len(_OTHER) :])
    return text


_OTHER = "\0"
