"""A network file in, maps out: OpenVINO by default, ONNX Runtime and PyTorch as extras; one method, `run`."""
