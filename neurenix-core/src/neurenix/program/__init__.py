"""Programs: the representation, and the passes from a captured one to a plan."""

from .ir import Instruction, Program, Symbol, params_key

__all__ = ["Instruction", "Program", "Symbol", "params_key"]
