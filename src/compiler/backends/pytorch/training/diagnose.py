"""Where a NaN or infinity begins: the forward part again, with every module watched."""

import torch


@torch.no_grad()
def first_non_finite(spread, stage, ranks, batches):
    """The first module that makes something not finite of what is finite, by its path in the .mdl file; None where this run shows none.
    Every rank must ask, since its messages are needed."""
    found = None
    bad = lambda value: isinstance(value, torch.Tensor) and value.is_floating_point() and not torch.isfinite(value).all()
    for name, parameter in spread.tensors().items():
        if found is None and bad(getattr(parameter, "_local_tensor", parameter)):
            found = f"the input parameter.{name}"

    def watch(path):
        def hook(module, arguments, result):
            nonlocal found
            values = result if isinstance(result, (tuple, list)) else (result,)
            if found is None and any(bad(value) for value in values) and not any(bad(value) for value in arguments):
                found = f"{type(module).__name__} of {path_in_source(stage, path)}" if path else type(module).__name__

        return hook

    hooks = [module.register_forward_hook(watch(path)) for path, module in spread.model.named_modules()]
    try:
        for batch in batches:
            inputs = {name: tensor.to(ranks.device) for name, tensor in batch.items()}
            if found is None:
                found = next((f"the input {name}" for name, value in inputs.items() if bad(value)), None)
            spread(inputs)
    finally:
        for hook in hooks:
            hook.remove()
    return next((one for one in ranks.all(found) if one), None)


def path_in_source(stage, key):
    """`llama_model.base_model.model.layers.0` → `llama_model.layers.0`, where the file gives a module another key."""
    best = max((outer for outer in stage.paths or {} if key == outer or key.startswith(f"{outer}.")), key=len, default=None)
    return key if best is None else stage.paths[best] + key[len(best) :]
