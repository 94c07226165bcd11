"""Checkpoints of a run: sharded ones of torch while it goes on, and one file at its end that `mdl train --resume` reads too.

Both hold the same tensors under the same names: `parameter.<key>`, `state.<slot>.<key>`, and `earlier.<key>`, what stages before this
one trained. Where the data stands and the masks of dropout follow from the step."""

import json
import re
import shutil
from pathlib import Path

import torch.distributed.checkpoint as dcp
from safetensors import safe_open
from torch.distributed.checkpoint.api import CheckpointException

from .files import checksum, write_safetensors
from .parallel import fill, whole
from .problem import Problem

HEADER, NAME = "mdl.training", re.compile(r"\d{5}-\d{8}-.*\.safetensors$")


class Checkpoints:
    def __init__(self, folder, ranks, keep):
        self.sharded, self.files = Path(folder) / "sharded", Path(folder) / "checkpoints"
        self.ranks, self.keep, self.pending = ranks, keep, None
        if ranks.first:
            try:
                self.sharded.mkdir(parents=True, exist_ok=True)
                self.files.mkdir(exist_ok=True)
            except OSError as error:
                raise Problem(f"{folder} cannot be written: {error.strerror}", "C0105") from error
            for part in self.sharded.glob("*.part"):
                shutil.rmtree(part)  # what a killed run left

    def save(self, header, tensors):
        """Begins to write one; the tensors may change when this returns. Appears under its name when all ranks are done."""
        self.finish()
        name = f"{header['step']:08d}"
        part = self.sharded / f"{name}.part"
        copied = {key: tensor.clone() for key, tensor in tensors.items()}
        future = dcp.async_save(copied, checkpoint_id=part, process_group=self.ranks.writers)
        self.pending = (future, part, header)

    def finish(self):
        """Waits for the one that is being written."""
        if self.pending is None:
            return
        future, part, header = self.pending
        self.pending, problem = None, None
        try:
            future.result()
            if self.ranks.first:
                (part / "header.json").write_text(json.dumps(header))
                final = part.with_suffix("")
                shutil.rmtree(final, ignore_errors=True)
                part.rename(final)
                for old in sorted(self.sharded.glob("[0-9]" * 8))[: -self.keep]:
                    shutil.rmtree(old)
        except (Exception, CheckpointException) as error:  # torch's, of what any rank met, is no Exception
            problem = reason(error)
        problem = next((one for one in self.ranks.all(problem) if one), None)
        if problem:
            raise Problem(f"the checkpoint {part.with_suffix('')} cannot be written: {problem}; those before it are whole", "R0122")

    def latest(self, stage):
        """The newest of this stage, sharded or a file, and its header; else the newest there is; None where there is none. The same on
        every rank."""
        path = None
        if self.ranks.first:
            there = [one for one in self.sharded.glob("[0-9]" * 8) if (one / "header.json").exists()]
            there += [one for one in self.files.iterdir() if NAME.match(one.name)]
            newest = lambda path: (header := self.header(path))["stage"] == stage and header["step"]
            path = max(there, key=newest, default=None)
        path = self.ranks.from_first(path)
        return path and (path, self.header(path))

    def header(self, path):
        if path.is_dir():
            return json.loads((path / "header.json").read_text())
        with safe_open(path, framework="pt") as file:
            text = (file.metadata() or {}).get(HEADER)
        if text is None:
            raise Problem(f"{path} has no training state; give one that a run wrote", "R0804")
        return json.loads(text)

    def load(self, path, tensors):
        """Fills the tensors from a checkpoint, whatever ranks it is of."""
        if path.is_dir():
            dcp.load(tensors, checkpoint_id=path, process_group=self.ranks.writers)
            return
        with safe_open(path, framework="pt") as file:
            names = set(file.keys())
            for name, tensor in tensors.items():
                if name not in names:
                    raise Problem(f"{path} is of another run: it has no {name}; resume with the settings of that run", "R0803")
                fill(tensor, file.get_tensor(name), f"{name} of {path}")

    def earlier(self, path):
        """Keys that stages before this one trained, as a checkpoint has them."""
        if path.is_dir():
            return self.header(path)["earlier"]
        with safe_open(path, framework="pt") as file:
            return [name.removeprefix("earlier.") for name in file.keys() if name.startswith("earlier.")]

    def write_file(self, header, tensors):
        """The state in one file, as `mdl train` writes it: every rank must ask. @return its path"""
        full = {}
        for name, tensor in tensors.items():
            value = whole(tensor)
            if self.ranks.first:
                full[name] = value
        stages = header["settings"].get("stages", header["stage"]).split(",")
        index = stages.index(header["stage"]) if header["stage"] in stages else 0
        path = self.files / f"{index:05d}-{header['step']:08d}-{header['stage']}.safetensors"
        if self.ranks.first:
            metadata = {HEADER: json.dumps(header), "mdl.sha256": checksum(full)}
            write_safetensors(path, [(name, value.dtype, value.shape) for name, value in full.items()], metadata, full.__getitem__)
        return path


def reason(error):
    """The first line that says something of an error that torch passed on."""
    inner = getattr(error, "failures", None)
    if inner:
        error = next(iter(inner.values()))
        error = error[0] if isinstance(error, tuple) else error
    return str(error).strip().splitlines()[-1] if str(error).strip() else type(error).__name__
