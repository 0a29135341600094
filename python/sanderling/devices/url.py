"""Addresses of devices."""

from __future__ import annotations

import re
from dataclasses import dataclass

_EXPECTED = "ssh://user@host[:port], adb://serial or qemu://cpu expected"


@dataclass(frozen=True)
class Url:
    """Where a device is.

    Attributes
    ----------
    text : str
        The address as given.
    scheme : str
        "ssh", "adb" or "qemu".
    host : str
        Host name, serial or CPU; "" for the only device of an adb server.
    user : str
        "" for the one that ssh's settings say.
    port : int
        0 for the one that ssh's settings say.
    """

    text: str
    scheme: str
    host: str
    user: str = ""
    port: int = 0


def parse_url(text: str) -> Url:
    """Return the parts of an address.

    Raises
    ------
    ValueError
        It is none.
    """
    scheme, separator, rest = text.partition("://")
    rest = rest.rstrip("/")
    if not separator or scheme not in ("ssh", "adb", "qemu") or not re.fullmatch(r"[\x21-\x7e]*", rest):
        raise ValueError(f"{text!r} is no device: {_EXPECTED}")
    if scheme == "adb":
        return Url(text, scheme, rest)
    if scheme == "qemu":
        if not re.fullmatch(r"[a-z0-9][a-z0-9_.,=-]*", rest):
            raise ValueError(f"{text!r} names no CPU: qemu://cortex-a72 is an example")
        return Url(text, scheme, rest)
    found = re.fullmatch(r"(?:([^@:/\[\]]+)@)?(\[[0-9A-Fa-f:.%\w]+\]|[^@:/\[\]]+)(?::(\d{1,5}))?", rest)
    if found is None:
        hint = "; passwords do not belong there, ssh asks for keys" if re.match(r"[^@/]+:[^@/]*@", rest) else ""
        raise ValueError(f"{text!r} is no address: ssh://user@host[:port] expected{hint}")
    user, host, port = found[1] or "", found[2].strip("[]"), int(found[3] or 0)
    # ssh would take them for options.
    if user.startswith("-") or host.startswith("-") or port > 65535 or found[3] == "0":
        raise ValueError(f"{text!r} is no address: ssh://user@host[:port] expected")
    return Url(text, scheme, host, user, port)
