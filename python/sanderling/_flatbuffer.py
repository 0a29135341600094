"""A small flatbuffers reader that trusts nothing: every access is checked against the file.

What is read is also charged to a budget of a small multiple of the file's size, so that a file in which many places
point to the same bytes cannot ask for unbounded work.
"""

from __future__ import annotations

import struct
from typing import Any, NoReturn

import numpy as np
import numpy.typing as npt

from sanderling.errors import ModelError

_U16 = struct.Struct("<H")
_I32 = struct.Struct("<i")
_U32 = struct.Struct("<I")
_SCALARS = {code: struct.Struct("<" + code) for code in "?bBhHiIqQfd"}

_TABLE_COST = 32
"""Charge for opening a table: about what an honest one takes in the file."""


class Reader:
    """Bounds-checked access to one file.

    Parameters
    ----------
    data : ndarray of uint8
        The whole file.
    source : str
        Name of the file in messages.

    Attributes
    ----------
    place : str
        What is being read ("subgraph 0: operator 3 (CONV_2D)"); the caller keeps it current for messages.
    """

    def __init__(self, data: npt.NDArray[np.uint8], source: str) -> None:
        self.bytes = data
        self.view = data.data
        self.size = data.size
        self.source = source
        self.place = ""
        self._budget = 2 * self.size + (1 << 16)
        self._vtables: dict[int, tuple[int, ...]] = {}

    def fail(self, field: str, problem: str) -> NoReturn:
        """Raise ModelError for `field` of the current place."""
        raise ModelError(": ".join(part for part in (self.source, self.place, field, problem) if part))

    def charge(self, cost: int, field: str) -> None:
        """Count `cost` bytes of work against the budget."""
        self._budget -= cost
        if self._budget < 0:
            self.fail(field, "the file refers to the same bytes again and again; it is damaged or hostile")

    def root(self) -> Table:
        """Open the root table."""
        if self.size < 8:
            self.fail("root", f"the file has only {self.size} bytes")
        return self.table(_U32.unpack_from(self.view, 0)[0], "root")

    def table(self, position: int, field: str) -> Table:
        """Open the table at `position`."""
        if not 0 <= position <= self.size - 4:
            self.fail(field, f"points outside the file (byte {position} of {self.size})")
        self.charge(_TABLE_COST, field)
        start = position - _I32.unpack_from(self.view, position)[0]
        slots = self._vtables.get(start)
        if slots is None:
            slots = self._vtables[start] = self._vtable(start, field)
        return Table(self, position, slots)

    def _vtable(self, start: int, field: str) -> tuple[int, ...]:
        if not 0 <= start <= self.size - 4:
            self.fail(field, f"its field table lies outside the file (byte {start} of {self.size})")
        length = _U16.unpack_from(self.view, start)[0]
        if length < 4 or length % 2 or start + length > self.size:
            self.fail(field, f"its field table is damaged (length {length})")
        self.charge(length, field)
        slots: tuple[int, ...] = struct.unpack_from(f"<{length // 2}H", self.view, start)
        return slots[2:]


class Table:
    """One table of the file; fields are read by slot, `field` names them in messages."""

    __slots__ = ("_position", "_reader", "_slots")

    def __init__(self, reader: Reader, position: int, slots: tuple[int, ...]) -> None:
        self._reader = reader
        self._position = position
        self._slots = slots

    def _at(self, slot: int, width: int, field: str) -> int:
        """Position of a field of `width` bytes, 0 where the table does not have it."""
        offset = self._slots[slot] if slot < len(self._slots) else 0
        if not offset:
            return 0
        position = self._position + offset
        if position + width > self._reader.size:
            self._reader.fail(field, "lies beyond the end of the file")
        return position

    def scalar(self, slot: int, code: str, default: Any, field: str) -> Any:
        """Read a scalar with struct code `code`."""
        # Not through _at: most of what is read, and most of the time of an import.
        slots = self._slots
        if slot >= len(slots) or not slots[slot]:
            return default
        form, reader = _SCALARS[code], self._reader
        position = self._position + slots[slot]
        if position + form.size > reader.size:
            reader.fail(field, "lies beyond the end of the file")
        return form.unpack_from(reader.view, position)[0]

    def has(self, slot: int) -> bool:
        """Tell whether the field is present."""
        return slot < len(self._slots) and self._slots[slot] != 0

    def table(self, slot: int, field: str) -> Table | None:
        """Open the table that a field points to."""
        position = self._at(slot, 4, field)
        if not position:
            return None
        return self._reader.table(position + _U32.unpack_from(self._reader.view, position)[0], field)

    def _span(self, slot: int, width: int, field: str) -> tuple[int, int]:
        """First byte and element count of a vector; (0, 0) where absent."""
        reader = self._reader
        position = self._at(slot, 4, field)
        if not position:
            return 0, 0
        position += _U32.unpack_from(reader.view, position)[0]
        if position > reader.size - 4:
            reader.fail(field, f"points outside the file (byte {position} of {reader.size})")
        count = _U32.unpack_from(reader.view, position)[0]
        if count * width > reader.size - position - 4:
            reader.fail(field, f"a list of {count} elements does not fit into the file")
        return position + 4, count

    def vector(self, slot: int, code: str, field: str, most: int | None = None) -> tuple[Any, ...]:
        """Read a vector of scalars; more than `most` elements are a fault."""
        width = _SCALARS[code].size
        start, count = self._span(slot, width, field)
        if not count:
            return ()
        if most is not None and count > most:
            self._reader.fail(field, f"has {count} elements; at most {most} make sense")
        self._reader.charge(count * width, field)
        return struct.unpack_from(f"<{count}{code}", self._reader.view, start)

    def array(self, slot: int, dtype: np.dtype[Any], field: str) -> npt.NDArray[Any]:
        """Read a vector of numbers as a new array."""
        start, count = self._span(slot, dtype.itemsize, field)
        size = count * dtype.itemsize
        self._reader.charge(size, field)
        return np.frombuffer(bytes(self._reader.view[start : start + size]), dtype)

    def blob(self, slot: int, field: str) -> npt.NDArray[np.uint8] | None:
        """View a vector of bytes in the file, without a copy."""
        start, count = self._span(slot, 1, field)
        return self._reader.bytes[start : start + count] if start else None

    def string(self, slot: int, field: str) -> str:
        """Read a string; bytes that are not UTF-8 are replaced."""
        start, count = self._span(slot, 1, field)
        self._reader.charge(count, field)
        return str(self._reader.view[start : start + count], "utf-8", "replace")

    def tables(self, slot: int, field: str) -> list[Table]:
        """Open every table of a vector of tables."""
        reader = self._reader
        start, count = self._span(slot, 4, field)
        reader.charge(4 * count, field)
        offsets = struct.unpack_from(f"<{count}I", reader.view, start)
        return [reader.table(start + 4 * i + offset, field) for i, offset in enumerate(offsets)]
