"""Types of the native engine; see csrc/bindings."""

from collections.abc import Callable, Mapping, Sequence
from typing import Any

import numpy as np
import numpy.typing as npt

version: str

class CoreError(RuntimeError): ...
class OperatorError(CoreError): ...

def available_isas() -> list[str]: ...
def asked_isas() -> list[str]:
    """Instruction sets that this CPU runs and whose kernels have to be asked for, as they change results."""

def packing_isas() -> list[str]: ...
def has_fp16(*, isa: str) -> bool:
    """Whether `isa` or lower ones include kernels of fp16 arithmetic that this CPU runs; "": what is chosen anyway."""

def available_cores() -> int: ...
def usable_cores() -> list[int]: ...
def big_cores(*, cores: Sequence[int], folder: str = ...) -> list[int]:
    """Those of `cores` with at least half the capacity of the strongest, as far as `folder` in /sys tells."""

def kernels() -> list[tuple[str, str, str]]:
    """(folder, row of kernels.inc, instruction set) of every hot kernel of this build."""

def run_peak(*, isa: str, is_float: bool, loops: int) -> tuple[str, int, float]:
    """(row, multiply-adds, nanoseconds) of a loop of nothing but multiply-adds on registers; benchmarks use it."""

def operators() -> list[str]: ...

class ModelSpec:
    def add_graph(self) -> int: ...
    def add_tensor(
        self,
        *,
        graph: int,
        name: str,
        dtype: str,
        shape: Sequence[int],
        scale: Sequence[float] | npt.NDArray[np.float32],
        zero_point: Sequence[int] | npt.NDArray[np.int64],
        axis: int,
        is_variable: bool,
        data: npt.NDArray[Any] | None,
    ) -> int: ...
    def add_node(
        self,
        *,
        graph: int,
        op: str,
        name: str,
        inputs: Sequence[int],
        outputs: Sequence[int],
        intermediates: Sequence[int],
        attributes: Mapping[str, Any],
        function: Callable[..., Any] | None,
        isa: str,
    ) -> None: ...
    def set_ends(self, *, graph: int, inputs: Sequence[int], outputs: Sequence[int]) -> None: ...
    def validate(self) -> None: ...

class Runner:
    def __init__(
        self,
        *,
        model: ModelSpec,
        isa: str,
        threads: int,
        memory_limit: int,
        keep_all: bool,
        fuse: str,
        cores: Sequence[int],
        band_bytes: int,
        fp16: bool,
    ) -> None: ...
    def plan(self, *, graph: int, shapes: Sequence[Sequence[int]] | None) -> None: ...
    def run(self, graph: int, inputs: Sequence[npt.NDArray[Any]]) -> list[npt.NDArray[Any]]: ...
    def exact_call(
        self, graph: int
    ) -> Callable[[tuple[Any, ...]], npt.NDArray[Any] | tuple[npt.NDArray[Any], ...] | None]: ...
    def run_profiled(
        self, graph: int, inputs: Sequence[npt.NDArray[Any]]
    ) -> tuple[list[npt.NDArray[Any]], list[float]]: ...
    def reset(self) -> None: ...
    def memory(self, graph: int) -> dict[str, int]: ...
    def steps(self, graph: int) -> list[dict[str, Any]]: ...
    def output_shape(self, graph: int, i: int) -> tuple[int, ...]: ...
    def tensor(self, graph: int, index: int) -> npt.NDArray[Any] | None: ...

class CompiledModel:
    """A model file in the engine's own form; see csrc/graph/compiled.h."""

    version: str
    source: str
    source_sha256: str
    labels: list[str]

    def __init__(self, spec: ModelSpec) -> None: ...
    @staticmethod
    def read(path: bytes, name: str) -> CompiledModel: ...
    @staticmethod
    def decode(data: bytes) -> CompiledModel: ...
    def encode(self) -> bytes: ...
    def pack_for(self, isa: str) -> None: ...
    def graph(self, index: int) -> tuple[int, int, list[int], list[int]]:
        """How many tensors and nodes it has, its inputs and outputs."""
    def tensor(self, graph: int, i: int) -> dict[str, Any]: ...
    def node(self, graph: int, i: int) -> dict[str, Any]: ...
    def packed(self) -> list[tuple[str, str, int]]:
        """(instruction set, kernel, bytes) of the packed weights that this build's kernels take."""
    @property
    def spec(self) -> ModelSpec: ...
    @property
    def num_graphs(self) -> int: ...
    def add_signature(
        self, *, key: str, graph: int, inputs: Sequence[tuple[str, int]], outputs: Sequence[tuple[str, int]]
    ) -> None: ...
    @property
    def signatures(self) -> list[tuple[str, int, list[tuple[str, int]], list[tuple[str, int]]]]: ...
    def set_golden(self, *, seed: int, count: int, outputs: Sequence[str]) -> None: ...
    @property
    def golden(self) -> tuple[int, int, list[str]]: ...
    def add_metadata(self, name: str, value: bytes) -> None: ...
    @property
    def metadata(self) -> dict[str, bytes]: ...
