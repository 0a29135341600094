"""The TensorFlow Lite exporter: round trips, and what it refuses to write."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest

from sanderling import ir, tflite_schema
from sanderling.errors import ModelError
from sanderling.exporters.tflite import save, to_bytes
from sanderling.importers import load_ir
from tests.support import oracle
from tests.support.builder import T, build, build_ir
from tests.support.equal_ir import differences
from tests.support.shared import MODELS, shared_model


@pytest.mark.parametrize("name", MODELS)
def test_round_trip_is_exact(name: str) -> None:
    model = load_ir(shared_model(name))
    assert differences(model, load_ir(to_bytes(model))) == []


@pytest.mark.parametrize("name", MODELS)
def test_round_trip_gives_the_same_outputs(name: str) -> None:
    path = shared_model(name)
    model = load_ir(path)
    rng = np.random.default_rng(7)
    inputs = []
    for index in model.graphs[0].inputs:
        tensor = model.graphs[0].tensors[index]
        if tensor.dtype == "float32":
            inputs.append(rng.standard_normal(tensor.shape, np.float32))
        else:
            limits = np.iinfo(ir.DTYPES[tensor.dtype])
            inputs.append(rng.integers(limits.min, limits.max, tensor.shape, limits.dtype, endpoint=True))
    # A float model may split its work by thread count, and the default kernels are quicker; both files get the same.
    options: dict[str, Any] = {"resolver": "default", "num_threads": 1}
    expected = oracle.run(path.read_bytes(), inputs, **options)
    found = oracle.run(to_bytes(model), inputs, **options)
    assert expected
    assert len(expected) == len(found)
    for a, b in zip(expected, found, strict=True):
        np.testing.assert_array_equal(a, b)


def some_value(field: tflite_schema.Field, seed: int) -> Any:
    if field.kind == "string":
        return f"text {seed}"
    if field.kind == "bytes":
        return bytes([seed % 256, 1, 2])
    if field.enum:
        names = [field.enum[seed % len(field.enum)], field.enum[-1]]
        return names if field.kind == "list" else names[0]
    value: Any = {"bool": bool(seed % 2), "float": seed / 4}.get(field.scalar, seed + 1)
    return [value, value] if field.kind == "list" else value


@pytest.mark.parametrize("name", [n for n in tflite_schema.OPERATORS if n not in ("CUSTOM", "DELEGATE")])
def test_every_operator_keeps_its_attributes(name: str) -> None:
    operator = tflite_schema.OPERATORS[name]
    if operator.code == tflite_schema.PLACEHOLDER:
        return
    fields = operator.options.fields if operator.options else ()
    for seed in range(3):
        attributes = {f.name: 1 if f.is_graph else some_value(f, seed + i) for i, f in enumerate(fields)}
        model = build_ir(name, [T("float32", (2,))], T("float32", (2,)), **attributes)
        leaf = ir.Graph("leaf", [ir.Tensor("x", "float32", (2,))], [], [0], [0])
        model.graphs.append(leaf)
        again = load_ir(to_bytes(model))
        assert differences(again.graphs[0].nodes[0].attributes, attributes) == []
        assert again.graphs[0].nodes[0].op == name


def test_signatures_metadata_and_free_dimensions() -> None:
    model = build_ir("ABS", [T("float32", (1, 3), signature=(-1, 3))], T("float32", (1, 3)))
    model.signatures = [ir.Signature("serve", 0, {"x": 0}, {"y": 1}), ir.Signature("", 0, {}, {})]
    model.metadata = {"labels": b"cat\ndog", "none": b""}
    model.description = "a bird, \u9dfa"
    again = load_ir(to_bytes(model))
    assert differences(model, again) == []
    assert again.graphs[0].tensors[0].shape_signature == (-1, 3)


@pytest.mark.parametrize("dtype", [d for d in ir.DTYPES if d not in ("resource", "variant")])
def test_every_type_of_constant(dtype: str) -> None:
    stored, bits = ir.DTYPES[dtype], ir.PACKED_BITS.get(dtype)
    count = (6 * bits + 7) // 8 if bits else 6
    raw = np.random.default_rng(1).integers(0, 2, count * stored.itemsize, np.uint8).view(stored)
    model = build_ir("SHAPE", [T(dtype, (2, 3), data=raw)], T("int32", (2,)))
    assert differences(model.graphs[0].tensors[0], load_ir(to_bytes(model)).graphs[0].tensors[0]) == []


def test_empty_constant() -> None:
    model = build_ir("SHAPE", [T("int32", (0, 3), data=np.zeros((0, 3)))], T("int32", (2,)))
    assert differences(model.graphs[0].tensors[0], load_ir(to_bytes(model)).graphs[0].tensors[0]) == []


def test_buffers_are_shared_and_aligned() -> None:
    weights = np.ones((64, 64), np.float32)
    model = build_ir("ADD", [T("float32", (64, 64), data=weights)] * 2, T("float32", (64, 64)))
    model.graphs[0].tensors.append(ir.Tensor("again", "float32", (64, 64), data=weights))
    model.graphs[0].tensors[0].data = weights
    content = to_bytes(model)
    assert len(content) < 1.5 * weights.nbytes
    file = np.frombuffer(content, np.uint8)
    data = load_ir(content).graphs[0].tensors[0].data
    assert data is not None
    assert (data.__array_interface__["data"][0] - file.__array_interface__["data"][0]) % 16 == 0


def test_what_cannot_be_written_is_named() -> None:
    def message(op: str = "ABS", custom: bool = False, **attributes: Any) -> str:
        with pytest.raises(ModelError) as error:
            build(op, [T("float32", (2,))], T("float32", (2,)), custom=custom, **attributes)
        return str(error.value)

    assert "operator 0 (ABSS)" in message("ABSS")
    assert "has no attribute stride" in message("CONV_2D", stride=2)
    assert "padding: 'FULL'" in message("CONV_2D", padding="FULL")
    assert "stride_w: 4294967296" in message("CONV_2D", stride_w=1 << 32)
    assert "stride_w: 1.5" in message("CONV_2D", stride_w=1.5)
    assert "flexbuffer" in message("Mine", custom=True, x=object())
    model = build_ir("ABS", [T("float32", (2,))], T("float32", (2,)))
    model.graphs[0].tensors[1].data = np.zeros(3, np.float32)
    with pytest.raises(ModelError, match=r"tensor 1 \('t1'\): data"):
        to_bytes(model)


def test_save_leaves_the_old_file_when_it_fails(tmp_path: Path) -> None:
    path = tmp_path / "model.tflite"
    model = build_ir("ABS", [T("float32", (2,))], T("float32", (2,)))
    save(model, path)
    before = path.read_bytes()
    assert differences(model, load_ir(path)) == []
    model.graphs[0].nodes[0].op = "NONSENSE"
    with pytest.raises(ModelError):
        save(model, path)
    with pytest.raises(FileNotFoundError):
        save(load_ir(before), tmp_path / "missing" / "model.tflite")
    assert path.read_bytes() == before
    assert list(tmp_path.iterdir()) == [path]


def test_save_does_not_replace_a_directory(tmp_path: Path) -> None:
    target = tmp_path / "folder"
    target.mkdir()
    with pytest.raises(IsADirectoryError):
        save(build_ir("ABS", [T("float32", (2,))], T("float32", (2,))), target)
    assert list(tmp_path.iterdir()) == [target]
