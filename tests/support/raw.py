"""Flatbuffers written by hand, for files that the exporter would not write."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import flatbuffers
import numpy as np


def offsets(b: flatbuffers.Builder, items: Sequence[int]) -> int:
    """Write a vector of tables."""
    b.StartVector(4, len(items), 4)
    for item in reversed(items):
        b.PrependUOffsetTRelative(item)
    return int(b.EndVector())


def ints(b: flatbuffers.Builder, values: Sequence[int]) -> int:
    """Write a vector of int32."""
    return int(b.CreateNumpyVector(np.array(values, np.int32)))


def table(b: flatbuffers.Builder, **fields: tuple[int, str, Any]) -> int:
    """Write a table from name=(slot, kind, value); the kind is "offset", or that of the library's Prepend...Slot."""
    b.StartObject(12)
    for slot, kind, value in fields.values():
        if kind == "offset":
            b.PrependUOffsetTRelativeSlot(slot, value, 0)
        else:
            getattr(b, f"Prepend{kind}Slot")(slot, value, 0)
    return int(b.EndObject())


def finish(
    b: flatbuffers.Builder,
    tensors: Sequence[int],
    inputs: Sequence[int] = (),
    outputs: Sequence[int] = (),
    operators: Sequence[int] = (),
    codes: Sequence[int] = (),
    buffers: Sequence[int] = (),
) -> bytes:
    """Finish a model of one graph; `buffers` come after the empty one that every file starts with."""
    graph = table(
        b,
        tensors=(0, "offset", offsets(b, tensors)),
        inputs=(1, "offset", ints(b, inputs)),
        outputs=(2, "offset", ints(b, outputs)),
        operators=(3, "offset", offsets(b, operators)),
    )
    model = table(
        b,
        version=(0, "Uint32", 3),
        codes=(1, "offset", offsets(b, codes)),
        graphs=(2, "offset", offsets(b, [graph])),
        buffers=(4, "offset", offsets(b, [table(b), *buffers])),
    )
    b.Finish(model, file_identifier=b"TFL3")
    return bytes(b.Output())
