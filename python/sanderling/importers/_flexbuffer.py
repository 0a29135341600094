"""Options of custom operators: flexbuffer maps as plain Python values."""

from __future__ import annotations

from typing import Any

_DEPTH = 8
_MOST_COPIED = 1 << 27


class _NotPlain(Exception):
    """The bytes are not a map of plain values."""


class _Budget:
    """What reading may cost, so that many places that point to the same bytes do not ask for unbounded work."""

    def __init__(self, size: int) -> None:
        self._size = size
        self._items = 2 * size
        self._copied = _MOST_COPIED

    def take(self, items: int) -> None:
        """Count values, or characters; for each call the library copies what follows in the buffer."""
        self._items -= items
        self._copied -= self._size
        if self._items < 0 or self._copied < 0:
            raise _NotPlain

    def has(self, items: int) -> bool:
        return items <= self._items


def _key(ref: Any, budget: _Budget) -> str:
    budget.take(1)
    text = str(ref.AsKey)
    budget.take(len(text))
    return text


def _value(ref: Any, depth: int, budget: _Budget) -> Any:
    budget.take(1)
    if depth > _DEPTH:
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
        budget.take(len(text))
        return str(text)
    if ref.IsMap:
        mapping = ref.AsMap
        keys, values = mapping.Keys, mapping.Values
        if len(keys) != len(values) or not budget.has(len(keys)):
            raise _NotPlain
        return {_key(keys[i], budget): _value(values[i], depth + 1, budget) for i in range(len(keys))}
    if ref.IsVector or ref.IsTypedVector:
        vector = ref.AsVector if ref.IsVector else ref.AsTypedVector
        if not budget.has(len(vector)):
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
        options = _value(flexbuffers.GetRoot(bytearray(data)), 0, _Budget(len(data)))
    except Exception:  # The library checks little; whatever it trips over, these are not plain options.
        options = None
    if isinstance(options, dict) and all(isinstance(key, str) for key in options):
        return options
    return {"custom_options": data}
