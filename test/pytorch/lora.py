"""Calls lora.py beside models several times in one process: `python lora.py jobs.json`.

A job: {"folder", "adapters": [[path, merge] …], "entry", "inputs", "out"}: what is loaded one after the other, and the file for the first
result. What a job said, or the modules that an adapter leaves, is printed as JSON."""

import importlib
import json
import sys
from pathlib import Path

import torch
from safetensors.torch import load_file, save_file


def run(job):
    for name in ("model", "lora"):
        sys.modules.pop(name, None)
    sys.path.insert(0, job["folder"])
    try:
        model, lora = importlib.import_module("model"), importlib.import_module("lora")
        net = model.load().eval()
        try:
            left = [lora.load(net, path, merge=merge) for path, merge in job["adapters"]]
        except lora.Problem as problem:
            left = str(problem)
        with torch.no_grad():
            results = getattr(net, job["entry"])(**load_file(job["inputs"]))
        save_file({str(index): one.contiguous() for index, one in enumerate(results) if isinstance(one, torch.Tensor)}, job["out"])
        return left
    finally:
        sys.path = [path for path in sys.path if path != job["folder"]]


print(json.dumps([run(job) for job in json.loads(Path(sys.argv[1]).read_text())]))
