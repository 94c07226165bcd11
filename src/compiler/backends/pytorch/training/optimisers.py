"""The stage's optimiser over the tensors that train, in two groups: those that decay, and those that do not."""

import torch

from .settings import SGD, Adam, AdamW, Lion


class LionOptimizer(torch.optim.Optimizer):
    """p ← p(1 − lr λ) − lr · sign(β₁m + (1 − β₁)g),  m ← β₂m + (1 − β₂)g. Chen et al. 2023, arXiv:2302.06675, algorithm 2."""

    def __init__(self, groups, lr, betas):
        super().__init__(groups, {"lr": lr, "betas": betas, "weight_decay": 0.0})

    @torch.no_grad()
    def step(self):
        for group in self.param_groups:
            lr, (beta1, beta2), decay = group["lr"], group["betas"], group["weight_decay"]
            for p in group["params"]:
                m = self.state[p]["exp_avg"]
                p.mul_(1 - lr * decay)
                p.sub_((m * beta1 + p.grad * (1 - beta1)).sign(), alpha=lr)
                m.mul_(beta2).add_(p.grad, alpha=1 - beta2)


class Optimiser:
    """torch's optimiser, with its state by MDL's names: slots of tensors by checkpoint key, zero at first."""

    def __init__(self, stage, parameters):
        """@param parameters what trains, by checkpoint key"""
        self.parameters = parameters
        settings = stage.optimizer
        decay = [parameters[one.key] for one in stage.trained if one.decay]
        rest = [parameters[one.key] for one in stage.trained if not one.decay]
        groups = [{"params": decay, "weight_decay": settings.weight_decay}, {"params": rest, "weight_decay": 0.0}]
        self.torch, self.names, self.counts = _made(settings, [group for group in groups if group["params"]])
        for p in parameters.values():
            for name in self.names.values():
                self.torch.state[p][name] = torch.zeros_like(p, requires_grad=False)
        self.set_updates(0)

    def set_updates(self, updates):
        """How many updates came before, which the corrections of Adam's bias count."""
        self.updates = updates
        if self.counts:
            for p in self.parameters.values():
                self.torch.state[p]["step"] = torch.tensor(float(updates))

    def slots(self):
        """slot → checkpoint key → tensor"""
        state = self.torch.state
        return {slot: {key: state[p][name] for key, p in self.parameters.items()} for slot, name in self.names.items()}

    def step(self, lr):
        for group in self.torch.param_groups:
            group["lr"] = lr
        self.torch.step()
        self.updates += 1


def _made(settings, groups):
    """The optimiser, MDL's name of each of its tensors, and whether it counts its updates."""
    moments = {"exp_avg": "exp_avg", "exp_avg_sq": "exp_avg_sq"}
    if isinstance(settings, AdamW):
        return torch.optim.AdamW(groups, lr=0.0, betas=settings.betas, eps=settings.eps), moments, True
    if isinstance(settings, Adam):
        return torch.optim.Adam(groups, lr=0.0, betas=settings.betas, eps=settings.eps), moments, True
    if isinstance(settings, Lion):
        return LionOptimizer(groups, 0.0, settings.betas), {"exp_avg": "exp_avg"}, False
    assert isinstance(settings, SGD)
    names = {"momentum": "momentum_buffer"} if settings.momentum else {}
    made = torch.optim.SGD(groups, lr=0.0, momentum=settings.momentum, nesterov=settings.nesterov)
    return made, names, False
