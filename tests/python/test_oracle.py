"""The oracle itself: state, shapes, and a child that dies."""

from __future__ import annotations

import time

import numpy as np
import pytest

from tests.support import oracle
from tests.support.builder import Net, T, build, const


def conv() -> tuple[bytes, np.ndarray]:
    rng = np.random.default_rng(3)
    model = build(
        "CONV_2D",
        [
            T("int8", (1, 8, 8, 3), 0.5, -3),
            T("int8", (4, 3, 3, 3), [0.1, 0.2, 0.3, 0.4], data=rng.integers(-127, 128, (4, 3, 3, 3))),
            T("int32", (4,), [0.05, 0.1, 0.15, 0.2], data=rng.integers(-100, 100, 4)),
        ],
        T("int8", (1, 8, 8, 4), 20.0, 5),
        stride_w=1,
        stride_h=1,
    )
    return model, rng.integers(-128, 128, (1, 8, 8, 3), np.int8)


def test_runs_and_is_quick() -> None:
    model, x = conv()
    first = oracle.run(model, [x])
    start = time.monotonic()
    for _ in range(50):
        (again,) = oracle.run(model, [x])
        np.testing.assert_array_equal(first[0], again)
    assert (time.monotonic() - start) / 50 < 0.05
    assert first[0].dtype == np.int8
    assert first[0].shape == (1, 8, 8, 4)
    assert len(np.unique(first[0])) > 10


def test_reference_kernels_do_not_delegate() -> None:
    interpreter = pytest.importorskip("ai_edge_litert.interpreter")
    model, _ = conv()
    names = {}
    for resolver in ("BUILTIN_REF", "AUTO"):
        made = interpreter.Interpreter(
            model_content=model, experimental_op_resolver_type=interpreter.OpResolverType[resolver]
        )
        made.allocate_tensors()
        names[resolver] = [details["op_name"] for details in made._get_ops_details()]
    assert names["BUILTIN_REF"] == ["CONV_2D"]
    assert "DELEGATE" in names["AUTO"]


def test_default_kernels_and_threads() -> None:
    model, x = conv()
    reference = oracle.run(model, [x])[0].astype(int)
    for threads in (1, 2):
        fast = oracle.run(model, [x], resolver="default", num_threads=threads)[0].astype(int)
        assert np.abs(reference - fast).max() <= 1


def test_resize_and_outputs_of_dynamic_shape() -> None:
    model = build("RESHAPE", [T("float32", (2, 3)), T("int32", (2,))], T("float32", (3, 2)))
    x = np.arange(12, dtype=np.float32)
    (y,) = oracle.run(model, [x.reshape(4, 3), np.int32([6, -1])], resize=[(4, 3), None])
    np.testing.assert_array_equal(y, x.reshape(6, 2))


def test_every_tensor() -> None:
    net = Net()
    x = net.input(T("float32", (2,), name="x"))
    y = net.op("ABS", [x], T("float32", (2,), name="y"))
    z = net.op("ADD", [y, const([1.0, 2.0], name="c")], T("float32", (2,), name="z"))
    values = oracle.run(net.build([z]), [np.float32([-1, 2])], tensors=True)
    assert {name: value.tolist() for name, value in values.items()} == {
        "x": [-1, 2],
        "y": [1, 2],
        "c": [1, 2],
        "z": [2, 4],
    }


def test_state_is_kept_and_reset() -> None:
    main, init = Net(), Net("init")
    x = main.input(T("float32", (2,)))
    main.op("CALL_ONCE", [], [], init_subgraph_index=1)
    handle = main.op("VAR_HANDLE", [], T("resource", ()), shared_name="s")
    total = main.op("ADD", [main.op("READ_VARIABLE", [handle], T("float32", (2,))), x], T("float32", (2,)))
    main.op("ASSIGN_VARIABLE", [handle, total], [])
    init.op("ASSIGN_VARIABLE", [init.op("VAR_HANDLE", [], T("resource", ()), shared_name="s"), const([0.0, 0.0])], [])
    steps = oracle.run_sequence(main.build([total], [init]), [[np.float32([1, 2])]] * 3)
    assert [step[0].tolist() for step in steps] == [[1, 2], [2, 4], [3, 6]]


def test_refusals_say_why() -> None:
    with pytest.raises(oracle.Refused, match="Mine"):
        oracle.run(build("Mine", [T("float32", (2,))], T("float32", (2,)), custom=True), [np.zeros(2, np.float32)])
    with pytest.raises(oracle.Refused):
        oracle.run(b"nonsense", [])
    model, x = conv()
    with pytest.raises(oracle.Refused, match="inputs"):
        oracle.run(model, [x, x])


def endless() -> bytes:
    main, condition, body = Net(), Net("condition"), Net("body")
    x = main.input(T("float32", (2,)))
    flag = condition.input(T("float32", (2,)))
    same = condition.op("EQUAL", [flag, flag], T("bool", (2,)))
    condition.outputs = [condition.op("REDUCE_ALL", [same, const([0])], T("bool", ()))]
    body.outputs = [body.op("ABS", [body.input(T("float32", (2,)))], T("float32", (2,)))]
    y = main.op("WHILE", [x], T("float32", (2,)), cond_subgraph_index=1, body_subgraph_index=2)
    return main.build([y], [condition, body])


def test_a_dead_or_slow_child_is_replaced() -> None:
    model, x = conv()
    expected = oracle.run(model, [x])
    assert oracle._child is not None
    oracle._child._process.kill()
    with pytest.raises(oracle.Refused, match="died with code -9"):
        oracle.run(model, [x])
    np.testing.assert_array_equal(oracle.run(model, [x])[0], expected[0])
    with pytest.raises(oracle.Refused, match="longer than"):
        oracle.run(endless(), [np.ones(2, np.float32)], timeout=1.0)
    np.testing.assert_array_equal(oracle.run(model, [x])[0], expected[0])
