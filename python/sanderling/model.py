"""Load a model and run it: numpy in, numpy out."""

from __future__ import annotations

import os
from collections.abc import Iterator, Mapping, Sequence
from contextlib import AbstractContextManager, contextmanager, suppress
from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING, Any, NoReturn

import numpy as np

import sanderling.compiled_file  # noqa: F401  (for load_ir: here, so that the first load imports nothing)
from sanderling import _core, ir
from sanderling.errors import ModelError
from sanderling.importers import load_ir
from sanderling.machine import check_cores, check_fp16, check_isa, check_memory, thread_count
from sanderling.tensor_info import TensorInfo, describe

# What a compiled model does without is imported where it is needed: the first load of a program pays for every import.
if TYPE_CHECKING:
    import numpy.typing as npt

    from sanderling.profile import Profile
    from sanderling.tune_file import Tuning

    Array = npt.NDArray[Any]
Shape = Sequence[int]

MEMORY_LIMIT = 2**31
"""Bytes that a model's tensors may take unless `load` is told otherwise."""


@dataclass(frozen=True)
class Memory:
    """Memory of a planned model, in bytes.

    Attributes
    ----------
    arena : int
        The one block in which all computed tensors live.
    lower_bound : int
        The most bytes that are alive at one step: no plan could use less.
    constants : int
        Weights and other constants as the file holds them.
    packed : int
        Weights that were packed for the kernels since the model was loaded, in memory of their own.
    mapped : int
        The same taken from a compiled file.
    """

    arena: int
    lower_bound: int
    constants: int
    packed: int = 0
    mapped: int = 0


class Model:
    """A model, planned and ready to run; made by `load`.

    Calls from several threads are safe and run one after the other.
    """

    def __init__(self, model: ir.Model, *, threads: int | None = None, isa: str | None = None,
                 memory_limit: int = MEMORY_LIMIT, fuse: bool | None = None,
                 cores: Sequence[int] | None = None, tuning: Tuning | None = None,
                 fp16: bool = False) -> None:  # fmt: skip
        self._ir = model
        self._tuning = tuning
        if cores is not None:
            cores = check_cores(cores, threads)
            threads = len(cores)
        if tuning is not None and threads is None and not os.environ.get("SANDERLING_THREADS"):
            threads = tuning.threads
        if tuning is not None and fuse is None:
            fuse = tuning.fuse
        self._options: dict[str, Any] = {
            "isa": check_isa(isa),
            "threads": thread_count(threads),
            "memory_limit": check_memory(memory_limit),
            "cores": list(cores or ()),
            "fuse": "auto" if fuse is None else "always" if fuse else "never",
            "band_bytes": 0 if tuning is None or tuning.band_bytes is None else tuning.band_bytes,
            "fp16": bool(fp16),
        }
        if fp16:
            check_fp16(self._options["isa"])
        # An instruction set that was asked for is a limit, and a choice made among all says nothing below it; nor does
        # one among kernels of float32 say anything about fp16.
        isas = None if tuning is None or self._options["isa"] or fp16 else tuning.isas
        self._planned = model
        if model.native is not None and not isas:
            self._spec = model.native
        else:
            from sanderling.lowering import lower
            from sanderling.passes import rewrite

            rewritten = None if fuse is False else rewrite(model, _core.packing_isas()[:1])
            if rewritten is not None:
                self._planned = rewritten.model
            self._spec = lower(self._planned, isas, None if rewritten is None else rewritten.origins)
        with self._errors():
            self._runner = _core.Runner(model=self._spec, keep_all=False, **self._options)
        self._run_exact = self._runner.exact_call(0)
        self._entries = {0: _Entry(model, self._runner, 0)}

    def __reduce__(self) -> NoReturn:
        raise TypeError("a model can be neither copied nor pickled: load its file again, in each process")

    @property
    def source(self) -> str:
        """File that the model came from, for messages."""
        return self._ir.source

    @property
    def ir(self) -> ir.Model:
        """The model as the importer read it."""
        return self._ir

    @property
    def tuning(self) -> Tuning | None:
        """The choices of `sanderling tune` that were found beside the file; None without."""
        return self._tuning

    @property
    def threads(self) -> int:
        """Threads that share the work of a step."""
        return int(self._options["threads"])

    @property
    def fp16_steps(self) -> int:
        """Steps that compute in fp16 (see `load`); 0 where that was not asked for, and for integer networks."""
        with self._errors():
            entries = [self._runner.steps(graph) for graph in self._entries]
        return sum(step["kernel"].startswith("neon_fp16/") for steps in entries for step in steps)

    @property
    def inputs(self) -> list[TensorInfo]:
        """Inputs in order, with their present shapes."""
        return list(self._entries[0].inputs)

    @property
    def outputs(self) -> list[TensorInfo]:
        """Outputs in order. Shapes that depend on data are those of the latest run."""
        return self._entries[0].outputs()

    @property
    def memory(self) -> Memory:
        """Bytes of the plan for the present input shapes."""
        with self._errors():
            m = self._runner.memory(0)
        constants = sum(t.data.nbytes for g in self._ir.graphs for t in g.tensors if t.data is not None)
        return Memory(
            m["arena_bytes"], m["lower_bound_bytes"], constants, packed=m["packed_bytes"], mapped=m["mapped_bytes"]
        )

    @property
    def signatures(self) -> dict[str, SignatureRunner]:
        """Named entry points of the file, each callable with arguments by name."""
        return {s.key: SignatureRunner(self, s) for s in self._ir.signatures}

    def __call__(self, *args: npt.ArrayLike, **kwargs: npt.ArrayLike) -> Any:
        """Run the model.

        Parameters
        ----------
        *args, **kwargs : array_like
            The inputs in order, or by name: the tensor's name, or the argument's name in the model's signature. A
            float array given to a quantized input is quantized with the input's scale and zero point (rounding half
            away from zero, saturating); an array of the input's own dtype passes through. Float arrays are converted
            to the float type of a float input.

        Returns
        -------
        ndarray or tuple of ndarray
            New arrays, in the model's own dtypes (see `TensorInfo.dequantize`): one, or a tuple in order.

        Raises
        ------
        TypeError
            Too many, too few, unknown or wrongly typed inputs.
        ValueError
            A wrong shape (see `resize`), or NaN for a quantized input.
        ModelError
            The model fails on these values (an index out of range, a division of integers by zero).
        """
        if not kwargs:
            # Arrays that need no conversion: without any of it.
            try:
                exact = self._run_exact(args)
            except _core.CoreError as e:
                raise ModelError(f"{self._ir.source}: {e}") from None
            if exact is not None:
                return exact
        results = self._entries[0].run(args, kwargs)
        return results[0] if len(results) == 1 else tuple(results)

    def run(self, inputs: Mapping[str, npt.ArrayLike] | Sequence[npt.ArrayLike]) -> dict[str, Array]:
        """Run on inputs by name (or a list in order); return all outputs by name.

        The names are those in `inputs` and `outputs`. See `__call__` for conversions and errors.
        """
        entry = self._entries[0]
        results = entry.run((), inputs) if isinstance(inputs, Mapping) else entry.run(tuple(inputs), {})
        return dict(zip(entry.output_names, results, strict=True))

    def resize(self, *args: Shape | Mapping[str, Shape], **kwargs: Shape) -> None:
        """Plan for other input shapes: another batch, another picture size.

        Parameters
        ----------
        *args, **kwargs : sequence of int
            Shapes in order or by name; inputs that are not named keep theirs. A dict of shapes by name is taken too.

        Raises
        ------
        TypeError, ValueError
            Unknown names, or shapes that are not sequences of non-negative integers.
        ModelError
            The model cannot run at these shapes. It stays as it was.
        """
        if args and isinstance(args[0], Mapping):
            kwargs = {**args[0], **kwargs}
            args = args[1:]
        entry = self._entries[0]
        shapes: list[Any] = [t.shape for t in entry.inputs]
        for i, value in entry.by_index(args, kwargs, "shapes"):
            shapes[i] = _check_shape(entry.inputs[i].name, value)
        entry.plan(shapes)

    def reset(self) -> None:
        """Put all state (variables, recurrent states) back to what it was at load."""
        with self._errors():
            self._runner.reset()

    def profile(self, *args: npt.ArrayLike, runs: int = 10, **kwargs: npt.ArrayLike) -> Profile:
        """Time every step.

        Parameters
        ----------
        *args, **kwargs : array_like
            Inputs as in `__call__`.
        runs : int
            Timed runs, after one that is not timed; each step's median is reported.

        Returns
        -------
        Profile
            One row for each step that runs: operator, name, shape, multiply-adds, ms, share, GMAC/s, kernel.
        """
        if runs < 1:
            raise ValueError(f"profile: runs is {runs}; at least 1 expected")
        from sanderling.lowering import file_operators
        from sanderling.profile import make_profile

        inputs = self._entries[0].prepare(args, kwargs)
        with self._errors():
            self._runner.run(0, inputs)
            times = np.array([self._runner.run_profiled(0, inputs)[1] for _ in range(runs)])
            steps = self._runner.steps(0)
        graph = self._planned.graphs[0]
        for step, node in zip(steps, graph.nodes, strict=True):
            step["op"] = "+".join(file_operators(node))
        return make_profile(steps, np.median(times, axis=0) / 1e6, self._graph_labels())

    def tensors(self, *args: npt.ArrayLike, **kwargs: npt.ArrayLike) -> dict[str, Array]:
        """Run once and return every tensor of the main graph by name, constants and intermediate values included.

        A second plan without shared memory is made for it: use it to debug, not to measure. State is not carried over:
        a stateful model starts from reset. Equal names get the tensor's index behind "#".
        """
        from sanderling.lowering import lower

        entry = self._entries[0]
        inputs = entry.prepare(args, kwargs)
        values: dict[str, Array] = {}
        with self._errors():
            spec = self._spec if self._planned is self._ir else lower(self._ir)
            runner = _core.Runner(model=spec, keep_all=True, **self._options)
            runner.plan(graph=0, shapes=[list(x.shape) for x in inputs])
            runner.run(0, inputs)
            for i, tensor in enumerate(self._ir.graphs[0].tensors):
                value = runner.tensor(0, i)
                if value is not None:
                    values[f"{tensor.name}#{i}" if tensor.name in values else tensor.name] = value
        return values

    def __repr__(self) -> str:
        ends = [", ".join(f"{t.name} {t.dtype}{list(t.shape)}" for t in ts) for ts in (self.inputs, self.outputs)]
        return f"<sanderling.Model {self.source}: {ends[0]} -> {ends[1]}>"

    def _graph_labels(self) -> list[str]:
        """Name of each step: that of its first output."""
        graph = self._planned.graphs[0]
        return [next((graph.tensors[i].name for i in node.outputs if i >= 0), "") for node in graph.nodes]

    def _entry(self, graph: int) -> _Entry:
        if graph not in self._entries:
            self._entries[graph] = _Entry(self._ir, self._runner, graph)
        return self._entries[graph]

    def _errors(self) -> AbstractContextManager[None]:
        return _errors_of(self._ir.source)


@contextmanager
def _errors_of(source: str) -> Iterator[None]:
    try:
        yield
    except _core.CoreError as e:
        raise ModelError(f"{source}: {e}") from None


class _Entry:
    """A graph that can be called from outside: its inputs, their names and present shapes.

    It does not know the Model that has it: models are freed when the last reference goes, not by the collector.
    """

    def __init__(self, model: ir.Model, runner: _core.Runner, graph: int) -> None:
        self._source = model.source
        self._runner = runner
        self._index = graph
        self._graph = model.graphs[graph]
        self._signatures = model.signatures
        with _errors_of(self._source):
            try:
                self._runner.plan(graph=graph, shapes=None)
            except _core.OperatorError:
                # Shapes that stand for others need not fit: the first call fails unless resize() gave it others.
                if not any(-1 in (self._graph.tensors[i].shape_signature or ()) for i in self._graph.inputs):
                    raise

    # The first calls of a model with arrays that need no conversion ask for none of these.
    @cached_property
    def inputs(self) -> list[TensorInfo]:
        return [describe(self._graph.tensors[i]) for i in self._graph.inputs]

    @property
    def output_names(self) -> list[str]:
        return [self._graph.tensors[i].name for i in self._graph.outputs]

    @cached_property
    def _names(self) -> dict[str, int]:
        names: dict[str, int] = {}
        position = {t: i for i, t in enumerate(self._graph.inputs)}
        for s in self._signatures:
            if s.graph == self._index:
                names.update({name: position[t] for name, t in s.inputs.items() if t in position})
        names.update({t.name: i for i, t in enumerate(self.inputs)})
        return names

    def plan(self, shapes: Sequence[Shape]) -> None:
        before = [list(t.shape) for t in self.inputs]
        with _errors_of(self._source):
            try:
                self._runner.plan(graph=self._index, shapes=[list(s) for s in shapes])
            except _core.CoreError:
                if [list(s) for s in shapes] != before:
                    with suppress(_core.CoreError):  # they may never have fitted
                        self._runner.plan(graph=self._index, shapes=before)
                raise
        self.inputs = [t.with_shape(s) for t, s in zip(self.inputs, shapes, strict=True)]

    def outputs(self) -> list[TensorInfo]:
        tensors = self._graph.tensors
        with _errors_of(self._source):
            return [
                describe(tensors[i]).with_shape(self._runner.output_shape(self._index, k))
                for k, i in enumerate(self._graph.outputs)
            ]

    def by_index(self, args: Sequence[Any], kwargs: Mapping[str, Any], what: str) -> Iterator[tuple[int, Any]]:
        """Pairs of input index and argument; TypeError for what fits no input, or fits one twice."""
        names = ", ".join(repr(t.name) for t in self.inputs)
        if len(args) > len(self.inputs):
            raise TypeError(f"{len(args)} {what} were given, but the model has {len(self.inputs)} inputs: {names}")
        seen = set(range(len(args)))
        yield from enumerate(args)
        for name, value in kwargs.items():
            if name not in self._names:
                raise TypeError(f"the model has no input {name!r}; its inputs are: {names}")
            if self._names[name] in seen:
                raise TypeError(f"input {name!r} was given twice")
            seen.add(self._names[name])
            yield self._names[name], value

    def prepare(self, args: Sequence[npt.ArrayLike], kwargs: Mapping[str, npt.ArrayLike]) -> list[Array]:
        """Return contiguous arrays in the model's dtypes and shapes, in order."""
        arrays: list[Array | None] = [None] * len(self.inputs)
        for i, value in self.by_index(args, kwargs, "inputs"):
            arrays[i] = self.inputs[i].convert(value)
        missing = [repr(t.name) for t, a in zip(self.inputs, arrays, strict=True) if a is None]
        if missing:
            raise TypeError(f"missing inputs: {', '.join(missing)}")
        return [a for a in arrays if a is not None]

    def run(self, args: Sequence[npt.ArrayLike], kwargs: Mapping[str, npt.ArrayLike]) -> list[Array]:
        inputs = self.prepare(args, kwargs)
        try:
            return self._runner.run(self._index, inputs)
        except _core.CoreError as e:
            raise ModelError(f"{self._source}: {e}") from None


class SignatureRunner:
    """A named entry point: call it with arguments by name, get a dict of outputs by name."""

    def __init__(self, model: Model, signature: ir.Signature) -> None:
        self._model = model
        self._signature = signature

    @property
    def inputs(self) -> dict[str, TensorInfo]:
        """Arguments by name."""
        tensors = self._model.ir.graphs[self._signature.graph].tensors
        return {name: describe(tensors[i]) for name, i in self._signature.inputs.items()}

    @property
    def outputs(self) -> dict[str, TensorInfo]:
        """Results by name, with the shapes that the file declares."""
        tensors = self._model.ir.graphs[self._signature.graph].tensors
        return {name: describe(tensors[i]) for name, i in self._signature.outputs.items()}

    def __call__(self, **kwargs: npt.ArrayLike) -> dict[str, Array]:
        """Run; see `Model.__call__` for conversions and errors."""
        unknown = sorted(set(kwargs) - set(self._signature.inputs))
        if unknown:
            known = ", ".join(map(repr, self._signature.inputs))
            raise TypeError(f"signature {self._signature.key!r} has no input {unknown[0]!r}; its inputs are: {known}")
        results = self._model._entry(self._signature.graph).run((), kwargs)
        position = {t: k for k, t in enumerate(self._model.ir.graphs[self._signature.graph].outputs)}
        return {name: results[position[t]] for name, t in self._signature.outputs.items() if t in position}

    def __repr__(self) -> str:
        return f"<signature {self._signature.key!r}: {', '.join(self.inputs)} -> {', '.join(self.outputs)}>"


def load(
    source: str | os.PathLike[str] | bytes | memoryview,
    threads: int | None = None,
    *,
    isa: str | None = None,
    memory_limit: int = MEMORY_LIMIT,
    fuse: bool | None = None,
    cores: Sequence[int] | None = None,
    tuned: bool = True,
    fp16: bool = False,
) -> Model:
    """Load a model.

    Parameters
    ----------
    source : path or bytes
        A `.tflite` file, or its content.
    threads : int, optional
        Threads that share the work of each step; results do not depend on it. Default: the environment's
        SANDERLING_THREADS, else one for each big core that this process may use (see `default_threads`).
    isa : str, optional
        Instruction set whose kernels are used (see ``sanderling doctor``). Default: the environment's SANDERLING_ISA,
        else the best that this CPU has. Results do not depend on it.
    memory_limit : int
        Bytes that the model's tensors may take; a model that needs more is refused.
    fuse : bool, optional
        Run convolutions, additions, functions and 8-bit maxima that follow each other together, some rows of the
        picture at a time, so that the large tensors between them are never in memory as a whole. Default: where it is
        expected to save time, or memory at no cost; True: wherever possible. Unless it is False, a border of zeros
        (PAD) that only a convolution reads becomes the convolution's own padding, and operators that compute bytes from
        one byte alone become one table. Results do not depend on it.
    cores : sequence of int, optional
        Cores for the threads, one each: thread i stays on cores[i], the calling thread on cores[0] during a run.
        Default: wherever the system puts them, within the process's affinity mask.
    tuned : bool
        Use what ``sanderling tune`` has stored beside the file (MODEL.tune.json) for this model, CPU and build, as far
        as `threads`, `isa`, `fuse`, `fp16` and the environment leave it open. What no longer fits the model or the
        build is ignored with a warning.
    fp16 : bool
        Let convolutions and fully connected layers of float32 compute in fp16; the CPU must have such arithmetic
        (ARMv8.2: Cortex-A55, A75, A76 and later): faster, with half the memory for weights, and other results:
        about three digits are right, and inputs of such a layer beyond 65504 count as infinite (beyond 511, sums may
        become so). Tensors stay float32; integer steps stay the same bits. See `Model.fp16_steps`.

    Raises
    ------
    FileNotFoundError, IsADirectoryError
        There is no such file.
    ModelError
        The file (or what is stored beside it) is damaged, or uses what sanderling does not support; the message says
        where.
    ValueError
        `threads`, `isa`, `cores` or `fp16` are not possible on this machine.
    """
    model = load_ir(source)
    tuning = None
    if tuned and isinstance(source, (str, os.PathLike)) and os.path.exists(f"{os.fspath(source)}.tune.json"):
        from sanderling.tune_file import find_tuning

        tuning = find_tuning(source, len(model.graphs[0].nodes))
    return Model(
        model, threads=threads, isa=isa, memory_limit=memory_limit, fuse=fuse, cores=cores, tuning=tuning, fp16=fp16
    )


def _check_shape(name: str, shape: Any) -> tuple[int, ...]:
    try:
        extents = tuple(int(n) for n in shape)
        fine = all(0 <= n < 1 << 63 and n == m for n, m in zip(extents, shape, strict=True))
    except (TypeError, ValueError):
        fine = False
    if not fine:
        raise ValueError(f"shape of input {name!r} is {shape!r}; a sequence of non-negative integers expected")
    return extents
