import signal
import subprocess
import sys
import textwrap
import time
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

import sanderling
from tests.support.builder import Net, T, build, const
from tests.support.compare import compare, compare_sequence

DTYPES = ["float32", "int8", "uint8", "int16", "int32", "int64", "bool"]


def scalar(dtype: str) -> T:
    return T(dtype, ())


def branch(op: str, a: T, b: T) -> Net:
    """Return a graph (x, y) -> op(x, y)."""
    net = Net(op)
    x, y = net.input(T(a.dtype, a.shape)), net.input(T(b.dtype, b.shape))
    shape = np.broadcast_shapes(tuple(a.shape), tuple(b.shape))
    net.outputs = [net.op(op, [x, y], T(a.dtype, shape))]
    return net


def if_model(then: Net, otherwise: Net, inputs: list[T], outputs: list[T]) -> bytes:
    main = Net()
    cond = main.input(T("bool", ()))
    args = [main.input(t) for t in inputs]
    results = main.op("IF", [cond, *args], outputs, then_subgraph_index=1, else_subgraph_index=2)
    return main.build(results, [then, otherwise])


def test_if() -> None:
    x, y = T("float32", (2, 3)), T("float32", (1, 3))
    model = if_model(branch("ADD", x, y), branch("MUL", x, y), [x, y], [T("float32", (2, 3))])
    a, b = np.arange(6, dtype=np.float32).reshape(2, 3), np.float32([[2, 3, 4]])
    runs = [[np.array(c), a, b] for c in (True, False, False, True)]
    first, second, *_ = compare_sequence(model, runs)
    assert not np.array_equal(first[0], second[0])
    wide = np.arange(15, dtype=np.float32).reshape(5, 3)
    compare_sequence(model, [[np.array(c), wide, b] for c in (True, False)], resize=[(), (5, 3), (1, 3)])


def test_if_whose_branches_give_other_shapes() -> None:
    x, y = T("int32", (2, 1)), T("int32", (1, 3))
    narrow = Net("narrow")
    left, _ = narrow.input(T("int32", (2, 1))), narrow.input(T("int32", (1, 3)))
    narrow.outputs = [narrow.op("ADD", [left, const([1])], T("int32", (2, 1)))]
    main = Net()
    cond = main.input(T("bool", ()))
    (z,) = main.op(
        "IF",
        [cond, main.input(x), main.input(y)],
        [T("int32", (2, 3))],
        then_subgraph_index=1,
        else_subgraph_index=2,
    )
    # What follows has to be planned at run time, too.
    out = main.op("MUL", [z, const([10])], T("int32", (2, 3)))
    model = main.build([out], [branch("ADD", x, y), narrow])
    values = [np.int32([[1], [2]]), np.int32([[10, 20, 30]])]
    shapes = [r[0].shape for r in compare_sequence(model, [[np.array(c), *values] for c in (True, False, True)])]
    assert shapes == [(2, 3), (2, 1), (2, 3)]


@pytest.mark.parametrize("dtype", DTYPES)
def test_if_passes_values_of_every_type(dtype: str) -> None:
    # Branches that give their arguments back, one of them in other order.
    def through(order: list[int]) -> Net:
        net = Net()
        ends = [net.input(T(dtype, (3,))), net.input(T(dtype, (3,)))]
        net.outputs = [ends[i] for i in order]
        return net

    kinds = [T(dtype, (3,)), T(dtype, (3,))]
    model = if_model(through([0, 1]), through([1, 0]), kinds, [T(dtype, (3,)), T(dtype, (3,))])
    a, b = np.array([0, 1, 2]).astype(dtype), np.array([1, 0, 3]).astype(dtype)
    compare_sequence(model, [[np.array(c), a, b] for c in (True, False)])


def counting(limit: int, body: Net, states: list[T], outputs: list[T]) -> bytes:
    """Return `for i in range(limit): states = body(i, *states)`; body also returns i + 1."""
    main, cond = Net(), Net("cond")
    i = main.input(scalar("int32"))
    args = [main.input(t) for t in states]
    counter = cond.input(scalar("int32"))
    for t in states:
        cond.input(T(t.dtype, t.shape))
    cond.outputs = [cond.op("LESS", [counter, const(np.int32(limit))], T("bool", ()))]
    results = main.op("WHILE", [i, *args], [scalar("int32"), *outputs], cond_subgraph_index=1, body_subgraph_index=2)
    return main.build(results, [cond, body])


def body_of(op: str, state: T, step: T, result: T) -> Net:
    """Return (i, state, step) -> (i + 1, op(state, step), step)."""
    net = Net("body")
    i, x, y = net.input(scalar("int32")), net.input(state), net.input(step)
    following = net.op("ADD", [i, const(np.int32(1))], scalar("int32"))
    net.outputs = [following, net.op(op, [x, y], result), y]
    return net


@given(st.integers(0, 6), st.integers(-2, 7), st.integers(0, 3), st.sampled_from(["float32", "int32"]))
def test_while(limit: int, start: int, size: int, dtype: str) -> None:
    kinds = [T(dtype, (size,)) for _ in range(5)]
    model = counting(limit, body_of("ADD", *kinds[:3]), [T(dtype, (size,)), T(dtype, (size,))], kinds[3:])
    x = [np.array(start, np.int32), np.arange(size).astype(dtype), np.full(size, 3).astype(dtype)]
    compare_sequence(model, [x, x])


@pytest.mark.parametrize("limit", [0, 1, 2, 5])
def test_while_that_grows_its_state(limit: int) -> None:
    body = Net("body")
    i, x = body.input(scalar("int32")), body.input(T("float32", (1, 2)))
    longer = body.op("CONCATENATION", [x, const(np.float32([[7, 8]]))], T("float32", (2, 2)), axis=0)
    body.outputs = [body.op("ADD", [i, const(np.int32(1))], scalar("int32")), longer]
    model = counting(limit, body, [T("float32", (1, 2))], [T("float32", (1, 2))])
    x = [np.array(0, np.int32), np.float32([[1, 2]])]
    for step in compare_sequence(model, [x, x]):
        assert step[1].shape == (limit + 1, 2)


def test_nested_loops() -> None:
    inner = body_of("ADD", *(T("int32", (2,)) for _ in range(3)))
    inner_cond = Net("inner cond")
    counter = inner_cond.input(scalar("int32"))
    for _ in range(2):
        inner_cond.input(T("int32", (2,)))
    inner_cond.outputs = [inner_cond.op("LESS", [counter, const(np.int32(3))], T("bool", ()))]
    outer = Net("outer")
    i, x, y = outer.input(scalar("int32")), outer.input(T("int32", (2,))), outer.input(T("int32", (2,)))
    _, total, _ = outer.op(
        "WHILE",
        [const(np.int32(0)), x, y],
        [scalar("int32"), T("int32", (2,)), T("int32", (2,))],
        cond_subgraph_index=3,
        body_subgraph_index=4,
    )
    outer.outputs = [outer.op("ADD", [i, const(np.int32(1))], scalar("int32")), total, y]
    main, cond = Net(), Net("cond")
    args = [main.input(scalar("int32")), main.input(T("int32", (2,))), main.input(T("int32", (2,)))]
    counter = cond.input(scalar("int32"))
    for _ in range(2):
        cond.input(T("int32", (2,)))
    cond.outputs = [cond.op("LESS", [counter, const(np.int32(4))], T("bool", ()))]
    results = main.op(
        "WHILE",
        args,
        [scalar("int32"), T("int32", (2,)), T("int32", (2,))],
        cond_subgraph_index=1,
        body_subgraph_index=2,
    )
    model = main.build(results, [cond, outer, inner_cond, inner])
    result = compare(model, [np.array(0, np.int32), np.int32([0, 0]), np.int32([1, 10])])
    assert result[1].tolist() == [12, 120]


@pytest.mark.parametrize("form", ["b, a + b", "a + b, a", "b, a", "a, a"])
def test_while_that_hands_arguments_on(form: str) -> None:
    # The reference overwrites an argument before it hands it on to a later place: "b, a" gives (7, 7), not (7, 5).
    body = Net("body")
    i, a, b = body.input(scalar("int32")), body.input(scalar("int32")), body.input(scalar("int32"))
    ends = {"a": a, "b": b}
    if "+" in form:
        ends["a + b"] = body.op("ADD", [a, b], scalar("int32"))
    body.outputs = [body.op("ADD", [i, const(np.int32(1))], scalar("int32")), *(ends[x] for x in form.split(", "))]
    model = counting(5, body, [scalar("int32"), scalar("int32")], [scalar("int32"), scalar("int32")])
    compare(model, [np.array(0, np.int32), np.array(5, np.int32), np.array(7, np.int32)])


@pytest.mark.parametrize("form", ["b, a + b", "a + b, a", "b, a", "a, a", "k, a", "a, b"])
@pytest.mark.parametrize("limit", [1, 2, 3])
def test_while_that_hands_arguments_on_beside_one_that_grows(form: str, limit: int) -> None:
    body = Net("body")
    i, x = body.input(scalar("int32")), body.input(T("int32", (1, 2)))
    a, b = body.input(T("int32", (2,))), body.input(T("int32", (2,)))
    ends = {"a": a, "b": b, "k": const(np.int32([3, 4]))}
    ends["a + b"] = body.op("ADD", [a, b], T("int32", (2,)))
    longer = body.op("CONCATENATION", [x, const(np.int32([[7, 8]]))], T("int32", (2, 2)), axis=0)
    following = body.op("ADD", [i, const(np.int32(1))], scalar("int32"))
    body.outputs = [following, longer, *(ends[e] for e in form.split(", "))]
    states = [T("int32", (1, 2)), T("int32", (2,)), T("int32", (2,))]
    model = counting(limit, body, states, [T("int32", s.shape) for s in states])
    compare(model, [np.array(0, np.int32), np.int32([[1, 2]]), np.int32([5, 6]), np.int32([70, 80])])


def endless() -> bytes:
    main, cond, body = Net(), Net("cond"), Net("body")
    x = main.input(T("int32", (1,)))
    cond.outputs = [cond.op("EQUAL", [cond.input(T("int32", (1,))), const([0])], T("bool", (1,)))]
    body.outputs = [body.op("MUL", [body.input(T("int32", (1,))), const([2])], T("int32", (1,)))]
    y = main.op("WHILE", [x], T("int32", (1,)), cond_subgraph_index=1, body_subgraph_index=2)
    return main.build([y], [cond, body])


def test_an_endless_loop_can_be_interrupted(tmp_path: Path) -> None:
    (tmp_path / "endless.tflite").write_bytes(endless())
    script = """
        import signal, sys, numpy as np, sanderling
        signal.signal(signal.SIGINT, signal.default_int_handler)  # a background shell leaves it ignored
        model = sanderling.load(sys.argv[1])
        assert model(np.int32([1])) == 1
        print("running", flush=True)
        try:
            model(np.int32([0]))
        except KeyboardInterrupt:
            print("stopped", flush=True)
        assert model(np.int32([1])) == 1
    """
    child = subprocess.Popen(
        [sys.executable, "-c", textwrap.dedent(script), str(tmp_path / "endless.tflite")],
        stdout=subprocess.PIPE,
        text=True,
    )
    try:
        assert child.stdout is not None
        assert child.stdout.readline() == "running\n"
        time.sleep(0.2)
        child.send_signal(signal.SIGINT)
        rest, _ = child.communicate(timeout=20)
    finally:
        child.kill()
    assert rest == "stopped\n"
    assert child.returncode == 0


def test_errors() -> None:
    x, y = T("float32", (2,)), T("float32", (2,))
    three = branch("ADD", x, y)
    three.input(T("float32", (1,)))
    with pytest.raises(sanderling.ModelError, match=r"IF.*then graph has 3 inputs and 1 outputs; 2 and 1 expected"):
        sanderling.load(if_model(three, branch("ADD", x, y), [x, y], [T("float32", (2,))]))
    other = branch("ADD", T("int32", (2,)), T("int32", (2,)))
    with pytest.raises(sanderling.ModelError, match=r"IF.*input 0 of its else graph is int32; float32 expected"):
        sanderling.load(if_model(branch("ADD", x, y), other, [x, y], [T("float32", (2,))]))
    no_bool = Net()
    no_bool.outputs = [no_bool.input(T("int32", (1,)))]
    body = Net()
    body.outputs = [body.op("MUL", [body.input(T("int32", (1,))), const([2])], T("int32", (1,)))]
    main = Net()
    z = main.op("WHILE", [main.input(T("int32", (1,)))], T("int32", (1,)), cond_subgraph_index=1, body_subgraph_index=2)
    with pytest.raises(sanderling.ModelError, match=r"WHILE.*condition graph gives int32"):
        sanderling.load(main.build([z], [no_bool, body]))(np.int32([1]))


def test_graphs_that_multiply() -> None:
    # Each graph calls the next in two places: 2^30 calls.
    nets = [Net(f"g{i}") for i in range(31)]
    for i, net in enumerate(nets):
        c, x = net.input(T("bool", ())), net.input(T("float32", (1,)))
        for _ in range(2):
            if i < 30:
                x = net.op("IF", [c, c, x], T("float32", (1,)), then_subgraph_index=i + 1, else_subgraph_index=i + 1)
        net.outputs = [x]
    with pytest.raises(sanderling.ModelError, match="more than 1000 places"):
        sanderling.load(nets[0].build(nets[0].outputs, nets[1:]))


def test_a_function_that_runs_its_own_model() -> None:
    models: list[sanderling.Model] = []
    sanderling.register_op("TestRunsItself", lambda x: models[0](x))
    models.append(sanderling.load(build("TestRunsItself", [T("float32", (2,))], T("float32", (2,)), custom=True)))
    with pytest.raises(sanderling.ModelError, match="uses the model that it is part of"):
        models[0](np.zeros(2, np.float32))
