"""LiteRT's reference kernels as the oracle of the tests, in a child process that may die.

>>> from tests.support import oracle
>>> outputs = oracle.run(model_bytes, [x])                    # list of arrays, one an output
>>> outputs = oracle.run(model_bytes, [x], resize=[(4, 8)])   # new input shapes first
>>> steps = oracle.run_sequence(model_bytes, [[x0], [x1]])    # state is kept between the two
>>> values = oracle.run(model_bytes, [x], tensors=True)       # {name: array}, every tensor of the main graph
>>> oracle.run(broken, [x])                                   # raises oracle.Refused("...")

The interpreter aborts or segfaults on some files; `Refused` says so, and the next call gets a new child.
Under an emulator SANDERLING_ORACLE_PYTHON names the machine's own Python, whose LiteRT is then the oracle.
"""

from __future__ import annotations

import atexit
import contextlib
import os
import pickle
import select
import struct
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Sequence
from pathlib import Path
from typing import Any, Literal

import numpy as np

Resolver = Literal["ref", "builtin", "default"]
Shapes = Sequence[Sequence[int] | None]

TIMEOUT = 60.0
_LENGTH = struct.Struct("<Q")


class Refused(Exception):
    """LiteRT does not run this model on these inputs; the text is its reason."""


def _command() -> tuple[str, dict[str, str]]:
    """Return the child's Python and its environment."""
    # A sanitizer's runtime is for our module, not for LiteRT.
    dropped = {"LD_PRELOAD"}
    python = os.environ.get("SANDERLING_ORACLE_PYTHON")
    if python is not None:
        dropped |= {"LD_LIBRARY_PATH", "PYTHONHOME", "PYTHONPATH"}
    return python or sys.executable, {k: v for k, v in os.environ.items() if k not in dropped}


class _Child:
    """One child process with its two pipes; what it prints goes to a file for messages."""

    def __init__(self) -> None:
        self.log = tempfile.TemporaryFile()  # noqa: SIM115 (closed by `end`)
        python, environment = _command()
        self._process = subprocess.Popen(
            [python, "-X", "faulthandler=0", str(Path(__file__).with_name("oracle_child.py"))],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=self.log,
            env=environment,
        )

    def call(self, request: dict[str, Any], timeout: float) -> Any:
        """Send a request and wait for its answer; EOFError where the child dies, TimeoutError where it is slow."""
        self.log.seek(0)
        self.log.truncate()
        payload = pickle.dumps(request, pickle.HIGHEST_PROTOCOL)
        assert self._process.stdin is not None
        assert self._process.stdout is not None
        try:
            self._process.stdin.write(_LENGTH.pack(len(payload)))
            self._process.stdin.write(payload)
            self._process.stdin.flush()
        except BrokenPipeError as error:
            raise EOFError from error
        deadline = time.monotonic() + timeout
        length = _LENGTH.unpack(self._read(_LENGTH.size, deadline))[0]
        return pickle.loads(self._read(length, deadline))

    def _read(self, length: int, deadline: float) -> bytes:
        assert self._process.stdout is not None
        descriptor = self._process.stdout.fileno()
        parts = []
        while length:
            ready, _, _ = select.select([descriptor], [], [], max(0.0, deadline - time.monotonic()))
            if not ready:
                raise TimeoutError
            part = os.read(descriptor, min(length, 1 << 20))
            if not part:
                raise EOFError
            parts.append(part)
            length -= len(part)
        return b"".join(parts)

    def said(self) -> str:
        """Return the last lines that the child printed."""
        self.log.seek(0)
        lines = self.log.read().decode("utf-8", "replace").strip().splitlines()
        return "; ".join(line for line in lines if not line.startswith("INFO"))[-500:]

    def end(self) -> int:
        """Kill the child and return how it ended."""
        if self._process.poll() is None:
            self._process.kill()
        code = self._process.wait()
        for pipe in (self._process.stdin, self._process.stdout):
            assert pipe is not None
            with contextlib.suppress(BrokenPipeError):
                pipe.close()
        self.log.close()
        return code


_child: _Child | None = None
_lock = threading.Lock()


def close() -> None:
    """End the child process; the next call starts another."""
    global _child
    if _child is not None:
        _child.end()
        _child = None


atexit.register(close)


def _call(request: dict[str, Any], timeout: float) -> Any:
    global _child
    with _lock:
        if _child is None:
            _child = _Child()
        try:
            ok, answer = _child.call(request, timeout)
        except (EOFError, TimeoutError, KeyboardInterrupt) as error:
            time.sleep(0.01)  # The dying child's last words.
            said = _child.said()
            code = _child.end()
            _child = None
            if isinstance(error, KeyboardInterrupt):
                raise
            how = f"ran longer than {timeout} s" if isinstance(error, TimeoutError) else f"died with code {code}"
            raise Refused(f"LiteRT {how}: {said}") from None
        if not ok:
            said = _child.said()
            raise Refused(f"{answer} {said}" if said and said not in answer else answer)
        return answer


def run_sequence(
    model: bytes,
    inputs: Sequence[Sequence[np.ndarray]],
    *,
    resize: Shapes | None = None,
    resolver: Resolver = "ref",
    num_threads: int = 1,
    tensors: bool = False,
    reset: Sequence[int] = (),
    timeout: float = TIMEOUT,
) -> list[Any]:
    """Run a model several times in one interpreter, so that variables keep their state between the runs.

    Parameters
    ----------
    model : bytes
        Content of a .tflite file.
    inputs : sequence of sequences of ndarray
        One set of inputs a run, in the order of the model's inputs.
    resize : sequence of shapes or None
        New shapes of the inputs, in their order; None entries stay as they are.
    resolver : "ref", "builtin" or "default"
        The reference kernels, the optimised ones, or what a user gets (optimised kernels and XNNPACK).
    tensors : bool
        Return {name: array} of every tensor that has a value instead of the outputs. Where several tensors share a
        name, those after the first are called "name#index".
    reset : sequence of int
        Before these runs (numbered from 0) the variables are reset.

    Returns
    -------
    list
        For each run a list of output arrays, or a dict (see `tensors`).

    Raises
    ------
    Refused
        LiteRT raised, died, or took longer than `timeout` seconds.
    """
    request = {
        "model": bytes(model),
        "inputs": [list(step) for step in inputs],
        "resize": None if resize is None else [None if s is None else [int(n) for n in s] for s in resize],
        "resolver": resolver,
        "num_threads": num_threads,
        "tensors": tensors,
        "reset": list(reset),
    }
    answer: list[Any] = _call(request, timeout)
    return answer


def run(model: bytes, inputs: Sequence[np.ndarray], **options: Any) -> Any:
    """Run a model once; see `run_sequence` for the options.

    Returns
    -------
    list of ndarray, or dict with `tensors=True`
    """
    return run_sequence(model, [inputs], **options)[0]
