"""Runs programs beside a model several times in one process, since importing torch takes seconds: `python drive.py jobs.json`.

A job: {"folder", "program", "argv", "limit"}: where it runs, the file (model/train.py), what it is given, and the most bytes that it may
write to a file. What it said and its exit status are printed as JSON."""

import contextlib
import io
import json
import os
import resource
import runpy
import sys
import traceback
from pathlib import Path

import torch
import torch.distributed as dist

torch.set_num_threads(1)


def run(job):
    os.chdir(job["folder"])
    program = job.get("program", os.path.join("model", "train.py"))
    sys.argv = [os.path.basename(program), *job["argv"]]
    path = list(sys.path)
    for name in [name for name in sys.modules if name.split(".")[0] in ("model", "lora", "adapter", "training")]:
        del sys.modules[name]
    soft, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
    said, code = io.StringIO(), 0
    if "limit" in job:
        resource.setrlimit(resource.RLIMIT_FSIZE, (job["limit"], hard))
    try:
        with contextlib.redirect_stdout(said), contextlib.redirect_stderr(said):
            runpy.run_path(program, run_name="__main__")
    except SystemExit as stop:
        code = stop.code
        if isinstance(code, str):  # as Python does when a program ends with a text
            said.write(f"{code}\n")
            code = 1
    except Exception:  # Python would end with a traceback
        said.write(traceback.format_exc())
        code = 1
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, (soft, hard))
        sys.path = path
        if dist.is_initialized():
            dist.destroy_process_group()
    return {"code": code or 0, "output": said.getvalue()}


print(json.dumps([run(job) for job in json.loads(Path(sys.argv[1]).read_text())]))
