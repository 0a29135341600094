"""The Python interface of a model: names, shapes, types, state, reports, errors."""

from __future__ import annotations

import os
import pickle
import threading
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import sanderling
from sanderling import _core, ir
from sanderling.exporters.tflite import to_bytes
from sanderling.lowering import _registered
from sanderling.machine import default_threads
from tests.support.builder import Net, T, adder, build, build_ir, const


def floats(*shape: int) -> np.ndarray:
    return (np.arange(np.prod(shape), dtype=np.float32) - 3).reshape(shape) / 2


A, B = floats(2, 3), floats(2, 3) * 4


@pytest.fixture
def model() -> sanderling.Model:
    return sanderling.load(adder())


def test_describes_its_ends() -> None:
    model = sanderling.load(adder(scale=0.5, zero_point=-3))
    assert model.inputs == [
        sanderling.TensorInfo("a", (2, 3), "int8", 0.5, -3),
        sanderling.TensorInfo("b", (2, 3), "int8", 0.5, -3),
    ]
    assert [t.name for t in model.outputs] == ["sum"]
    assert repr(model) == "<sanderling.Model <memory>: a int8[2, 3], b int8[2, 3] -> sum int8[2, 3]>"


def test_inputs_in_order_by_name_and_mixed(model: sanderling.Model) -> None:
    for y in (model(A, B), model(a=A, b=B), model(b=B, a=A), model(A, b=B), model(A.tolist(), b=B.tolist())):
        np.testing.assert_array_equal(y, A + B)
        assert y.dtype == np.float32


def test_run_takes_names_or_a_list_and_returns_names(model: sanderling.Model) -> None:
    for inputs in ({"b": B, "a": A}, [A, B]):
        results = model.run(inputs)
        assert list(results) == ["sum"]
        np.testing.assert_array_equal(results["sum"], A + B)


def test_several_outputs_are_a_tuple() -> None:
    net = Net()
    x = net.input(T("float32", (4,), name="x"))
    parts = net.op("SPLIT", [const(0), x], [T("float32", (2,), name=n) for n in ("low", "high")], num_splits=2)
    model = sanderling.load(to_bytes(net.model(parts)))
    low, high = model(floats(4))
    np.testing.assert_array_equal(np.concatenate([low, high]), floats(4))
    assert list(model.run([floats(4)])) == ["low", "high"]


def test_results_are_the_callers_own(model: sanderling.Model) -> None:
    first = model(A, B)
    kept = first.copy()
    model(B, B)
    np.testing.assert_array_equal(first, kept)
    first[:] = 0
    np.testing.assert_array_equal(model(A, B), kept)


def test_wrong_inputs_say_what_is_wrong(model: sanderling.Model) -> None:
    cases: list[tuple[tuple[Any, ...], dict[str, Any], type[Exception], str]] = [
        ((A,), {}, TypeError, "missing inputs: 'b'"),
        ((), {}, TypeError, "missing inputs: 'a', 'b'"),
        ((A, B, A), {}, TypeError, "3 inputs were given, but the model has 2 inputs: 'a', 'b'"),
        ((A,), {"c": B}, TypeError, "no input 'c'; its inputs are: 'a', 'b'"),
        ((A,), {"a": B}, TypeError, "input 'a' was given twice"),
        ((A, B[0]), {}, ValueError, r"input 'b' has shape \(2, 3\), but the array has \(3,\)"),
        ((A, floats(3, 3)), {}, ValueError, "model.resize"),
        ((A, B.astype(np.int32)), {}, TypeError, "input 'b' takes float32 or floats; the array is int32"),
        ((A, B.astype(complex)), {}, TypeError, "complex128"),
        ((A, np.full((2, 3), "x")), {}, TypeError, "input 'b' takes float32"),
        ((A, np.full((2, 3), None)), {}, TypeError, "object"),
    ]
    for args, kwargs, error, message in cases:
        with pytest.raises(error, match=message):
            model(*args, **kwargs)
    np.testing.assert_array_equal(model(A, B), A + B)


def test_missing_batch_dimension_gets_a_hint() -> None:
    with pytest.raises(ValueError, match=r"add a batch dimension: x\[None\]"):
        sanderling.load(adder((1, 3)))(floats(3), floats(3))


def test_floats_are_quantized_and_integers_pass() -> None:
    model = sanderling.load(adder(scale=0.5, zero_point=-3))
    real = np.array([[0, 0.25, -0.25], [0.24, 1e9, -np.inf]], np.float32)
    q = np.array([[-3, -2, -4], [-3, 127, -128]], np.int8)  # Half away from zero, saturated.
    zero = np.full((2, 3), -3, np.int8)
    for x in (real, real.astype(np.float64), q):
        np.testing.assert_array_equal(model(x, zero), q)
    info = model.inputs[0]
    np.testing.assert_array_equal(info.quantize(real), q)
    np.testing.assert_array_equal(info.dequantize(q[0]), [0, 0.5, -0.5])
    for wrong in (np.zeros((2, 3), np.uint8), np.zeros((2, 3), np.int64), np.zeros((2, 3), bool)):
        with pytest.raises(TypeError, match="input 'a' takes int8 or floats; the array is"):
            model(wrong, zero)


def test_nan_for_a_quantized_input() -> None:
    x = np.full((2, 3), np.nan)
    with pytest.raises(ValueError, match=r"input 'b' \(int8\) is quantized and cannot hold NaN"):
        sanderling.load(adder(scale=0.5))(np.zeros((2, 3), np.int8), x)


def test_non_contiguous_and_foreign_arrays(model: sanderling.Model) -> None:
    wide = floats(3, 4)
    for x in (wide.T[::2], wide[::2, ::-1][:, 1:], np.asfortranarray(A), A.astype(">f4"), A.astype(np.float16)):
        np.testing.assert_array_equal(model(x, B), x.astype(np.float32) + B)
    x = A.copy()
    x.flags.writeable = False
    np.testing.assert_array_equal(model(x, B), A + B)
    unaligned = np.frombuffer(b"\0" + A.tobytes(), np.uint8)[1:].view(np.float32).reshape(2, 3)
    np.testing.assert_array_equal(model(unaligned, B), A + B)


def test_arrays_from_other_processes_are_taken_as_they_are(model: sanderling.Model) -> None:
    unpickled = pickle.loads(pickle.dumps(A))
    assert unpickled.dtype is not A.dtype  # Equal, but another descriptor.
    np.testing.assert_array_equal(model(unpickled, B), A + B)
    assert model._run_exact((unpickled, B)) is not None
    assert model._run_exact((A.astype(">f4"), B)) is None
    assert model._run_exact((A.astype(np.int32), B)) is None


def test_resize_and_back(model: sanderling.Model) -> None:
    ways: list[tuple[tuple[Any, ...], dict[str, Any]]] = [
        (((5, 3), (5, 3)), {}), ((), {"a": [4, 3], "b": (4, 3)}), (({"b": (7, 3), "a": (7, 3)},), {}),
        ((np.array([2, 3]), np.array([2, 3])), {}),
    ]  # fmt: skip
    for args, kwargs in ways:
        model.resize(*args, **kwargs)
        shape = model.inputs[0].shape
        assert model.outputs[0].shape == shape
        np.testing.assert_array_equal(model(floats(*shape), floats(*shape)), 2 * floats(*shape))
    assert model.inputs[0].shape == (2, 3)


def test_a_failed_resize_changes_nothing(model: sanderling.Model) -> None:
    model.resize((4, 3), (4, 3))
    memory = model.memory
    cases: list[tuple[tuple[Any, ...], dict[str, Any], type[Exception], str]] = [
        (((4, 3), (4, 5)), {}, sanderling.ModelError, "ADD"),
        (((2**20, 2**20), (2**20, 2**20)), {}, sanderling.ModelError, "memory"),
        (((2**62, 2**62), (2**62, 2**62)), {}, sanderling.ModelError, "too many elements"),
        ((), {"c": (1, 3)}, TypeError, "no input 'c'"),
        (((-1, 3),), {}, ValueError, "non-negative integers"),
        (((1.5, 3),), {}, ValueError, "non-negative integers"),
        ((7,), {}, ValueError, "non-negative integers"),
        ((("2", "3"),), {}, ValueError, "non-negative integers"),
    ]
    for args, kwargs, error, message in cases:
        with pytest.raises(error, match=message):
            model.resize(*args, **kwargs)
        assert [t.shape for t in model.inputs] == [(4, 3), (4, 3)]
        assert model.memory == memory
        np.testing.assert_array_equal(model(floats(4, 3), floats(4, 3)), 2 * floats(4, 3))


def test_zero_sized_shapes(model: sanderling.Model) -> None:
    model.resize((0, 3), (0, 3))
    assert model(np.zeros((0, 3)), np.zeros((0, 3))).shape == (0, 3)


def signed_adder() -> bytes:
    model = build_ir(
        "ADD", [T("float32", (3,), name="t0"), T("float32", (3,), name="t1")], T("float32", (3,), name="t2"),
        fused_activation_function="NONE",
    )  # fmt: skip
    model.signatures = [ir.Signature("add", 0, {"left": 0, "right": 1}, {"total": 2})]
    return to_bytes(model)


def test_signatures() -> None:
    model = sanderling.load(signed_adder())
    add = model.signatures["add"]
    assert list(add.inputs) == ["left", "right"]
    assert add.outputs["total"].shape == (3,)
    results = add(right=floats(3), left=floats(3))
    assert list(results) == ["total"]
    np.testing.assert_array_equal(results["total"], 2 * floats(3))
    with pytest.raises(TypeError, match="signature 'add' has no input 'middle'; its inputs are: 'left', 'right'"):
        add(middle=floats(3))
    with pytest.raises(TypeError, match="missing inputs"):
        add(left=floats(3))
    # The model itself knows the signature's names too.
    np.testing.assert_array_equal(model(left=floats(3), right=floats(3)), 2 * floats(3))


def counter() -> bytes:
    """A model that adds its input to what it has seen so far."""
    main, init = Net("main"), Net("init")
    init.outputs = []
    handle = init.op("VAR_HANDLE", [], T("resource", ()), container="", shared_name="total")
    init.op("ASSIGN_VARIABLE", [handle, const(np.zeros(2, np.float32))], [])
    x = main.input(T("float32", (2,), name="x"))
    main.op("CALL_ONCE", [], [], init_subgraph_index=1)
    handle = main.op("VAR_HANDLE", [], T("resource", ()), container="", shared_name="total")
    before = main.op("READ_VARIABLE", [handle], T("float32", (2,)))
    after = main.op("ADD", [before, x], T("float32", (2,), name="total"), fused_activation_function="NONE")
    main.op("ASSIGN_VARIABLE", [handle, after], [])
    return to_bytes(main.model([after], subgraphs=[init]))


def test_state_is_kept_until_reset() -> None:
    model = sanderling.load(counter())
    x = np.array([1, 2], np.float32)
    for n in (1, 2, 3):
        np.testing.assert_array_equal(model(x), n * x)
    model.reset()
    np.testing.assert_array_equal(model(x), x)


def test_tensors_holds_every_value(model: sanderling.Model) -> None:
    net = Net()
    x = net.input(T("float32", (3,), name="x"))
    doubled = net.op("ADD", [x, x], T("float32", (3,), name="y"), fused_activation_function="NONE")
    ones = const(np.ones(3, np.float32), name="y")
    result = net.op("ADD", [doubled, ones], T("float32", (3,), name="z"), fused_activation_function="NONE")
    values = sanderling.load(to_bytes(net.model([result]))).tensors(floats(3))
    by_name = {name.partition("#")[0]: value for name, value in values.items() if "#" not in name}
    np.testing.assert_array_equal(by_name["x"], floats(3))
    np.testing.assert_array_equal(values["z"], 2 * floats(3) + 1)
    # Two tensors of one name: the second has its number behind it.
    pair = [values[name] for name in values if name.startswith("y")]
    assert len(pair) == 2
    assert any(np.array_equal(p, 2 * floats(3)) for p in pair)
    assert any(np.array_equal(p, np.ones(3)) for p in pair)


def test_profile() -> None:
    w = np.ones((4, 3), np.float32)
    data = build(
        "FULLY_CONNECTED", [T("float32", (2, 3)), const(w)], T("float32", (2, 4), name="y"),
        fused_activation_function="NONE", weights_format="DEFAULT", keep_num_dims=False,
    )  # fmt: skip
    profile = sanderling.load(data).profile(floats(2, 3), runs=3)
    (step,) = profile
    assert (step.op, step.name, step.shape, step.macs) == ("FULLY_CONNECTED", "y", (2, 4), 24)
    assert step.share == 1
    assert step.ms == profile.total_ms > 0
    assert step.gmacs == pytest.approx(24 / (1e6 * step.ms))
    assert step.isa
    assert profile.macs == 24
    assert list(profile.by_op()) == ["FULLY_CONNECTED"]
    assert "FULLY_CONNECTED" in str(profile)
    with pytest.raises(ValueError, match="runs is 0"):
        sanderling.load(data).profile(floats(2, 3), runs=0)


def test_memory(model: sanderling.Model) -> None:
    memory = model.memory
    assert memory.arena >= memory.lower_bound >= 3 * 2 * 3 * 4
    assert memory.constants == 0
    model.resize((200, 3), (200, 3))
    assert model.memory.lower_bound >= 3 * 200 * 3 * 4


def test_memory_limit() -> None:
    x = np.zeros((1000, 1000), np.float32)
    fixed = [T("float32", x.shape, name=name) for name in ("a", "b", "sum")]
    with pytest.raises(sanderling.ModelError, match="memory"):
        sanderling.load(build("ADD", fixed[:2], fixed[2], fused_activation_function="NONE"), memory_limit=1_000_000)
    model = sanderling.load(adder(x.shape), memory_limit=1_000_000)  # of another size it may fit
    with pytest.raises(sanderling.ModelError, match="memory"):
        model(x, x)
    model.resize((10, 1000), (10, 1000))
    model(x[:10], x[:10])


@pytest.fixture
def op_name() -> Any:
    name = "TestOfRegisterOp"
    yield name
    _registered.pop(name, None)


def custom(name: str, **attributes: Any) -> bytes:
    return build(name, [T("float32", (3,)), None], T("float32", (3,), name="y"), custom=True, **attributes)


def test_register_op(op_name: str) -> None:
    with pytest.raises(sanderling.ModelError, match=rf"{op_name} \(1x\).*register_op"):
        sanderling.load(custom(op_name))
    seen: list[Any] = []

    def scale(x: np.ndarray, absent: None, factor: float = 1.0) -> np.ndarray:
        seen.append((x.dtype, absent, factor))
        return x * np.float32(factor)

    sanderling.register_op(op_name, scale)
    np.testing.assert_array_equal(sanderling.load(custom(op_name, factor=2.0))(floats(3)), 2 * floats(3))
    np.testing.assert_array_equal(sanderling.load(custom(op_name))(floats(3)), floats(3))
    assert seen == [(np.float32, None, 2.0), (np.float32, None, 1.0)]


def test_a_registered_function_may_change_the_shape(op_name: str) -> None:
    sanderling.register_op(op_name, lambda x, _: x[x > 0])
    model = sanderling.load(custom(op_name))
    np.testing.assert_array_equal(model(np.array([-1, 2, 3], np.float32)), [2, 3])
    assert model.outputs[0].shape == (2,)


def test_errors_in_a_registered_function(op_name: str) -> None:
    class Odd(Exception):
        pass

    def fail(x: np.ndarray, _: None) -> np.ndarray:
        raise Odd("of its own")

    sanderling.register_op(op_name, fail)
    model = sanderling.load(custom(op_name))
    for _ in range(2):
        with pytest.raises(Odd, match="of its own"):
            model(floats(3))
    cases: list[tuple[Any, type[Exception], str]] = [
        (lambda x, _: x.astype(np.float64), sanderling.ModelError, r"operator 0 .*float64; float32 expected"),
        (lambda x, _: None, sanderling.ModelError, "object; float32 expected"),
        (lambda x, _: (x, x), sanderling.ModelError, "must return 1 array"),
        (lambda: 0, TypeError, "argument"),
    ]
    for function, error, message in cases:
        sanderling.register_op(op_name, function)
        with pytest.raises(error, match=message):
            sanderling.load(custom(op_name))(floats(3))


def test_register_op_refuses() -> None:
    with pytest.raises(TypeError, match="int, not callable"):
        sanderling.register_op("Anything", 3)  # type: ignore[arg-type]
    with pytest.raises(ValueError, match="RESHAPE is an operator of the engine"):
        sanderling.register_op("RESHAPE", lambda x: x)


def test_a_registered_function_may_run_another_model(op_name: str) -> None:
    inner = sanderling.load(adder((3,)))
    sanderling.register_op(op_name, lambda x, _: inner(x, x))
    np.testing.assert_array_equal(sanderling.load(custom(op_name))(floats(3)), 2 * floats(3))


def test_unknown_operators_are_listed_at_once() -> None:
    net = Net()
    x = net.input(T("float32", (3,)))
    for name in ("Zeta", "Alpha", "Zeta"):
        x = net.op(name, [x], T("float32", (3,)), custom=True)
    with pytest.raises(sanderling.ModelError, match=r"does not have: Alpha \(1x\), Zeta \(2x\)\. Register each"):
        sanderling.load(to_bytes(net.model([x])))


@pytest.mark.parametrize("threads", [0, -1, 1025])
def test_impossible_thread_counts(threads: int) -> None:
    with pytest.raises(ValueError, match=f"threads is {threads}; 1 to 1024 expected"):
        sanderling.load(adder(), threads)


def test_threads_and_isa_from_the_environment(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("SANDERLING_THREADS", "3")
    assert sanderling.load(adder()).threads == 3
    assert sanderling.load(adder(), threads=2).threads == 2
    monkeypatch.setenv("SANDERLING_THREADS", "many")
    with pytest.raises(ValueError, match="SANDERLING_THREADS is 'many'"):
        sanderling.load(adder())
    monkeypatch.delenv("SANDERLING_THREADS")
    assert sanderling.load(adder()).threads == default_threads()
    monkeypatch.setenv("SANDERLING_ISA", "vax")
    with pytest.raises(ValueError, match=r"'vax' is not one that this CPU can run; available: .*portable"):
        sanderling.load(adder())
    monkeypatch.setenv("SANDERLING_ISA", "portable")
    steps = sanderling.load(adder()).profile(A, B, runs=1)
    assert {s.isa.partition("/")[0] for s in steps} == {"portable"}
    with pytest.raises(ValueError, match="'vax'"):
        sanderling.load(adder(), isa="vax")


def test_default_threads_are_the_usable_big_cores(tmp_path: Path) -> None:
    def strengths(name: str, numbers: list[object]) -> None:
        for core, number in enumerate(numbers):
            file = tmp_path / f"cpu{core}" / name
            file.parent.mkdir(parents=True, exist_ok=True)
            file.write_text(f"{number}\n")

    def big(*cores: int) -> list[int]:
        return _core.big_cores(cores=cores, folder=str(tmp_path))

    # Nothing is told: all count.
    assert big(0, 1, 2, 3) == [0, 1, 2, 3]
    strengths("cpufreq/cpuinfo_max_freq", [1800000, 1800000, 2400000, 900000])
    assert big(0, 1, 2, 3) == [0, 1, 2]
    # Capacity counts before the clock: little, little, big, prime.
    strengths("cpu_capacity", [250, 250, 760, 1024])
    assert big(0, 1, 2, 3) == [2, 3]
    # Only the cores of this process: its strongest is the measure.
    assert big(0, 1) == [0, 1]
    strengths("cpu_capacity", ["nonsense", 250, 760, 1024])
    assert big(0, 1, 2, 3) == [0, 1, 2]
    assert big() == []


@pytest.mark.skipif(not hasattr(os, "sched_setaffinity"), reason="needs affinity masks")
def test_default_threads_follow_the_affinity_mask() -> None:
    before = os.sched_getaffinity(0)
    try:
        os.sched_setaffinity(0, {min(before)})
        assert _core.usable_cores() == [min(before)]
        assert default_threads() == 1
    finally:
        os.sched_setaffinity(0, before)
    assert 1 <= default_threads() <= len(before)


def test_sources(tmp_path: Path) -> None:
    path = tmp_path / "adder.tflite"
    path.write_bytes(adder())
    for source in (str(path), path, adder(), bytearray(adder()), memoryview(adder())):
        np.testing.assert_array_equal(sanderling.load(source)(A, B), A + B)
    assert sanderling.load(path).source == str(path)
    with pytest.raises(FileNotFoundError, match="nowhere"):
        sanderling.load(tmp_path / "nowhere.tflite")
    with pytest.raises(IsADirectoryError, match="a model file is expected"):
        sanderling.load(tmp_path)
    path.write_bytes(b"")
    with pytest.raises(sanderling.ModelError, match=r"adder\.tflite.*empty"):
        sanderling.load(path)


def test_sixteen_threads_share_one_model() -> None:
    model = sanderling.load(adder((64, 64)), threads=2)
    model.resize((64, 64), (64, 64))
    start = threading.Barrier(16)

    def work(k: int) -> bool:
        start.wait()
        x = np.full((64, 64), k, np.float32)
        return all(np.array_equal(model(x, x), 2 * x) for _ in range(20))

    with ThreadPoolExecutor(16) as pool:
        assert all(pool.map(work, range(16)))


def test_declared_shapes_that_stand_for_others() -> None:
    def two_halves(signature: tuple[int, ...] | None) -> bytes:
        x = T("float32", (1, 1, 1, 3), name="x", signature=signature)
        return build("SPACE_TO_DEPTH", [x], T("float32", (1, 1, 1, 12)), block_size=2)

    with pytest.raises(sanderling.ModelError, match=r"SPACE_TO_DEPTH.*block_size"):
        sanderling.load(two_halves(None))
    model = sanderling.load(two_halves((1, -1, -1, 3)))
    with pytest.raises(sanderling.ModelError, match=r"SPACE_TO_DEPTH.*block_size"):
        model(np.zeros((1, 1, 1, 3), np.float32))
    with pytest.raises(sanderling.ModelError, match=r"SPACE_TO_DEPTH.*block_size"):
        model.resize((1, 4, 3, 3))
    model.resize((1, 4, 8, 3))
    assert model(np.zeros((1, 4, 8, 3), np.float32)).shape == (1, 2, 4, 12)
    with pytest.raises(sanderling.ModelError, match=r"SPACE_TO_DEPTH.*block_size"):
        model.resize((1, 4, 3, 3))
    assert model(np.zeros((1, 4, 8, 3), np.float32)).shape == (1, 2, 4, 12)


@pytest.mark.parametrize(
    ("limit", "error"), [(-1, ValueError), (0, ValueError), (1 << 70, ValueError), (1e6, TypeError)]
)
def test_impossible_memory_limits(limit: Any, error: type[Exception]) -> None:
    with pytest.raises(error, match="memory_limit is"):
        sanderling.load(adder(), memory_limit=limit)


def test_memory_that_changes_after_load() -> None:
    content = bytearray(adder())
    model = sanderling.load(content)
    content[:] = bytes(len(content))
    model.resize((2, 3), (2, 3))
    np.testing.assert_array_equal(model(np.ones((2, 3), np.float32), np.ones((2, 3), np.float32)), np.full((2, 3), 2))


def test_names_of_the_package() -> None:
    assert set(sanderling.__all__) <= set(dir(sanderling))
    for name in sanderling.__all__:
        assert getattr(sanderling, name) is not None
    with pytest.raises(AttributeError, match="no attribute 'Sandpiper'"):
        _ = sanderling.Sandpiper
