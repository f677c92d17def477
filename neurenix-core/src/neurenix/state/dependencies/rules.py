"""Chooses, by its class, how a value is looked at."""

from __future__ import annotations

import array
import functools
import io
import operator
import threading
import types
import weakref
from collections import deque
from contextvars import ContextVar
from enum import Enum
from typing import Any

import numpy as np

from ...attributes import SCALARS, Watched
from ...tensor import Tensor
from ..cell import Cell
from . import functions, objects, values
from .consumed import HOST_RANDOM
from .user_code import origin, top_of
from .walk import Rule

# Rules in their order: the first whose class a value is an instance of counts.
_RULES: list[tuple[Any, Rule]] = [
    (Cell, values.cell_key),
    (Tensor, values.tensor_key),
    (Watched, objects.watched_key),
    (Enum, values.enum_key),
    (np.generic, values.numpy_scalar_key),
    ((np.dtype, range), values.by_hash_key),
    (np.ndarray, values.array_key),
    ((bytearray, array.array, memoryview), values.bytes_key),
    ((tuple, list, deque), values.items_key),
    ((set, frozenset), values.set_key),
    ((dict, types.MappingProxyType), values.dict_key),
    (slice, values.slice_key),
    (types.FunctionType, functions.function_key),
    (types.MethodType, functions.method_key),
    ((types.BuiltinFunctionType, types.MethodWrapperType), functions.builtin_key),
    (functools.partial, functions.partial_key),
    (functions.WRAPPERS, functions.wrapper_key),
    ((operator.attrgetter, operator.methodcaller), functions.getter_key),
    (weakref.ref, functions.referred_key),
    (types.ModuleType, objects.module_key),
    (type, objects.class_key),
    (HOST_RANDOM, objects.refuse),
    (ContextVar, objects.context_key),
    (threading.local, objects.object_key),  # as this thread has it
    (io.IOBase, values.same_key),
]
_HAVE_NO_INSIDE = {
    values.same_key,
    values.by_hash_key,
    values.cell_key,
    values.tensor_key,
    values.numpy_scalar_key,
    objects.refuse,
}
# Modules of Python whose classes have objects that are values with fields.
_NAMESPACES = ("types", "argparse", "collections")


def rule_of(kind: type) -> tuple[Rule, bool]:
    """The rule for values of a class, and whether such values have others inside."""
    rule = _rule_of(kind)
    return rule, rule not in _HAVE_NO_INSIDE


def _rule_of(kind: type) -> Rule:
    for kinds, rule in _RULES:
        if issubclass(kind, kinds):
            return rule
    where = top_of(kind.__module__)
    if where == "neurenix":
        return objects.library_object_key
    if issubclass(kind, SCALARS):
        return values.by_hash_key
    if origin(where) == "library" and where not in _NAMESPACES:
        return objects.refuse if hasattr(kind, "__next__") else values.same_key
    if hasattr(kind, "__array__"):
        return values.array_like_key
    if "__dict__" in dir(kind) or any(objects.slots(kind)):
        return objects.object_key
    return objects.refuse
