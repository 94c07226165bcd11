"""Runs jobs on written models: `python run.py jobs.json`. One process for all, since importing torch takes seconds.

A job: {"folder", "entry", "inputs", "out", "gradients", "taps", "past", "how", "dynamic", "traced"}; what it gives is in the file `out`, its failure in
the file's metadata. `how` is eager, compile (fullgraph) or export.
"""

import importlib.util
import json
import sys
import traceback
from pathlib import Path

import torch
from safetensors.torch import load_file, save_file

torch.manual_seed(0)
torch.set_num_threads(2)


def module_at(folder):
    spec = importlib.util.spec_from_file_location("model", Path(folder) / "model.py")
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def called(model, job, inputs, past):
    how = job.get("how", "eager")
    function = getattr(model, job["entry"])
    if how == "compile":
        function = torch.compile(function, fullgraph=True, backend=job.get("backend", "aot_eager"))
    if how == "export":
        model.forward = getattr(type(model), job["entry"]).__get__(model)
        dynamic = {name: {int(axis): torch.export.Dim.AUTO for axis in axes} for name, axes in job["dynamic"].items()}
        traced = load_file(job["traced"]) if "traced" in job else inputs
        function = torch.export.export(model, (), dict(traced), dynamic_shapes=dynamic).module()
    if how == "bf16":
        with torch.autocast("cpu", dtype=torch.bfloat16):
            return function(**inputs)
    return function(**inputs, **past)


def run(job, models):
    folder = job["folder"]
    if folder not in models:
        models[folder] = module_at(folder).load()
    model = models[folder].train(job.get("train", False))
    inputs = load_file(job["inputs"])
    past = {job["past"][0]: [inputs.pop(name) for name in job["past"][1]]} if "past" in job else {}
    results = {}
    hooks = []
    for tap in job.get("taps", []):
        hook = lambda _module, _args, result, tap=tap: results.__setitem__(f"tap.{tap}", result.detach().clone())
        hooks.append(model.get_submodule(tap).register_forward_hook(hook))
    gradients = job.get("gradients", False)
    with torch.set_grad_enabled(gradients):
        given = called(model, job, inputs, past)
    for hook in hooks:
        hook.remove()
    given = given if isinstance(given, tuple) else (given,)
    for index, value in enumerate(given):
        for at, one in enumerate(value if isinstance(value, list) else [value]):
            results[f"{index}.{at}" if isinstance(value, list) else str(index)] = one.detach().clone()
    if gradients:
        given[0].backward()
        for key, parameter in model.named_parameters():
            if parameter.grad is not None:
                results[f"gradient.{key}"] = parameter.grad.clone()
            parameter.grad = None
    if job.get("train", False):
        results.update({f"buffer.{key}": buffer.clone() for key, buffer in model.named_buffers()})
        del models[folder]  # what training left in buffers is this job's alone
    return results


def main(path):
    models = {}
    for job in json.loads(Path(path).read_text()):
        try:
            results = {key: value.float().contiguous() if value.is_floating_point() else value.long().contiguous() for key, value in run(job, models).items()}
            save_file(results, job["out"])
        except Exception:
            save_file({}, job["out"], {"error": traceback.format_exc()})


main(sys.argv[1])
