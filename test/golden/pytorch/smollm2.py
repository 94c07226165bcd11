"""Llama of models/llama.mdl, config smollm2_135m; tie_word_embeddings=true llama3_rope=false linear_rope=false yarn_rope=false yarn_attention_factor=false some_rope=false windowed=false qkv_bias=false qk_norm=false.

Written by `mdl compile --target pytorch`: sizes and flags are those of the config, and `state_dict()` has the keys of
the checkpoint. Above each statement stands what it was in the source, and behind it the shape of what it makes.
"""

import json
from pathlib import Path

import torch
import torch.nn.functional as F
from torch import nn


def attention(q, k, v, mask=None, causal=False, scale=None, window=None):
    """softmax(scale q k^T) v, zeros where a query sees no key. Causal and window (the last keys) count from the last key.

    q [B, H, T, D]; k and v [B, G, S, D], each head for H / G of q; mask [B, S] or [B, 1 or H, T, S]."""
    seen = mask if mask is None or mask.dim() == 4 else mask[:, None, None, :]
    last = torch.arange(q.shape[2], device=q.device)[:, None] + (k.shape[2] - q.shape[2])
    key = torch.arange(k.shape[2], device=q.device)
    if causal:
        seen = key <= last if seen is None else seen & (key <= last)
    if window is not None:
        seen = key > last - window if seen is None else seen & (key > last - window)
    shared = q.shape[1] != k.shape[1]
    return F.scaled_dot_product_attention(q, k, v, attn_mask=seen, scale=scale, enable_gqa=shared)


def rotary(x, positions, dims, theta, frequencies=None, inverse=False):
    """Rotate-half rotary embedding of the first `dims` elements of each head. x [B, H, T, D], positions [B, T]."""
    # in float64: an angle is a position times a frequency, of which float32 keeps too few digits
    if frequencies is None:
        frequencies = theta ** (-torch.arange(0, dims, 2, device=x.device, dtype=torch.float64) / dims)
    else:
        frequencies = torch.tensor(frequencies, device=x.device, dtype=torch.float64)
    angles = positions[:, None, :, None] * (-frequencies if inverse else frequencies)  # [B, 1, T, dims / 2]
    cos, sin = angles.cos().to(x.dtype), angles.sin().to(x.dtype)
    a, b, rest = x.split((dims // 2, dims // 2, x.shape[-1] - dims), dim=-1)
    return torch.cat((a * cos - b * sin, b * cos + a * sin, rest), dim=-1)


class Cache:
    """Keys and values of the positions so far, in the order in which the layers ask for them."""

    def __init__(self, past):
        self.past = past
        self.present = []

    def extend(self, x, dim):
        if self.past is not None:
            x = torch.cat((self.past[len(self.present)], x), dim=dim)
        self.present.append(x)
        return x


def extended(cache, x, dim):
    """Those of the cache, then x; x itself without one."""
    return x if cache is None else cache.extend(x, dim)


# models/llama-decoder.mdl
class Attention(nn.Module):
    """Causal attention with rotary positions, in which num_attention_heads share num_key_value_heads keys and values.
    `frequencies`: radians per position of each rotary pair, those of theta where none. `window`: how many keys a query sees.
    `magnitude`: of queries and keys. `turns`: whether positions count, beside their order.
    """

    def __init__(self):
        super().__init__()
        self.q_proj = nn.Linear(576, 576, bias=False)
        self.k_proj = nn.Linear(576, 192, bias=False)
        self.v_proj = nn.Linear(576, 192, bias=False)
        self.o_proj = nn.Linear(576, 576, bias=False)

    def by_head(self, x):
        # rearrange(x, "b t (h c) -> b t h c", h = count)
        return x.unflatten(-1, (9, 64))  # [B, T, 9, 64]

    def by_head_2(self, x):
        # rearrange(x, "b t (h c) -> b t h c", h = count)
        return x.unflatten(-1, (3, 64))  # [B, T, 3, 64]

    def rotated(self, x, positions):
        # let plain = rearrange(x, "b t h c -> b h t c")
        plain = x.transpose(1, 2)  # [B, 9, T, 64]
        # let by_position = plain when magnitude == 1.0 else plain * magnitude
        by_position = plain
        # rotary(by_position, positions, dims = head_dim, theta = theta, max_positions = positions_at_most)
        return rotary(by_position, positions, dims=64, theta=100000.0)  # [B, 9, T, 64]

    def forward(self, x, positions, mask, cache=None):
        # let q = rotated(q_norm(by_head(q_proj(x), heads)), positions)
        q = self.rotated(self.by_head(self.q_proj(x)), positions)  # [B, 9, T, 64]
        # let k = rotated(k_norm(by_head(k_proj(x), kv_heads)), positions)
        k = self.rotated(self.by_head_2(self.k_proj(x)), positions)  # [B, 3, T, 64]
        # let v = rearrange(v_proj(x), "b t (h c) -> b h t c", h = kv_heads)
        v = self.v_proj(x).unflatten(-1, (3, 64)).transpose(1, 2)  # [B, 3, T, 64]
        # attention(q, cached(k, "key"), cached(v, "value"), mask, causal = true, window = window) |> rearrange("b h t …
        y = attention(q, extended(cache, k, dim=2), extended(cache, v, dim=2), mask, causal=True)  # [B, 9, T, 64]
        return self.o_proj(y.transpose(1, 2).flatten(2))  # [B, T, 576]


# std.mdl
class GatedMLP(nn.Module):
    """A gated MLP: down(silu(gate(x)) * up(x)). Shazeer 2020, arXiv:2002.05202. Example: `mlp = GatedMLP(256, 688)`"""

    def __init__(self):
        super().__init__()
        self.gate_proj = nn.Linear(576, 1536, bias=False)
        self.up_proj = nn.Linear(576, 1536, bias=False)
        self.down_proj = nn.Linear(1536, 576, bias=False)

    def forward(self, x):
        # down_proj(activation(gate_proj(x)) * up_proj(x))
        return self.down_proj(F.silu(self.gate_proj(x)) * self.up_proj(x))  # [B, T, 576]


# models/llama-decoder.mdl
class DecoderLayer(nn.Module):
    def __init__(self):
        super().__init__()
        self.input_layernorm = nn.RMSNorm(576, eps=1e-5)
        self.self_attn = Attention()
        self.post_attention_layernorm = nn.RMSNorm(576, eps=1e-5)
        self.mlp = GatedMLP()

    def forward(self, x, positions, mask, cache=None):
        # let h = x + self_attn(input_layernorm(x), positions, mask)
        h = x + self.self_attn(self.input_layernorm(x), positions, mask, cache)  # [B, T, 576]
        # h + mlp(post_attention_layernorm(h))
        return h + self.mlp(self.post_attention_layernorm(h))  # [B, T, 576]


# models/llama-decoder.mdl
class Decoder(nn.Module):
    """`no_rope_interval`: of so many layers the last does not turn by position; all do where none."""

    def __init__(self):
        super().__init__()
        self.embed_tokens = nn.Embedding(49152, 576)
        self.layers = nn.ModuleList(DecoderLayer() for _ in range(30))
        self.norm = nn.RMSNorm(576, eps=1e-5)

    def forward(self, x, positions, mask, cache=None):
        # let h = x
        h = x
        # for layer in layers { h = layer(h, positions, mask) }
        for layer in self.layers:
            # h = layer(h, positions, mask)
            h = layer(h, positions, mask, cache)  # [B, T, 576]
        # norm(h)
        return self.norm(h)  # [B, T, 576]


# models/llama.mdl
class Llama(nn.Module):
    def __init__(self):
        super().__init__()
        self.model = Decoder()

    def embed_tokens(self, input_ids):
        # model.embed_tokens(input_ids)
        return self.model.embed_tokens(input_ids)  # [B, T, 576]

    def logits_of(self, embeds, attention_mask, positions, cache=None):
        # let h = model(embeds, positions, attention_mask != 0)
        h = self.model(embeds, positions, attention_mask != 0, cache)  # [B, T, 576]
        # linear(h, model.embed_tokens.weight) when tie_word_embeddings else lm_head(h)
        return F.linear(h, self.model.embed_tokens.weight)  # [B, T, 49152]

    def decode(self, inputs_embeds, attention_mask, position_ids, past_key_values=None):
        """`attention_mask` covers the past and the new tokens: 0 at padding"""
        cache = Cache(past_key_values)
        # logits_of(inputs_embeds, attention_mask, position_ids)
        return self.logits_of(inputs_embeds, attention_mask, position_ids, cache), cache.present  # [B, T, 49152]

    def loss(self, input_ids, attention_mask, position_ids, labels):
        """labels are unshifted, -100 ignored"""
        # let logits = logits_of(model.embed_tokens(input_ids), attention_mask, position_ids)
        logits = self.logits_of(self.model.embed_tokens(input_ids), attention_mask, position_ids)  # [B, T, 49152]
        # (next_token_loss(logits, labels), logits)
        return F.cross_entropy(logits[:, :-1].flatten(0, -2), labels[:, 1:].flatten()), logits

    def forward(self, *args, **kwargs):
        """What torch calls: loss."""
        return self.loss(*args, **kwargs)


def read_safetensors(path):
    """The tensors of a safetensors file, by key."""
    data = bytearray(Path(path).read_bytes())
    start = 8 + int.from_bytes(data[:8], "little")
    kinds = {"F32": torch.float32, "F16": torch.float16, "BF16": torch.bfloat16, "I64": torch.int64, "BOOL": torch.bool}
    tensors = {}
    for key, entry in json.loads(data[8:start]).items():
        if key != "__metadata__":
            begin, end = entry["data_offsets"]
            raw = torch.frombuffer(data[start + begin : start + end], dtype=torch.uint8) if end > begin else torch.empty(0, dtype=torch.uint8)
            tensors[key] = raw.view(kinds[entry["dtype"]]).reshape(entry["shape"])
    return tensors


def load(path=Path(__file__).with_name("model.safetensors")):
    """The model with the weights of a safetensors file, which has each of its keys and no other."""
    model = Llama()
    model.load_state_dict(read_safetensors(path), strict=True)
    return model
