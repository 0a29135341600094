"""What `sanderling tune` keeps beside a model: MODEL.tune.json, one entry for each machine."""

from __future__ import annotations

import hashlib
import json
import os
import re
import warnings
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

from sanderling import __version__, _core
from sanderling._atomic import write_atomically
from sanderling.errors import ModelError

_FORMAT = "sanderling-tune-1"

LEAST_BAND, MOST_BAND = 1 << 10, 1 << 30
"""Limits of `Tuning.band_bytes`."""


@dataclass(frozen=True)
class Comparison:
    """What another model took on the same machine, run in turns with this one.

    Attributes
    ----------
    file : str
        The other model, relative to this one's folder.
    sha256 : str
        Of its content.
    ms, against_ms : float
        Milliseconds of a run of this model and of the other one, medians.
    """

    file: str
    sha256: str
    ms: float
    against_ms: float


@dataclass(frozen=True)
class Tuning:
    """Choices for one model on one machine.

    Attributes
    ----------
    threads : int
        Threads with which the model is fastest; the fewest of about equal ones.
    isas : dict of int to str
        Instruction sets of operators, by their index in the main graph, for which the best one is not the fastest.
    default_ms, tuned_ms : float
        Milliseconds of a run with the engine's own choices and with these.
    fuse : bool, optional
        False where steps that run together by rows (see `load`) are slower than one after the other; else None.
    band_bytes : int, optional
        What the rows that are between the steps of a chain may take for each thread, which is how many rows take turns;
        None: the engine's own.
    against : Comparison, optional
        The model that this one was compared with, if any. It changes nothing in how this one runs.
    """

    threads: int
    isas: dict[int, str] = field(default_factory=dict)
    default_ms: float = 0.0
    tuned_ms: float = 0.0
    fuse: bool | None = None
    band_bytes: int | None = None
    against: Comparison | None = None


def store_tuning(source: str | os.PathLike[str], tuning: Tuning) -> Path:
    """Write the choices beside the model, next to those of other machines; returns the path.

    Raises
    ------
    ModelError
        What is there is damaged, or of another format: it is left as it is.
    """
    path = tune_path(source)
    machine, digest = _machine(), digest_of(source)
    content = _read(path) if path.exists() else None
    if content is not None and content["format"] != _FORMAT:
        raise ModelError(_other_format(path, content["format"]))
    kept = []
    if content is not None and content["model"] == digest:
        kept = [e for e in content["machines"] if e["machine"] != machine]
    entry = {"machine": machine, **asdict(tuning), "isas": {str(node): isa for node, isa in tuning.isas.items()}}
    for name in ("default_ms", "tuned_ms"):
        entry[name] = round(entry[name], 4)
    content = {"format": _FORMAT, "model": digest, "machines": [*kept, entry]}
    write_atomically(path, (json.dumps(content, indent=1) + "\n").encode())
    return path


def check_storable(source: str | os.PathLike[str]) -> None:
    """Raise ModelError where `store_tuning` would, before anything is measured."""
    path = tune_path(source)
    if path.exists() and (found := _read(path)["format"]) != _FORMAT:
        raise ModelError(_other_format(path, found))


def find_tuning(source: str | os.PathLike[str], operators: int | None = None) -> Tuning | None:
    """Return the stored choices for this model, CPU and build; None where there are none.

    What this computer measured for another content of the model or with another build of sanderling, and files of other
    formats, are ignored with a warning; what other machines measured, without.

    Parameters
    ----------
    source : path
        The model file.
    operators : int, optional
        How many the main graph has: choices for others are damage.

    Raises
    ------
    ModelError
        The stored file is damaged; the message has the field, and what is allowed.
    """
    path = tune_path(source)
    content = _read(path)
    machine = _machine()
    if content["format"] != _FORMAT:
        _warn(_other_format(path, content["format"]))
        return None
    same_computer = [e for e in content["machines"] if _computer(e["machine"]) == _computer(machine)]
    if content["model"] != digest_of(source):
        if same_computer:
            name = os.path.basename(os.fspath(source))
            _warn(f"{path}: was measured for another content of {name} and is not used; run `sanderling tune` again")
        return None
    entry = next((e for e in same_computer if e["machine"] == machine), None)
    if entry is not None:
        return _tuning(path, f"machines[{content['machines'].index(entry)}]", entry, operators)
    if same_computer:
        build = same_computer[0]["machine"].rpartition("; ")[2]
        _warn(f"{path}: was measured with {build}, another build, and is not used; run `sanderling tune` again")
    return None


def tune_path(source: str | os.PathLike[str]) -> Path:
    """Where the choices for a model are."""
    return Path(f"{os.fspath(source)}.tune.json")


def digest_of(source: str | os.PathLike[str]) -> str:
    """SHA-256 of a file's content."""
    return hashlib.sha256(Path(source).read_bytes()).hexdigest()


def _warn(message: str) -> None:
    warnings.warn(message, stacklevel=4)  # whoever called load


def _other_format(path: Path, found: str) -> str:
    return f"{path}: has the format {found!r} of another sanderling (this one's: {_FORMAT!r}); delete it to tune anew"


def _machine() -> str:
    """Name the CPU, the cores that may be used and the kernels: what a measurement holds for."""
    try:
        info = Path("/proc/cpuinfo").read_text("utf-8", "replace")
    except OSError:
        info = ""
    # ARM has a part number for each kind of core instead of a name.
    names = re.findall(r"^(?:model name|CPU part)\s*:\s*(.*)$", info, re.MULTILINE)
    rows = hashlib.sha256(repr(_core.kernels()).encode()).hexdigest()[:12]
    cores = ",".join(map(str, _core.usable_cores()))
    sets = ",".join(_core.available_isas())
    return f"{'/'.join(sorted(set(names)))}; cores {cores}; {sets}; sanderling {__version__} {rows}"


def _computer(machine: str) -> str:
    """Return what `_machine` says of CPU and cores."""
    return "; ".join(machine.split("; ")[:2])


def _read(path: Path) -> dict[str, Any]:
    """Return the file's content as far as it concerns all machines; of another format nothing more is known."""
    try:
        content = json.loads(path.read_text("utf-8"))
    except (ValueError, RecursionError) as e:
        raise _damaged(path, f"no JSON: {e}") from None
    except OSError as e:
        raise ModelError(f"{path}: cannot be read: {e.strerror}") from None
    if not isinstance(content, dict):
        raise _damaged(path, f"{_shown(content)} where an object is expected")
    fields = _Fields(path, "", content)
    if not fields.text("format").startswith("sanderling-tune-"):
        raise fields.wrong("format", f"{_FORMAT!r}")
    if content["format"] != _FORMAT:
        return content
    fields.digest("model")
    if not isinstance(content.get("machines"), list):
        raise fields.wrong("machines", "a list")
    for k, entry in enumerate(content["machines"]):
        if not isinstance(entry, dict):
            raise _damaged(path, f"machines[{k}] is {_shown(entry)}; an object expected")
        _Fields(path, f"machines[{k}].", entry).text("machine")
    return content


def _tuning(path: Path, where: str, entry: dict[str, Any], operators: int | None) -> Tuning:
    fields = _Fields(path, f"{where}.", entry)
    fields.only(("machine", *Tuning.__dataclass_fields__))
    fuse = entry.get("fuse")
    if fuse is not None and fuse is not False:
        raise fields.wrong("fuse", "null or false")
    band_bytes = None if entry.get("band_bytes") is None else fields.integer("band_bytes", LEAST_BAND, MOST_BAND)
    against = None
    if entry.get("against") is not None:
        if not isinstance(entry["against"], dict):
            raise fields.wrong("against", "null or an object")
        other = _Fields(path, f"{where}.against.", entry["against"])
        other.only(tuple(Comparison.__dataclass_fields__))
        against = Comparison(
            other.text("file"), other.digest("sha256"), other.milliseconds("ms"), other.milliseconds("against_ms")
        )
    return Tuning(
        threads=fields.integer("threads", 1, 1024),
        isas=_isas(fields, operators),
        default_ms=fields.milliseconds("default_ms"),
        tuned_ms=fields.milliseconds("tuned_ms"),
        fuse=fuse,
        band_bytes=band_bytes,
        against=against,
    )


def _isas(fields: _Fields, operators: int | None) -> dict[int, str]:
    stored, known = fields.content.get("isas"), _core.available_isas()
    numbers = "numbers of operators" if operators is None else f"numbers of operators below {operators}"
    if not isinstance(stored, dict):
        raise fields.wrong("isas", f"an object from {numbers} to instruction sets")
    for node, isa in stored.items():
        fine = node.isascii() and node.isdigit() and len(node) < 10
        if not fine or (operators is not None and int(node) >= operators):
            raise fields.damaged(f"isas has {_shown(node)}; {numbers} expected")
        if isa not in known:
            raise fields.damaged(f"isas.{node} is {_shown(isa)}; one of {', '.join(known)} expected")
    return {int(node): isa for node, isa in stored.items()}


class _Fields:
    """Fields of an object in the file, of exactly the types that are asked for: in JSON true is no number."""

    def __init__(self, path: Path, prefix: str, content: dict[str, Any]) -> None:
        self.content = content
        self._path, self._prefix = path, prefix

    def only(self, names: tuple[str, ...]) -> None:
        for name in self.content:
            if name not in names:
                raise self.damaged(f"{_shown(name)} is not a field; {', '.join(names)} are")

    def integer(self, name: str, low: int, high: int) -> int:
        value = self.content.get(name)
        if type(value) is not int or not low <= value <= high:
            raise self.wrong(name, f"{low} to {high}")
        return value

    def milliseconds(self, name: str) -> float:
        value: Any = self.content.get(name)
        if type(value) not in (int, float) or not 0 <= value <= 1e9:
            raise self.wrong(name, "milliseconds, 0 to 1e9,")
        return float(value)

    def text(self, name: str) -> str:
        value = self.content.get(name)
        if not isinstance(value, str):
            raise self.wrong(name, "a string")
        return value

    def digest(self, name: str) -> str:
        value = self.text(name)
        if not re.fullmatch("[0-9a-f]{64}", value):
            raise self.wrong(name, "64 hexadecimal digits")
        return value

    def wrong(self, name: str, expected: str) -> ModelError:
        found = f"is {_shown(self.content[name])}" if name in self.content else "is missing"
        return self.damaged(f"{name} {found}; {expected} expected")

    def damaged(self, what: str) -> ModelError:
        return _damaged(self._path, self._prefix + what)


def _damaged(path: Path, what: str) -> ModelError:
    return ModelError(f"{path}: damaged: {what}. Delete it to tune anew; load(..., tuned=False) does not look at it")


def _shown(value: Any) -> str:
    text = json.dumps(value)
    return text if len(text) <= 60 else f"{text[:57]}..."
