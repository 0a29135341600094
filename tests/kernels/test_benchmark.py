"""The benchmark of kernel rows: its tables of layers, and that it runs."""

from __future__ import annotations

import json

import numpy as np
import pytest
from click.testing import CliRunner

from benchmarks.kernels.__main__ import FOLDERS, main, prepare
from benchmarks.kernels.shapes import NETWORKS, Layer, layers
from sanderling import _core

# Millions of multiply-adds, as published (MobileNetV3 and EfficientNet count little else).
PUBLISHED = {
    "mobilenet_v1": 569,
    "mobilenet_v2": 300,
    "mobilenet_v3_large": 219,
    "efficientnet_lite0": 407,
    "shufflenet_v2": 146,
    "resnet_50": 4090,
    "vgg_16": 15470,
}


@pytest.mark.parametrize("network", NETWORKS)
def test_networks_have_their_published_size(network: str) -> None:
    macs = sum(layer.macs * count for layer, count in layers(network).items())
    assert macs / 1e6 == pytest.approx(PUBLISHED[network], rel=0.06)


@pytest.mark.parametrize(("kind", "dtype"), FOLDERS)
def test_layers_are_what_they_say(kind: str, dtype: str) -> None:
    size = 1 if kind == "dense" else 7
    layer = Layer(kind, size, 8, 16 if kind in ("conv", "dense") else 8, 3 if kind in ("conv", "depthwise") else 1)
    prepared = prepare(layer, dtype, "portable", np.random.default_rng(0))
    if layer.macs:
        assert prepared.macs == layer.macs
    # Values spread over the output's range: rescaling and clamping are those of a model.
    assert prepared().std() > (5 if dtype == "int8" else 0.1)


def test_report() -> None:
    arguments = ["--network", "mobilenet_v1", "--folder", "depthwise_q8", "--seconds", "0", "--json"]
    done = CliRunner().invoke(main, arguments)
    assert done.exit_code == 0, done.output
    report = json.loads(done.output)
    rows = {(row["folder"], row["kernel"]) for row in report["rows"]}
    best = next(isa for folder, _, isa in _core.kernels() if folder == "depthwise_q8" and isa in _core.available_isas())
    assert any(kernel.startswith(best) for _, kernel in rows)
    assert all(0 < row["share"] < 1.5 for row in report["rows"] if row["share"] is not None)
    assert all(layer["microseconds"] > 0 for layer in report["layers"])


def test_pointwise() -> None:
    arguments = ["--network", "mobilenet_v1", "--folder", "conv2d_q8", "--pointwise", "256", "--seconds", "0", "--json"]
    done = CliRunner().invoke(main, arguments)
    assert done.exit_code == 0, done.output
    report = json.loads(done.output)
    assert {layer["layer"] for layer in report["layers"]} == {
        "conv 1x1, 28x28x256 -> 256", "conv 1x1, 14x14x256 -> 512", "conv 1x1, 14x14x512 -> 512",
        "conv 1x1, 7x7x512 -> 1024", "conv 1x1, 7x7x1024 -> 1024",
    }  # fmt: skip
    for row in report["medians"]:
        assert row["layers"] == 5
        assert 0 < row["least"] <= row["median"]


def test_tables() -> None:
    done = CliRunner().invoke(main, ["--network", "mobilenet_v1", "--folder", "matmul", "--seconds", "0", "--layers"])
    assert done.exit_code == 0, done.output
    assert "dense 1024 -> 1000" in done.output
    assert CliRunner().invoke(main, ["--isa", "sse"]).exit_code == 2
