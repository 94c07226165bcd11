/** Functions that model.py has where something uses them: what torch says in several calls. */
import type { HelperName } from './lowerings/rule.ts';

export const HELPERS: { readonly [N in HelperName | 'Cache']: string } = {
  attention: `def attention(q, k, v, mask=None, causal=False, scale=None, window=None):
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
    return F.scaled_dot_product_attention(q, k, v, attn_mask=seen, scale=scale, enable_gqa=shared)`,
  attention_by_scores: `def attention_by_scores(q, k, v, mask=None, bias=None, causal=False, scale=None, window=None, soft_cap=None):
    """softmax(scores) v, scores = soft_cap tanh(scale q k^T / soft_cap) + bias, over the keys that a query sees; zeros where it sees none.

    q [B, H, T, D]; k and v [B, G, S, D], each head for H / G of q; mask [B, S] or [B, 1 or H, T, S]; window: the last keys."""
    shares, (T, S) = q.shape[1] // k.shape[1], (q.shape[2], k.shape[2])
    k, v = k.repeat_interleave(shares, dim=1), v.repeat_interleave(shares, dim=1)
    scores = q @ k.mT * (q.shape[-1] ** -0.5 if scale is None else scale)
    if soft_cap is not None:
        scores = soft_cap * torch.tanh(scores / soft_cap)
    if bias is not None:
        scores = scores + bias
    seen = scores != float("-inf")
    last, key = torch.arange(T, device=q.device)[:, None] + (S - T), torch.arange(S, device=q.device)
    if causal:
        seen = seen & (key <= last)
    if window is not None:
        seen = seen & (key > last - window)
    if mask is not None:
        seen = seen & (mask if mask.dim() == 4 else mask[:, None, None, :])
    weights = scores.masked_fill(~seen, torch.finfo(scores.dtype).min).softmax(-1)
    return weights.masked_fill(~seen, 0.0) @ v`,
  rotary: `def rotary(x, positions, dims, theta, frequencies=None, inverse=False):
    """Rotate-half rotary embedding of the first \`dims\` elements of each head. x [B, H, T, D], positions [B, T]."""
    # in float64: an angle is a position times a frequency, of which float32 keeps too few digits
    if frequencies is None:
        frequencies = theta ** (-torch.arange(0, dims, 2, device=x.device, dtype=torch.float64) / dims)
    else:
        frequencies = torch.tensor(frequencies, device=x.device, dtype=torch.float64)
    angles = positions[:, None, :, None] * (-frequencies if inverse else frequencies)  # [B, 1, T, dims / 2]
    cos, sin = angles.cos().to(x.dtype), angles.sin().to(x.dtype)
    a, b, rest = x.split((dims // 2, dims // 2, x.shape[-1] - dims), dim=-1)
    return torch.cat((a * cos - b * sin, b * cos + a * sin, rest), dim=-1)`,
  to_int64: `def to_int64(x):
    """Towards zero; NaN is 0, and what is past int64 its last value that float32 has."""
    return x.nan_to_num(nan=0.0).clamp(-(2.0**63), 2.0**63 - 2.0**39).long()`,
  Cache: `class Cache:
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
    return x if cache is None else cache.extend(x, dim)`,
};
