"""A trained model for other places, a file a format."""

from ..variants import EXPORT_FORMATS
from . import c_source, numpy_file, onnx, safetensors
from .format import ExportFormat

for _module in (onnx, c_source, numpy_file, safetensors):
    EXPORT_FORMATS.add(_module.FORMAT)

__all__ = ["ExportFormat"]
