"""Vectors of as many numbers as a processor multiplies at once, in functions that numba compiles.

numba compiles loops over numbers and leaves it to LLVM to find vectors in them. Here the vectors
are said: `load` and `store` move one between an array and the processor, `spread` repeats a number,
`multiply_add` rounds once, `total` adds up, `numbers_of_vector` says
how many there are. All take C-contiguous arrays of float32 or float64 and
count places in numbers from the beginning of the array.
"""

import hashlib
from functools import lru_cache
from pathlib import Path
from typing import Any

import llvmlite.binding
import numpy as np
from llvmlite import ir
from numba import njit
from numba.core import cgutils, types
from numba.extending import intrinsic, models, register_model
from numba.np.arrayobj import make_array

_FEATURES = llvmlite.binding.get_host_cpu_features()
_BYTES = 64 if _FEATURES.get("avx512f") else 32


def lanes(dtype: np.dtype[Any]) -> int:
    """How many numbers of this type are in a vector."""
    return _BYTES // dtype.itemsize


def multiplies_and_adds() -> bool:
    """Whether the processor has an instruction for `multiply_add`."""
    return bool(_FEATURES.get("fma") or _FEATURES.get("neon") or _FEATURES.get("fp-armv8"))


def compiled(function: Any) -> Any:
    """Compile a function when it is first called, and keep what was compiled where that can be.

    What is kept is compiled again when any of the modules of kernels has changed: a function holds
    copies of those that it calls, and numba by itself looks at the function's own module alone.
    """
    try:
        found = njit(cache=True, nogil=True)(function)
    except RuntimeError:  # no folder can be written
        return njit(nogil=True)(function)
    found._cache._cache_file._source_stamp = _digest(Path(__file__).parent)  # no public way
    return found


@lru_cache(1)
def _digest(folder: Path) -> str:
    """Of all modules of kernels."""
    modules = sorted(folder.glob("*_kernels*.py"))
    return hashlib.sha256(b"".join(module.read_bytes() for module in modules)).hexdigest()


def _generated(function: Any) -> Any:
    """Make a function of compiled code of one that returns its types and what writes its body."""
    return intrinsic(function)


class Vector(types.Type):
    """The type of a vector.

    Args:
        scalar: numba's type of its numbers.
    """

    def __init__(self, scalar: Any) -> None:
        self.scalar = scalar
        self.lanes = lanes(np.dtype(scalar.name))
        super().__init__(name=f"Vector({scalar}, {self.lanes})")


@register_model(Vector)
class _VectorModel(models.PrimitiveModel):  # type: ignore[misc]
    def __init__(self, manager: Any, vector: Vector) -> None:
        number = manager.lookup(vector.scalar).get_value_type()
        super().__init__(manager, vector, ir.VectorType(number, vector.lanes))


def _pointer(context: Any, builder: Any, array_type: Any, array: Any, place: Any) -> Any:
    """To the numbers of an array from a place on, read as one vector."""
    number = builder.gep(make_array(array_type)(context, builder, array).data, [place])
    vector = context.get_value_type(Vector(array_type.dtype))
    return builder.bitcast(number, vector.as_pointer())


@_generated
def numbers_of_vector(_: Any, array: Any) -> Any:
    """How many numbers of an array are in a vector."""

    def generate(context: Any, builder: Any, signature: Any, arguments: Any) -> Any:
        del builder, arguments
        return context.get_constant(signature.return_type, Vector(array.dtype).lanes)

    return types.intp(array), generate


@_generated
def load(_: Any, array: Any, place: Any) -> Any:
    """The vector at a place of an array."""
    del place

    def generate(context: Any, builder: Any, signature: Any, arguments: Any) -> Any:
        pointer = _pointer(context, builder, signature.args[0], *arguments)
        return builder.load(pointer, align=array.dtype.bitwidth // 8)

    return Vector(array.dtype)(array, types.intp), generate


@_generated
def store(_: Any, array: Any, place: Any, vector: Any) -> Any:
    """Write a vector to a place of an array."""
    del place

    def generate(context: Any, builder: Any, signature: Any, arguments: Any) -> Any:
        pointer = _pointer(context, builder, signature.args[0], *arguments[:2])
        builder.store(arguments[2], pointer, align=array.dtype.bitwidth // 8)
        return context.get_dummy_value()

    return types.void(array, types.intp, vector), generate


@_generated
def spread(_: Any, number: Any) -> Any:
    """A vector of one number again and again."""

    def generate(context: Any, builder: Any, signature: Any, arguments: Any) -> Any:
        whole = context.get_value_type(signature.return_type)
        index = ir.IntType(32)
        first = builder.insert_element(ir.Constant(whole, ir.Undefined), arguments[0], index(0))
        order = ir.Constant(ir.VectorType(index, whole.count), [0] * whole.count)
        return builder.shuffle_vector(first, ir.Constant(whole, ir.Undefined), order)

    return Vector(number)(number), generate


@_generated
def multiply_add(_: Any, one: Any, other: Any, added: Any) -> Any:
    """``one * other + added``, rounded once."""

    def generate(context: Any, builder: Any, signature: Any, arguments: Any) -> Any:
        whole = context.get_value_type(signature.return_type)
        name = f"llvm.fma.v{one.lanes}f{one.scalar.bitwidth}"
        function = cgutils.get_or_insert_function(
            builder.module, ir.FunctionType(whole, [whole] * 3), name
        )
        return builder.call(function, arguments)

    return added(one, other, added), generate


@_generated
def total(_: Any, vector: Any) -> Any:
    """The sum of a vector's numbers, added in their order."""

    def generate(context: Any, builder: Any, signature: Any, arguments: Any) -> Any:
        del context, signature
        index = ir.IntType(32)
        found = builder.extract_element(arguments[0], index(0))
        for lane in range(1, vector.lanes):
            found = builder.fadd(found, builder.extract_element(arguments[0], index(lane)))
        return found

    return vector.scalar(vector), generate
