"""``Security``: certificates and keys by which nodes know each other."""

from __future__ import annotations

from typing import Any

from raskt import _native, config

__all__ = ["Security"]

_ROLES = ("client", "scheduler", "worker")
_FIELDS = (
    "tls_ca_file",
    "tls_ciphers",
    "tls_min_version",
    "tls_max_version",
    *(f"tls_{role}_{part}" for role in _ROLES for part in ("cert", "key")),
)


class Security:
    """Certificates and keys, for each role a node may have.

    Files and texts in PEM form are both accepted. What is not given comes from the
    options below ``distributed.comm``.

    Parameters
    ----------
    require_encryption : bool, optional
        Refuse connections that are not encrypted? Default: True if there are
        certificates.
    **kwargs
        ``tls_ca_file``, ``tls_client_cert``, ``tls_client_key`` and the same for
        ``scheduler`` and ``worker``, ``tls_ciphers``, ``tls_min_version``,
        ``tls_max_version``, ``extra_conn_args``.

    Examples
    --------
    >>> Security(tls_ca_file="ca.pem", require_encryption=True)
    Security(require_encryption=True, tls_ca_file='ca.pem')
    """

    __slots__ = ("extra_conn_args", "require_encryption", *_FIELDS)

    def __init__(self, require_encryption: bool | None = None, **kwargs: Any):
        extra = kwargs.pop("extra_conn_args", None)
        unknown = sorted(set(kwargs) - set(_FIELDS))
        if unknown:
            raise TypeError(f"Unknown parameters: {unknown}")
        self.extra_conn_args = {} if extra is None else dict(extra)
        for field in _FIELDS:
            value = kwargs.get(field)
            if value is None:
                value = config.get(_option(field), None)
            setattr(self, field, value)
        if require_encryption is None:
            require_encryption = config.get("distributed.comm.require-encryption", None)
        if require_encryption is None:
            require_encryption = bool(self.tls_ca_file)
        self.require_encryption = require_encryption

    @classmethod
    def temporary(cls, **kwargs: Any) -> Security:
        """Make a certificate for a cluster that lives as long as this program.

        All nodes show the same one, which is kept in memory.

        Parameters
        ----------
        **kwargs
            For :class:`Security`.
        """
        certificate, key = _native.temporary_certificate()
        roles = {f"tls_{role}_cert": certificate for role in _ROLES}
        keys = {f"tls_{role}_key": key for role in _ROLES}
        known = {"require_encryption": True, "tls_ca_file": certificate}
        return cls(**{**known, **roles, **keys, **kwargs})

    def get_tls_config_for_role(self, role: str) -> dict[str, Any]:
        """Give the certificate and key of a role, as a dict."""
        if role not in _ROLES:
            raise ValueError(f"unknown role {role!r}: there are {', '.join(_ROLES)}")
        return {
            "ca_file": self.tls_ca_file,
            "cert": getattr(self, f"tls_{role}_cert"),
            "key": getattr(self, f"tls_{role}_key"),
            "ciphers": self.tls_ciphers,
            "min_version": self.tls_min_version,
            "max_version": self.tls_max_version,
        }

    def get_connection_args(self, role: str) -> dict[str, Any]:
        """Give what a node of a role shows when it connects.

        Examples
        --------
        >>> Security().get_connection_args("client")
        {'require_encryption': False}
        """
        found = self.get_tls_config_for_role(role) if self.tls_ca_file else {}
        return {
            "require_encryption": self.require_encryption,
            **{name: value for name, value in found.items() if value is not None},
            **({"secret": s} if (s := self.extra_conn_args.get("secret")) else {}),
        }

    def check(self, address: str) -> None:
        """Refuse an address without encryption, if there must be one.

        Raises
        ------
        RuntimeError
            If the address is not one of ``tls://``.
        """
        if self.require_encryption and not address.startswith(("tls://", "inproc://")):
            raise RuntimeError(
                f"encryption is required, and {address!r} has none: use an address "
                "like 'tls://host:port', and certificates"
            )

    def get_listen_args(self, role: str) -> dict[str, Any]:
        """Give what a node of a role shows to those who connect."""
        return self.get_connection_args(role)

    def __repr__(self) -> str:
        parts = [f"require_encryption={self.require_encryption}"]
        for field in _FIELDS:
            value = getattr(self, field)
            if value is not None and value != config.get(_option(field), None):
                is_text = isinstance(value, str) and "\n" in value
                parts.append(
                    f"{field}={'Temporary (In-memory)' if is_text else repr(value)}"
                )
        return f"Security({', '.join(parts)})"


def _option(field: str) -> str:
    """Give the option that a field comes from.

    Examples
    --------
    >>> _option("tls_worker_cert"), _option("tls_ca_file")
    ('distributed.comm.tls.worker.cert', 'distributed.comm.tls.ca-file')
    """
    name = field.removeprefix("tls_")
    role, _, part = name.partition("_")
    if role in _ROLES:
        return f"distributed.comm.tls.{role}.{part}"
    return f"distributed.comm.tls.{name.replace('_', '-')}"
