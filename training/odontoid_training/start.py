"""Weights to go on from: an `encoder.pt` of an earlier run, or a model package, whose folded batch normalisation is unfolded again. A narrower
network than the profile's is widened: it begins as the same function."""
import json
from pathlib import Path

import onnx
import torch
from onnx import numpy_helper
from torch import nn

from .profile import make_encoder
from .versions import load_weights


def load_start(path, profile, images):
    """State of an encoder of `profile`. images [B, 3, S, S] in 0..1: what it will be trained on; the statistics of an unfolded package come from them."""
    path = Path(path)
    if path.is_file():
        state = load_weights(path)
    else:
        manifest = json.loads((path / "model.json").read_text())
        graph = onnx.load(str(path / manifest["files"]["sliceEncoder"]["path"])).graph
        encoder = make_encoder({**profile, "encoder": {**profile["encoder"], "baseWidth": base_width(graph)}}).eval()
        unfold(encoder, graph, images)
        state = encoder.state_dict()
    return widen(state, make_encoder(profile).state_dict())


def base_width(graph):
    """Channels of the first convolution: what all other widths are multiples of."""
    first = next(node for node in graph.node if node.op_type == "Conv").input[1]
    return next(tensor.dims[0] for tensor in graph.initializer if tensor.name == first)


def widen(state, wide):
    """Net2WiderNet (Chen, Goodfellow and Shlens 2016): every channel is copied, and what reads a channel divides its weight over the copies by chance, so that
    the wide network gives what the narrow one gave, and its copies learn to differ. `wide` has the shapes that are wanted; equal shapes stay as they are."""
    def grow(name, tensor, like):
        times = [b // a for a, b in zip(tensor.shape, like.shape)]
        if any(a * n != b for a, b, n in zip(tensor.shape, like.shape, times)):
            raise SystemExit(f"{name} of the start, {tuple(tensor.shape)}, cannot be widened to the profile's {tuple(like.shape)}")
        tensor = tensor.repeat(times)
        if tensor.dim() < 2 or times[1] == 1:
            return tensor
        shares = torch.rand(tensor.shape[0], times[1], tensor.shape[1] // times[1], *[1] * (tensor.dim() - 2)) + 0.5
        return tensor * (shares / shares.sum(1, keepdim=True)).flatten(1, 2)

    return {name: grow(name, state[name], like) for name, like in wide.items()}


@torch.no_grad()
def unfold(encoder, graph, images):
    """An exported graph has each convolution and its batch normalisation folded into one. Taken apart again, both give together what they gave, whatever
    statistics are chosen; with those of `images`, training goes on without a jump."""
    tensors = {i.name: torch.from_numpy(numpy_helper.to_array(i).copy()) for i in graph.initializer}
    # Equal tensors are stored once.
    tensors.update({node.output[0]: tensors[node.input[0]] for node in graph.node if node.op_type == "Identity" and node.input[0] in tensors})
    # The exporter keeps the order in which the modules ran; the head is no part of the order: its weight has kept its name.
    folded = [node for node in graph.node if node.op_type == "Conv" and len(node.input) == 3]
    encoder.head.weight.copy_(tensors["encoder.head.weight"])
    encoder.head.bias.copy_(tensors["encoder.head.bias"])
    if "encoder.image_bias" in tensors:
        encoder.image_bias.copy_(tensors["encoder.image_bias"])
    used = iter(folded)
    biases = []

    def give_weights(convolution, _):
        weight, bias = (tensors[name] for name in next(used).input[1:])
        if weight.shape != convolution.weight.shape:
            raise SystemExit(f"the package's encoder has another shape than the profile asks for: {tuple(weight.shape)}, wanted {tuple(convolution.weight.shape)}")
        convolution.weight.copy_(weight)
        biases.append(bias)

    def give_statistics(norm, inputs):
        mean, variance = inputs[0].mean((0, 2, 3)), inputs[0].var((0, 2, 3), unbiased=False)
        norm.running_mean.copy_(mean)
        norm.running_var.copy_(variance)
        norm.weight.copy_((variance + norm.eps).sqrt())
        norm.bias.copy_(biases.pop() + mean)

    hooks = [module.register_forward_pre_hook(give_weights) for module in encoder.modules() if isinstance(module, nn.Conv2d) and module is not encoder.head]
    hooks += [module.register_forward_pre_hook(give_statistics) for module in encoder.modules() if isinstance(module, nn.BatchNorm2d)]
    encoder.maps(images)
    for hook in hooks:
        hook.remove()
    if biases or next(used, None) is not None:
        raise SystemExit("the package's encoder has other layers than the profile asks for")
