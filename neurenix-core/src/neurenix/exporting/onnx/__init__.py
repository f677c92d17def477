"""The target "onnx": each entry point as one ONNX model."""

from .write import write

__all__ = ["write"]
