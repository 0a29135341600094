"""Small files that ask for much: deep calls, called graphs, values computed at load, long keys, many rounds."""

from __future__ import annotations

import io
import struct
import time
import zipfile
from pathlib import Path

import numpy as np
import pytest

import sanderling
from sanderling import ir
from sanderling.exporters.tflite import to_bytes
from sanderling.importers import load_ir
from sanderling.passes.tables import find_regions
from tests.python.test_compiled import classifier
from tests.support.builder import Net, T, build, const

SECONDS = 20.0  # of a slow machine; each took longer, or all memory, or ended the process


def call(graph: int) -> ir.Node:
    return ir.Node("CALL_ONCE", [], [], {"init_subgraph_index": graph})


@pytest.mark.parametrize("deep", [65, 40_000])
def test_calls_within_calls(deep: int) -> None:
    def chain(graphs: int) -> bytes:
        return to_bytes(ir.Model([ir.Graph(nodes=[call(i + 1)] if i + 1 < graphs else []) for i in range(graphs)]))

    sanderling.load(chain(64))()
    with pytest.raises(sanderling.ModelError, match="more than 64 deep"):
        sanderling.load(chain(deep))


def test_a_large_graph_that_is_called_from_many_places() -> None:
    steps = 2000
    tensors = [
        ir.Tensor("", "float32", (1,), data=np.ones(1, np.float32) if k == 0 else None) for k in range(steps + 1)
    ]
    large = ir.Graph(tensors=tensors, nodes=[ir.Node("RELU", [k], [k + 1]) for k in range(steps)])
    main = ir.Graph(nodes=[call(1) for _ in range(101)])
    with pytest.raises(sanderling.ModelError, match="more than 200000 operators"):
        sanderling.load(to_bytes(ir.Model([main, large])))


@pytest.mark.parametrize("known", [True, False])
def test_values_outside_the_arena_share_the_limit(known: bool) -> None:
    """Three FILLs of 400 kB, computed at load or of a length that the run brings, within 1 MB."""
    net = Net()
    length = const(np.array([100_000], np.int32)) if known else net.input(T("int32", (1,)))
    filled = [net.op("FILL", [length, const(np.float32(k))], T("float32", (1,))) for k in range(3)]
    model = net.build(outputs=filled)
    given = [] if known else [np.array([100_000], np.int32)]
    with pytest.raises(sanderling.ModelError, match="all values outside the arena are over the memory limit"):
        sanderling.load(model, memory_limit=1_000_000)(*given)
    loaded = sanderling.load(model, memory_limit=1_300_000)
    for _ in range(3):
        outputs = loaded(*given)
    assert [float(y[-1]) for y in outputs] == [0, 1, 2]


def test_keys_that_share_their_characters() -> None:
    """A flexbuffer map whose 20,000 keys are the ends of one text of 400,000 characters."""
    count, size, width = 20_000, 400_000, 4
    data = bytearray(b"a" * size + b"\0")
    data += bytes(-len(data) % width)
    data += struct.pack("<I", count)
    keys = len(data)
    for i in range(count):
        data += struct.pack("<I", len(data) - i * (size // count))
    data += struct.pack("<III", len(data) - keys, width, count)
    values = len(data)
    data += bytes(width * count) + bytes(count)
    data += struct.pack("<I", len(data) - values) + bytes([9 << 2 | 2, width])
    model = build("Whatever", [T("float32", (1,))], [T("float32", (1,))], custom=True, custom_options=bytes(data))
    start = time.perf_counter()
    node = load_ir(model).graphs[0].nodes[0]
    assert time.perf_counter() - start < SECONDS
    assert list(node.attributes) == ["custom_options"]


def test_tables_that_take_a_round_each() -> None:
    """Each table begins where another one ends, which only the round after finds."""
    net = Net()

    def byte() -> T:
        return T("int8", (1, 1), 0.1, 0)

    def add(a: int, b: int) -> int:
        return net.op("ADD", [a, b], byte(), fused_activation_function="NONE")

    x = net.input(byte())
    before = net.op("RELU", [x], byte())
    outputs = [before]
    for _ in range(1500):
        other = net.op("RELU", [x], byte())
        outputs.append(add(other, net.op("RELU", [before], byte())))
        before = add(other, x)
    graph = load_ir(net.build(outputs=[*outputs, before])).graphs[0]
    start = time.perf_counter()
    assert find_regions(graph) == []
    assert time.perf_counter() - start < SECONDS


@pytest.mark.parametrize("method", [zipfile.ZIP_DEFLATED, zipfile.ZIP_LZMA, zipfile.ZIP_BZIP2])
def test_damaged_archives_of_labels(method: int, tmp_path: Path) -> None:
    archive = io.BytesIO()
    with zipfile.ZipFile(archive, "w", method) as z:
        z.writestr("labels.txt", "\n".join(f"label {i * 7919 % 1000}" for i in range(1000)))
    damaged = bytearray(archive.getvalue())
    damaged[45:75] = bytes(255 - b for b in damaged[45:75])
    source = tmp_path / "x.tflite"
    source.write_bytes(classifier() + bytes(damaged))
    sanderling.compile_model(source, tmp_path / "x.sand", golden_runs=0)
    assert sanderling.load(tmp_path / "x.sand").ir.labels == []
