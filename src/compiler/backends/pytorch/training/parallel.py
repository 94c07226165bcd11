"""How a model is spread over ranks: not at all, copies of it (DDP), or parts of each tensor (FSDP2). Layers are the units."""

import contextlib
from functools import partial

import torch
from safetensors import safe_open
from torch import nn
from torch.distributed.fsdp import CPUOffloadPolicy, MixedPrecisionPolicy, OffloadPolicy, fully_shard
from torch.distributed.tensor import DTensor, distribute_tensor
from torch.nn.parallel import DistributedDataParallel
from torch.utils.checkpoint import checkpoint

from .problem import Problem

MODES = ("none", "ddp", "fsdp2")


def layers_of(model):
    """Modules of the outermost lists, by path: `visual_encoder.blocks.0`."""
    found = {}
    for path, module in model.named_modules():
        inside = any(path.startswith(f"{outer}.") for outer in found)
        if isinstance(module, nn.ModuleList) and not inside:
            found.update({f"{path}.{name}": child for name, child in module.named_children()})
    return {path: module for path, module in found.items() if not isinstance(module, nn.ModuleList)}


class Spread:
    """The model of a run. `model` has the parameters by their keys; calling this gives what the entry `loss` gives."""

    def __init__(self, make, stage, ranks, mode, bf16=False, recompute=False, offload=False):
        """@param make the class of the model, which takes no arguments"""
        if stage.buffers and ranks.world > 1:
            raise Problem(
                f"{stage.buffers[0]} follows the batches that a process sees, so a model with it is trained by one process; "
                "start train.py without torchrun",
                "R1222",
            )
        with torch.device("meta"):
            model = make()
        trained = {one.key for one in stage.trained}
        for key, parameter in model.named_parameters():
            parameter.requires_grad_(key in trained)
        layers = layers_of(model)
        if recompute:
            twice = [key for key in stage.buffers if any(key.startswith(f"{path}.") for path in layers)]
            if twice:
                raise Problem(f"{twice[0]} would be updated twice, as its layer is computed again in the backward part; leave recompute out", "R1222")
            for layer in layers.values():
                layer.forward = partial(checkpoint, layer.forward, use_reentrant=False)
        if mode == "fsdp2":
            policy = {
                "mesh": ranks.mesh,
                "mp_policy": MixedPrecisionPolicy(param_dtype=torch.bfloat16, reduce_dtype=torch.float32) if bf16 else MixedPrecisionPolicy(),
                # pinned memory is a GPU's
                "offload_policy": CPUOffloadPolicy(pin_memory=ranks.device.type == "cuda") if offload else OffloadPolicy(),
            }
            for layer in layers.values():
                fully_shard(layer, **policy)
            fully_shard(model, **policy)
        model.to_empty(device="cpu" if offload else ranks.device)
        self.model, self.mode, self.ranks = model, mode, ranks
        self.copies = None
        self.precision = partial(torch.autocast, ranks.device.type, dtype=torch.bfloat16) if bf16 else contextlib.nullcontext

    def begin(self):
        """To be called when the weights are there: copies are made from those of this rank."""
        if self.mode == "ddp":
            ids = [self.ranks.device.index] if self.ranks.device.type == "cuda" else None
            self.copies = DistributedDataParallel(self.model, device_ids=ids, forward_sync_buffers=False, init_sync=False)

    def __call__(self, batch):
        with self.precision():
            return (self.copies or self.model)(**batch)

    def synchronises(self, last):
        """Whether the next backward sums gradients over the ranks: of the last micro-batch of a step."""
        if self.mode == "fsdp2":
            self.model.set_requires_gradient_sync(last)
        if self.mode == "ddp" and not last:
            return self.copies.no_sync()
        return contextlib.nullcontext()

    def bytes_held(self, trains):
        """Of parameters on this rank that train, or of those that are frozen."""
        held = [p.to_local() if isinstance(p, DTensor) else p for p in self.model.parameters() if p.requires_grad == trains]
        return sum(part.numel() * part.element_size() for part in held)

    def tensors(self):
        """Parameters and buffers by checkpoint key, without the graph."""
        return {key: tensor.detach() for key, tensor in self.model.state_dict(keep_vars=True).items()}


@torch.no_grad()
def load_weights(tensors, path, prefix="", keys=None):
    """Fills tensors from a safetensors file, one after the other; each rank reads what it holds.

    @param prefix before the key in the file @param keys those that are wanted; all, and no other, where it is not given"""
    with safe_open(path, framework="pt") as file:
        names = set(file.keys())
        if keys is None:
            keys = list(tensors)
            wrong = sorted(names ^ {prefix + key for key in keys})
            if wrong:
                where = "the model has no such tensor" if wrong[0] in names else "the file has no such tensor"
                raise Problem(f"{path} does not fit the model: {where} {wrong[0]}", "C0101")
        for key in keys:
            fill(tensors[key], file.get_tensor(prefix + key), f"{key} of {path}")


@torch.no_grad()
def fill(tensor, values, what):
    if tuple(values.shape) != tuple(tensor.shape):
        raise Problem(f"{what} has the shape {list(values.shape)}, and the model's is {list(tensor.shape)}", "C0101")
    if isinstance(tensor, DTensor):
        values = values.to(tensor.device, tensor.dtype)
        part = distribute_tensor(values, tensor.device_mesh, tensor.placements, src_data_rank=None)
        tensor.to_local().copy_(part.to_local())
    else:
        tensor.copy_(values)


def whole(tensor):
    """All of a tensor on the host: every rank must ask."""
    full = tensor.full_tensor() if isinstance(tensor, DTensor) else tensor
    return full.detach().cpu().contiguous()
