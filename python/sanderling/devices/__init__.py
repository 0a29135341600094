"""Other machines: models shipped to them, checked and timed there. docs/devices.md tells how.

Nothing here is needed to load or run a model.
"""

from __future__ import annotations

from sanderling.devices.deployment import deploy, remove
from sanderling.devices.session import Settings, measure
from sanderling.devices.url import Url, parse_url
from sanderling.errors import DeviceError

__all__ = ["DeviceError", "Settings", "Url", "deploy", "measure", "parse_url", "remove"]
