"""Arithmetic in fp16: only where it is asked for, and as accurate as fp16 allows.

Where a CPU has none, the messages are tested; the rest runs on ARM CPUs, emulated or not.
"""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import pytest
from click.testing import CliRunner

import sanderling
from sanderling import _core
from sanderling.cli.app import cli
from sanderling.tuning import Tuning
from tests.support.builder import Net, T
from tests.support.inputs import model_inputs
from tests.support.isa import require_isa
from tests.support.shared import ROOT, shared_model

ROUNDING = 2.0**-11
"""Half a unit in the last place of fp16, relative."""
MOST_TERMS = 128
"""Products that kernels add in fp16, at most."""

Array = npt.NDArray[Any]


def convolution(size: int, channels: int, out: int, kernel: int = 1, weight: float = 1.0, **options: Any) -> bytes:
    rng = np.random.default_rng(channels + out)
    g = Net()
    x = g.input(T("float32", (1, size, size, channels), name="x"))
    depth = kernel * kernel * channels
    w = weight * rng.normal(size=(out, kernel, kernel, channels)) / np.sqrt(depth)
    bias = weight * rng.normal(size=out)
    constants = [T("float32", v.shape, data=v.astype(np.float32)) for v in (w, bias)]
    attributes = {"padding": "SAME", "stride_h": 1, "stride_w": 1, **options}
    side = -(-size // attributes["stride_h"])
    return g.build([g.op("CONV_2D", [x, *constants], T("float32", (1, side, side, out)), **attributes)])


def depthwise(size: int, channels: int, kernel: int, weight: float = 1.0, **options: Any) -> bytes:
    rng = np.random.default_rng(channels)
    g = Net()
    x = g.input(T("float32", (1, size, size, channels), name="x"))
    w, bias = weight * rng.normal(size=(1, kernel, kernel, channels)) / kernel, weight * rng.normal(size=channels)
    constants = [T("float32", v.shape, data=v.astype(np.float32)) for v in (w, bias)]
    attributes = {"padding": "SAME", "stride_h": 1, "stride_w": 1, "depth_multiplier": 1, **options}
    side = -(-size // attributes["stride_h"])
    return g.build([g.op("DEPTHWISE_CONV_2D", [x, *constants], T("float32", (1, side, side, channels)), **attributes)])


def fully_connected(rows: int, depth: int, out: int) -> bytes:
    rng = np.random.default_rng(depth)
    g = Net()
    x = g.input(T("float32", (rows, depth), name="x"))
    w = (rng.normal(size=(out, depth)) / np.sqrt(depth)).astype(np.float32)
    return g.build([g.op("FULLY_CONNECTED", [x, T("float32", w.shape, data=w)], T("float32", (rows, out)))])


def normal(model: sanderling.Model, seed: int = 0) -> Array:
    return np.random.default_rng(seed).normal(size=model.inputs[0].shape).astype(np.float32)


def kernels_of(model: sanderling.Model) -> list[str]:
    return [str(step["kernel"]) for step in model._runner.steps(0)]


@pytest.fixture
def fp16() -> None:
    require_isa("neon_fp16")


# What every machine can test.


def test_off_unless_asked_for() -> None:
    model = sanderling.load(convolution(9, 32, 32))
    assert model.fp16_steps == 0
    assert not any("fp16" in kernel for kernel in kernels_of(model))
    # No instruction set stands for it, so that no test, tuning or environment chooses it.
    assert "neon_fp16" not in [*_core.available_isas(), *_core.packing_isas()]
    with pytest.raises(ValueError, match="instruction set 'neon_fp16' is not one"):
        sanderling.load(convolution(9, 32, 32), isa="neon_fp16")


def test_cpus_without_it_say_so(tmp_path: Path) -> None:
    if _core.asked_isas():
        pytest.skip("this CPU has fp16 arithmetic")
    data = convolution(9, 32, 32)
    with pytest.raises(ValueError, match=r"no fp16 arithmetic.*'fphp' and 'asimdhp'.*leave fp16 out"):
        sanderling.load(data, fp16=True)
    path = tmp_path / "net.tflite"
    path.write_bytes(data)
    np.save(tmp_path / "x.npy", np.zeros((1, 9, 9, 32), np.float32))
    for command in (["run", path, tmp_path / "x.npy"], ["bench", path], ["verify", path]):
        result = CliRunner().invoke(cli, [str(a) for a in (*command, "--fp16")])
        assert (result.exit_code, result.stdout) == (1, "")
        assert "this CPU has no fp16 arithmetic" in result.stderr
        assert result.stderr.count("\n") == 1


# Accuracy.


@pytest.mark.parametrize(
    ("name", "data", "depth"),
    [
        ("1x1", convolution(14, 32, 40), 32),
        ("1x1, odd channels", convolution(9, 71, 29), 71),
        ("1x1, deep", convolution(7, 1000, 24), 1000),
        ("3x3", convolution(12, 24, 32, 3), 216),
        ("5x5, stride", convolution(13, 20, 17, 5, stride_h=2, stride_w=2), 500),
        ("dilated", convolution(13, 24, 17, 3, dilation_h_factor=2, dilation_w_factor=2), 216),
        ("depthwise 3x3", depthwise(14, 40, 3), 9),
        ("depthwise 5x5, stride", depthwise(13, 29, 5, stride_h=2, stride_w=2), 25),
        ("fully connected", fully_connected(1, 1280, 100), 1280),
        ("fully connected, rows", fully_connected(9, 300, 33), 300),
    ],
)
@pytest.mark.usefixtures("fp16")
def test_accuracy(name: str, data: bytes, depth: int) -> None:
    model = sanderling.load(data, fp16=True)
    assert model.fp16_steps == 1, name
    x = normal(model)
    exact = sanderling.load(data)(x).astype(np.float64)
    error = model(x) - exact
    # Roundings are independent of each other: two factors, and sums of 1 to n terms, at most half a unit each, on
    # average a third of its square. Depthwise kernels round the bias and the result, too.
    n = min(depth, MOST_TERMS) + 2
    relative = np.sqrt(np.mean(error**2) / np.mean(exact**2))
    assert 0 < relative <= ROUNDING * np.sqrt(2 / 3 + n / 6)
    assert np.abs(error).max() <= 8 * ROUNDING * np.sqrt(2 / 3 + n / 6) * np.sqrt(np.mean(exact**2))


@pytest.mark.parametrize(
    "data",
    [*(convolution(7, 64, 16, weight=size) for size in (1e-6, 1e6)),
     *(depthwise(7, 64, 3, weight=size) for size in (1e-2, 1e3))],
)  # fmt: skip
@pytest.mark.usefixtures("fp16")
def test_weights_of_other_sizes(data: bytes) -> None:
    model = sanderling.load(data, fp16=True)
    x = normal(model)
    exact = sanderling.load(data)(x).astype(np.float64)
    assert np.sqrt(np.mean((model(x) - exact) ** 2) / np.mean(exact**2)) <= ROUNDING * np.sqrt(2 / 3 + 64 / 6)


@pytest.mark.usefixtures("fp16")
def test_range() -> None:
    data = convolution(7, 200, 16)
    model = sanderling.load(data, fp16=True)
    x = normal(model)
    large = x * (511 / np.abs(x).max())  # 65504 / 128: no sum can leave the range
    assert np.isfinite(model(large)).all()
    x[0, 3, 3, 7] = 1e5
    y = model(x)
    assert (np.abs(y[0, 3, 3]) > 1e38).all()  # infinite, but for the range of outputs
    assert (np.abs(y[0, 3, 4]) < 100).all()


@pytest.mark.parametrize("name", ["effnet_lite0_float"])
@pytest.mark.usefixtures("fp16")
def test_network(name: str) -> None:
    path = shared_model(name)
    exact, half = sanderling.load(path), sanderling.load(path, fp16=True)
    assert half.fp16_steps > 30
    assert half.memory.packed < 0.6 * exact.memory.packed
    picture, noise = (inputs[0] for inputs in model_inputs(exact, 2))
    for x in (picture, noise):
        a, b = exact(x).astype(np.float64).ravel(), half(x).astype(np.float64).ravel()
        assert a @ b / np.sqrt((a @ a) * (b @ b)) > 0.9999
    assert exact(picture).argmax() == half(picture).argmax()


# What stays.


@pytest.mark.usefixtures("fp16")
def test_integer_networks_have_the_same_bits() -> None:
    path = ROOT / "models" / "effnet_lite0_int8.tflite"
    model = sanderling.load(path, fp16=True)
    assert model.fp16_steps == 0
    plain = sanderling.load(path)
    assert kernels_of(model) == kernels_of(plain)
    x = model_inputs(plain, 1)[0][0]
    np.testing.assert_array_equal(model(x), plain(x))


@pytest.mark.usefixtures("fp16")
def test_same_bits_on_any_thread_count_and_plan() -> None:
    rng = np.random.default_rng(0)
    g = Net()
    y = x = g.input(T("float32", (1, 30, 21, 24)))
    for channels, kernel in ((40, 1), (24, 3), (150, 1)):
        w = rng.normal(size=(channels, kernel, kernel, y.shape[3])).astype(np.float32) / 10
        out = T("float32", (1, 30, 21, channels))
        y = g.op("CONV_2D", [y, T("float32", w.shape, data=w), None], out, padding="SAME", stride_h=1, stride_w=1)
    data = g.build([y])
    model = sanderling.load(data, threads=1, fp16=True, fuse=False)
    assert model.fp16_steps == 3
    value = rng.normal(size=x.shape).astype(np.float32)
    expected = model(value)
    for threads in (1, 2, 3):
        for fuse in (False, True):
            np.testing.assert_array_equal(sanderling.load(data, threads=threads, fp16=True, fuse=fuse)(value), expected)


@pytest.mark.usefixtures("fp16")
def test_what_was_asked_for_besides() -> None:
    data = convolution(9, 32, 32)
    with pytest.raises(ValueError, match=r"fp16: .* not among those of instruction set 'neon', which isa="):
        sanderling.load(data, fp16=True, isa="neon")
    assert sanderling.load(data, fp16=True, isa="neon_dotprod").fp16_steps == 1
    # Measured without fp16: says nothing about it.
    from sanderling.importers import load_ir

    tuned = sanderling.Model(load_ir(data), tuning=Tuning(1, {0: "portable"}), fp16=True)
    assert tuned.fp16_steps == 1


@pytest.mark.usefixtures("fp16")
def test_compiled_models_are_packed_anew(tmp_path: Path) -> None:
    data = convolution(9, 32, 32)
    path = tmp_path / "net.sand"
    sanderling.compile_model(data, path)
    plain, half = sanderling.load(path), sanderling.load(path, fp16=True)
    assert plain.memory.mapped > 0
    assert plain.memory.packed == 0
    assert half.memory.mapped == 0
    assert 0 < half.memory.packed < 0.6 * plain.memory.mapped
    x = normal(half)
    np.testing.assert_array_equal(half(x), sanderling.load(data, fp16=True)(x))


@pytest.mark.usefixtures("fp16")
def test_verify_tells_why_values_differ(tmp_path: Path) -> None:
    path = tmp_path / "net.tflite"
    path.write_bytes(convolution(9, 32, 32))

    def verify(*args: object, code: int) -> str:
        result = CliRunner().invoke(cli, ["verify", str(path), *map(str, args)])
        assert result.exit_code == code, result.output
        return result.stdout

    for options, others, hint in (
        ([], ["--fp16"], "1 steps computed in fp16, and the hashes are of float32: verify without --fp16"),
        (["--fp16"], [], "the reference computed 1 steps in fp16: verify with --fp16"),
    ):
        reference = tmp_path / "reference.json"
        reference.write_text(verify("--json", *options, code=0))
        assert json.loads(reference.read_text())["fp16_steps"] == len(options)
        assert hint in verify("--against", reference, *others, code=1)
        assert "same as" in verify("--against", reference, *options, code=0)
    assert "1 steps computed in fp16" in verify("--fp16", code=0)
