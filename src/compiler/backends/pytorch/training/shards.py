"""Batches that `mdl data write` wrote, in their order, read shard by shard."""

import hashlib
import json
from pathlib import Path

from safetensors import safe_open

from .problem import Problem


class Shards:
    """Batch i of the folder, for any i: after the last comes the first again. A batch depends on nothing but i."""

    def __init__(self, folder, stage):
        self.folder = Path(folder)
        path = self.folder / "index.json"
        try:
            index = json.loads(path.read_text())
        except OSError as error:
            raise Problem(f"{path} cannot be read: {error.strerror}; `mdl data write` makes the folder", "C0104") from error
        except ValueError as error:
            raise Problem(f"{path} is not JSON: {error}; write the shards again", "R1221") from error
        if index.get("format") != "mdl-shards" or index.get("version") != 1:
            raise Problem(f"{path} is no index of shards of version 1; write the shards again", "R1221")
        if index["stage"] != stage.name:
            raise Problem(
                f"{folder} has batches of the stage {index['stage']}, and {stage.name} trains; give its own with --data", "R1221"
            )
        missing = [name for name in stage.inputs if name not in index["inputs"]]
        if missing:
            raise Problem(f"the batches of {folder} have no {missing[0]}, which the loss takes; write them again", "R1221")
        self.index, self.inputs = index, stage.inputs
        self.batches, self.shards = index["batches"], index["shards"]
        for shard in self.shards:
            file = self.folder / shard["file"]
            size = file.stat().st_size if file.exists() else None
            if size != shard["bytes"]:
                found = "is missing" if size is None else f"has {size} bytes"
                raise Problem(f"the shard {file} {found}, and the index names one of {shard['bytes']}; write the shards again", "R1220")
        self.open = (None, None)

    def tokens(self, index):
        return self.index["tokens"][index % self.batches]

    def rows(self, index):
        return self.index["rows"][index % self.batches]

    def batch(self, index):
        """The inputs of the loss by name, on the host."""
        at = index % self.batches
        shard = next(shard for shard in self.shards if at < shard["first"] + shard["batches"])
        file = self._opened(shard)
        return {name: file.get_tensor(f"{at}.{name}") for name in self.inputs}

    def _opened(self, shard):
        name = shard["file"]
        if self.open[0] != name:
            path = self.folder / name
            with open(path, "rb") as file:
                if hashlib.file_digest(file, "sha256").hexdigest() != shard["sha256"]:
                    raise Problem(f"the shard {path} was changed after it was written; write the shards again", "R1220")
            self.open = (name, safe_open(path, framework="pt"))
        return self.open[1]
