"""Runs train.py several times in one process, since importing torch takes seconds: `python drive.py jobs.json`.

A job: {"folder", "argv", "limit"}: where it runs, what it is given, and the most bytes that it may write to a file. What it said and its
exit status are printed as JSON."""

import contextlib
import io
import json
import os
import resource
import runpy
import sys
from pathlib import Path

import torch
import torch.distributed as dist

torch.set_num_threads(1)


def run(job):
    os.chdir(job["folder"])
    sys.argv = ["train.py", *job["argv"]]
    path = list(sys.path)
    for name in [name for name in sys.modules if name == "model" or name.split(".")[0] == "training"]:
        del sys.modules[name]
    soft, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
    said, code = io.StringIO(), 0
    if "limit" in job:
        resource.setrlimit(resource.RLIMIT_FSIZE, (job["limit"], hard))
    try:
        with contextlib.redirect_stdout(said), contextlib.redirect_stderr(said):
            runpy.run_path(os.path.join("model", "train.py"), run_name="__main__")
    except SystemExit as stop:
        code = stop.code
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, (soft, hard))
        sys.path = path
        if dist.is_initialized():
            dist.destroy_process_group()
    return {"code": code or 0, "output": said.getvalue()}


print(json.dumps([run(job) for job in json.loads(Path(sys.argv[1]).read_text())]))
