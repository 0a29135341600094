"""Choices by measurement: what is stored, when it is used, and what happens to a damaged file."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from click.testing import CliRunner

import sanderling
from sanderling import _core, tune_file, tuning
from sanderling.cli.app import cli
from sanderling.tuning import Comparison, Tuning, find_tuning, race, store_tuning, tune
from tests.python.test_fusion import block
from tests.support.convolution import simple

WORST = _core.available_isas()[-1]


@pytest.fixture
def model(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.delenv("SANDERLING_THREADS", raising=False)
    monkeypatch.delenv("SANDERLING_ISA", raising=False)
    content, _ = simple(False, out_c=16).quantized("int8", "int8", 0.5, -7, 0.1)
    path = tmp_path / "model.tflite"
    path.write_bytes(content)
    return path


def isa_of(loaded: sanderling.Model) -> str:
    return str(loaded._runner.steps(0)[0]["kernel"]).split("/")[0]


def test_measures(model: Path) -> None:
    found = tune(model, seconds=0, runs=2)
    assert found.threads >= 1
    assert set(found.isas) <= {0}
    assert found.default_ms > 0
    assert found.tuned_ms > 0


def test_load_uses_what_is_stored(model: Path) -> None:
    x = np.random.default_rng(0).integers(-128, 128, (1, 5, 6, 4)).astype(np.int8)
    before = sanderling.load(model)
    assert before.tuning is None
    choice = Tuning(3, {0: WORST}, 2.0, 1.0, fuse=False)
    assert store_tuning(model, choice).name == "model.tflite.tune.json"
    after = sanderling.load(str(model))
    assert after.tuning == choice
    assert (after.threads, isa_of(after)) == (3, WORST)
    assert {step.isa.split("/")[0] for step in after.profile(x, runs=1)} == {WORST}
    np.testing.assert_array_equal(before(x), after(x))


def test_arguments_and_environment_come_first(model: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    best = _core.available_isas()[0]
    store_tuning(model, Tuning(3, {0: WORST}))
    untouched = sanderling.load(model, tuned=False)
    assert untouched.tuning is None
    assert untouched.threads == sanderling.load(model.read_bytes()).threads
    loaded = sanderling.load(model, threads=2, isa=best)
    assert (loaded.threads, isa_of(loaded)) == (2, isa_of(untouched))
    monkeypatch.setenv("SANDERLING_THREADS", "4")
    monkeypatch.setenv("SANDERLING_ISA", best)
    loaded = sanderling.load(model)
    assert (loaded.threads, isa_of(loaded)) == (4, isa_of(untouched))


def test_holds_for_one_machine_and_one_model(model: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    store_tuning(model, Tuning(3))
    with monkeypatch.context() as other:
        other.setattr(tune_file, "_machine", lambda: "another machine; cores 0; neon; sanderling 1 0")
        assert find_tuning(model) is None
        store_tuning(model, Tuning(5))
        assert find_tuning(model) == Tuning(5)
    assert find_tuning(model) == Tuning(3)
    store_tuning(model, Tuning(2))
    assert find_tuning(model) == Tuning(2)
    assert len(json.loads(Path(f"{model}.tune.json").read_text())["machines"]) == 2
    # Another model under the same name: its predecessor's choices are of no use.
    content, _ = simple(False, out_c=24).quantized("int8", "int8", 0.5, -7, 0.1)
    model.write_bytes(content)
    with pytest.warns(UserWarning, match=r"another content of model\.tflite and is not used; run `sanderling tune`"):
        assert sanderling.load(model).tuning is None
    store_tuning(model, Tuning(1))
    assert len(json.loads(Path(f"{model}.tune.json").read_text())["machines"]) == 1


def test_another_build_is_ignored_with_a_warning(model: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    machine = tune_file._machine()
    assert machine.endswith(f"sanderling {sanderling.__version__} {machine.split()[-1]}")
    with monkeypatch.context() as other:
        other.setattr(tune_file, "_machine", lambda: machine.rpartition("sanderling ")[0] + "sanderling 0.0.1 abc")
        store_tuning(model, Tuning(3))
    with pytest.warns(
        UserWarning, match=r"tune\.json: was measured with sanderling 0\.0\.1 abc, another build"
    ) as seen:
        assert sanderling.load(model).tuning is None
    assert seen[0].filename == __file__
    done = CliRunner().invoke(cli, ["inspect", str(model)])
    assert done.exit_code == 0
    done = CliRunner().invoke(cli, ["bench", str(model), "--runs", "1"])
    assert done.stderr.startswith("sanderling: ")
    assert "another build" in done.stderr


def test_another_format_is_ignored_but_kept(model: Path) -> None:
    path = Path(f"{model}.tune.json")
    path.write_text('{"format": "sanderling-tune-9", "anything": 1}')
    with pytest.warns(UserWarning, match=r"the format 'sanderling-tune-9' of another sanderling"):
        assert sanderling.load(model).tuning is None
    with pytest.raises(sanderling.ModelError, match=r"sanderling-tune-9.*delete it to tune anew"):
        store_tuning(model, Tuning(1))
    assert "anything" in path.read_text()
    done = CliRunner().invoke(cli, ["tune", str(model), "--seconds", "1000"])  # refused before it measures
    assert done.exit_code == 1
    assert "delete it to tune anew" in done.stderr


AGAINST = {"file": "other.tflite", "sha256": "0" * 64, "ms": 1, "against_ms": 2}


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"threads": 0}, r"threads is 0; 1 to 1024 expected"),
        ({"threads": "many"}, r'threads is "many"; 1 to 1024 expected'),
        ({"threads": None}, r"threads is null; 1 to 1024 expected"),
        ({"threads": True}, r"threads is true; 1 to 1024 expected"),
        ({"threads": 2.0}, r"threads is 2\.0; 1 to 1024 expected"),
        ({"isas": {"0": "vax"}}, r'isas\.0 is "vax"; one of .*portable expected'),
        ({"isas": {"first": WORST}}, r'isas has "first"; numbers of operators below 1 expected'),
        ({"isas": {"1": WORST}}, r'isas has "1"; numbers of operators below 1 expected'),
        ({"isas": {"-1": WORST}}, r'isas has "-1"; numbers of operators'),
        ({"isas": {"0": [WORST]}}, r"isas\.0 is \["),
        ({"isas": []}, r"isas is \[\]; an object from numbers of operators below 1 to instruction sets expected"),
        ({"tuned_ms": {}}, r"tuned_ms is \{\}; milliseconds"),
        ({"tuned_ms": float("nan")}, r"tuned_ms is NaN; milliseconds"),
        ({"default_ms": 10**400}, r"default_ms is 1000.*\.\.\.; milliseconds"),
        ({"fuse": "sometimes"}, r'fuse is "sometimes"; null or false expected'),
        ({"fuse": True}, r"fuse is true; null or false expected"),
        ({"fuse": 0}, r"fuse is 0; null or false expected"),
        ({"band_bytes": 512}, r"band_bytes is 512; 1024 to 1073741824 expected"),
        ({"band_bytes": 65536.0}, r"band_bytes is 65536\.0; 1024 to"),
        ({"band_bytes": False}, r"band_bytes is false; 1024 to"),
        ({"against": "other.tflite"}, r"against is \"other\.tflite\"; null or an object expected"),
        ({"against": {**AGAINST, "sha256": "0"}}, r'against\.sha256 is "0"; 64 hexadecimal digits expected'),
        ({"against": {**AGAINST, "file": 5}}, r"against\.file is 5; a string expected"),
        ({"against": {"file": "other.tflite", "sha256": "0" * 64, "ms": 1}}, r"against\.against_ms is missing; milli"),
        ({"tiles": 4}, r'"tiles" is not a field; machine, threads, isas, .*against are'),
    ],
)  # fmt: skip
def test_damaged_choices(model: Path, change: dict[str, object], message: str) -> None:
    path = store_tuning(model, Tuning(1))
    content = json.loads(path.read_text())
    content["machines"][0].update(change)
    path.write_text(json.dumps(content))
    with pytest.raises(sanderling.ModelError, match=rf"model\.tflite\.tune\.json: damaged: machines\[0\]\.{message}"):
        sanderling.load(model)
    assert sanderling.load(model, tuned=False).tuning is None
    store_tuning(model, Tuning(1))  # in place of the damaged one
    assert sanderling.load(model).tuning == Tuning(1)


@pytest.mark.parametrize(
    "text",
    [
        "", "[]", "{}", "nonsense", "[" * 100_000, '{"format": 1}', '{"format": "sanderling-tune-1"}',
        '{"format": "sanderling-tune-1", "model": "00", "machines": []}',
    ],
)  # fmt: skip
def test_damaged_files(model: Path, text: str) -> None:
    Path(f"{model}.tune.json").write_text(text)
    with pytest.raises(sanderling.ModelError, match=r"tune\.json: damaged"):
        sanderling.load(model)
    done = CliRunner().invoke(cli, ["tune", str(model), "--seconds", "1000"])  # refused before it measures
    assert done.exit_code == 1
    assert "Delete it to tune anew" in done.stderr


@pytest.mark.parametrize("machines", ["null", "[null]", '[{"machine": 1}]', "[{}]"])
def test_damaged_entries(model: Path, machines: str) -> None:
    text = f'{{"format": "sanderling-tune-1", "model": "{"0" * 64}", "machines": {machines}}}'
    Path(f"{model}.tune.json").write_text(text)
    with pytest.raises(sanderling.ModelError, match=r"tune\.json: damaged: machines"):
        sanderling.load(model)
    with pytest.raises(sanderling.ModelError, match=r"tune\.json: damaged: machines"):
        store_tuning(model, Tuning(1))


def bands(loaded: sanderling.Model) -> set[int]:
    return {step["band"] for step in loaded._runner.steps(0)}


def test_bands_of_rows(tmp_path: Path) -> None:
    path = tmp_path / "block.tflite"
    path.write_bytes(block(48))
    x = np.random.default_rng(0).integers(-128, 128, (1, 48, 48, 16)).astype(np.int8)
    expected = sanderling.load(path, threads=2, fuse=False)(x)
    found = {}
    for band_bytes in (1 << 10, None, 1 << 20):
        store_tuning(path, Tuning(2, band_bytes=band_bytes))
        loaded = sanderling.load(path, fuse=True)
        assert loaded.tuning == Tuning(2, band_bytes=band_bytes)
        np.testing.assert_array_equal(loaded(x), expected)
        (found[band_bytes],) = bands(loaded)
    assert found[1 << 10] < found[None] < found[1 << 20]
    assert bands(sanderling.load(path, fuse=False)) == {0}


def test_measures_bands(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Where a band is faster, by a clock that says so, it is chosen; two that are the same plan are one candidate."""
    path = tmp_path / "block.tflite"
    path.write_bytes(block(96))
    fast = 1 << 18

    def clock(model: sanderling.Model, _inputs: object) -> object:
        return lambda: float(model._options["band_bytes"] == fast) * -500 + 1000

    raced: list[int] = []
    in_turns = tuning._in_turns

    def counted(candidates: list[object], seconds: float, runs: int) -> object:
        raced.append(len(candidates))
        return in_turns(candidates, seconds, runs)  # type: ignore[arg-type]

    monkeypatch.setattr(tuning, "default_threads", lambda: 1)
    monkeypatch.setattr(tuning, "_timed", clock)
    monkeypatch.setattr(tuning, "_in_turns", counted)
    found = tune(path, seconds=0, runs=2)
    assert (found.fuse, found.band_bytes) == (None, fast)
    assert (found.default_ms, found.tuned_ms) == (0.001, 0.0005)
    assert 4 <= raced[-1] < 3 + len(tuning.BANDS)  # bands of four rows and fewer are the same
    content, _ = simple(False, out_c=16).quantized("int8", "int8", 0.5, -7, 0.1)
    path.write_bytes(content)
    assert tune(path, seconds=0, runs=2).band_bytes is None
    assert raced[-1] == 2  # one step: nothing to choose, and the default


def test_what_is_slower_in_the_end_is_not_kept(model: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Fewer threads looked as fast; in the last race they are not."""
    races = iter([1000.0, 2000.0])

    def clock(timed: sanderling.Model, _inputs: object) -> object:
        chosen = timed.threads == 1
        return lambda: ms if chosen else 1000.0

    def in_turns(candidates: list[object], seconds: float, runs: int) -> object:
        nonlocal ms
        ms = next(races) if len(candidates) == 2 else 1000.0
        return before(candidates, seconds, runs)  # type: ignore[arg-type]

    ms, before = 1000.0, tuning._in_turns
    monkeypatch.setattr(tuning, "default_threads", lambda: 2)
    monkeypatch.setattr(tuning, "_choose_isas", lambda *_: {})
    monkeypatch.setattr(tuning, "_timed", clock)
    monkeypatch.setattr(tuning, "_in_turns", in_turns)
    found = tune(model, seconds=0, runs=2)
    assert (found.threads, found.default_ms, found.tuned_ms) == (2, 0.001, 0.001)


def test_a_choice_must_win_twice() -> None:
    turns = np.full((9, 3), 100.0)
    turns[4, 1] = 50  # fastest once
    turns[1:, 2] = 90  # mostly faster
    assert tuning._ratios(turns)[1] > 0.99
    assert 0.89 < tuning._ratios(turns)[2] < 0.92
    turns[4, 0] = 80
    assert tuning._ratios(turns)[2] > 1


def test_race(model: Path) -> None:
    other = model.with_name("float.tflite")
    content, _ = simple(False, out_c=16).float_weights("float32")
    other.write_bytes(content)
    found = race((other, model), (Tuning(1), Tuning(1)), seconds=0, runs=3)
    assert set(found.by_op) == {"CONV_2D"}
    assert min(*found.ms, *found.by_op["CONV_2D"]) > 0
    a, b = found.comparisons
    assert (a.file, b.file) == ("model.tflite", "float.tflite")
    assert (a.ms, a.against_ms) == (b.against_ms, b.ms)
    assert a.sha256 == tune_file.digest_of(model)
    store_tuning(other, Tuning(1, against=a))
    loaded = sanderling.load(other)
    assert loaded.tuning == Tuning(1, against=a)
    # Told, not done: it still takes and gives floats.
    assert [t.dtype for t in (*loaded.inputs, *loaded.outputs)] == ["float32"] * 2


def test_command_against(model: Path) -> None:
    other = model.parent / "sub" / "float.tflite"
    other.parent.mkdir()
    content, _ = simple(False, out_c=16).float_weights("float32")
    other.write_bytes(content)
    done = CliRunner().invoke(cli, ["tune", str(other), "--against", str(model), "--seconds", "0"])
    assert done.exit_code == 0, done.output
    assert "float.tflite" in done.stdout
    assert "CONV_2D" in done.stdout
    assert "about the same time" in done.stdout or "times as fast as" in done.stdout
    for path, file in ((other, "../model.tflite"), (model, "sub/float.tflite")):
        stored = find_tuning(path)
        assert stored is not None
        assert isinstance(stored.against, Comparison)
        assert stored.against.file == file
    small, _ = replace(simple(False, out_c=16), input_shape=(1, 4, 4, 4)).float_weights("float32")
    other.write_bytes(small)
    done = CliRunner().invoke(cli, ["tune", str(other), "--against", str(model), "--seconds", "1000"])
    assert done.exit_code == 1
    assert "1x4x4x4" in done.stderr
    assert "models with inputs of the same shapes expected" in done.stderr


def test_command(model: Path) -> None:
    dry = CliRunner().invoke(cli, ["tune", str(model), "--seconds", "0", "--dry-run", "--json"])
    assert dry.exit_code == 0, dry.output
    assert json.loads(dry.stdout)["stored"] is None
    assert find_tuning_or_none(model) is None
    done = CliRunner().invoke(cli, ["tune", str(model), "--seconds", "0"])
    assert done.exit_code == 0, done.output
    assert "stored in" in done.stdout
    stored = find_tuning(model)
    assert stored is not None
    assert sanderling.load(model).threads == stored.threads
    assert CliRunner().invoke(cli, ["tune", str(model.with_name("none"))]).exit_code == 1


def find_tuning_or_none(model: Path) -> Tuning | None:
    return find_tuning(model) if Path(f"{model}.tune.json").exists() else None
