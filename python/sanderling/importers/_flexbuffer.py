"""Options of custom operators: flexbuffer maps as plain Python values."""

from __future__ import annotations

from typing import Any

_DEPTH = 8


class _NotPlain(Exception):
    """The bytes are not a map of plain values."""


def _value(ref: Any, depth: int, budget: list[int]) -> Any:
    budget[0] -= 1
    if depth > _DEPTH or budget[0] < 0:
        raise _NotPlain
    if ref.IsNull:
        return None
    if ref.IsBool:
        return ref.AsBool
    if ref.IsInt:
        return int(ref.AsInt)
    if ref.IsFloat:
        return float(ref.AsFloat)
    if ref.IsString:
        text = ref.AsString
        budget[0] -= len(text)
        return str(text)
    if ref.IsMap:
        mapping = ref.AsMap
        keys, values = mapping.Keys, mapping.Values
        if len(keys) != len(values) or len(keys) > budget[0]:
            raise _NotPlain
        return {str(keys[i].AsKey): _value(values[i], depth + 1, budget) for i in range(len(keys))}
    if ref.IsVector or ref.IsTypedVector:
        vector = ref.AsVector if ref.IsVector else ref.AsTypedVector
        if len(vector) > budget[0]:
            raise _NotPlain
        return [_value(vector[i], depth + 1, budget) for i in range(len(vector))]
    raise _NotPlain


def read_options(data: bytes) -> dict[str, Any]:
    """Read the options of a custom operator.

    Parameters
    ----------
    data : bytes
        What the file holds for the operator; by convention, not by rule, a flexbuffer map.

    Returns
    -------
    dict
        The map's entries; {"custom_options": data} where the bytes are something else.
    """
    if not data:
        return {}
    from flatbuffers import flexbuffers  # type: ignore[import-untyped,unused-ignore]

    try:
        options = _value(flexbuffers.GetRoot(bytearray(data)), 0, [2 * len(data)])
    except Exception:  # The library checks little; whatever it trips over, these are not plain options.
        options = None
    if isinstance(options, dict) and all(isinstance(key, str) for key in options):
        return options
    return {"custom_options": data}
