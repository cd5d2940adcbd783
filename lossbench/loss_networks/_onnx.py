"""Weights out of an ONNX file, by walking its protocol buffers."""

from collections.abc import Collection, Iterator
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from lossbench.errors import UserError, nearest

# field numbers of ModelProto, GraphProto and TensorProto in onnx.proto, and its code for float32
GRAPH = 7
INITIALIZER = 5
DIMS, DATA_TYPE, NAME, RAW_DATA = 1, 2, 8, 9
FLOAT = 1
# wire types of protocol buffers
VARINT, FIXED64, LENGTH_DELIMITED, FIXED32 = 0, 1, 2, 5


def weights(path: Path, names: Collection[str]) -> dict[str, NDArray[np.float32]]:
    """Return the initialisers `names` of the ONNX model at `path`, read-only.

    Raises UserError naming the file when it is missing, truncated, not ONNX, lacks a name, or holds anything but raw
    float32 numbers under one.
    """
    try:
        content = memoryview(path.read_bytes())
    except OSError as error:
        raise UserError(f"{path} cannot be read ({error.strerror}); check the path") from None
    try:
        graphs = [message for field, message in _fields(content) if field == GRAPH]
        if len(graphs) != 1:
            raise ValueError(f"{len(graphs)} graphs instead of one")
        tensors = [_Tensor(message) for field, message in _fields(graphs[0]) if field == INITIALIZER]
        found = {tensor.name: tensor.values() for tensor in tensors if tensor.name in names}
    except ValueError as error:
        raise UserError(f"{path} is not a whole ONNX file of float32 weights ({error}); get it again") from None
    for name in names:
        if name not in found:
            raise UserError(f"{path} has no weights '{name}'; {nearest(name, (tensor.name for tensor in tensors))}")
    return found


class _Tensor:
    def __init__(self, message: memoryview | int) -> None:
        fields: dict[int, memoryview | int] = {}
        self.shape: list[int] = []
        for field, value in _fields(message):
            if field == DIMS:
                self.shape += [value] if isinstance(value, int) else _packed(value)
            else:
                fields[field] = value
        name = fields.get(NAME, 0)
        self.name = "" if isinstance(name, int) else bytes(name).decode()
        self.kind, self.raw = fields.get(DATA_TYPE), fields.get(RAW_DATA, 0)

    def values(self) -> NDArray[np.float32]:
        if self.kind != FLOAT or isinstance(self.raw, int):
            raise ValueError(f"'{self.name}' is not raw float32")
        # both raise ValueError where bytes and shape disagree
        return np.frombuffer(self.raw, dtype="<f4").reshape(self.shape)


def _fields(message: memoryview | int) -> Iterator[tuple[int, memoryview | int]]:
    if not isinstance(message, memoryview):
        raise ValueError("a number where a message should be")
    position = 0
    while position < len(message):
        key, position = _varint(message, position)
        field, wire = key >> 3, key & 7
        if wire == VARINT:
            number, position = _varint(message, position)
            yield field, number
            continue
        if wire == LENGTH_DELIMITED:
            length, position = _varint(message, position)
        elif wire in (FIXED64, FIXED32):
            length = 8 if wire == FIXED64 else 4
        else:
            raise ValueError(f"unknown wire type {wire}")
        if position + length > len(message):
            raise ValueError(f"{length} bytes announced, {len(message) - position} left")
        yield field, message[position : position + length]
        position += length


def _packed(numbers: memoryview) -> list[int]:
    values, position = [], 0
    while position < len(numbers):
        value, position = _varint(numbers, position)
        values.append(value)
    return values


def _varint(message: memoryview, position: int) -> tuple[int, int]:
    value = shift = 0
    while position < len(message) and shift < 64:
        byte = message[position]
        value |= (byte & 0x7F) << shift
        position, shift = position + 1, shift + 7
        if byte < 0x80:
            return value, position
    raise ValueError("a number is cut off")
