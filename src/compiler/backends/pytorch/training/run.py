"""The loop of a stage: batches → gradients → update. A step is a function of the state and its number, so that a run that is killed and
resumed gives the same bytes, and so that its result is the same, but for the order of sums, on any number of ranks."""

import math
import time

import torch

from .diagnose import first_non_finite
from .log import significant
from .loss_scale import LossScale
from .optimisers import Optimiser
from .problem import Problem
from .statistics import PATIENCE, VANISHING, Statistics, watch_vanishing


class Run:
    def __init__(self, stage, spread, ranks, shards, log, accumulate):
        """@param accumulate micro-batches of a step, over all ranks"""
        if accumulate % ranks.world:
            fitting = accumulate + -accumulate % ranks.world
            raise Problem(
                f"a step has {accumulate} micro-batches and there are {ranks.world} ranks; give --accumulate {fitting}, or a smaller "
                "--batch-size to `mdl data write`, so that each rank has as many",
                "R1223",
            )
        if accumulate > 1 and stage.combine is None:
            raise Problem(
                f"nothing says how {accumulate} micro-batches of {stage.name} make a step: its loss is no mean or sum over the batch; "
                'write `average "batches"` in the stage to count each the same',
                "C0202",
            )
        self.stage, self.spread, self.ranks, self.shards, self.log = stage, spread, ranks, shards, log
        self.seed, self.accumulate = int(shards.index["settings"]["seed"]) + stage.seed, accumulate
        parameters = dict(spread.model.named_parameters())
        self.trained = {one.key: parameters[one.key] for one in stage.trained}
        self.optimiser = Optimiser(stage, self.trained)
        self.loss_scale = LossScale(stage.loss_scale)
        self.step, self.vanishing, self.earlier = 0, {}, []
        self._set_modes()

    @property
    def tensors(self):
        """Parameters and buffers by checkpoint key. A buffer that a body updates is another tensor after each step."""
        return self.spread.tensors()

    def _set_modes(self):
        """Dropout and the modules under `eval`. Without dropout only what follows batches, or asks is_training(), runs as in training."""
        model, stage = self.spread.model, self.stage
        inside = lambda path, outer: path == outer or path.startswith(f"{outer}.")
        for path, module in model.named_modules():
            asks = hasattr(module, "__drops__")
            if asks:
                module.__drops__ = stage.dropout
            follows = stage.dropout or asks or isinstance(module, torch.nn.modules.batchnorm._BatchNorm)
            module.training = follows and not any(inside(path, outer) for outer in stage.eval)

    def state(self):
        """Every tensor that steps change, or that stages before this one did, as checkpoints name them."""
        kept = [*self.trained, *self.stage.buffers]
        tensors = self.tensors
        named = {f"parameter.{key}": tensors[key] for key in kept}
        named.update({f"earlier.{key}": tensors[key] for key in self.earlier})
        for slot, states in self.optimiser.slots().items():
            named.update({f"state.{slot}.{key}": tensor for key, tensor in states.items()})
        return named

    def header(self, settings):
        return {
            "version": 1,
            "stage": self.stage.name,
            "step": self.step,
            "updates": self.optimiser.updates,
            "loss_scale": self.loss_scale.state(),
            "vanishing": self.vanishing,
            "settings": settings,
            "log_bytes": self.log.bytes,
            "earlier": self.earlier,
        }

    def resume(self, header):
        """Numbers beside the tensors."""
        self.step, self.vanishing = header["step"], header["vanishing"]
        self.loss_scale.load(header["loss_scale"])
        self.optimiser.set_updates(header["updates"])

    def train_step(self, lr):
        """@return the record for the log"""
        stage, ranks, began = self.stage, self.ranks, time.perf_counter()
        own = self.accumulate // ranks.world
        first = self.step * self.accumulate + ranks.rank * own
        batches = [(index, self.shards.batch(index)) for index in range(first, first + own)]
        fed = time.perf_counter()
        weights = [float(stage.weight(batch)) if stage.combine == "weighted" else 1.0 for _, batch in batches]
        tokens = [int(stage.tokens(batch)) if stage.tokens else self.shards.tokens(index) for index, batch in batches]
        total, all_tokens = ranks.sum([sum(weights), float(sum(tokens))])
        self._check_labels(tokens, total)

        sums = [0.0] * (2 + len(stage.metrics))  # loss · weight, rows, metrics · rows
        for place, ((index, batch), weight) in enumerate(self._with_work(batches, weights, first)):
            if weight == 0 and stage.buffers:
                self._forward(index, batch, gradients=False)
                continue
            factor = 1.0 if stage.combine == "sum" else weight / total
            results = self._backward(index, batch, factor * self.loss_scale.scale, last=place == own - 1)
            if weight == 0:
                continue
            sums[0] += weight * float(results[stage.loss])
            rows = self.shards.rows(index) or 1
            sums[1] += rows
            for at, position in enumerate(stage.metrics.values()):
                sums[2 + at] += rows * float(results[position])
        sums = ranks.sum(sums)
        loss = sums[0] if stage.combine == "sum" else sums[0] / total
        gradients = [p.grad if p.grad is not None else torch.zeros_like(p) for p in self.trained.values()]
        statistics = Statistics(stage, gradients, 1 / self.loss_scale.scale)
        stepped = time.perf_counter()

        bad = "the loss" if not math.isfinite(loss) else statistics.non_finite and f"the gradient of {statistics.non_finite}"
        scale = self.loss_scale.scale
        overflowed = bad is not None and math.isfinite(loss) and self.loss_scale.dynamic and scale > 1
        if bad and not overflowed:
            raise self._stop(bad, batches)
        if not overflowed:
            self._update(lr, gradients, statistics.norm, batches)
        for p in self.trained.values():
            p.grad = None
        self.loss_scale.after(overflowed)
        self.step += 1
        ended = time.perf_counter()
        record = {
            "stage": stage.name,
            "step": self.step,
            "loss": loss,
            "lr": lr,
            "grad_norm": statistics.norm,
            "tokens": int(all_tokens),
            "tokens_per_second": significant(all_tokens / (ended - began)),
            "seconds": {
                "feed": significant(fed - began),
                "step": significant(stepped - fed),
                "update": significant(ended - stepped),
            },
            "loss_scale": scale,
            **({"metrics": {name: sums[2 + at] / sums[1] for at, name in enumerate(stage.metrics)}} if stage.metrics else {}),
            **({"skipped": True} if overflowed else {}),
            "layers": statistics.layers,
        }
        self.log.write(record)
        if not overflowed:
            self._watch(statistics)
        return record

    def _check_labels(self, tokens, total):
        """Labels that count are wanted in all of a step, or, where each micro-batch counts the same, in each."""
        weighted = self.stage.combine == "weighted"
        none = total == 0 if weighted else bool(self.stage.tokens and 0 in tokens)
        if self.ranks.sum([float(none)])[0]:
            raise Problem(
                f"a batch of step {self.step + 1} of {self.stage.name} has no label that counts ({self.shards.folder}), and at least one "
                "must be other than -100, so check the labels",
                "R0802",
            )

    def _with_work(self, batches, weights, first):
        """Micro-batches and weights. One without weight is a mean over nothing, NaN: alone it is left out; among ranks, whose messages
        need every one of them, another stands in its place, and counts nothing. Buffers follow all of them, in order."""
        if all(weights) or self.stage.buffers:
            return list(zip(batches, weights))
        if self.ranks.world == 1:
            kept = [(batch, weight) for batch, weight in zip(batches, weights) if weight]
            return [(kept[0][0], 0.0)] * (len(batches) - len(kept)) + kept
        stand_in = next((batch for batch, weight in zip(batches, weights) if weight), None)
        if stand_in is None:
            others = ((index, self.shards.batch(index)) for index in range(self.shards.batches))
            stand_in = next(other for other in others if float(self.stage.weight(other[1])))
        return [(batch if weight else stand_in, weight) for batch, weight in zip(batches, weights)]

    def _backward(self, index, batch, factor, last):
        """Adds a micro-batch's part of the gradient of the step. @return what the entry gives"""
        with self.spread.synchronises(last):
            results = self._forward(index, batch)
            # ranks' gradients are averaged, and their sum is meant
            (results[self.stage.loss].float().reshape(()) * (factor * self.ranks.world)).backward()
        return [value.detach() if isinstance(value, torch.Tensor) and value.numel() == 1 else None for value in results]

    def _forward(self, index, batch, gradients=True):
        # masks are of the micro-batch, whichever rank has it
        torch.manual_seed((self.seed << 32) + index)
        inputs = {name: tensor.to(self.ranks.device, non_blocking=True) for name, tensor in batch.items()}
        with torch.set_grad_enabled(gradients):
            results = self.spread(inputs)
        return results if isinstance(results, tuple) else (results,)

    def _update(self, lr, gradients, norm, batches):
        clip = 1.0 if self.stage.clip is None else min(1.0, self.stage.clip / (norm + 1e-6))
        for p, gradient in zip(self.trained.values(), gradients):
            p.grad = gradient.mul_(clip / self.loss_scale.scale)
        self.optimiser.step(lr)
        finite = [torch.isfinite(getattr(p, "_local_tensor", p.detach())).all() for p in self.trained.values()]
        broken = self.ranks.sum([float(not one) for one in torch.stack(finite).tolist()])
        for key, count in zip(self.trained, broken):
            if count:
                raise self._stop(f"the update of {key}", batches)

    def _stop(self, what, batches):
        """What is said of a value that is not finite, and where it began."""
        where = first_non_finite(self.spread, self.stage, self.ranks, [batch for _, batch in batches])
        detail = what if where is None else f"{what}: {where}"
        step = self.step + 1
        self.log.write({"stage": self.stage.name, "step": step, "event": "non_finite", "detail": detail})
        first = "" if where is None else f", first in {where}"
        return Problem(
            f"{what} is not finite at step {step} of {self.stage.name}{first}, so nothing was updated; check it or lower "
            "the learning rate",
            "R0801",
        )

    def _watch(self, statistics):
        self.vanishing, vanished = watch_vanishing(self.vanishing, statistics.layers)
        for layer in vanished:
            detail = f"the gradient norm of {layer} has been below {VANISHING} for {PATIENCE} steps"
            self.log.write({"stage": self.stage.name, "step": self.step, "event": "vanishing", "detail": detail})
