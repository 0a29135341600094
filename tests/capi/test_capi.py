"""The C library and sanderling-bench, built beside the module under test."""

from __future__ import annotations

import json
import shutil
import subprocess
from pathlib import Path

import numpy as np
import pytest

import sanderling
from sanderling import _core
from sanderling.seeded import seeded_inputs
from tests.python.test_compiled import classifier, sealed
from tests.support.native import ROOT, build_folder
from tests.support.programs import program as program_path

LABELS = [f"thing {i}" for i in range(7)]


def run(*command: str | Path) -> subprocess.CompletedProcess[str]:
    return subprocess.run(command, capture_output=True, text=True, timeout=300)


@pytest.fixture(scope="module")
def build() -> Path:
    return build_folder("sanderling-bench")


@pytest.fixture(scope="module")
def model(tmp_path_factory: pytest.TempPathFactory) -> Path:
    file = tmp_path_factory.mktemp("model") / "x.sand"
    sanderling.compile_model(classifier(), file, labels=LABELS, isas=_core.available_isas())
    return file


def program(source: Path, build: Path, folder: Path) -> Path:
    """Compile a C program as a user would, against the installed library."""
    prefix = folder / "prefix"
    installed = run("cmake", "--install", build, "--prefix", prefix)
    assert installed.returncode == 0, installed.stderr
    pc = next(prefix.rglob("sanderling.pc"))
    flags = subprocess.run(
        ["pkg-config", "--cflags", "--libs", "--static", "sanderling"], check=True, capture_output=True, text=True,
        env={"PATH": "/usr/bin:/bin", "PKG_CONFIG_PATH": str(pc.parent)},
    ).stdout.split()  # fmt: skip
    sanitized = ["-fsanitize=address,undefined"] if "asan" in build.name else []
    out = folder / source.stem
    warnings = ["-std=c11", "-Wall", "-Wextra", "-Werror", "-pedantic"]
    made = run("cc", *warnings, *sanitized, source, "-o", out, *flags)
    assert made.returncode == 0, made.stderr
    return out


def test_every_call(build: Path, model: Path, tmp_path: Path) -> None:
    program_path("pkg-config", "pkg-config")
    done = run(program(ROOT / "tests" / "capi" / "calls.c", build, tmp_path), model)
    assert done.returncode == 0, done.stdout + done.stderr


def test_example(build: Path, model: Path, tmp_path: Path) -> None:
    """The README's program gives the class that Python gives."""
    program_path("pkg-config", "pkg-config")
    classify = program(ROOT / "examples" / "classify.c", build, tmp_path)
    ours = sanderling.load(model)
    for seed in range(3):
        (x,) = seeded_inputs(ours.inputs, seed)
        (tmp_path / "x.raw").write_bytes(x.tobytes())
        best = int(np.argmax(ours(x)))
        done = run(classify, model, tmp_path / "x.raw")
        assert (done.returncode, done.stdout.strip()) == (0, f"{best} {LABELS[best]}"), done.stderr
    (tmp_path / "x.raw").write_bytes(b"short")
    assert run(classify, model, tmp_path / "x.raw").returncode == 1


def test_bench_as_table(build: Path, model: Path) -> None:
    done = run(build / "sanderling-bench", "--runs", "5", "--threads", "1", model)
    assert done.returncode == 0, done.stderr
    first, second, *rest = done.stdout.splitlines()
    assert first.startswith(f"{model}: ")
    assert "(median of 5 runs" in first
    assert "outputs: same" in second
    assert [line.split()[1] for line in rest[2:]] == ["CONV_2D", "DEPTHWISE_CONV_2D", "MEAN", "FULLY_CONNECTED"]


@pytest.mark.parametrize("isa", _core.available_isas())
def test_bench_as_json(build: Path, model: Path, isa: str) -> None:
    done = run(build / "sanderling-bench", "--json", "--seconds", "0.01", "--threads", "2", "--isa", isa, model)
    assert done.returncode == 0, done.stderr
    report = json.loads(done.stdout)
    assert report["outputs"] == "same"
    assert (report["threads"], report["isa"]) == (2, isa)
    assert report["packed_at_load"] == 0
    assert len(report["steps"]) == 4
    assert report["least_ms"] <= report["median_ms"]
    assert report["steps"][0]["macs"] == 9 * 9 * 20 * 27


def test_bench_with_fp16(build: Path, model: Path) -> None:
    done = run(build / "sanderling-bench", "--json", "--runs", "1", "--fp16", model)
    if _core.asked_isas():
        assert done.returncode == 0, done.stderr
        report = json.loads(done.stdout)
        assert (report["fp16_steps"], report["outputs"]) == (0, "same"), "an integer network"
    else:
        assert (done.returncode, done.stdout) == (1, "")
        assert done.stderr.startswith(f"sanderling-bench: {model}: fp16: this CPU has no fp16 arithmetic")
    done = run(build / "sanderling-bench", "--json", "--runs", "1", model)
    assert json.loads(done.stdout)["fp16_steps"] == 0


def test_bench_finds_other_outputs(build: Path, model: Path, tmp_path: Path) -> None:
    data = model.read_bytes()
    golden = sanderling.load(model).ir.golden
    assert golden is not None
    at = int.from_bytes(data[24:32], "little")
    other = tmp_path / "other.sand"
    other.write_bytes(sealed(data, data[at:].replace(golden.outputs[0].encode(), b"0" * 64)))
    done = run(build / "sanderling-bench", other)
    assert done.returncode == 1
    assert "output 'scores' has the SHA-256" in done.stderr
    assert run(build / "sanderling-bench", "--runs", "1", "--no-check", other).returncode == 0
    assert sanderling_verify(other) == 1


def sanderling_verify(path: Path) -> int:
    from click.testing import CliRunner

    from sanderling.cli.app import cli

    return CliRunner().invoke(cli, ["verify", str(path)]).exit_code


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ([], "a compiled model (.sand) is missing"),
        (["a", "b"], "one model expected"),
        (["--threads", "x", "a"], "--threads is 'x'; 1 to 1024 expected"),
        (["--seconds", "0", "a"], "--seconds is '0'"),
        (["--cores", "0,1", "--threads", "1", "a"], "--cores has one core for each"),
        (["--frobnicate"], "there is no option --frobnicate"),
        (["--runs"], "--runs needs a value"),
    ],
)
def test_bench_command_line(build: Path, arguments: list[str], message: str) -> None:
    done = run(build / "sanderling-bench", *arguments)
    assert done.returncode == 2
    assert message in done.stderr


def test_bench_files(build: Path, tmp_path: Path) -> None:
    source = tmp_path / "x.tflite"
    source.write_bytes(classifier())
    for path, message in ((source, "is not a compiled model; `sanderling compile"), (tmp_path / "no", "No such file")):
        done = run(build / "sanderling-bench", path)
        assert done.returncode == 1
        assert done.stderr.startswith(f"sanderling-bench: {path}")
        assert message in done.stderr


def test_cmake_package(build: Path, model: Path, tmp_path: Path) -> None:
    """find_package(sanderling) gives a target to link with."""
    program_path("cmake", "cmake")
    if "asan" in build.name:
        pytest.skip("the package does not carry sanitizers' flags")
    prefix = tmp_path / "prefix"
    assert run("cmake", "--install", build, "--prefix", prefix).returncode == 0
    project = tmp_path / "project"
    project.mkdir()
    shutil.copy(ROOT / "examples" / "classify.c", project)
    (project / "CMakeLists.txt").write_text(
        "cmake_minimum_required(VERSION 3.24)\nproject(user C CXX)\nfind_package(sanderling 0.1 REQUIRED)\n"
        "add_executable(classify classify.c)\ntarget_link_libraries(classify sanderling::sanderling)\n"
        "set_target_properties(classify PROPERTIES LINKER_LANGUAGE CXX)\n"
    )
    made = run("cmake", "-S", project, "-B", project / "build", f"-DCMAKE_PREFIX_PATH={prefix}")
    assert made.returncode == 0, made.stderr
    made = run("cmake", "--build", project / "build")
    assert made.returncode == 0, made.stdout + made.stderr
    assert run(project / "build" / "classify").returncode == 2
    # A project in C alone.
    lists = (project / "CMakeLists.txt").read_text().replace("C CXX", "C").partition("set_target_properties")[0]
    (project / "CMakeLists.txt").write_text(lists)
    made = run("cmake", "-S", project, "-B", project / "plain", f"-DCMAKE_PREFIX_PATH={prefix}")
    assert made.returncode == 0, made.stderr
    made = run("cmake", "--build", project / "plain")
    assert made.returncode == 0, made.stdout + made.stderr
    assert run(project / "plain" / "classify").returncode == 2


def test_bench_cores_threads_and_full_disks(build: Path, model: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    program = build / "sanderling-bench"
    done = run(program, "--runs", "1", "--cores", "1000", model)
    assert done.returncode == 1
    assert "core 1000 is not one that this process may use" in done.stderr
    with open("/dev/full", "w") as full:
        done = subprocess.run([program, "--runs", "1", "--json", model], stdout=full, stderr=subprocess.PIPE, text=True)
    assert done.returncode == 1
    assert "the results cannot be written" in done.stderr
    monkeypatch.setenv("SANDERLING_THREADS", "3")
    assert json.loads(run(program, "--runs", "1", "--json", model).stdout)["threads"] == 3
    assert json.loads(run(program, "--runs", "1", "--json", "--threads", "1", model).stdout)["threads"] == 1
    for text in ("0", "-1", "two", "99999999999999999999"):
        monkeypatch.setenv("SANDERLING_THREADS", text)
        assert f"SANDERLING_THREADS is '{text}'" in run(program, "--runs", "1", model).stderr
