"""Runs each case of a written module of functions: `python ops.py cases.py inputs.safetensors out.safetensors`.

`CASES` of the module has for each case its function and the dtypes of its inputs, which are `CASE/0`, `CASE/1`, … in the file.
"""

import importlib.util
import sys
import traceback

import torch
from safetensors.torch import load_file, save_file

spec = importlib.util.spec_from_file_location("cases", sys.argv[1])
cases = importlib.util.module_from_spec(spec)
spec.loader.exec_module(cases)
given = load_file(sys.argv[2])
results, errors = {}, {}
for name, (function, dtypes) in cases.CASES.items():
    inputs = [given[f"{name}/{index}"].to(getattr(torch, dtype)) for index, dtype in enumerate(dtypes)]
    try:
        for index, result in enumerate(function(*inputs)):
            result = torch.as_tensor(result)
            kind = torch.float32 if result.is_floating_point() else torch.int64
            results[f"{name}/{index}"] = result.to(kind).contiguous().clone()
    except Exception:
        errors[name] = traceback.format_exc(limit=-2)
save_file(results, sys.argv[3], errors)
