"""Programs: their representation, as text and as JSON."""

from .ir import Instruction, Program, Symbol, params_key

__all__ = ["Instruction", "Program", "Symbol", "params_key"]
