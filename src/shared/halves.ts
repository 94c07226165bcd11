/**
 * What stands before the text of a kernel that reads parameters stored as f16: the same text runs on devices with
 * shader-f16, which load halves as they are, and on those without, where two halves are a word. Memory is the same bytes either way.
 *
 *     half2, half4     two and four neighbours, as an element of a storage buffer
 *     widen2, widen4   their f32 values
 */
export const HALVES = {
  native: `enable f16;
alias half2 = vec2<f16>;
alias half4 = vec4<f16>;
fn widen2(h: half2) -> vec2<f32> { return vec2<f32>(h); }
fn widen4(h: half4) -> vec4<f32> { return vec4<f32>(h); }
`,
  packed: `alias half2 = u32;
alias half4 = vec2<u32>;
fn widen2(h: half2) -> vec2<f32> { return unpack2x16float(h); }
fn widen4(h: half4) -> vec4<f32> { return vec4<f32>(unpack2x16float(h.x), unpack2x16float(h.y)); }
`,
} as const;
