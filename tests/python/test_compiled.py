"""Compiled models: the same results as the source, damage is refused, hostile files harm nothing."""

from __future__ import annotations

import gc
import os
import random
import struct
import weakref
from pathlib import Path

import numpy as np
import pytest
import xxhash
from hypothesis import given
from hypothesis import strategies as st

import sanderling
from sanderling import _core
from sanderling.compiled import TARGETS
from sanderling.seeded import seeded_inputs
from tests.python.test_fusion import layers, network
from tests.support.builder import Net, T, build, const, pack_int4
from tests.support.shared import shared_model

SEED = int(os.environ.get("SANDERLING_SEED", "1"))
HEADER = struct.Struct("<8sIIQQQQQQ")  # magic, format, -, bytes, plan, its bytes, its checksum, packing id, checksum


def compiled(source: bytes | Path, path: Path, **options: object) -> bytes:
    sanderling.compile_model(source, path, **options)  # type: ignore[arg-type]
    return path.read_bytes()


def same_results(source: bytes | Path, file: Path | bytes, **options: object) -> sanderling.Model:
    """Assert that both give the same bits, also at another batch; return the compiled model."""
    ours = sanderling.load(file, 1, **options)  # type: ignore[arg-type]
    theirs = sanderling.load(source, 1, **options)  # type: ignore[arg-type]
    for batch in (1, 2, 1):
        for model in (ours, theirs):
            if model.inputs[0].shape[:1] != (batch,):
                model.resize((batch, *model.inputs[0].shape[1:]))
        x = seeded_inputs(theirs.inputs, 5 + batch)
        np.testing.assert_array_equal(ours(*x), theirs(*x))
    assert [t.name for t in ours.inputs + ours.outputs] == [t.name for t in theirs.inputs + theirs.outputs]
    return ours


def sealed(data: bytes, plan: bytes | None = None, **fields: int) -> bytes:
    """Return a file with other content of its plan or header, and right checksums."""
    names = ("magic", "format", "unused", "bytes", "plan", "plan_bytes", "plan_checksum", "packing_id", "checksum")
    header = dict(zip(names, HEADER.unpack_from(data), strict=True))
    at = header["plan"]
    if plan is not None:
        data = data[:at] + plan
        header |= {"bytes": len(data), "plan_bytes": len(plan), "plan_checksum": xxhash.xxh3_64(plan).intdigest()}
    header |= fields
    raw = HEADER.pack(*header.values())
    return raw[:-8] + struct.pack("<Q", xxhash.xxh3_64(raw[:-8]).intdigest()) + data[HEADER.size :]


def outcome(data: bytes) -> str | None:
    """Load and run; why it was refused, if it was."""
    try:
        model = sanderling.load(data, 1, memory_limit=1 << 28)
        model(*seeded_inputs(model.inputs, 1))
    except (sanderling.ModelError, ValueError) as e:
        return str(e)
    return None


def plan_of(data: bytes) -> bytes:
    return data[HEADER.unpack_from(data)[4] :]


def classifier(seed: int = 0) -> bytes:
    """A small int8 network with a convolution, a depthwise one and a matrix product."""
    rng = np.random.default_rng(seed)
    g = Net()

    def weights(*shape: int, axis: int = 0) -> T:
        return T("int8", shape, rng.uniform(0.005, 0.02, shape[axis]), axis=axis, data=rng.integers(-127, 128, shape))

    same = {"padding": "SAME", "stride_w": 1, "stride_h": 1, "fused_activation_function": "RELU6"}
    x = g.input(T("int8", (1, 9, 9, 3), 0.05, 1, name="picture"))
    y = g.op("CONV_2D", [x, weights(20, 3, 3, 3), None], T("int8", (1, 9, 9, 20), 0.1, -128), **same)
    y = g.op("DEPTHWISE_CONV_2D", [y, weights(1, 3, 3, 20, axis=3), None], T("int8", (1, 9, 9, 20), 0.1, -128), **same)
    y = g.op("MEAN", [y, const(np.array([1, 2], np.int32))], T("int8", (1, 20), 0.1, -128), keep_dims=False)
    w = T("int8", (7, 20), 0.01, data=rng.integers(-127, 128, (7, 20)))
    return g.build(outputs=[g.op("FULLY_CONNECTED", [y, w, None], T("int8", (1, 7), 0.1, 3, name="scores"))])


@given(
    dtype=st.sampled_from(["int8", "uint8", "float32"]), size=st.tuples(st.integers(3, 12), st.integers(3, 12)),
    channels=st.integers(1, 20), plan=layers, seed=st.integers(0, 2**32 - 1),
)  # fmt: skip
def test_gives_the_results_of_its_source(
    dtype: str, size: tuple[int, int], channels: int, plan: list, seed: int, tmp_path_factory: pytest.TempPathFactory
) -> None:
    source, _ = network(dtype, size, channels, plan, seed)
    file = tmp_path_factory.mktemp("compiled") / "x.sand"
    made = sanderling.compile_model(source, file)
    model = same_results(source, file)
    assert model.memory.packed == 0 or model.memory.mapped > 0
    assert model.ir.golden is not None
    if all(t.dtype != "float32" for t in model.ir.graphs[0].tensors):
        assert all(made.golden), "outputs of integer networks have hashes"


@pytest.mark.parametrize("isa", _core.available_isas())
def test_takes_packed_weights_from_the_file(isa: str, tmp_path: Path) -> None:
    source, file = classifier(), tmp_path / "x.sand"
    everything = _core.available_isas()
    compiled(source, file, isas=everything)
    model = sanderling.load(file, 1, isa=isa)
    memory = model.memory
    assert memory.mapped > 0
    assert memory.packed == 0
    same_results(source, file, isa=isa)
    # Without its packed weights it packs them itself.
    compiled(source, file, isas=[])
    memory = sanderling.load(file, 1, isa=isa).memory
    assert (memory.mapped, memory.packed > 0) == (0, True)
    same_results(source, file, isa=isa)


# That these are the bytes which ARM builds pack is shown by cross/emulated/packed.sh.
PACKED_FOR = {
    "arm32/portable": {"arm32/portable/dot2x4", "arm32/portable/rows", "arm32/portable/q8"},
    "arm32/neon": {"arm32/neon/pairs4x16", "arm32/neon/pairs", "arm32/neon/q8"},
    "arm/neon": {"arm/neon/pairs4x16", "arm/neon/pairs", "arm/neon/q8"},
    "arm/neon_dotprod": {"arm/neon_dotprod/dot8x8", "arm/neon_dotprod/dots", "arm/neon_dotprod/q8"},
    "arm/neon_i8mm": {"arm/neon_i8mm/mmla8x8", "arm/neon_dotprod/dots", "arm/neon_dotprod/q8"},
}


@pytest.mark.parametrize("isa", PACKED_FOR)
def test_packs_for_other_processors(isa: str, tmp_path: Path) -> None:
    source, file = classifier(), tmp_path / "x.sand"
    made = sanderling.compile_model(source, file, isas=[isa])
    assert made.isas == (isa,)
    packed = _core.CompiledModel.read(bytes(file), str(file)).packed()
    assert {f"{name}/{kernel}" for name, kernel, _ in packed} == PACKED_FOR[isa]
    assert len(packed) == 3
    same_results(source, file)
    again = tmp_path / "y.sand"
    assert compiled(source, again, isas=[isa]) == file.read_bytes()


def int4_layer() -> bytes:
    rng = np.random.default_rng(3)
    w, scales = rng.integers(-8, 8, (50, 301)), rng.uniform(0.01, 0.02, 50).astype(np.float32)
    inputs = [T("int8", (1, 301), 0.1, 5), T("int4", w.shape, scales, data=pack_int4(w))]
    return build("FULLY_CONNECTED", inputs, T("int8", (1, 50), 0.3, -7), fused_activation_function="NONE")


@pytest.mark.parametrize("isa", _core.packing_isas())
def test_int4_weights_stay_four_bits(isa: str, tmp_path: Path) -> None:
    source, file = int4_layer(), tmp_path / "x.sand"
    compiled(source, file, isas=[isa])
    made = _core.CompiledModel.read(bytes(file), str(file))
    constant = made.tensor(0, 1)
    assert (constant["dtype"], constant["data"].nbytes) == ("int4", (50 * 301 + 1) // 2)
    ((name, kernel, size),) = made.packed()
    if name.endswith("portable"):  # has no kernel for them
        assert kernel == "q8"
    else:
        next_best = {"arm/neon_i8mm": "arm/neon_dotprod", "x86/avx512amx": "x86/avx512vnni"}
        assert (name, kernel) == (next_best.get(isa, isa), "q4")
        assert 50 * 301 / 2 < size < 0.6 * 64 * 301 + 512
    model = same_results(source, file)
    # What was compiled can be compiled again.
    again = compiled(file, tmp_path / "y.sand", isas=[isa])
    assert _core.CompiledModel.decode(again).tensor(0, 1)["data"].tobytes() == constant["data"].tobytes()
    same_results(source, again)
    own = dict(zip(_core.packing_isas(), _core.available_isas(), strict=False)).get(isa)
    if own is not None:
        memory = sanderling.load(file, 1, isa=own).memory
        assert (memory.packed, memory.mapped) == (0, size)
    assert model.ir.graphs[0].tensors[1].dtype == "int4"


def test_packs_for_computers(tmp_path: Path) -> None:
    source, file = classifier(), tmp_path / "x.sand"

    def isas(**options: object) -> tuple[str, ...]:
        return sanderling.compile_model(source, file, golden_runs=0, **options).isas  # type: ignore[arg-type]

    possible = _core.packing_isas()
    assert [name.partition("/")[2] for name in possible][: len(_core.available_isas())] == _core.available_isas()
    assert isas(target="pi4") == ("arm/neon",)
    assert isas(target=["pi5", "pi4", "pi3", "pi2"]) == ("arm/neon_dotprod", "arm/neon", "arm32/neon")
    assert isas(target="host", isas=["portable"]) == tuple(
        dict.fromkeys([possible[0].partition("/")[0] + "/portable", possible[0]])
    )
    assert isas() == isas(target="host") == (possible[0],)
    assert isas(target="all") == tuple(possible)
    assert {isa for isas in TARGETS.values() for isa in isas} <= set(possible)
    assert isas(isas=[]) == ()
    memory = sanderling.load(file, 1).memory
    assert memory.mapped == 0


def test_floats_are_packed_for_other_processors(tmp_path: Path) -> None:
    rng = np.random.default_rng(1)
    g = Net()
    y = g.input(T("float32", (1, 9, 9, 3), name="picture"))
    same = {"padding": "SAME", "stride_w": 1, "stride_h": 1, "fused_activation_function": "NONE"}
    filters = T("float32", (18, 3, 3, 3), data=rng.normal(size=(18, 3, 3, 3)).astype(np.float32))
    taps = T("float32", (1, 3, 3, 18), data=rng.normal(size=(1, 3, 3, 18)).astype(np.float32))
    y = g.op("CONV_2D", [y, filters, None], T("float32", (1, 9, 9, 18)), **same)
    y = g.op("DEPTHWISE_CONV_2D", [y, taps, None], T("float32", (1, 9, 9, 18)), **same)
    source, file = g.build(outputs=[y]), tmp_path / "x.sand"
    sanderling.compile_model(source, file, target=["pi4", "pi2"])
    packed = _core.CompiledModel.read(bytes(file), str(file)).packed()
    assert {(name, kernel) for name, kernel, _ in packed} == {
        (family, kernel) for family in ("arm/neon", "arm32/neon") for kernel in ("tiles", "columns")
    }
    same_results(source, file)


def test_packs_anew_where_another_build_packed(tmp_path: Path) -> None:
    source, file = classifier(), tmp_path / "x.sand"
    file.write_bytes(sealed(compiled(source, file), packing_id=1))
    assert sanderling.load(file).memory.mapped == 0
    same_results(source, file)


def test_is_written_and_read_as_bytes_too(tmp_path: Path) -> None:
    source = classifier()
    data = compiled(source, tmp_path / "x.sand")
    same_results(source, data)
    same_results(source, bytearray(data))
    # What was compiled can be compiled again, with its packed weights.
    again = compiled(data, tmp_path / "y.sand")
    same_results(source, again)
    assert sanderling.load(again, 1).memory == sanderling.load(data, 1).memory


def test_keeps_names_labels_and_signatures(tmp_path: Path) -> None:
    labels = [f"thing {i}" for i in range(7)]
    file = tmp_path / "x.sand"
    compiled(classifier(), file, labels=labels)
    model = sanderling.load(file)
    assert model.ir.labels == labels
    assert next(iter(model.tensors(*seeded_inputs(model.inputs, 1)))) == "picture"
    assert sanderling.Classifier(file).labels == labels
    with pytest.raises(ValueError, match="2 labels, but the model has 7 classes"):
        compiled(classifier(), file, labels=labels[:2])
    assert sanderling.load(file).ir.labels == labels


def test_other_numbers_of_runs_and_none(tmp_path: Path) -> None:
    file = tmp_path / "x.sand"
    made = sanderling.compile_model(classifier(), file, golden_runs=3)
    golden = sanderling.load(file).ir.golden
    assert golden is not None
    assert (golden.count, golden.outputs) == (3, made.golden)
    sanderling.compile_model(classifier(), file, golden_runs=0)
    assert sanderling.load(file).ir.golden is None
    with pytest.raises(ValueError, match="golden_runs is -1"):
        sanderling.compile_model(classifier(), file, golden_runs=-1)


def test_names_what_cannot_be_packed_for(tmp_path: Path) -> None:
    with pytest.raises(ValueError, match=r"cannot be packed for 'mmx' .*possible are .*portable"):
        sanderling.compile_model(classifier(), tmp_path / "x.sand", isas=["mmx"])
    with pytest.raises(ValueError, match=r"cannot be packed for 'arm/mmx' .*possible are .*arm/neon, .*arm32/neon"):
        sanderling.compile_model(classifier(), tmp_path / "x.sand", isas=["arm/mmx"])
    with pytest.raises(ValueError, match=r"target 'pi9' is not known; known are pi1, .*pi5, .*host, all"):
        sanderling.compile_model(classifier(), tmp_path / "x.sand", target="pi9")
    assert not list(tmp_path.iterdir())


def test_refuses_functions_of_the_program(tmp_path: Path) -> None:
    sanderling.register_op("CompiledTestOp", lambda x: x)
    source = build("CompiledTestOp", [T("int8", (2,), 0.1, 0)], [T("int8", (2,), 0.1, 0)], custom=True)
    file = tmp_path / "x.sand"
    file.write_bytes(b"before")
    with pytest.raises(sanderling.ModelError, match="a file cannot hold it"):
        sanderling.compile_model(source, file)
    assert file.read_bytes() == b"before"
    assert [p.name for p in tmp_path.iterdir()] == ["x.sand"]


def test_errors_of_files(tmp_path: Path) -> None:
    with pytest.raises(FileNotFoundError):
        sanderling.compile_model(tmp_path / "none.tflite", tmp_path / "x.sand")
    with pytest.raises(FileNotFoundError):
        sanderling.compile_model(classifier(), tmp_path / "none" / "x.sand")
    with pytest.raises(FileNotFoundError):
        sanderling.load(tmp_path / "none.sand")


def test_every_damaged_byte_is_found(tmp_path: Path) -> None:
    """Wherever the file is damaged and the damage is used, loading or the first plan refuses it."""
    data = compiled(classifier(), tmp_path / "x.sand")
    used = [range(HEADER.size), range(HEADER.unpack_from(data)[4], len(data))]
    rng = random.Random(SEED)
    for part in used:
        for at in rng.sample(part, min(len(part), 80)):
            copy = bytearray(data)
            copy[at] ^= 1 << rng.randrange(8)
            with pytest.raises(sanderling.ModelError):
                sanderling.load(bytes(copy))
    for length in [*range(0, 200, 9), *(rng.randrange(len(data)) for _ in range(40))]:
        with pytest.raises(sanderling.ModelError):
            sanderling.load(data[:length])


def test_damaged_weights_are_found(tmp_path: Path) -> None:
    file = tmp_path / "x.sand"
    data = compiled(classifier(), file)
    model = sanderling.load(data)
    weights = next(t for t in model.ir.graphs[0].tensors if t.shape == (20, 3, 3, 3)).data
    assert weights is not None
    assert not weights.flags.writeable
    at = data.index(weights.tobytes())
    copy = bytearray(data)
    copy[at + 5] ^= 4
    sanderling.load(bytes(copy))  # The packed form is used, and whole.
    with pytest.raises(
        sanderling.ModelError, match=r"operator 0 \(CONV_2D\): constant '.*checksum: the file is damaged"
    ):
        sanderling.load(bytes(copy), isa="portable" if len(_core.available_isas()) > 1 else None)
    # The packed weights come after all constants.
    last_constant = max(
        data.index(t.data.tobytes()) for t in model.ir.graphs[0].tensors if t.data is not None and t.data.nbytes > 64
    )
    copy = bytearray(data)
    copy[(last_constant + HEADER.unpack_from(data)[4]) // 2] ^= 1
    with pytest.raises(sanderling.ModelError, match=r"packed weights .* checksum: the file is damaged"):
        sanderling.load(bytes(copy))


def test_other_formats_are_named(tmp_path: Path) -> None:
    data = compiled(classifier(), tmp_path / "x.sand")
    with pytest.raises(sanderling.ModelError, match="has format 7; this sanderling reads format 2"):
        sanderling.load(sealed(data, format=7))


@pytest.mark.parametrize("name", ["kws_ref_model.tflite", "keras_lstm_mnist_ptq.tflite", "classifier"])
def test_hostile_plans_harm_nothing(name: str, tmp_path: Path) -> None:
    """Damaged plans with right checksums run, or are refused with the file's name."""
    source: bytes | Path = classifier() if name == "classifier" else shared_model(name)
    data = compiled(source, tmp_path / "x.sand")
    plan = plan_of(data)
    ran = refused = 0
    for case in range(400):
        rng = random.Random(SEED * 1_000_003 + case)
        copy = bytearray(plan)
        if rng.random() < 0.1:
            del copy[rng.randrange(len(copy)) :]
        for _ in range(rng.choice((1, 1, 2, 4))):
            at = rng.randrange(max(len(copy), 1))
            if copy:
                copy[at] = rng.choice((rng.randrange(256), copy[at] ^ (1 << rng.randrange(8)), 0, 255, 127))
        message = outcome(sealed(data, bytes(copy)))
        ran += message is None
        refused += message is not None
        # No seeded values: the damage changed the type of an input.
        assert message is None or message.startswith("<memory>") or "no seeded values" in message, (
            f"seed {SEED}, case {case}: {message}"
        )
    assert ran > 0
    assert refused > 20


def test_loads_faster_than_its_source(tmp_path: Path) -> None:
    """Loosely: what is packed is not packed again, and nothing is parsed in Python."""
    import time

    source = shared_model("tf2_mobilenet_v2_1.0_224_ptq.tflite")
    file = tmp_path / "x.sand"
    sanderling.compile_model(source, file)
    times: dict[Path, list[float]] = {source: [], file: []}
    for _ in range(5):
        for path, own in times.items():
            start = time.perf_counter()
            sanderling.load(path, 1)
            own.append(time.perf_counter() - start)
    assert min(times[file]) < 0.5 * min(times[source])


def test_a_model_is_freed_with_its_last_reference(tmp_path: Path) -> None:
    """Its memory, and the file's mapping, do not wait for the collector."""
    file = tmp_path / "x.sand"
    compiled(classifier(), file)
    gc.disable()
    try:
        model = sanderling.load(file)
        model(*seeded_inputs(model.inputs, 0))
        assert str(file) in Path("/proc/self/maps").read_text()
        gone = weakref.ref(model)
        del model
        assert gone() is None
        assert str(file) not in Path("/proc/self/maps").read_text()
    finally:
        gc.enable()


@pytest.mark.parametrize(
    ("dtype", "zero_point", "fits"),
    [("int8", -128, True), ("int8", 127, True), ("int8", -129, False), ("int8", 128, False),
     ("uint8", 255, True), ("uint8", -1, False), ("uint8", 256, False), ("int16", -32768, True),
     ("int16", 32768, False), ("int32", -(2**31), True), ("int8", -(2**31), False)],
)  # fmt: skip
def test_zero_points_lie_within_their_type(dtype: str, zero_point: int, fits: bool) -> None:
    spec = _core.ModelSpec()
    spec.add_graph()
    spec.add_tensor(graph=0, name="x", dtype=dtype, shape=[1, 5], scale=[1.0] * 5, zero_point=[0, 0, 0, 0, zero_point],
                    axis=1, is_variable=False, data=None)  # fmt: skip
    spec.set_ends(graph=0, inputs=[0], outputs=[0])
    if fits:
        spec.validate()
    else:
        with pytest.raises(_core.CoreError, match=rf"tensor 'x' \({dtype}\) has zero point {zero_point}, outside"):
            spec.validate()
    # Valid before says nothing once the graphs have changed.
    spec.set_ends(graph=0, inputs=[0], outputs=[7])
    with pytest.raises(_core.CoreError, match="tensor"):
        spec.validate()
