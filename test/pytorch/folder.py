"""Loads what `mdl export` and `--save-adapter` wrote as users do: `python folder.py BASE ADAPTER FOLDER`, a line of JSON.

Logits of a folder of transformers with an adapter by PEFT, of the exported folder, and of the base, for one row of tokens."""

import json
import sys

import torch
from peft import PeftModel
from transformers import AutoModelForCausalLM, AutoTokenizer

base, adapter, exported = sys.argv[1:]
ids = torch.tensor([[1, 5, 9, 20, 33, 7]])


def logits(model):
    with torch.no_grad():
        return model.eval()(ids).logits.double().flatten().tolist()


load = AutoModelForCausalLM.from_pretrained
whole = load(exported)
print(
    json.dumps(
        {
            "base": logits(load(base)),
            "peft": logits(PeftModel.from_pretrained(load(base), adapter)),
            "exported": logits(whole),
            "dtype": str(whole.dtype),
            "tokens": AutoTokenizer.from_pretrained(exported).encode("the quick"),
        }
    )
)
