"""Safetensors files, written tensor by tensor under another name and then renamed: a crash leaves the old file or the new one."""

import ctypes
import hashlib
import json
import os

import torch

from .problem import Problem

KINDS = {torch.float32: "F32", torch.int64: "I64", torch.bool: "BOOL", torch.bfloat16: "BF16", torch.float16: "F16"}


def bytes_of(tensor):
    """The memory of a contiguous tensor on the host."""
    size = tensor.numel() * tensor.element_size()
    return memoryview((ctypes.c_ubyte * size).from_address(tensor.data_ptr())).cast("B") if size else b""


def write_safetensors(path, entries, metadata, tensor_of, writes=True):
    """@param entries (key, dtype, shape) of each @param tensor_of gives the tensor of a key on the host, and is asked for each on every
    rank @param writes False on ranks that only take part in gathering"""
    header, at = {"__metadata__": metadata} if metadata else {}, 0
    order = sorted(entries, key=lambda entry: -entry[1].itemsize)
    for key, dtype, shape in order:
        size = dtype.itemsize * torch.Size(shape).numel()
        header[key] = {"dtype": KINDS[dtype], "shape": list(shape), "data_offsets": [at, at + size]}
        at += size
    text = json.dumps(header, separators=(",", ":")).encode()
    text += b" " * (-len(text) % 8)
    part = path.with_name(f"{path.name}.{os.getpid()}.part")
    file = None
    try:
        if writes:
            file = open(part, "xb")
            file.write(len(text).to_bytes(8, "little") + text)
        for key, _, _ in order:
            tensor = tensor_of(key)
            if file:
                file.write(bytes_of(tensor))
        if file:
            file.flush()
            os.fsync(file.fileno())
            file.close()
            os.replace(part, path)
    except OSError as error:
        if file:
            with_closed(file)
            part.unlink(missing_ok=True)
        raise Problem(f"{path} cannot be written: {error.strerror}; what was there before is still there", "R0122") from error


def with_closed(file):
    try:
        file.close()
    except OSError:
        pass  # what could not be flushed is what is being reported


def checksum(tensors):
    """sha256 over all tensors, sorted by name, by which a file with a changed byte is told."""
    digest = hashlib.sha256()
    for name in sorted(tensors):
        digest.update(f"{name}\0".encode())
        digest.update(bytes_of(tensors[name]))
    return digest.hexdigest()
