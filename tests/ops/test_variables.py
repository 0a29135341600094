import numpy as np
import pytest

import sanderling
from tests.support.builder import Net, T, const
from tests.support.compare import assert_same, compare_sequence


def handle(net: Net, name: str = "state") -> T:
    tensor: T = net.op("VAR_HANDLE", [], T("resource", (1,)), container="", shared_name=name)
    return tensor


def initial(value: np.ndarray, name: str = "state") -> Net:
    net = Net("init")
    net.op("ASSIGN_VARIABLE", [handle(net, name), const(value)], [])
    return net


@pytest.mark.parametrize("dtype", ["float32", "int8", "uint8", "int16", "int32", "int64", "bool"])
def test_values_of_every_type(dtype: str) -> None:
    main = Net()
    x = main.input(T(dtype, (2, 3)))
    main.op("CALL_ONCE", [], [], init_subgraph_index=1)
    state = handle(main)
    old = main.op("READ_VARIABLE", [state], T(dtype, (2, 3)))
    main.op("ASSIGN_VARIABLE", [state, x], [])
    new = main.op("READ_VARIABLE", [state], T(dtype, (2, 3)))
    model = main.build([old, new], [initial(np.array([[0, 1, 1], [1, 0, 0]]).astype(dtype))])
    rng = np.random.default_rng(0)
    compare_sequence(model, [[rng.integers(0, 2, (2, 3)).astype(dtype)] for _ in range(3)])


def streaming() -> tuple[bytes, list[list[np.ndarray]]]:
    """Return a model with a window of the last 3 frames, a counter, and branches that get and set them by handle."""
    main = Net()
    x = main.input(T("float32", (1, 2)))
    keep = main.input(T("bool", ()))
    main.op("CALL_ONCE", [], [], init_subgraph_index=1)
    window, counter = handle(main, "window"), handle(main, "counter")
    old = main.op("READ_VARIABLE", [window], T("float32", (3, 2)))
    longer = main.op("CONCATENATION", [old, x], T("float32", (4, 2)), axis=0)
    recent = main.op("STRIDED_SLICE", [longer, const([1, 0]), const([4, 2]), const([1, 1])], T("float32", (3, 2)))
    total = main.op("IF", [keep, window, counter, recent], T("float32", (3, 2)), then_subgraph_index=2,
                    else_subgraph_index=3)  # fmt: skip
    count = main.op("READ_VARIABLE", [counter], T("int32", (1,)))

    init = Net("init")
    init.op("ASSIGN_VARIABLE", [handle(init, "window"), const(np.full((3, 2), 0.5, np.float32))], [])
    init.op("ASSIGN_VARIABLE", [handle(init, "counter"), const([100])], [])

    store, skip = Net("store"), Net("skip")
    w, c, value = store.input(T("resource", (1,))), store.input(T("resource", (1,))), store.input(T("float32", (3, 2)))
    store.op("ASSIGN_VARIABLE", [w, value], [])
    one_more = store.op("ADD", [store.op("READ_VARIABLE", [c], T("int32", (1,))), const([1])], T("int32", (1,)))
    store.op("ASSIGN_VARIABLE", [c, one_more], [])
    store.outputs = [store.op("ADD", [value, value], T("float32", (3, 2)))]
    skip.input(T("resource", (1,)))
    skip.input(T("resource", (1,)))
    value = skip.input(T("float32", (3, 2)))
    skip.outputs = [skip.op("MUL", [value, const(np.float32([-1]))], T("float32", (3, 2)))]
    model = main.build([total, count], [init, store, skip])
    rng = np.random.default_rng(0)
    inputs = [[rng.uniform(-1, 1, (1, 2)).astype(np.float32), np.array(i % 3 != 1)] for i in range(7)]
    return model, inputs


def test_streaming_keeps_state_and_resets() -> None:
    model, inputs = streaming()
    compare_sequence(model, inputs)
    ours = sanderling.load(model)
    first = [ours(*x) for x in inputs]
    assert first[-1][1] == 105
    ours.reset()
    for x, expected in zip(inputs, first, strict=True):
        for a, b in zip(ours(*x), expected, strict=True):
            assert_same(a, b)


def test_two_models_do_not_share_variables() -> None:
    model, inputs = streaming()
    a, b = sanderling.load(model), sanderling.load(model)
    a(*inputs[0])
    assert_same(a(*inputs[0])[1], b(*inputs[0])[1] + np.int32(1))


def test_scalars_and_shapes_that_change() -> None:
    main = Net()
    x = main.input(T("float32", (2,)))
    main.op("CALL_ONCE", [], [], init_subgraph_index=1)
    state = handle(main)
    old = main.op("READ_VARIABLE", [state], T("float32", ()))
    longer = main.op("CONCATENATION", [old, x], T("float32", (4,)), axis=0)
    main.op("ASSIGN_VARIABLE", [state, longer], [])
    model = main.build([longer], [initial(np.float32([9, 8]))])
    steps = compare_sequence(model, [[np.float32([i, -i])] for i in range(4)])
    assert [s[0].shape for s in steps] == [(4,), (6,), (8,), (10,)]


def test_errors() -> None:
    main = Net()
    value = main.op("READ_VARIABLE", [handle(main)], T("float32", (2,)))
    with pytest.raises(sanderling.ModelError, match=r"READ_VARIABLE.*has no value"):
        sanderling.load(main.build([value]))()

    main = Net()
    main.op("CALL_ONCE", [], [], init_subgraph_index=1)
    value = main.op("READ_VARIABLE", [handle(main)], T("float32", (2,)))
    with pytest.raises(sanderling.ModelError, match=r"READ_VARIABLE.*variable is int32"):
        sanderling.load(main.build([value], [initial(np.int32([1, 2]))]))()
    with pytest.raises(sanderling.ModelError, match=r"READ_VARIABLE.*shape \[3\], but its reader declares \[2\]"):
        sanderling.load(main.build([value], [initial(np.float32([1, 2, 3]))]))()

    main = Net()
    x = main.input(T("resource", (1,)))
    value = main.op("READ_VARIABLE", [x], T("float32", (2,)))
    with pytest.raises(sanderling.ModelError, match=r"READ_VARIABLE.*no variable with handle 7"):
        sanderling.load(main.build([value]))(np.int32([7]))

    init = initial(np.int32([1]))
    init.input(T("int32", (1,)))
    main = Net()
    main.op("CALL_ONCE", [], [], init_subgraph_index=1)
    with pytest.raises(sanderling.ModelError, match=r"CALL_ONCE.*init graph has 1 inputs"):
        sanderling.load(main.build([main.input(T("int32", (1,)))], [init]))
