"""The TensorFlow Lite importer: what it reads, and how it says that a file is wrong."""

from __future__ import annotations

import contextlib
import subprocess
import sys
import time
import tracemalloc
from pathlib import Path
from typing import Any

import flatbuffers
import numpy as np
import pytest

from sanderling import ir, tflite_schema
from sanderling.errors import ModelError
from sanderling.exporters.tflite import to_bytes
from sanderling.importers import load_ir
from tests.support.builder import Net, T, build, build_ir, const, pack_int4
from tests.support.raw import finish, ints, table
from tests.support.shared import MODELS, shared_model


def small_model() -> bytes:
    weights = np.arange(12, dtype=np.int8).reshape(4, 3)
    return build(
        "FULLY_CONNECTED",
        [
            T("int8", (2, 3), 0.5, -3, name="picture"),
            T("int8", (4, 3), [0.1, 0.2, 0.3, 0.4], data=weights, name="weights"),
            T("int32", (4,), [0.05, 0.1, 0.15, 0.2], data=[1, -2, 3, -4], name="bias"),
        ],
        T("int8", (2, 4), 0.7, 5, name="scores"),
        fused_activation_function="RELU",
    )


def broken(change: Any) -> str:
    """Export the small model after `change(graph)`; return the importer's message."""
    model = load_ir(small_model())
    change(model.graphs[0])
    with pytest.raises(ModelError) as error:
        load_ir(to_bytes(model))
    return str(error.value)


# What is read


def test_reads_every_part_of_an_operator() -> None:
    graph = load_ir(small_model()).graphs[0]
    (node,) = graph.nodes
    assert (node.op, node.inputs, node.outputs, node.custom) == ("FULLY_CONNECTED", [0, 1, 2], [3], False)
    assert node.attributes == {
        "fused_activation_function": "RELU",
        "weights_format": "DEFAULT",
        "keep_num_dims": False,
        "asymmetric_quantize_inputs": False,
        "quantized_bias_type": "float32",
    }
    picture, weights, bias, scores = graph.tensors
    assert (picture.name, picture.dtype, picture.shape, picture.data) == ("picture", "int8", (2, 3), None)
    assert picture.quantization is not None
    assert not picture.quantization.per_channel
    assert picture.quantization.zero_point.tolist() == [-3]
    assert weights.quantization is not None
    assert weights.quantization.per_channel
    np.testing.assert_array_equal(weights.quantization.scale, np.float32([0.1, 0.2, 0.3, 0.4]))
    np.testing.assert_array_equal(weights.data, np.arange(12).reshape(4, 3))
    assert weights.data is not None
    assert not weights.data.flags.writeable
    np.testing.assert_array_equal(bias.data, [1, -2, 3, -4])
    assert (graph.inputs, graph.outputs, scores.name) == ([0], [3], "scores")


def test_constants_are_views_on_the_file() -> None:
    content = small_model()
    file = np.frombuffer(content, np.uint8)
    weights = load_ir(content).graphs[0].tensors[1].data
    assert weights is not None
    assert np.shares_memory(weights, file)


def test_misaligned_file_loads_equal() -> None:
    content = small_model()
    shifted = memoryview(b"\0" + content)[1:]
    for a, b in zip(load_ir(shifted).graphs[0].tensors, load_ir(content).graphs[0].tensors, strict=True):
        np.testing.assert_array_equal(a.data, b.data)


@pytest.mark.parametrize("name", MODELS)
def test_reads_shared_model(name: str) -> None:
    path = shared_model(name)
    model = load_ir(path)
    assert model.source == str(path)
    assert model.graphs[0].nodes
    assert model.graphs[0].inputs
    assert model.graphs[0].outputs
    for tensor in model.graphs[0].tensors:
        if tensor.data is not None:
            assert tensor.data.shape == tensor.shape
            assert tensor.data.dtype == ir.DTYPES[tensor.dtype]


def test_large_model_loads_quickly() -> None:
    content = shared_model("effnet_lite0_int8_tf").read_bytes()
    best = 1.0
    for _ in range(10):
        start = time.process_time()
        load_ir(content)
        best = min(best, time.process_time() - start)
    assert best < 0.05


def test_missing_options_have_the_schemas_defaults() -> None:
    node = build_ir("CONV_2D", [T("float32", (1, 4, 4, 1))], T("float32", (1, 4, 4, 1))).graphs[0]
    attributes = load_ir(to_bytes(ir.Model([node]))).graphs[0].nodes[0].attributes
    assert attributes["padding"] == "SAME"
    assert attributes["dilation_w_factor"] == 1
    assert attributes["fused_activation_function"] == "NONE"


def test_int4_stays_packed() -> None:
    packed = pack_int4([-8, 7, 1, -1, 3])
    tensor = load_ir(build("CAST", [T("int4", (5,), data=packed)], T("int8", (5,)))).graphs[0].tensors[0]
    assert tensor.dtype == "int4"
    assert tensor.shape == (5,)
    np.testing.assert_array_equal(tensor.data, packed)
    model = build_ir("CAST", [T("int4", (5,), data=packed)], T("int8", (5,)))
    model.graphs[0].tensors[0].shape = (7,)
    with pytest.raises(ModelError, match="shape"):
        to_bytes(model)


def test_single_scale_with_odd_dimension_loads() -> None:
    model = build_ir("ABS", [T("float32", (2,))], T("float32", (2,)))
    content = bytearray(to_bytes(model))
    assert load_ir(bytes(content)).graphs[0].tensors[0].quantization is None
    quantized = load_ir(with_quantization(dtype=9, scale=[0.5], zero_point=[1], axis=3)).graphs[0].tensors[0]
    assert quantized.quantization is not None
    assert quantized.quantization.scale.tolist() == [0.5]


def test_quantization_of_odd_files() -> None:
    def read(**options: Any) -> ir.Quantization | None:
        return load_ir(with_quantization(dtype=9, **options)).graphs[0].tensors[0].quantization

    assert read(scale=[], zero_point=[]) is None
    zero_point_missing = read(scale=[0.5], zero_point=[])
    assert zero_point_missing is not None
    assert zero_point_missing.zero_point.tolist() == [0]
    unused = read(scale=[0.0], zero_point=[0])
    assert unused is not None
    assert unused.scale.tolist() == [0.0]
    shared = read(scale=[0.5, 0.25], zero_point=[3], axis=0)
    assert shared is not None
    assert shared.zero_point.tolist() == [3, 3]


@pytest.mark.parametrize("scale", [float("nan"), float("inf"), -0.5])
def test_impossible_scale_is_refused(scale: float) -> None:
    with pytest.raises(ModelError, match=r"tensor 0 \('x'\): quantization.scale"):
        load_ir(with_quantization(dtype=9, scale=[scale], zero_point=[0]))
    # On a float tensor nothing reads it.
    assert load_ir(with_quantization(dtype=0, scale=[scale], zero_point=[0])).graphs[0].tensors[0].quantization is None


def test_counts_of_quantization_are_checked() -> None:
    with pytest.raises(ModelError, match=r"quantization.zero_point: has 3 values for 2 scales"):
        load_ir(with_quantization(dtype=9, scale=[0.5, 0.5], zero_point=[0, 0, 0]))
    with pytest.raises(ModelError, match=r"quantization.scale: has 3 values for dimension 0"):
        load_ir(with_quantization(dtype=9, scale=[0.5] * 3, zero_point=[0] * 3))
    with pytest.raises(ModelError, match=r"quantization.quantized_dimension: 4"):
        load_ir(with_quantization(dtype=9, scale=[0.5] * 2, zero_point=[0] * 2, axis=4))


def test_subgraphs_and_variables() -> None:
    main, init = Net(), Net("init")
    x = main.input(T("float32", (2,)))
    main.op("CALL_ONCE", [], [], init_subgraph_index=1)
    handle = main.op("VAR_HANDLE", [], T("resource", ()), shared_name="state", container="box")
    value = main.op("READ_VARIABLE", [handle], T("float32", (2,)))
    total = main.op("ADD", [value, x], T("float32", (2,)))
    other = init.op("VAR_HANDLE", [], T("resource", ()), shared_name="state", container="box")
    init.op("ASSIGN_VARIABLE", [other, const([0.0, 0.0])], [])
    model = load_ir(main.build([total], [init]))
    assert [g.name for g in model.graphs] == ["main", "init"]
    assert model.graphs[0].nodes[0].attributes == {"init_subgraph_index": 1}
    assert model.graphs[0].nodes[1].attributes == {"shared_name": "state", "container": "box"}


def test_custom_options() -> None:
    def attributes(**options: Any) -> dict[str, Any]:
        content = build("Mine", [T("float32", (2,))], T("float32", (2,)), custom=True, **options)
        node = load_ir(content).graphs[0].nodes[0]
        assert node.custom
        assert node.op == "Mine"
        return node.attributes

    options = {"alpha": 0.5, "count": 3, "flag": True, "list": [1, 2, 3], "name": "a", "map": {"x": -1}}
    assert attributes(**options) == options
    assert attributes() == {}
    assert attributes(custom_options=b"\x01\x02\xff") == {"custom_options": b"\x01\x02\xff"}


def test_absent_inputs() -> None:
    content = build(
        "FULLY_CONNECTED",
        [T("float32", (1, 2)), T("float32", (3, 2), data=np.ones(6)), None],
        T("float32", (1, 3)),
    )
    assert load_ir(content).graphs[0].nodes[0].inputs == [0, 1, ir.ABSENT]


def test_table_of_operators() -> None:
    assert tflite_schema.OPERATORS["STABLEHLO_CASE"].code == 209
    assert sorted(tflite_schema.BY_CODE) == list(range(210))
    schema = pytest.importorskip("tflite")
    numbers = vars(schema.BuiltinOperator)
    known = {name: numbers[name] for name in tflite_schema.OPERATORS if name in numbers}
    assert len(known) > 200
    assert {n: tflite_schema.OPERATORS[n].code for n in known} == known
    options = vars(schema.BuiltinOptions)
    for expected in tflite_schema.OPTIONS.values():
        if expected.union == 1:
            assert options[expected.name] == expected.number
            methods = vars(getattr(schema, expected.name))
            assert all(camel(field.name) in methods for field in expected.fields), expected.name


def camel(name: str) -> str:
    return "".join(part[:1].upper() + part[1:] for part in name.split("_"))


# Files that are no models


def test_what_is_no_model(tmp_path: Path) -> None:
    with pytest.raises(FileNotFoundError, match=r"nowhere\.tflite"):
        load_ir(tmp_path / "nowhere.tflite")
    with pytest.raises(IsADirectoryError, match="directory"):
        load_ir(tmp_path)
    for content, words in (
        (b"", "empty"),
        (b"hello, world\n" * 9, "text"),
        (b"PK\x03\x04" + b"\0" * 40, "zip"),
        (b"\x08\x08\x12\x07pytorch" + b"\x1a" * 40, "ONNX"),
        (b"\0" * 64, "zeros"),
        (b"version https://git-lfs.github.com/spec/v1\n", "LFS"),
    ):
        path = tmp_path / "model.tflite"
        path.write_bytes(content)
        with pytest.raises(ModelError, match=words) as error:
            load_ir(path)
        assert str(path) in str(error.value)
        assert ".tflite" in str(error.value)


def test_importing_needs_no_core_and_no_flatbuffers() -> None:
    code = (
        "import sys, sanderling.importers.tflite\n"
        "assert 'sanderling._core' not in sys.modules and 'flatbuffers' not in sys.modules"
    )
    subprocess.run([sys.executable, "-c", code], check=True, env={"PYTHONPATH": ":".join(sys.path)})


# Models that contradict themselves


def test_messages_name_place_and_field() -> None:
    assert "subgraph 0: operator 0 (FULLY_CONNECTED): inputs: 99 is not" in broken(
        lambda g: g.nodes[0].inputs.__setitem__(1, 99)
    )
    assert "subgraph 0: outputs: -1" in broken(lambda g: g.outputs.__setitem__(0, -1))
    assert "outputs: -1" in broken(lambda g: g.nodes[0].outputs.__setitem__(0, -1))
    assert "nothing before computes it" in broken(lambda g: g.inputs.clear())
    assert "('picture') is computed twice or is an input" in broken(lambda g: g.nodes[0].outputs.__setitem__(0, 0))
    assert "('bias') is a constant" in broken(lambda g: g.nodes[0].outputs.__setitem__(0, 2))
    assert "computed twice" in broken(lambda g: g.nodes.append(g.nodes[0]))
    assert "listed twice" in broken(lambda g: g.inputs.append(0))
    assert "negative" in broken(lambda g: setattr(g.tensors[0], "shape", (-2, 3)))
    assert "at most 8" in broken(lambda g: setattr(g.tensors[0], "shape", (1,) * 9))
    assert "memory" in broken(lambda g: setattr(g.tensors[0], "shape", (1 << 30, 1 << 30)))
    assert "constant data" in broken(lambda g: setattr(g.tensors[1], "is_variable", True))


def test_calls_between_graphs_are_checked() -> None:
    def model(then: int, inner: int) -> bytes:
        main, sub = Net(), Net("sub")
        for net, index in ((main, then), (sub, inner)):
            flag, x = net.input(T("bool", ())), net.input(T("float32", (2,)))
            net.outputs = [
                net.op("IF", [flag, x], T("float32", (2,)), then_subgraph_index=index, else_subgraph_index=index)
            ]
        leaf = Net("leaf")
        leaf.outputs = [leaf.input(T("float32", (2,)))]
        return main.build(None, [sub, leaf])

    assert len(load_ir(model(1, 2)).graphs) == 3
    with pytest.raises(ModelError, match=r"operator 0 \(IF\): then_subgraph_index: 7"):
        load_ir(model(1, 7))
    with pytest.raises(ModelError, match="calls itself"):
        load_ir(model(1, 0))


def test_a_file_that_points_to_itself_is_refused_quickly() -> None:
    """Thousands of tensors that share one long name would take memory out of proportion."""
    b = flatbuffers.Builder(1 << 20)
    tensor = table(b, name=(3, "offset", b.CreateString("x" * 100_000)))
    content = finish(b, [tensor] * 20_000)
    start = time.process_time()
    with pytest.raises(ModelError, match="again and again"):
        load_ir(content)
    assert time.process_time() - start < 1


# Damaged files


def damaged(content: bytes, seed: int) -> bytes:
    rng = np.random.default_rng(seed)
    data = bytearray(content)
    if seed % 4 == 0:
        return bytes(data[: rng.integers(len(data))])
    for _ in range(rng.integers(1, 8)):
        # Half of the changes go to the end, where writers put the structure.
        reach = len(data) if seed % 2 else min(len(data), 20_000)
        data[-1 - int(rng.integers(reach))] = int(rng.choice([0, 1, 127, 128, 255, rng.integers(256)]))
    return bytes(data)


def test_memory_stays_in_proportion() -> None:
    content = small_model()
    tracemalloc.start()
    try:
        for seed in range(500):
            file = damaged(content, seed)
            tracemalloc.reset_peak()
            before = tracemalloc.get_traced_memory()[0]
            with contextlib.suppress(ModelError):
                load_ir(file)
            assert tracemalloc.get_traced_memory()[1] - before < (1 << 19) + 64 * len(content), f"seed {seed}"
    finally:
        tracemalloc.stop()


def survive(content: bytes, seeds: range) -> None:
    for seed in seeds:
        start = time.process_time()
        message = "<memory>: "
        try:
            load_ir(damaged(content, seed))
        except ModelError as error:
            message = str(error)
        except Exception as error:
            raise AssertionError(f"seed {seed}: {error!r}") from error
        assert message.startswith("<memory>: "), f"seed {seed}"
        assert time.process_time() - start < 2, f"seed {seed} took too long"


def test_damaged_small_models() -> None:
    survive(small_model(), range(2000))
    survive(
        build("Mine", [T("float32", (2,))], T("float32", (2,)), custom=True, a=1, b=[1, 2], c={"d": "e"}), range(1000)
    )


@pytest.mark.parametrize("name", ["split_concat", "keras_lstm_mnist_ptq", "str_ww_ref_model", "kws_ref_model"])
def test_damaged_shared_models(name: str) -> None:
    survive(shared_model(name).read_bytes(), range(300))


# Files that the exporter would not write


def with_quantization(dtype: int, scale: list[float], zero_point: list[int], axis: int = 0) -> bytes:
    """Make a model of one tensor of shape (2,), both input and output, with any quantization."""
    b = flatbuffers.Builder(1024)
    quantization = table(
        b,
        scale=(2, "offset", b.CreateNumpyVector(np.float32(scale))),
        zero_point=(3, "offset", b.CreateNumpyVector(np.array(zero_point, np.int64))),
        axis=(6, "Int32", axis),
    )
    tensor = table(
        b,
        shape=(0, "offset", ints(b, [2])),
        type=(1, "Int8", dtype),
        name=(3, "offset", b.CreateString("x")),
        quantization=(4, "offset", quantization),
    )
    return finish(b, [tensor], [0], [0])


def one_operator(code: dict[str, tuple[int, str, int]], **operator: tuple[int, str, int]) -> bytes:
    """Make a model of one operator with one input and one output, from its raw code and options."""
    b = flatbuffers.Builder(1024)
    tensor = table(b, shape=(0, "offset", ints(b, [2])))
    options = table(b, first=(0, "Int8", 1))
    operator = {k: (slot, kind, options if kind == "offset" else v) for k, (slot, kind, v) in operator.items()}
    ends = {"inputs": (1, "offset", ints(b, [0])), "outputs": (2, "offset", ints(b, [1]))}
    return finish(b, [tensor, tensor], [0], [1], [table(b, **ends, **operator)], [table(b, **code)])


def test_old_and_new_operator_codes() -> None:
    def op(**code: tuple[int, str, int]) -> str:
        return load_ir(one_operator(code)).graphs[0].nodes[0].op

    assert op(old=(0, "Int8", 101)) == "ABS"
    assert op(new=(3, "Int32", 101)) == "ABS"
    assert op(old=(0, "Int8", 127), new=(3, "Int32", 150)) == "GELU"
    assert op() == "ADD"
    for code in ({"new": (3, "Int32", 210)}, {"old": (0, "Int8", 127)}):
        with pytest.raises(ModelError, match="operator code 0: builtin_code"):
            load_ir(one_operator(code))
    with pytest.raises(ModelError, match="operator code 0: custom_code"):
        load_ir(one_operator({"old": (0, "Int8", 32)}))


def test_options_of_another_operator() -> None:
    gelu = {"new": (3, "Int32", 150)}
    number = tflite_schema.OPTIONS["GeluOptions"].number
    content = one_operator(gelu, kind=(3, "Uint8", number), options=(4, "offset", 0))
    assert load_ir(content).graphs[0].nodes[0].attributes == {"approximate": True}
    assert load_ir(one_operator(gelu)).graphs[0].nodes[0].attributes == {"approximate": False}
    with pytest.raises(ModelError, match=r"operator 0 \(GELU\): builtin_options: holds Conv2DOptions"):
        load_ir(one_operator(gelu, kind=(3, "Uint8", 1), options=(4, "offset", 0)))


def test_data_outside_the_flatbuffer() -> None:
    def model(offset: int, size: int = 8) -> bytes:
        b = flatbuffers.Builder(1024)
        tensor = table(b, shape=(0, "offset", ints(b, [2])), buffer=(2, "Uint32", 1))
        buffer = table(b, offset=(1, "Uint64", offset), size=(2, "Uint64", size))
        return finish(b, [tensor], [], [0], buffers=[buffer])

    start = -(-len(model(1000)) // 16) * 16
    content = model(start).ljust(start, b"\0") + np.float32([1.5, -2]).tobytes()
    data = load_ir(content).graphs[0].tensors[0].data
    assert data is not None
    assert data.tolist() == [1.5, -2]
    for wrong in (model(start, 12), model(1 << 63), model(start, (1 << 64) - 1)):
        with pytest.raises(ModelError, match=r"tensor 0: buffer"):
            load_ir(wrong.ljust(start, b"\0") + bytes(8))


def test_empty_tensors_need_no_data() -> None:
    def model(*shape: int) -> bytes:
        b = flatbuffers.Builder(1024)
        return finish(b, [table(b, shape=(0, "offset", ints(b, shape)))], [], [0])

    data = load_ir(model(3, 0)).graphs[0].tensors[0].data
    assert data is not None
    assert data.shape == (3, 0)
    with pytest.raises(ModelError, match="shape"):
        load_ir(model(1 << 30, 1 << 30, 0))
    with pytest.raises(ModelError, match="nothing before computes it"):
        load_ir(model(3))
