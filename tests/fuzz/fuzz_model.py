"""Coverage-guided fuzzing of the whole path: bytes -> importer -> plan -> run.

    tests/fuzz/run.sh SECONDS          (needs atheris from PyPI)

Anything but a result or a sanderling.ModelError stops the fuzzer, which writes the input to crash-*; run it again with
`python -m tests.fuzz.fuzz_model crash-...`.
"""

from __future__ import annotations

import contextlib
import sys
import tempfile
from pathlib import Path

import atheris
import numpy as np

with atheris.instrument_imports(include=["sanderling"]):
    import sanderling
    import sanderling.importers.tflite
    import sanderling.model

from tests.fuzz.corpus import seeds
from tests.support.inputs import seeded

MEMORY_LIMIT = 64 << 20


def load_and_run(data: bytes) -> None:
    model = sanderling.load(data, threads=1, memory_limit=MEMORY_LIMIT)
    # Shapes with -1 in their signature need not fit, nor be of a size that anybody has: it fails with those.
    model.resize(*(t.shape for t in model.inputs))
    rng = np.random.RandomState(0)
    inputs = [seeded(t, rng) for t in model.inputs]
    model(*inputs)
    model(*inputs)


def test_one_input(data: bytes) -> None:
    with contextlib.suppress(sanderling.ModelError):
        load_and_run(data)


def main() -> None:
    with tempfile.TemporaryDirectory() as folder:
        for name, data in seeds().items():
            sanderling.load(data, threads=1)  # a seed that is refused would teach the fuzzer nothing
            Path(folder, name).write_bytes(data)
        atheris.Setup([*sys.argv, *([] if any(Path(a).is_file() for a in sys.argv[1:]) else [folder])], test_one_input)
        atheris.Fuzz()


if __name__ == "__main__":
    main()
