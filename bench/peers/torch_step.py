"""The other side of bench/torch.ts: PyTorch eager on the model that MDL wrote for it, one batch, AdamW.

torch_step.py FOLDER THREADS prints the loss of the batch in eval mode as JSON, then answers each line N on stdin with the
milliseconds of N steps.
"""
import json
import sys
import time
from importlib.util import module_from_spec, spec_from_file_location
from pathlib import Path

import torch
from safetensors.torch import load_file

folder, threads = Path(sys.argv[1]), int(sys.argv[2])
torch.set_num_threads(threads)
spec = spec_from_file_location("model", folder / "torch" / "model.py")
module = module_from_spec(spec)
spec.loader.exec_module(module)
model = module.load()
peer = json.loads((folder / "peer.json").read_text())
feeds = load_file(folder / "batch.safetensors")

parameters = dict(model.named_parameters(remove_duplicate=False))
for parameter in parameters.values():
    parameter.requires_grad_(False)
trained = {entry["key"]: parameters[entry["key"]].requires_grad_(True) for entry in peer["trained"]}
groups = [
    {"params": [trained[entry["key"]] for entry in peer["trained"] if entry["decay"] == decays], "weight_decay": decay}
    for decays, decay in ((True, 0.01), (False, 0.0))
]
optimiser = torch.optim.AdamW([group for group in groups if group["params"]], lr=1e-5)


def loss_of_batch():
    outputs = model.loss(**feeds)
    return outputs[peer["loss"]] if isinstance(outputs, tuple) else outputs


def step():
    optimiser.zero_grad()
    loss = loss_of_batch()
    loss.backward()
    if peer["clip"] is not None:
        torch.nn.utils.clip_grad_norm_(trained.values(), peer["clip"])
    optimiser.step()
    return loss.item()


with torch.no_grad():
    model.eval()
    print(json.dumps({"loss": loss_of_batch().item()}), flush=True)
model.train()
for line in sys.stdin:
    taken = []
    for _ in range(int(line)):
        began = time.perf_counter()
        step()
        taken.append(1000 * (time.perf_counter() - began))
    print(json.dumps(taken), flush=True)
