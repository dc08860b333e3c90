"""Several processes that train one network together, one for each GPU; torchrun starts them. All hold the same weights and draw the same batches, of which each computes its share."""
import datetime
import os

import torch
from torch import distributed, nn
from torch.nn.modules.batchnorm import _BatchNorm

# The first process exports, validates and saves while the others wait for it.
PATIENCE = datetime.timedelta(days=30)


def join(device):
    """Meets the other processes, where torchrun has started several."""
    if int(os.environ.get("WORLD_SIZE", 1)) == 1:
        return
    if device == "cuda":
        torch.cuda.set_device(int(os.environ["LOCAL_RANK"]))
    distributed.init_process_group("nccl" if device == "cuda" else "gloo", timeout=PATIENCE)


def is_one_of_several():
    return distributed.is_available() and distributed.is_initialized()


def count():
    return distributed.get_world_size() if is_one_of_several() else 1


def rank():
    return distributed.get_rank() if is_one_of_several() else 0


def is_first():
    return rank() == 0


def wait():
    """Until all processes are here."""
    if is_one_of_several():
        distributed.barrier()


def total(tensor):
    """The sum over the processes."""
    if not is_one_of_several():
        return tensor
    tensor = tensor.clone()
    distributed.all_reduce(tensor)
    return tensor


def said_by_first(number, device):
    """A number that the first process has computed alone, for all."""
    return float(total(torch.tensor(number if is_first() else 0.0, dtype=torch.float64, device=device)))


def gathered(values):
    """[B] of each process -> [B * processes], in the order of the whole batch, of which process r has every r-th."""
    if not is_one_of_several():
        return values
    parts = [torch.empty_like(values) for _ in range(count())]
    distributed.all_gather(parts, values.contiguous())
    return torch.stack(parts, 1).flatten()


def same_weights(module):
    """Those of the first process: what a network starts with may depend on chance and on images."""
    if is_one_of_several():
        for tensor in module.state_dict().values():
            distributed.broadcast(tensor, 0)


def share_gradients(parameters):
    """Each gradient becomes its mean over the processes; parameters without one have none in all of them."""
    if not is_one_of_several():
        return
    gradients = [p.grad for p in parameters if p.grad is not None]
    flat = total(torch.cat([g.flatten() for g in gradients])) / count()
    for gradient, part in zip(gradients, flat.split([g.numel() for g in gradients])):
        gradient.copy_(part.view_as(gradient))


def share_statistics(module):
    """Batch normalisation by the whole batch, not by a process's share of it. PyTorch's SyncBatchNorm does so on GPUs alone."""
    if is_one_of_several():
        for norm in [m for m in module.modules() if isinstance(m, _BatchNorm)]:
            norm.__class__ = {nn.BatchNorm2d: SharedBatchNorm2d, nn.BatchNorm3d: SharedBatchNorm3d}[type(norm)]


class _Normalised(torch.autograd.Function):
    """(x - mean) / deviation * weight + bias over all processes' x [B, c, ...]; with the mean and the variance, which carry no gradient of their own."""

    @staticmethod
    def forward(ctx, x, weight, bias, eps):
        axes, shape = (0, *range(2, x.dim())), (1, -1, *[1] * (x.dim() - 2))
        wide = x.float()
        mean = total(wide.mean(axes)) / count()
        variance = total(((wide - mean.view(shape)) ** 2).mean(axes)) / count()
        inverse = (variance + eps).rsqrt()
        ctx.save_for_backward(x, weight, mean, inverse)
        ctx.mark_non_differentiable(mean, variance)
        return ((wide - mean.view(shape)) * (inverse * weight).view(shape) + bias.view(shape)).to(x.dtype), mean, variance

    @staticmethod
    def backward(ctx, gradient, *_):
        x, weight, mean, inverse = ctx.saved_tensors
        axes, shape = (0, *range(2, x.dim())), (1, -1, *[1] * (x.dim() - 2))
        normal, wide = (x.float() - mean.view(shape)) * inverse.view(shape), gradient.float()
        of_bias, of_weight = wide.sum(axes), (wide * normal).sum(axes)
        values = count() * x.numel() // x.shape[1]
        shared = total(torch.stack([of_bias, of_weight])) / values
        of_x = (wide - shared[0].view(shape) - normal * shared[1].view(shape)) * (inverse * weight).view(shape)
        return of_x.to(x.dtype), of_weight, of_bias, None


class SharedBatchNorm(_BatchNorm):
    def forward(self, x):
        if not self.training or not is_one_of_several():
            return super().forward(x)
        out, mean, variance = _Normalised.apply(x, self.weight, self.bias, self.eps)
        values = count() * x.numel() // x.shape[1]
        with torch.no_grad():
            self.running_mean.lerp_(mean, self.momentum)
            self.running_var.lerp_(variance * values / (values - 1), self.momentum)
            self.num_batches_tracked += 1
        return out


class SharedBatchNorm2d(SharedBatchNorm, nn.BatchNorm2d):
    pass


class SharedBatchNorm3d(SharedBatchNorm, nn.BatchNorm3d):
    pass
