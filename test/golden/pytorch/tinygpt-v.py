"""TinyGPTV of models/tinygpt-v.mdl, config nano; lora=true q_former=true projection_chain=true input_norm=true rms_norm=true qk_norm=true.

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


# std.mdl
class LoRALinear(nn.Module):
    """Low-rank adaptation in PEFT's layout: W x + b + (alpha / r) B(A(dropout(x))). Hu et al. 2021, arXiv:2106.09685, eq. 3.
    `base_layer` is where PEFT 0.7 and later keep the adapted layer; keys without `.default` are PEFT 0.2's.
    Example: `adapt layers[*].{q,v}_proj with LoRA(r = 8, alpha = 16)`
    """

    def __init__(self):
        super().__init__()
        self.weight = nn.Parameter(nn.init.normal_(torch.empty(384, 128), 0.0, 0.08838834764831843))
        self.bias = nn.Parameter(torch.zeros(384))
        self.lora_A = nn.Module()
        self.lora_A.default = nn.Module()
        self.lora_A.default.weight = nn.Parameter(nn.init.kaiming_uniform_(torch.empty(8, 128), a=2.23606797749979))
        self.lora_B = nn.Module()
        self.lora_B.default = nn.Module()
        self.lora_B.default.weight = nn.Parameter(torch.zeros(384, 8))

    def base(self, x):
        # linear(x, weight, bias)
        return F.linear(x, self.weight, self.bias)  # [B, T, 384]

    def forward(self, x):
        # base(x) + (alpha / r) * linear(linear(dropped(x, dropout), lora_A), lora_B)
        y = F.linear(
            F.linear(F.dropout(x, 0.05, self.training), self.lora_A.default.weight),
            self.lora_B.default.weight,
        )  # [B, T, 384]
        return self.base(x) + 2.0 * y  # [B, T, 384]


# std.mdl
class LoRALinear_2(nn.Module):
    """Low-rank adaptation in PEFT's layout: W x + b + (alpha / r) B(A(dropout(x))). Hu et al. 2021, arXiv:2106.09685, eq. 3.
    `base_layer` is where PEFT 0.7 and later keep the adapted layer; keys without `.default` are PEFT 0.2's.
    Example: `adapt layers[*].{q,v}_proj with LoRA(r = 8, alpha = 16)`
    """

    def __init__(self):
        super().__init__()
        self.weight = nn.Parameter(nn.init.normal_(torch.empty(128, 128), 0.0, 0.08838834764831843))
        self.bias = nn.Parameter(torch.zeros(128))
        self.lora_A = nn.Module()
        self.lora_A.default = nn.Module()
        self.lora_A.default.weight = nn.Parameter(nn.init.kaiming_uniform_(torch.empty(8, 128), a=2.23606797749979))
        self.lora_B = nn.Module()
        self.lora_B.default = nn.Module()
        self.lora_B.default.weight = nn.Parameter(torch.zeros(128, 8))

    def base(self, x):
        # linear(x, weight, bias)
        return F.linear(x, self.weight, self.bias)  # [B, T, 128]

    def forward(self, x):
        # base(x) + (alpha / r) * linear(linear(dropped(x, dropout), lora_A), lora_B)
        y = F.linear(
            F.linear(F.dropout(x, 0.05, self.training), self.lora_A.default.weight),
            self.lora_B.default.weight,
        )  # [B, T, 128]
        return self.base(x) + 2.0 * y  # [B, T, 128]


# models/phi-2.mdl
class PhiAttention(nn.Module):
    """Causal attention; query_key_value is interleaved per head: rows ordered head, q/k/v, head_dim."""

    def __init__(self):
        super().__init__()
        self.query_key_value = LoRALinear()
        self.dense = LoRALinear_2()
        self.q_layernorm = nn.LayerNorm(32, eps=1e-5)
        self.k_layernorm = nn.LayerNorm(32, eps=1e-5)

    def rotated(self, x, positions):
        """rotate-half rotary embedding of the first rotary_dim elements of each head"""
        # rearrange(x, "b t h c -> b h t c") |> rotary(positions, dims = rotary_dim, theta = c.rope_theta, max_position…
        return rotary(x.transpose(1, 2), positions, dims=16, theta=10000.0)  # [B, 4, T, 32]

    def forward(self, x, positions, mask, cache=None):
        # let q, k, v = query_key_value(x) |> rearrange("b t (h three c) -> three b t h c", h = c.num_heads, three = 3)
        q, k, v = self.query_key_value(x).unflatten(-1, (4, 3, 32)).permute(3, 0, 1, 2, 4).unbind(0)  # [B, T, 4, 32]
        # let q_rot = rotated(q_layernorm(q), positions)
        q_rot = self.rotated(self.q_layernorm(q), positions)  # [B, 4, T, 32]
        # let k_rot = rotated(k_layernorm(k), positions)
        k_rot = self.rotated(self.k_layernorm(k), positions)  # [B, 4, T, 32]
        # let values = rearrange(v, "b t h c -> b h t c")
        values = v.transpose(1, 2)  # [B, 4, T, 32]
        # attention(q_rot, cached(k_rot, "key"), cached(values, "value"), mask, causal = true) |> rearrange("b h t c ->…
        y = attention(q_rot, extended(cache, k_rot, dim=2), extended(cache, values, dim=2), mask, causal=True)
        return self.dense(y.transpose(1, 2).flatten(2))  # [B, T, 128]


# std.mdl
class MLP(nn.Module):
    """Two linear layers around an activation: fc2(activation(fc1(x))). Example: `mlp = MLP(256, 1024, activation = relu)`"""

    def __init__(self):
        super().__init__()
        self.fc1 = nn.Linear(128, 512)
        self.fc2 = nn.Linear(512, 128)

    def forward(self, x):
        # x |> fc1 |> activation |> fc2
        return self.fc2(F.gelu(self.fc1(x), approximate="tanh"))  # [B, T, 128]


# models/phi-2.mdl
class PhiLayer(nn.Module):
    """Attention and MLP in parallel, from the same normed input."""

    def __init__(self):
        super().__init__()
        self.input_layernorm = nn.LayerNorm(128, eps=1e-5)
        self.self_attn = PhiAttention()
        self.post_layernorm = nn.RMSNorm(128, eps=1e-6)
        self.mlp = MLP()

    def forward(self, x, positions, mask, cache=None):
        # let h = input_layernorm(x)
        h = self.input_layernorm(x)  # [B, T, 128]
        # x + post_layernorm(self_attn(h, positions, mask)) + mlp(h)
        return x + self.post_layernorm(self.self_attn(h, positions, mask, cache)) + self.mlp(h)  # [B, T, 128]


# models/phi-2.mdl
class PhiModel(nn.Module):
    def __init__(self):
        super().__init__()
        self.embed_tokens = nn.Embedding(512, 128)
        self.layers = nn.ModuleList(PhiLayer() for _ in range(4))
        self.final_layernorm = nn.LayerNorm(128, eps=1e-5)

    def forward(self, inputs_embeds, attention_mask, positions, cache=None):
        # let x = inputs_embeds
        x = inputs_embeds
        # let mask = attention_mask != 0
        mask = attention_mask != 0  # [B, S]
        # for layer in layers { x = layer(x, positions, mask) }
        for layer in self.layers:
            # x = layer(x, positions, mask)
            x = layer(x, positions, mask, cache)  # [B, T, 128]
        # final_layernorm(x)
        return self.final_layernorm(x)  # [B, T, 128]


# models/phi-2.mdl
class PhiForCausalLM(nn.Module):
    """Embeddings [B, T, hidden_size] to logits [B, T, vocab_size]; lm_head is untied and has a bias."""

    def __init__(self):
        super().__init__()
        self.model = PhiModel()
        self.lm_head = nn.Linear(128, 512)

    def forward(self, inputs_embeds, attention_mask, positions, cache=None):
        # lm_head(model(inputs_embeds, attention_mask, positions))
        return self.lm_head(self.model(inputs_embeds, attention_mask, positions, cache))  # [B, T, 512]


# models/eva-vit.mdl
class PatchEmbed(nn.Module):
    """Non-overlapping patches of the image, one token each, row by row."""

    def __init__(self):
        super().__init__()
        self.proj = nn.Conv2d(3, 64, 14, stride=14)

    def forward(self, pixel_values):
        # proj(pixel_values) |> rearrange("n d h w -> n (h w) d")
        return self.proj(pixel_values).permute(0, 2, 3, 1).flatten(1, 2)  # [N, 16, 64]


# models/eva-vit.mdl
class EvaAttention(nn.Module):
    """Self-attention with biases on q and v only."""

    def __init__(self):
        super().__init__()
        self.q_bias = nn.Parameter(torch.zeros(64))
        self.v_bias = nn.Parameter(torch.zeros(64))
        self.qkv = nn.Linear(64, 192, bias=False)
        self.proj = nn.Linear(64, 64)

    def forward(self, x):
        # let bias = concat([q_bias, full([dim], 0.0), v_bias], axis = 0)
        bias = torch.cat((self.q_bias, torch.zeros(64, device=x.device), self.v_bias), dim=-1)  # [192]
        # let q, k, v = (qkv(x) + bias) |> rearrange("b t (three h c) -> three b h t c", three = 3, h = num_heads)
        q, k, v = (self.qkv(x) + bias).unflatten(-1, (3, 4, 16)).permute(2, 0, 3, 1, 4).unbind(0)  # [B, 4, 17, 16]
        # attention(q, k, v) |> rearrange("b h t c -> b t (h c)") |> proj
        return self.proj(F.scaled_dot_product_attention(q, k, v).transpose(1, 2).flatten(2))  # [B, 17, 64]


# std.mdl
class MLP_2(nn.Module):
    """Two linear layers around an activation: fc2(activation(fc1(x))). Example: `mlp = MLP(256, 1024, activation = relu)`"""

    def __init__(self):
        super().__init__()
        self.fc1 = nn.Linear(64, 256)
        self.fc2 = nn.Linear(256, 64)

    def forward(self, x):
        # x |> fc1 |> activation |> fc2
        return self.fc2(F.gelu(self.fc1(x)))  # [N, 17, 64]


# models/eva-vit.mdl
class EvaBlock(nn.Module):
    """Pre-norm block: x + attn(norm1(x)), then x + mlp(norm2(x))."""

    def __init__(self):
        super().__init__()
        self.norm1 = nn.LayerNorm(64, eps=1e-6)
        self.attn = EvaAttention()
        self.norm2 = nn.LayerNorm(64, eps=1e-6)
        self.mlp = MLP_2()

    def forward(self, x):
        # let h = x + attn(norm1(x))
        h = x + self.attn(self.norm1(x))  # [B, 17, 64]
        # h + mlp(norm2(h))
        return h + self.mlp(self.norm2(h))  # [B, 17, 64]


# models/eva-vit.mdl
class EvaViT(nn.Module):
    """[N, 3, image_size, image_size] to [N, 1 + patches, embed_dim]: class token first, no final norm."""

    def __init__(self):
        super().__init__()
        self.cls_token = nn.Parameter(nn.init.trunc_normal_(torch.empty(1, 1, 64), 0.0, 0.02, -2.0, 2.0))
        self.pos_embed = nn.Parameter(nn.init.trunc_normal_(torch.empty(1, 17, 64), 0.0, 0.02, -2.0, 2.0))
        self.patch_embed = PatchEmbed()
        self.blocks = nn.ModuleList(EvaBlock() for _ in range(3))

    def forward(self, pixel_values):
        N = pixel_values.shape[0]
        # let patches = patch_embed(pixel_values)
        patches = self.patch_embed(pixel_values)  # [N, 16, 64]
        # let x = concat([expand(cls_token, [N, 1, c.embed_dim]), patches], axis = 1) + pos_embed
        x = torch.cat((self.cls_token.expand(N, -1, -1), patches), dim=1) + self.pos_embed  # [N, 17, 64]
        # for block in blocks { x = block(x) }
        for block in self.blocks:
            # x = block(x)
            x = block(x)  # [N, 17, 64]
        # x
        return x  # [N, 17, 64]


# models/q-former.mdl
class BertEmbeddings(nn.Module):
    def __init__(self):
        super().__init__()
        self.register_buffer("position_ids", torch.arange(512, dtype=torch.int64).reshape(1, 512))
        self.LayerNorm = nn.LayerNorm(64, eps=1e-12)

    def forward(self, query):
        # LayerNorm(query)
        return self.LayerNorm(query)  # [B, 8, 64]


# models/q-former.mdl
class BertSelfAttention(nn.Module):
    """Attention of x over a context of another width; without a context, over x itself."""

    def __init__(self):
        super().__init__()
        self.query = nn.Linear(64, 64)
        self.key = nn.Linear(64, 64)
        self.value = nn.Linear(64, 64)

    def forward(self, x, context):
        # let q, k, v = [ rearrange(y, "b t (h c) -> b h t c", h = num_heads) for y in [query(x), key(context), value(c…
        q = self.query(x).unflatten(-1, (4, 16)).transpose(1, 2)  # [B, 4, 8, 16]
        k = self.key(context).unflatten(-1, (4, 16)).transpose(1, 2)  # [B, 4, 8, 16]
        v = self.value(context).unflatten(-1, (4, 16)).transpose(1, 2)  # [B, 4, 8, 16]
        # attention(q, k, v) |> rearrange("b h t c -> b t (h c)")
        return F.scaled_dot_product_attention(q, k, v).transpose(1, 2).flatten(2)  # [B, 8, 64]


# models/q-former.mdl
class BertOutput(nn.Module):
    """Post-norm residual: LayerNorm(dense(x) + residual)."""

    def __init__(self):
        super().__init__()
        self.dense = nn.Linear(64, 64)
        self.LayerNorm = nn.LayerNorm(64, eps=1e-12)

    def forward(self, x, residual):
        # LayerNorm(dense(x) + residual)
        return self.LayerNorm(self.dense(x) + residual)  # [N, 8, 64]


# models/q-former.mdl
class BertAttention(nn.Module):
    def __init__(self):
        super().__init__()
        self.add_module("self", BertSelfAttention())
        self.output = BertOutput()

    def forward(self, x, context):
        # output(self(x, context), x)
        return self.output(getattr(self, "self")(x, context), x)  # [B, 8, 64]


# models/q-former.mdl
class BertIntermediate(nn.Module):
    def __init__(self):
        super().__init__()
        self.dense = nn.Linear(64, 256)

    def forward(self, x):
        # gelu(dense(x))
        return F.gelu(self.dense(x))  # [N, 8, 256]


# models/q-former.mdl
class BertOutput_2(nn.Module):
    """Post-norm residual: LayerNorm(dense(x) + residual)."""

    def __init__(self):
        super().__init__()
        self.dense = nn.Linear(256, 64)
        self.LayerNorm = nn.LayerNorm(64, eps=1e-12)

    def forward(self, x, residual):
        # LayerNorm(dense(x) + residual)
        return self.LayerNorm(self.dense(x) + residual)  # [N, 8, 64]


# models/q-former.mdl
class QFormerLayer(nn.Module):
    """Self-attention, cross-attention to the image features (in every `cross_attention_freq`-th layer), feed-forward."""

    def __init__(self):
        super().__init__()
        self.attention = BertAttention()
        self.crossattention = BertAttention()
        self.intermediate_query = BertIntermediate()
        self.output_query = BertOutput_2()

    def forward(self, x, features):
        # let h = crossattention(attention(x, x), features)
        h = self.crossattention(self.attention(x, x), features)  # [B, 8, 64]
        # output_query(intermediate_query(h), h)
        return self.output_query(self.intermediate_query(h), h)  # [B, 8, 64]


# models/q-former.mdl
class QFormerLayer_2(nn.Module):
    """Self-attention, cross-attention to the image features (in every `cross_attention_freq`-th layer), feed-forward."""

    def __init__(self):
        super().__init__()
        self.attention = BertAttention()
        self.intermediate_query = BertIntermediate()
        self.output_query = BertOutput_2()

    def forward(self, x, features):
        # let h = crossattention(attention(x, x), features)
        h = self.attention(x, x)  # [B, 8, 64]
        # output_query(intermediate_query(h), h)
        return self.output_query(self.intermediate_query(h), h)  # [B, 8, 64]


# models/q-former.mdl
class BertEncoder(nn.Module):
    def __init__(self):
        super().__init__()
        self.layer = nn.ModuleList([
            QFormerLayer(),
            QFormerLayer_2(),
        ])

    def forward(self, x, features):
        # for block in layer { x = block(x, features) }
        for block in self.layer:
            # x = block(x, features)
            x = block(x, features)  # [B, 8, 64]
        # x
        return x  # [B, 8, 64]


# models/q-former.mdl
class Bert(nn.Module):
    def __init__(self):
        super().__init__()
        self.embeddings = BertEmbeddings()
        self.encoder = BertEncoder()

    def forward(self, query, features):
        # encoder(embeddings(query), features)
        return self.encoder(self.embeddings(query), features)  # [B, 8, 64]


# models/q-former.mdl
class QFormer(nn.Module):
    """Learned queries [1, Q, hidden] and image features [N, S, context_width] to [N, Q, hidden]."""

    def __init__(self):
        super().__init__()
        self.bert = Bert()

    def forward(self, query, features):
        N = features.shape[0]
        # bert(expand(query, [N, Q, c.hidden_size]), features)
        return self.bert(query.expand(N, -1, -1), features)  # [N, 8, 64]


# models/tinygpt-v.mdl
class TinyGPTV(nn.Module):
    def __init__(self):
        super().__init__()
        self.query_tokens = nn.Parameter(nn.init.normal_(torch.empty(1, 8, 64), 0.0, 0.02))
        self.llama_model = nn.Module()
        self.llama_model.base_model = nn.Module()
        self.llama_model.base_model.model = PhiForCausalLM()
        self.visual_encoder = EvaViT()
        self.ln_vision = nn.LayerNorm(64, eps=1e-5)
        self.Qformer = QFormer()
        self.llama_proj = nn.Linear(64, 96)
        self.llama_proj2 = nn.Linear(96, 128)

    def encode(self, pixel_values):
        """images [N, 3, H, W] to image tokens in Phi's space [N, image_tokens, phi.hidden_size]"""
        # let features = pixel_values |> visual_encoder |> ln_vision
        features = self.ln_vision(self.visual_encoder(pixel_values))  # [N, 17, 64]
        # let tokens = Qformer(query_tokens, features) when q_former else rearrange(features[:, 1:], "n (p four) d -> n…
        tokens = self.Qformer(self.query_tokens, features)  # [N, 8, 64]
        # let projected = llama_proj(tokens)
        projected = self.llama_proj(tokens)  # [N, 8, 96]
        # llama_proj2(projected) when projection_chain else projected
        return self.llama_proj2(projected)  # [N, 8, 128]

    def encode_image(self, pixel_values):
        """one tensor under two names: transformers.js reads image_features, programs beside the authors' code image_embeds"""
        # let embeds = encode(pixel_values)
        embeds = self.encode(pixel_values)  # [N, 8, 128]
        # (embeds, embeds)
        return embeds, embeds

    def embed_tokens(self, input_ids):
        """what stands where a picture goes is any row: its features replace it"""
        # llama_model.model.embed_tokens(where(input_ids == tokens.image, 0, input_ids))
        return self.llama_model.base_model.model.model.embed_tokens(torch.where(input_ids == 512, 0, input_ids))

    def decode(self, inputs_embeds, attention_mask, position_ids, past_key_values=None):
        cache = Cache(past_key_values)
        # llama_model(inputs_embeds, attention_mask, position_ids)
        return self.llama_model.base_model.model(inputs_embeds, attention_mask, position_ids, cache), cache.present

    def loss(self, pixel_values, input_ids, attention_mask, position_ids, labels):
        """image_token_id in input_ids is filled in order from the images' tokens, row by row; labels are unshifted, -100 ignored"""
        B, T = input_ids.shape[:2]
        # let is_image = input_ids == image_token_id
        is_image = input_ids == -1  # [B, T]
        # let text = llama_model.model.embed_tokens(where(is_image, 0, input_ids))
        text = self.llama_model.base_model.model.model.embed_tokens(torch.where(is_image, 0, input_ids))  # [B, T, 128]
        # let table = concat([full([1, d], 0.0), rearrange(encode(pixel_values), "n q d -> (n q) d")], axis = 0)
        table = torch.cat(
            (torch.zeros(1, 128, device=pixel_values.device), self.encode(pixel_values).flatten(0, 1)),
            dim=0,
        )  # [8*N + 1, 128]
        # let slot = where(is_image, reshape(cumsum(reshape(int(is_image), [B * T]), axis = 0), [B, T]), 0)
        slot = torch.where(is_image, is_image.long().flatten().cumsum(dim=-1).unflatten(-1, (B, T)), 0)  # [B, T]
        # let inputs_embeds = where(reshape(is_image, [B, T, 1]), gather(table, slot, axis = 0), text)
        inputs_embeds = torch.where(is_image.unsqueeze(-1), F.embedding(slot, table), text)  # [B, T, 128]
        # let logits = llama_model(inputs_embeds, attention_mask, position_ids)
        logits = self.llama_model.base_model.model(inputs_embeds, attention_mask, position_ids)  # [B, T, 512]
        # (next_token_loss(logits, labels), logits, inputs_embeds)
        return F.cross_entropy(logits[:, :-1].flatten(0, -2), labels[:, 1:].flatten()), logits, inputs_embeds

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
    model = TinyGPTV()
    model.load_state_dict(read_safetensors(path), strict=True)
    return model
