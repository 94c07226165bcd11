"""A stage as its block in the .mdl file gives it: what trains, the optimiser, the schedule, how micro-batches make a step."""

from dataclasses import dataclass
from math import cos, pi
from typing import Callable, Mapping, Optional, Sequence, Union


@dataclass(frozen=True)
class AdamW:
    """Loshchilov and Hutter 2019, arXiv:1711.05101; torch.optim.AdamW."""

    betas: tuple
    eps: float
    weight_decay: float


@dataclass(frozen=True)
class Adam:
    """Kingma and Ba 2015, arXiv:1412.6980; torch.optim.Adam, whose decay is part of the gradient."""

    betas: tuple
    eps: float
    weight_decay: float


@dataclass(frozen=True)
class SGD:
    """Sutskever et al. 2013; torch.optim.SGD."""

    momentum: float
    nesterov: bool
    weight_decay: float


@dataclass(frozen=True)
class Lion:
    """Chen et al. 2023, arXiv:2302.06675."""

    betas: tuple
    weight_decay: float


@dataclass(frozen=True)
class Schedule:
    """Learning rates of `iters * epochs` steps. `at` is given the step, counted from 0; past the end the rate stays."""

    lr: float
    iters: int
    epochs: int

    @property
    def steps(self):
        return self.iters * self.epochs


@dataclass(frozen=True)
class Constant(Schedule):
    def at(self, step):
        return self.lr


@dataclass(frozen=True)
class _Warmed(Schedule):
    min_lr: float
    warmup_lr: float  # below 0: lr
    warmup: float

    def warming_up(self, step):
        start = self.lr if self.warmup_lr < 0 else self.warmup_lr
        return min(self.lr, start + (self.lr - start) * step / max(self.warmup, 1))


@dataclass(frozen=True)
class LinearWarmupCosine(_Warmed):
    """As LAVIS' LinearWarmupCosineLRScheduler: the warm-up starts again in every epoch, the cosine counts from step 0."""

    def at(self, step):
        within = min(step, self.steps - 1)
        if within < self.warmup:
            return self.warming_up(within % self.iters)
        return (self.lr - self.min_lr) * 0.5 * (1 + cos(pi * min(step, self.steps) / self.steps)) + self.min_lr


@dataclass(frozen=True)
class Step(_Warmed):
    """As LAVIS' LinearWarmupStepLRScheduler."""

    decay_rate: float

    def at(self, step):
        within = min(step, self.steps - 1)
        epoch = within // self.iters
        if epoch == 0:
            return self.warming_up(within)
        return max(self.min_lr, self.lr * self.decay_rate**epoch)


@dataclass(frozen=True)
class Trained:
    """A tensor that trains: its checkpoint key, the layer that logs name, whether weight decay applies."""

    key: str
    layer: str
    decay: bool


@dataclass(frozen=True)
class Stage:
    name: str
    #: its class in model.py
    model: str
    #: of the entry `loss`, in the order of its parameters
    inputs: Sequence[str]
    trained: Sequence[Trained]
    #: state that the model itself updates, such as running statistics: checkpoint keys
    buffers: Sequence[str]
    optimizer: Union[AdamW, Adam, SGD, Lion]
    schedule: Optional[Schedule]
    #: micro-batches of a step, over all ranks
    accumulate: int
    #: what a step's loss and gradient are of those of its micro-batches: "weighted" by `weight`, "equal" (their mean), "sum"; None: nothing
    #: says how they combine, so a step has one
    combine: Optional[str]
    #: largest norm of the gradient
    clip: Optional[float]
    #: "dynamic", or a constant
    loss_scale: Union[float, str]
    dropout: bool
    recompute: bool
    #: of data and dropout, added to --seed
    seed: int
    #: modules that run as in inference
    eval: Sequence[str]
    #: position of the loss among the results of the entry, and of its other scalars by name
    loss: int
    metrics: Mapping[str, int]
    #: of a batch: what its mean is over, an f32 scalar; labels that count
    weight: Optional[Callable] = None
    tokens: Optional[Callable] = None
    #: where a module's key is not its path in the .mdl file: key → path
    paths: Mapping[str, str] = None
