"""Writes a trained model for other programs: `export_run` does it, and each format has a file."""

from ..variants import EXPORT_FORMATS
from . import c, numpy_file, onnx, safetensors
from .exporting import Exported, export_run
from .format import ExportFormat

for _module in (onnx, c, numpy_file, safetensors):
    EXPORT_FORMATS.add(_module.FORMAT)

__all__ = ["ExportFormat", "Exported", "export_run"]
