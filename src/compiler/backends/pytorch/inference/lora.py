"""LoRA adapters in PEFT's format, a folder with adapter_config.json and adapter_model.safetensors, for the model beside this file:

    net = model.load()
    lora.load(net, "adapters/cats")                the model's own A and B become those of the adapter
    lora.load(net, "adapters/cats", merge=True)    W + (alpha / r) B A, in a model that has no A and B too

The one that was loaded last holds; what is merged stays."""

import json
import math
import re
import sys
from pathlib import Path

import torch
from torch import nn

HERE = Path(__file__).resolve().parent
sys.path.insert(0, str(HERE))

from model import read_safetensors  # noqa: E402

#: settings that leave an adapter W + (alpha / r) B A; any other that is set is refused by its name
PLAIN = {
    "peft_type", "r", "lora_alpha", "use_rslora", "task_type", "base_model_name_or_path", "revision", "auto_mapping", "peft_version",
    "inference_mode", "lora_dropout", "target_modules", "exclude_modules", "layers_to_transform", "layers_pattern", "fan_in_fan_out",
    "eva_config", "megatron_core", "qalora_group_size", "runtime_config",
}  # fmt: skip
#: values of others that do too
NEUTRAL = {"bias": ("none",), "init_lora_weights": (True, "gaussian", "eva", "orthogonal")}


class Problem(Exception):
    """What a person can mend, said in a line. @param code as `mdl explain` has it"""

    def __init__(self, code, text):
        super().__init__(f"{code}: {text}")


@torch.no_grad()
def load(net, folder, merge=False):
    """Puts an adapter into a model, all of it or, where it does not fit, nothing.

    @return modules that the adapter leaves as they are, by PEFT's names
    @raises Problem C0204, C0205"""
    folder = Path(folder)
    r, alpha = _scaling(folder)
    pairs = _pairs(folder)
    own = json.loads((HERE / "manifest.json").read_text())["targets"]["pytorch"].get("adapter")
    halves = {peft_key(key): key for key in own["keys"]} if own else {}
    tensors = {key: tensor.detach() for key, tensor in net.state_dict(keep_vars=True).items()}
    if merge:
        _merge(net, folder, tensors, halves, pairs, alpha / r)
        return []
    if own is None:
        raise _unusable(folder, "the model has no A and B that it could be put into; merge it (merge=True)")
    for what, found, expected in (("r", r, own["r"]), ("alpha", alpha, own["alpha"])):
        if not math.isclose(found, expected, rel_tol=1e-9):
            raise Problem("C0205", f"the adapter {folder} has {what} {found}, and the model's is {expected}; compile the model with that {what}, or merge it")
    return _put(folder, tensors, halves, pairs)


def peft_key(key):
    """`llama_model.base_model.model.layers.0.….lora_A.default.weight` → `base_model.model.layers.0.….lora_A.weight`"""
    plain = re.sub(r"\.default\.weight$", ".weight", key)
    at = plain.find("base_model.model.")
    return f"base_model.model.{plain}" if at < 0 else plain[at:]


def _put(folder, tensors, halves, pairs):
    modules = {re.sub(r"\.lora_[AB]\.weight$", "", key) for key in halves}
    unknown = sorted(pairs.keys() - modules)
    if unknown:
        raise _unusable(folder, f"it has {unknown[0]}, which is no adapted module of the model")
    targets = {key: tensors[name] for key, name in halves.items()}
    for module, (a, b) in pairs.items():
        for half, tensor in (("A", a), ("B", b)):
            _check_shape(folder, f"{module}.lora_{half}.weight", tensor, targets[f"{module}.lora_{half}.weight"])
    for module in modules:
        a, b = pairs.get(module, (torch.zeros(()), torch.zeros(())))
        targets[f"{module}.lora_A.weight"].copy_(a)
        targets[f"{module}.lora_B.weight"].copy_(b)
    return sorted(modules - pairs.keys())


def _merge(net, folder, tensors, halves, pairs, scale):
    names = {peft_key(key): key for key in tensors}
    changes = []
    for module, (a, b) in pairs.items():
        name = names.get(f"{module}.weight")
        linear = name is not None and isinstance(net.get_submodule(name[: -len(".weight")]), nn.Linear)
        if not linear and f"{module}.lora_A.weight" not in halves:
            raise _unusable(folder, f"it has {module}, which is no linear layer of the model")
        change = b.float() @ a.float()
        _check_shape(folder, f"B A of {module}", change, tensors[name])
        changes.append((tensors[name], change))
    for weight, change in changes:
        weight.add_(change.to(weight.device), alpha=scale)
    for key, name in halves.items():
        if ".lora_B." in key:
            tensors[name].zero_()


def _scaling(folder):
    """r and alpha of (alpha / r) B A. Rank-stabilised LoRA divides by √r: Kalajdzievski 2023, arXiv:2312.03732, eq. 4."""
    try:
        config = json.loads((folder / "adapter_config.json").read_text())
        kind, r, alpha = config["peft_type"], float(config["r"]), float(config["lora_alpha"])
    except (OSError, ValueError, KeyError, TypeError) as error:
        raise _unusable(folder, f"adapter_config.json cannot be read ({error})") from error
    if kind != "LORA":
        raise _unusable(folder, f"its peft_type is {kind}, and LORA is read")
    for key, value in config.items():
        unset = value is None or value is False or value in ("", [], {})
        if not unset and key not in PLAIN and value not in NEUTRAL.get(key, ()):
            raise _unusable(folder, f"its {key} is {json.dumps(value)[:60]}, and plain LoRA is read")
    return r, alpha * math.sqrt(r) if config.get("use_rslora") else alpha


def _pairs(folder):
    """module → A [r, in] and B [out, r]"""
    try:
        stored = read_safetensors(folder / "adapter_model.safetensors")
    except OSError as error:
        raise _unusable(folder, f"adapter_model.safetensors cannot be read ({error.strerror})") from error
    halves = {}
    for key, tensor in stored.items():
        found = re.fullmatch(r"(.+)\.lora_([AB])\.weight", peft_key(key))
        if found is None or tensor.dim() != 2:
            raise _unusable(folder, f"{key} is neither A nor B of a linear layer")
        if not torch.isfinite(tensor).all():
            raise _unusable(folder, f"{key} has values that are not finite")
        halves.setdefault(found[1], {})[found[2]] = tensor
    for module, both in halves.items():
        if len(both) < 2:
            raise _unusable(folder, f"{module} has A or B, and not both")
    if not halves:
        raise _unusable(folder, "it has no tensors")
    return {module: (both["A"], both["B"]) for module, both in halves.items()}


def _check_shape(folder, what, found, expected):
    if found.shape != expected.shape:
        raise _unusable(folder, f"{what} has the shape {list(found.shape)}, and the model's is {list(expected.shape)}")


def _unusable(folder, reason):
    return Problem("C0204", f"the adapter {folder} cannot be used: {reason}")
