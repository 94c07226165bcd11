"""What is watched of the gradient: the norm, the largest element and the zeros of each layer, and what is not finite."""

import math

import torch
import torch.distributed as dist
from torch.distributed.tensor import DTensor

VANISHING, PATIENCE = 1e-7, 20


class Statistics:
    """Of the whole gradient, whatever part of it a rank holds."""

    def __init__(self, stage, gradients, inverse):
        """@param gradients in the order of `stage.trained` @param inverse takes the loss scale off them"""
        table = torch.stack([_row(gradient, inverse) for gradient in gradients])  # [tensors, 4]
        if any(isinstance(gradient, DTensor) for gradient in gradients):
            largest = table[:, 1].contiguous()
            dist.all_reduce(table)
            dist.all_reduce(largest, op=dist.ReduceOp.MAX)
            table[:, 1] = largest
        layers, squares, self.non_finite = {}, 0.0, None
        for one, gradient, (square, largest, zeros, bad) in zip(stage.trained, gradients, table.tolist()):
            squares += square
            if bad and self.non_finite is None:
                self.non_finite = one.key
            of = layers.setdefault(one.layer, [0.0, 0.0, 0.0, 0])
            of[0] += square
            of[1] = max(of[1], largest)
            of[2] += zeros
            of[3] += gradient.numel()
        self.norm = math.sqrt(squares)
        self.layers = {
            layer: {"norm": math.sqrt(square), "max": largest, "zero": zeros / size if size else 0}
            for layer, (square, largest, zeros, size) in layers.items()
        }


def _row(gradient, inverse):
    """Sum of squares, largest magnitude, zeros, NaN and infinities; float64 holds counts and sums of f32."""
    local = gradient.to_local() if isinstance(gradient, DTensor) else gradient
    size = (local.float() * inverse).abs()
    largest = size.max() if size.numel() else size.new_zeros(())
    values = ((size * size).sum(), largest, (size == 0).sum(), (~torch.isfinite(size)).sum())
    return torch.stack([value.double() for value in values])


def watch_vanishing(before, layers):
    """Steps in a row that each layer's gradient has been tiny, after one more; and those that have just reached the patience."""
    runs = {layer: before.get(layer, 0) + 1 for layer, of in layers.items() if of["norm"] < VANISHING}
    return runs, [layer for layer, count in runs.items() if count == PATIENCE]
