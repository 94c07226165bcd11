"""Trains a stage of the model beside this file: `python train.py --data shards --out runs/a`, or on several processes
`torchrun --nproc-per-node 8 train.py --data shards --out runs/a --parallel fsdp2`.

A step has the same meaning on any number of ranks: `accumulate` micro-batches of the shards, which the ranks share. What is written to
--out is what `mdl train --out` writes, and either goes on where the other stopped (`--resume`)."""

import argparse
import importlib.util
import json
import sys
from pathlib import Path

import torch
import torch.distributed as dist
from torch.distributed.elastic.multiprocessing.errors import record

HERE = Path(__file__).resolve().parent
sys.path.insert(0, str(HERE))

import model as written  # noqa: E402
from training.checkpoints import Checkpoints  # noqa: E402
from training.files import write_safetensors  # noqa: E402
from training.log import Log  # noqa: E402
from training.parallel import MODES, Spread, load_weights, whole  # noqa: E402
from training.problem import Problem  # noqa: E402
from training.ranks import Ranks  # noqa: E402
from training.run import Run  # noqa: E402
from training.settings import Constant  # noqa: E402
from training.shards import Shards  # noqa: E402


def arguments():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter, allow_abbrev=False)
    stages = sorted(path.stem for path in (HERE / "stages").glob("*.py"))
    parser.add_argument("--stage", choices=stages, default=stages[0], help="the stage that this folder was compiled for")
    parser.add_argument("--data", required=True, help="folder of shards that `mdl data write` wrote")
    parser.add_argument("--out", required=True, type=Path, help="folder for the log, checkpoints and weights")
    parser.add_argument("--weights", type=Path, default=HERE / "model.safetensors", help="where the run starts")
    parser.add_argument("--resume", action="store_true", help="go on from the newest checkpoint of --out")
    parser.add_argument("--steps", type=count, help="steps of the stage (default: the schedule's)")
    parser.add_argument("--lr", type=float, help="a constant learning rate in place of the stage's schedule")
    parser.add_argument("--accumulate", type=count, help="micro-batches of a step over all ranks (default: the stage's)")
    parser.add_argument("--parallel", choices=MODES, help="default: none for one process, ddp for several")
    parser.add_argument("--precision", choices=("f32", "bf16"), default="f32", help="of products; weights that train stay f32")
    parser.add_argument("--recompute", action="store_true", help="compute the inside of layers again in the backward part")
    parser.add_argument("--offload", action="store_true", help="with fsdp2: keep parameters and optimiser state in host memory")
    parser.add_argument("--device", choices=("auto", "cpu", "cuda"), default="auto")
    parser.add_argument("--threads", type=count, help="of a process, on the CPU")
    parser.add_argument("--checkpoint-every", type=count, default=100, help="steps between checkpoints")
    parser.add_argument("--keep", type=count, default=3, help="checkpoints to keep")
    return parser.parse_args()


def count(text):
    if not text.isdecimal() or int(text) == 0:
        raise argparse.ArgumentTypeError(f"{text} is no whole number above 0")
    return int(text)


def stage_of(name):
    """The settings that stages/NAME.py has."""
    spec = importlib.util.spec_from_file_location(f"stage_{name}", HERE / "stages" / f"{name}.py")
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module.STAGE


def checked(given, ranks):
    """The mode of the run. @raises Problem for options that do not go together"""
    mode = given.parallel or ("none" if ranks.world == 1 else "ddp")
    if mode == "none" and ranks.world > 1:
        raise Problem(f"--parallel none is for one process, and there are {ranks.world}; give ddp or fsdp2", "R1222")
    if given.offload and mode != "fsdp2":
        raise Problem(f"--offload needs --parallel fsdp2, and it is {mode}", "R1222")
    return mode


def train(given):
    if given.threads:
        torch.set_num_threads(given.threads)
    ranks = Ranks(given.device)
    stage = stage_of(given.stage)
    mode = checked(given, ranks)
    schedule = stage.schedule
    if given.lr is not None:
        schedule = Constant(lr=given.lr, iters=schedule.iters if schedule else 1, epochs=schedule.epochs if schedule else 1)
    if schedule is None:
        raise Problem(f"the stage {stage.name} has no `schedule`, so give a learning rate with --lr", "C0202")
    steps = given.steps or schedule.steps
    shards = Shards(given.data, stage)
    checkpoints = Checkpoints(given.out, ranks, given.keep)
    found = checkpoints.latest(stage.name)
    if found and not given.resume and not ranks.restarts:
        raise Problem(f"{given.out} holds a run; go on with --resume, or choose another folder", "C0206")
    if given.resume and not found and not ranks.restarts:
        raise Problem(f"{given.out} has no checkpoint to go on from", "R0805")

    recompute = given.recompute or stage.recompute
    spread = Spread(getattr(written, stage.model), stage, ranks, mode, given.precision == "bf16", recompute, given.offload)
    load_weights(spread.tensors(), given.weights)
    path, header = found or (None, None)
    if header:
        check(path, header, stage, shards, steps)
    log = Log(given.out / "log.jsonl" if ranks.first else None, header["log_bytes"] if header else 0)
    run = Run(stage, spread, ranks, shards, log, given.accumulate or stage.accumulate)
    settings = settings_of(shards, given, stage, steps)
    if header:
        run.earlier = checkpoints.earlier(path)
        checkpoints.load(path, run.state())
        run.resume(header)
        settings = header["settings"]
        log.write({"stage": stage.name, "step": run.step, "event": "resumed", "detail": f"from step {run.step}"})
    spread.begin()
    if ranks.first:
        sharing = "" if ranks.world == 1 else f", {ranks.world} ranks, {mode}"
        print(f"{stage.name}: step {run.step} of {steps}, {run.accumulate} micro-batches a step{sharing}", flush=True)
        frozen, trained = (spread.bytes_held(trains) for trains in (False, True))
        print(f"each rank holds {frozen} bytes of frozen weights and {trained} of weights that train", flush=True)
        if steps > schedule.steps and not isinstance(schedule, Constant):
            print(f"note: --steps is {steps} and the schedule has {schedule.steps}, so the learning rate stays at {schedule.at(steps):g} after them", flush=True)
        if steps * run.accumulate > shards.batches:
            print(f"note: {shards.batches} batches in {given.data} are read again from the first when they end", flush=True)

    while run.step < steps:
        said = run.train_step(schedule.at(run.step))
        if ranks.first and (said["step"] == steps or said["step"] % 10 == 0):
            print(f"step {said['step']}  loss {said['loss']:.4f}  norm {said['grad_norm']:.4g}  {said['tokens_per_second']:.4g} tokens/s", flush=True)
        if run.step % given.checkpoint_every == 0 and run.step < steps:
            checkpoints.save(run.header(settings), run.state())
    checkpoints.finish()
    finish(given.out, run, checkpoints, settings)
    dist.destroy_process_group()


def settings_of(shards, given, stage, steps):
    """What makes the run this run: that of the shards, but for what makes other steps of them."""
    settings = dict(shards.index["settings"])
    if given.lr is not None:
        settings["learning rate"] = repr(given.lr)
    if given.accumulate not in (None, stage.accumulate):
        settings["micro-batches of a step"] = str(given.accumulate)
    if steps * (given.accumulate or stage.accumulate) > shards.batches:
        settings["batches that are read again"] = str(shards.batches)
    return settings


def check(path, header, stage, shards, steps):
    """@raises Problem where a checkpoint is of another run"""
    if header["stage"] != stage.name:
        raise Problem(f"{path} is of another run: its stage is {header['stage']} and this run has {stage.name}", "R0803")
    if header["step"] > steps:
        raise Problem(f"{path} is at step {header['step']} of {stage.name}, and {steps} are asked for; give more with --steps", "C0314")
    for name in (f"data of {stage.name}", "batch size", "seed", "learning rate"):
        before, now = header["settings"].get(name), shards.index["settings"].get(name)
        if before is not None and now is not None and before != now:
            raise Problem(f"{path} is of another run: its {name} is {before} and this run has {now}", "R0803")


def finish(out, run, checkpoints, settings):
    """The state as `mdl train --resume` reads it, all weights, and those that were trained, each by MDL's keys."""
    checkpoints.write_file(run.header(settings), run.state())
    writes, metadata = run.ranks.first, run.shards.index["metadata"]
    changed = [*run.trained, *run.stage.buffers, *run.earlier]
    for name, keys in (("trained.safetensors", changed), ("model.safetensors", list(run.tensors))):
        entries = [(key, run.tensors[key].dtype, run.tensors[key].shape) for key in keys]
        write_safetensors(out / name, entries, metadata, lambda key: whole(run.tensors[key]), writes)
    if writes:
        print(json.dumps({"stage": run.stage.name, "step": run.step, "out": str(out)}), flush=True)


@record
def main():
    given = arguments()
    try:
        train(given)
    except Problem as problem:
        # one line, and the reason that torchrun repeats
        print(f"train.py: {problem}", file=sys.stderr, flush=True)
        sys.exit(1)


if __name__ == "__main__":
    main()
