"""The log of a run: a line of JSON for each step, as `mdl train` writes it and `mdl report` draws it."""

import json
import math
import os

from .problem import Problem


class Log:
    """Written by one rank; the others have one without a file."""

    def __init__(self, path, keep=0):
        """@param keep bytes that stay; the rest of an older log is dropped"""
        self.path, self.file, self.bytes = path, None, 0
        if path is None:
            return
        try:
            self.file = open(path, "r+b" if path.exists() else "w+b", buffering=0)
            size = os.path.getsize(path)
            self.bytes = min(keep, size)
            if size > self.bytes:
                self.file.truncate(self.bytes)
            self.file.seek(self.bytes)
        except OSError as error:
            raise Problem(f"{path} cannot be written: {error.strerror}", "C0105") from error

    def write(self, record):
        if self.file is None:
            return
        line = (json.dumps(_finite(record), ensure_ascii=False, separators=(",", ":")) + "\n").encode()
        try:
            written = 0
            while written < len(line):
                written += self.file.write(line[written:])
        except OSError as error:
            raise Problem(f"{self.path} cannot be written: {error.strerror}", "C0105") from error
        self.bytes += len(line)


def _finite(value):
    """NaN and infinities, which JSON lacks, become text."""
    if isinstance(value, dict):
        return {key: _finite(inner) for key, inner in value.items()}
    if isinstance(value, float) and not math.isfinite(value):
        return "NaN" if math.isnan(value) else ("Infinity" if value > 0 else "-Infinity")
    return value


def significant(seconds):
    return float(f"{seconds:.6g}")
