"""What differs between the releases of PyTorch that sites have: 1.13 (Debian 12), 2.6 (Debian 13) and current ones."""
import inspect

import torch


def load_checkpoint(path, device):
    """A checkpoint that this training wrote itself: it holds NumPy arrays, which 2.6 and later refuse unless told to trust the file."""
    return torch.load(path, map_location=device, weights_only=False)


def load_weights(path):
    """Weights that somebody hands over: tensors only, nothing that could run."""
    return torch.load(path, map_location="cpu", weights_only=True)


def grad_scaler(enabled):
    """From 2.3 on the scaler has a home that no longer names CUDA."""
    if hasattr(torch.amp, "GradScaler"):
        return torch.amp.GradScaler("cuda", enabled=enabled)
    return torch.cuda.amp.GradScaler(enabled=enabled)


def export_options():
    """From 2.9 on the exporter that understands our graphs has to be asked for; before 2.1 it is the only one."""
    return {"dynamo": False} if "dynamo" in inspect.signature(torch.onnx.export).parameters else {}


def optimized(frozen, example):
    """The graph that `frozen()` makes, rewritten for a processor where this release can do it and run the result (2.6 of Debian 13 cannot run it)."""
    try:
        faster = torch.jit.optimize_for_inference(frozen())
        faster(example)
        return faster
    except RuntimeError:
        # The graph was rewritten in place: a new one is needed.
        return frozen()
