"""A trained model for other places: ONNX, C99, a NumPy file, safetensors."""
