"""The child process of oracle.py: reads requests from stdin, runs LiteRT, writes answers to stdout."""

from __future__ import annotations

import os
import pickle
import struct
import sys
from typing import Any, BinaryIO

import numpy as np
from ai_edge_litert.interpreter import Interpreter, OpResolverType

_LENGTH = struct.Struct("<Q")
_RESOLVERS = {
    "ref": OpResolverType.BUILTIN_REF,
    "builtin": OpResolverType.BUILTIN_WITHOUT_DEFAULT_DELEGATES,
    "default": OpResolverType.AUTO,
}


def _every_tensor(interpreter: Interpreter) -> dict[str, np.ndarray]:
    values: dict[str, np.ndarray] = {}
    for detail in interpreter.get_tensor_details():
        name = detail["name"]
        if name in values:
            name = f"{name}#{detail['index']}"
        try:
            values[name] = interpreter.get_tensor(detail["index"])
        except ValueError:  # A tensor without a value: a resource, or an operator's temporary.
            continue
    return values


def _run(request: dict[str, Any]) -> list[Any]:
    interpreter = Interpreter(
        model_content=request["model"],
        num_threads=request["num_threads"],
        experimental_op_resolver_type=_RESOLVERS[request["resolver"]],
        experimental_preserve_all_tensors=request["tensors"],
    )
    inputs = interpreter.get_input_details()
    for detail, shape in zip(inputs, request["resize"] or (), strict=False):
        if shape is not None:
            interpreter.resize_tensor_input(detail["index"], shape)
    interpreter.allocate_tensors()
    results: list[Any] = []
    for step, values in enumerate(request["inputs"]):
        if step in request["reset"]:
            interpreter.reset_all_variables()
        if len(values) != len(inputs):
            raise ValueError(f"the model has {len(inputs)} inputs, {len(values)} were given")
        for detail, value in zip(inputs, values, strict=True):
            interpreter.set_tensor(detail["index"], value)
        interpreter.invoke()
        if request["tensors"]:
            results.append(_every_tensor(interpreter))
        else:
            results.append([interpreter.get_tensor(d["index"]) for d in interpreter.get_output_details()])
    return results


def _serve(requests: BinaryIO, answers: BinaryIO) -> None:
    while header := requests.read(_LENGTH.size):
        request = pickle.loads(requests.read(_LENGTH.unpack(header)[0]))
        try:
            answer: Any = True, _run(request)
        except Exception as error:
            answer = False, f"{type(error).__name__}: {error}"
        payload = pickle.dumps(answer, pickle.HIGHEST_PROTOCOL)
        answers.write(_LENGTH.pack(len(payload)))
        answers.write(payload)
        answers.flush()


if __name__ == "__main__":
    # LiteRT prints to stdout, too; answers go out through a copy of it that nobody else knows.
    private = os.fdopen(os.dup(1), "wb")
    os.dup2(2, 1)
    _serve(sys.stdin.buffer, private)
