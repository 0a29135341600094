"""Compiled models (.sand), written from any model; compiled_file.py reads them. docs/compiled.md has the format."""

from __future__ import annotations

import hashlib
import os
from collections.abc import Sequence
from dataclasses import dataclass

from sanderling import __version__, _core, ir
from sanderling._atomic import write_atomically
from sanderling.errors import ModelError
from sanderling.importers import load_ir
from sanderling.importers._source import Source, read
from sanderling.labels import Labels, fit_labels, labels_beside, load_labels, parse_labels
from sanderling.metadata import packed_text, read_metadata
from sanderling.passes import rewrite

GOLDEN_RUNS = 2
"""Seeded runs whose outputs a compiled model has to give."""

TARGETS: dict[str, tuple[str, ...]] = {
    "pi1": ("arm32/portable",),
    "pizero": ("arm32/portable",),
    "pi2": ("arm32/neon",),
    "pi3": ("arm/neon",),
    "pizero2": ("arm/neon",),
    "pi4": ("arm/neon",),
    "pi5": ("arm/neon_dotprod",),
    "android-arm64": ("arm/neon_i8mm", "arm/neon_dotprod", "arm/neon"),
}
"""Instruction sets of computers that weights can be packed for; Raspberry Pis from the 3 on have a 64-bit system."""


@dataclass(frozen=True)
class Compiled:
    """What was written.

    Attributes
    ----------
    path : str
        The file.
    size : int
        Its bytes.
    isas : tuple of str
        Instruction sets whose packed weights are in it, with their family ("arm/neon").
    golden : tuple of str
        SHA-256 of each output over the seeded runs; "" for outputs without one.
    """

    path: str
    size: int
    isas: tuple[str, ...]
    golden: tuple[str, ...]


def compile_model(
    source: Source,
    path: str | os.PathLike[str],
    *,
    isas: Sequence[str] | None = None,
    target: str | Sequence[str] | None = None,
    labels: Labels | None = None,
    golden_runs: int = GOLDEN_RUNS,
) -> Compiled:
    """Write a model in the form that loads fastest, and that programs in C read.

    The file holds the graphs, all constants, the weights as the kernels of `isas` want them, hashes of the outputs for
    seeded inputs, and the labels. Any machine can run it: where the packed weights for its instruction set, or for its
    build of sanderling, are not in the file, they are packed when the model is loaded.

    Parameters
    ----------
    source : path or bytes
        A model file or its content.
    path : path
        The file to write, by custom `.sand`: complete, or as it was before where anything fails.
    isas : sequence of str, optional
        Instruction sets to pack weights for: those of this CPU, and "arm/neon", "arm/neon_dotprod", "arm/neon_i8mm",
        "arm32/neon" and so on wherever this runs. Empty: none.
    target : str or sequence of str, optional
        Computers to pack weights for, besides `isas`: keys of `TARGETS` ("pi4"), "host" (the best of this CPU) or
        "all". Default: "host" where `isas` is not given.
    labels : path or sequence of str, optional
        Names of the classes; default: those in the source, in a label file packed into it, or beside it where their
        number fits the first output.
    golden_runs : int
        Runs whose outputs are hashed; 0: none. An output has a hash where all instruction sets of this machine give
        the same bits, as they do for integer networks.

    Returns
    -------
    Compiled

    Raises
    ------
    FileNotFoundError, ModelError
        As in `load`; also for operators of `register_op`, which a file cannot hold.
    ValueError
        `isas` has one that this machine cannot pack for, `target` is not known, `golden_runs` is negative, or there are
        more or fewer `labels` than classes.
    OSError
        The file cannot be written.
    """
    if golden_runs < 0:
        raise ValueError(f"golden_runs is {golden_runs}; 0 or more expected")
    chosen = _chosen(isas, target)
    content, name = read(source)
    model = load_ir(source)
    golden = _golden(model, golden_runs) if golden_runs else ()
    from sanderling.lowering import lower

    rewritten = rewrite(model, chosen)
    spec = lower(model) if rewritten is None else lower(rewritten.model, None, rewritten.origins)
    compiled = _core.CompiledModel(spec)
    compiled.version = __version__
    compiled.source = os.path.basename(name).encode(errors="replace").decode()  # not every name is UTF-8
    compiled.source_sha256 = hashlib.sha256(content.tobytes()).hexdigest()
    compiled.labels = _labels(model, source, labels)
    for s in model.signatures:
        inputs, outputs = list(s.inputs.items()), list(s.outputs.items())
        compiled.add_signature(key=s.key, graph=s.graph, inputs=inputs, outputs=outputs)
    for key, value in model.metadata.items():
        compiled.add_metadata(key, bytes(value))
    compiled.set_golden(seed=0, count=golden_runs, outputs=list(golden))
    try:
        for isa in chosen:
            compiled.pack_for(isa)
        data = compiled.encode()
    except _core.CoreError as e:
        raise ModelError(f"{model.source}: {e}") from None
    write_atomically(path, data)
    return Compiled(os.fspath(path), len(data), chosen, golden)


def _chosen(isas: Sequence[str] | None, target: str | Sequence[str] | None) -> tuple[str, ...]:
    """Names with their family, each once."""
    possible = _core.packing_isas()
    family = possible[0].partition("/")[0]
    chosen = []
    for isa in [isas] if isinstance(isas, str) else isas or ():
        full = isa if "/" in isa else f"{family}/{isa}"
        if full not in possible:
            raise ValueError(
                f"weights cannot be packed for {isa!r} on this machine; possible are {', '.join(possible)}. "
                "Where they are missing in the file, they are packed when it is loaded."
            )
        chosen.append(full)
    targets = {**TARGETS, "host": (possible[0],), "all": tuple(possible)}
    if target is None:
        target = ["host"] if isas is None else []
    for name in [target] if isinstance(target, str) else target:
        if name not in targets:
            raise ValueError(f"target {name!r} is not known; known are {', '.join(targets)}")
        chosen += targets[name]
    return tuple(dict.fromkeys(chosen))


def _golden(model: ir.Model, runs: int) -> tuple[str, ...]:
    """Hashes of the outputs that all instruction sets agree on."""
    from sanderling.fingerprint import fingerprint
    from sanderling.model import Model

    found = [
        [h.sha256 for h in fingerprint(Model(model, threads=1, isa=isa), 0, runs).outputs]
        for isa in _core.available_isas()
    ]
    return tuple(hashes[0] if len(set(hashes)) == 1 else "" for hashes in zip(*found, strict=True))


def _labels(model: ir.Model, source: Source, labels: Labels | None) -> list[str]:
    outputs = [model.graphs[0].tensors[i].shape for i in model.graphs[0].outputs]
    if labels is not None and len(outputs) == 1 and len(outputs[0]) == 2:
        return load_labels(labels, outputs[0][1])
    if isinstance(labels, (str, os.PathLike)):
        with open(labels, encoding="utf-8", errors="replace") as file:
            return parse_labels(file.read())
    if labels is not None:
        return list(labels)
    if model.labels:
        return list(model.labels)
    packed_files = read_metadata(model).label_files
    if not isinstance(source, (str, os.PathLike)):
        text = packed_text(bytes(source), packed_files)
        return [] if text is None else parse_labels(text)
    text = packed_text(source, packed_files)
    packed = [] if text is None else parse_labels(text)
    classes = outputs[0][-1:] if outputs else ()
    if not classes:
        return packed
    fitted = fit_labels(packed, classes[0]) if packed else None
    if fitted is None:
        fitted = labels_beside(os.fspath(source), classes[0])
    return packed if fitted is None else fitted
