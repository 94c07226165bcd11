"""Memory and messages of a stage on so many ranks, from the written model on torch's meta device: nothing is allocated.

    mdl compile models/tinygpt-v.mdl --config full --target pytorch --stage stage2 --out out/full
    python scripts/scale.py out/full --at B=64 N=64 T=128 --ranks 1 8 64

`--at` gives the sizes of the batch of a step, of which each rank has its part in the axes that `--split` names (default: B and N). Numbers
are those of train.py: weights that train and their gradients, and both moments of Adam, are f32; products and gathered weights are bf16
with --precision bf16."""

import argparse
import importlib.util
import json
import sys
from pathlib import Path

import torch

BUCKET = 25 * 2**20  # of DistributedDataParallel, after a first one of 1 MiB


def imported(path):
    spec = importlib.util.spec_from_file_location(path.stem, path)
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def units_of(model):
    """Parameters by unit of FSDP2: each layer of the outermost lists, and the rest."""
    from training.parallel import layers_of

    layers = layers_of(model)
    units = {path: list(layer.named_parameters()) for path, layer in layers.items()}
    inside = {f"{path}.{key}" for path, own in units.items() for key, _ in own}
    units["the rest"] = [(key, parameter) for key, parameter in model.named_parameters() if key not in inside]
    return layers, units


def forward(model, layers, inputs, copies):
    """Bytes that the backward part keeps, and the layers whose backward part runs.

    @param copies whether a product keeps a copy of its weights in bf16, as autocast makes it of those that are not gathered"""
    kept, reached, copied = {}, set(), []
    weights = {parameter.untyped_storage()._cdata for parameter in model.parameters()}

    def pack(tensor):
        storage = tensor.untyped_storage()
        if storage._cdata not in weights:
            kept[storage._cdata] = (storage.nbytes(), storage)
        return tensor

    def hook(path):
        def after(module, _inputs, result):
            if not (isinstance(result, torch.Tensor) and result.requires_grad):
                return
            if path in layers:
                reached.add(path)
            copied.extend(p.numel() * 2 for p in module.parameters(recurse=False) if copies and p.dim() > 1)

        return after

    hooks = [module.register_forward_hook(hook(path)) for path, module in model.named_modules()]
    with torch.autograd.graph.saved_tensors_hooks(pack, lambda tensor: tensor):
        model(**inputs)
    for one in hooks:
        one.remove()
    return sum(size for size, _ in kept.values()) + sum(copied), reached


def made(folder, stage):
    """The model on no device, its layers and its units."""
    with torch.device("meta"):
        model = getattr(imported(folder / "model.py"), stage.model)()
    trained = {one.key for one in stage.trained}
    for key, parameter in model.named_parameters():
        parameter.requires_grad_(key in trained)
    model.train(stage.dropout)
    return model, *units_of(model)


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("folder", type=Path)
    parser.add_argument("--at", nargs="+", required=True, metavar="SIZE=N")
    parser.add_argument("--split", nargs="+", default=["B", "N"])
    parser.add_argument("--ranks", nargs="+", type=int, default=[1, 8, 64])
    parser.add_argument("--precision", choices=("f32", "bf16"), default="bf16")
    parser.add_argument("--micro", type=int, default=8, help="most rows of a micro-batch")
    given = parser.parse_args()
    sys.path.insert(0, str(given.folder))
    stage = imported(next((given.folder / "stages").glob("*.py"))).STAGE
    ports = json.loads((given.folder / "manifest.json").read_text())["entries"]["loss"]["inputs"]
    sizes = {name: int(value) for name, value in (text.split("=") for text in given.at)}
    model, layers, units = made(given.folder, stage)
    kinds = {"f32": torch.bfloat16 if given.precision == "bf16" else torch.float32, "i64": torch.int64, "bool": torch.bool}
    element = 2 if given.precision == "bf16" else 4
    count = {path: sum(p.numel() for _, p in own) for path, own in units.items()}
    training = {path: sum(p.numel() for _, p in own if p.requires_grad) for path, own in units.items()}
    frozen_all, trained_all = sum(count.values()) - sum(training.values()), sum(training.values())
    if given.precision == "bf16":
        model.to(torch.bfloat16)
        torch.set_default_dtype(torch.bfloat16)  # of tensors that the model makes
    print(f"{stage.name}: {frozen_all:,} frozen and {trained_all:,} trained parameters in {len(units)} units, {given.precision}\n")
    rows = [["GPUs", "mode", "micro-batches", "frozen", "trained, gradient, moments", "gathered", "kept for backward", "all", "messages"]]
    for ranks in given.ranks:
        share = {name: size // ranks if name in given.split else size for name, size in sizes.items()}
        micro = max(1, -(-max(share[name] for name in given.split if name in share) // given.micro))
        shapes = {name: size // micro if name in given.split else size for name, size in share.items()}
        inputs = {
            port["name"]: torch.zeros([shapes.get(dim, dim) for dim in port["shape"]], dtype=kinds[port["dtype"]], device="meta")
            for port in ports
        }
        for mode in ("none",) if ranks == 1 else ("ddp", "fsdp2"):
            sharded = mode == "fsdp2"
            # FSDP2 gathers weights in the precision of the products, so that no other copy of them is kept
            kept, reached = forward(model, layers, inputs, copies=given.precision == "bf16" and not sharded)
            parts = ranks if mode == "fsdp2" else 1
            gathered, messages = 0, "none"
            if mode == "ddp":
                buckets = max(1, -(-(trained_all * 4) // BUCKET))
                messages = f"{buckets} all-reduce, {size_text(trained_all * 4)}"
            if mode == "fsdp2":
                # the rest stays gathered; of layers one computes while the next is on its way
                two = sorted((count[path] for path in layers), reverse=True)[:2]
                gathered = (count["the rest"] + sum(two)) * element
                back = [path for path in layers if path in reached]
                gathers = micro * (len(units) + len(back))
                sent = micro * (sum(count.values()) + sum(count[path] for path in back)) * element
                scatters = [path for path in units if training[path]]
                messages = f"{gathers} all-gather, {size_text(sent)}; {len(scatters)} reduce-scatter, {size_text(trained_all * 4)}"
            frozen, changed = frozen_all * 4 / parts, trained_all * 16 / parts
            everything = frozen + changed + gathered + kept
            rows.append([str(ranks), mode, str(micro), *map(size_text, (frozen, changed, gathered, kept, everything)), messages])
    print("\n".join(f"| {' | '.join(row)} |" for row in [rows[0], ["---"] * len(rows[0]), *rows[1:]]))


def size_text(size):
    for unit in ("B", "KB", "MB", "GB"):
        if size < 1000 or unit == "GB":
            return f"{size:.3g} {unit}" if unit != "B" else f"{size:.0f} B"
        size /= 1000


main()
