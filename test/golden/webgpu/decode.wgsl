// equal → not   models/phi-2.mdl
// layer_norm   models/phi-2.mdl
@group(0) @binding(0) var<storage, read> attention_mask: array<i32>;
@group(0) @binding(1) var<storage, read_write> model_not: array<u32>;
@group(0) @binding(2) var<storage, read> inputs_embeds: array<f32>;
@group(0) @binding(3) var<storage, read> layers_input_layernorm_weight: array<f32>;
@group(0) @binding(4) var<storage, read> layers_input_layernorm_bias: array<f32>;
@group(0) @binding(5) var<storage, read_write> input_layernorm_layer_norm: array<f32>;
@group(0) @binding(6) var<uniform> params: Params;

struct Params {
  B_times_P_plus_B_times_T: u32, // B*P + B*T
  B_times_T: u32, // B*T
}

fn rsqrt_of(x: f32) -> f32 {
  let bits = bitcast<u32>(x);
  var found = select(bitcast<u32>(inverseSqrt(x)), 0u, bits == 0x7f800000u);
  found = select(found, 0x7fc00000u, bits > 0x7f800000u);
  return bitcast<f32>(select(found, bits | 0x7f800000u, (bits << 1u) == 0u));
}

var<workgroup> lanes_f32: array<f32, 64>;

fn share_sum_f32(lane: u32, value: f32) -> f32 {
  workgroupBarrier();
  lanes_f32[lane] = value;
  for (var half = 32u; half > 0u; half >>= 1u) {
    workgroupBarrier();
    if (lane < half) {
      lanes_f32[lane] = lanes_f32[lane] + lanes_f32[lane + half];
    }
  }
  workgroupBarrier();
  return lanes_f32[0u];
}

fn part_0(group: vec3u, groups: vec3u, lane: u32) {
  let index = (group.y * groups.x + group.x) * 64u + lane;
  if (index >= params.B_times_P_plus_B_times_T) { return; }
  model_not[index] = select(0u, 1u, !(attention_mask[index] == 0i));
}

fn part_1(group: vec3u, groups: vec3u, lane: u32) {
  let row = group.y * groups.x + group.x;
  if (row >= params.B_times_T) { return; }
  var acc4 = 0.0;
  for (var j3 = lane; j3 < 128u; j3 += 64u) {
    acc4 += inputs_embeds[row * 128u + j3];
  }
  let r6 = share_sum_f32(lane, acc4) / 128.0;
  var acc9 = 0.0;
  for (var j8 = lane; j8 < 128u; j8 += 64u) {
    let v11 = inputs_embeds[row * 128u + j8] - r6;
    acc9 += v11 * v11;
  }
  let r13 = share_sum_f32(lane, acc9) / 128.0;
  let v15 = rsqrt_of(r13 + 0.000009999999747378752);
  for (var c = lane; c < 128u; c += 64u) {
    input_layernorm_layer_norm[row * 128u + c] = (inputs_embeds[row * 128u + c] - r6) * v15 * layers_input_layernorm_weight[c] + layers_input_layernorm_bias[c];
  }
}

@compute @workgroup_size(64, 1, 1)
fn main(
  @builtin(workgroup_id) group: vec3u,
  @builtin(num_workgroups) groups: vec3u,
  @builtin(local_invocation_index) lane: u32,
) {
  var at = group.y * groups.x + group.x;
  if (at < (params.B_times_P_plus_B_times_T + 63u) / 64u) {
    part_0(vec3u(at, 0u, 0u), vec3u((params.B_times_P_plus_B_times_T + 63u) / 64u, 1u, 1u), lane);
    return;
  }
  at -= (params.B_times_P_plus_B_times_T + 63u) / 64u;
  if (at < params.B_times_T) {
    part_1(vec3u(at, 0u, 0u), vec3u(params.B_times_T, 1u, 1u), lane);
    return;
  }
  at -= params.B_times_T;
}

// linear   models/phi-2.mdl
// linear → gelu   models/phi-2.mdl
@group(0) @binding(0) var<storage, read> input_layernorm_layer_norm: array<vec4f>;
@group(0) @binding(1) var<storage, read> self_attn_query_key_value_weight: array<vec4f>;
@group(0) @binding(2) var<storage, read> self_attn_query_key_value_bias: array<f32>;
@group(0) @binding(3) var<storage, read_write> query_key_value_linear: array<f32>;
@group(0) @binding(4) var<storage, read> mlp_fc1_weight: array<vec4f>;
@group(0) @binding(5) var<storage, read> mlp_fc1_bias: array<f32>;
@group(0) @binding(6) var<storage, read_write> mlp_gelu: array<f32>;
@group(0) @binding(7) var<uniform> params: Params;

struct Params {
  B_times_T: u32, // B*T
}

fn is_nan(x: f32) -> bool { return (bitcast<u32>(x) & 0x7fffffffu) > 0x7f800000u; }

fn unless_nan(x: f32, y: f32) -> f32 {
  return bitcast<f32>(select(bitcast<u32>(y), bitcast<u32>(x), is_nan(x)));
}

fn sigmoid_of(x: f32) -> f32 {
  let a = abs(x);
  let e = select(exp(-min(a, 88.0)), 0.0, a > 88.0);
  return unless_nan(x, select(e, 1.0, x >= 0.0) / (1.0 + e));
}

fn gelu_tanh(x: f32) -> f32 { return x * sigmoid_of(1.59576912161 * (x + 0.044715 * x * x * x)); }

fn store_0(batch: u32, m: u32, n: u32, value: f32) {
  query_key_value_linear[m * 384u + n] = value + self_attn_query_key_value_bias[n];
}

fn a_0_4(batch: u32, m: u32, k: u32) -> vec4f {
  return input_layernorm_layer_norm[(m * 128u + k) >> 2u];
}

fn b_0_4(batch: u32, k: u32, n: u32) -> vec4f {
  return self_attn_query_key_value_weight[(n * 128u + k) >> 2u];
}

fn store_1(batch: u32, m: u32, n: u32, value: f32) {
  mlp_gelu[m * 512u + n] = gelu_tanh(value + mlp_fc1_bias[n]);
}

fn a_1_4(batch: u32, m: u32, k: u32) -> vec4f {
  return input_layernorm_layer_norm[(m * 128u + k) >> 2u];
}

fn b_1_4(batch: u32, k: u32, n: u32) -> vec4f {
  return mlp_fc1_weight[(n * 128u + k) >> 2u];
}

var<workgroup> partial: array<vec4f, 256>;

var<workgroup> tile_a: array<vec4f, 320>;

var<workgroup> tile_b: array<vec4f, 320>;

// 64 × 64 sums per workgroup, 4 × 4 per lane, blocks of 16 along k staged
fn part_0(group: vec3u, groups: vec3u, lane: u32) {
  let index = group.y * groups.x + group.x;
  let tile = vec3u(index % 6u, index / 6u % ((params.B_times_T + 63u) / 64u), index / (6u * ((params.B_times_T + 63u) / 64u)));
  if (tile.z >= 1u) { return; }
  let batch = tile.z;
  if (params.B_times_T == 1u) {
    let lane_k = lane % 16u;
    let lane_n = lane / 16u;
    let first_column = 4u * (tile.x * 16u + lane_n);
    let row0 = min(0u, params.B_times_T - 1u);
    let column0 = first_column;
    let column1 = first_column + 1u;
    let column2 = first_column + 2u;
    let column3 = first_column + 3u;
    var sum0_0 = vec4f();
    for (var k = 4u * lane_k; k < 128u; k += 64u) {
      let a0 = a_0_4(batch, row0, k);
      let b0 = b_0_4(batch, k, column0);
      let b1 = b_0_4(batch, k, column1);
      let b2 = b_0_4(batch, k, column2);
      let b3 = b_0_4(batch, k, column3);
      let c0_0 = vec4f(b0.x, b1.x, b2.x, b3.x);
      sum0_0 += a0.x * c0_0;
      let c1_0 = vec4f(b0.y, b1.y, b2.y, b3.y);
      sum0_0 += a0.y * c1_0;
      let c2_0 = vec4f(b0.z, b1.z, b2.z, b3.z);
      sum0_0 += a0.z * c2_0;
      let c3_0 = vec4f(b0.w, b1.w, b2.w, b3.w);
      sum0_0 += a0.w * c3_0;
    }
    let slot = lane_k * 16u + lane_n;
    partial[slot] = sum0_0;
    for (var half = 8u; half > 0u; half >>= 1u) {
      workgroupBarrier();
      if (lane_k < half) {
        let other = slot + half * 16u;
        partial[slot] += partial[other];
      }
    }
    if (lane_k == 0u) {
      for (var row = 0u; row < 1u; row++) {
        let sums = partial[row * 256u + slot];
        for (var c = 0u; c < 4u; c++) {
          let column = first_column + c;
          store_0(batch, row, column, sums[c]);
        }
      }
    }
    return;
  }
  let first_row = tile.y * 64u;
  let first_column = tile.x * 64u;
  let lane_n = lane % 16u;
  let lane_m = lane / 16u;
  var sum0_0 = vec4f();
  var sum1_0 = vec4f();
  var sum2_0 = vec4f();
  var sum3_0 = vec4f();
  for (var block = 0u; block < 128u; block += 16u) {
    let a_line = min(first_row + lane / 4u, params.B_times_T - 1u);
    let a_k = block + 4u * (lane % 4u);
    tile_a[lane / 4u * 5u + lane % 4u] = a_0_4(batch, a_line, a_k);
    let b_line = first_column + lane / 4u;
    let b_k = block + 4u * (lane % 4u);
    tile_b[lane / 4u * 5u + lane % 4u] = b_0_4(batch, b_k, b_line);
    workgroupBarrier();
    for (var s = 0u; s < 4u; s++) {
      let a0 = tile_a[4u * lane_m * 5u + s];
      let a1 = tile_a[(4u * lane_m + 1u) * 5u + s];
      let a2 = tile_a[(4u * lane_m + 2u) * 5u + s];
      let a3 = tile_a[(4u * lane_m + 3u) * 5u + s];
      let b0 = tile_b[lane_n * 5u + s];
      let b1 = tile_b[(lane_n + 16u) * 5u + s];
      let b2 = tile_b[(lane_n + 32u) * 5u + s];
      let b3 = tile_b[(lane_n + 48u) * 5u + s];
      let c0_0 = vec4f(b0.x, b1.x, b2.x, b3.x);
      sum0_0 += a0.x * c0_0;
      sum1_0 += a1.x * c0_0;
      sum2_0 += a2.x * c0_0;
      sum3_0 += a3.x * c0_0;
      let c1_0 = vec4f(b0.y, b1.y, b2.y, b3.y);
      sum0_0 += a0.y * c1_0;
      sum1_0 += a1.y * c1_0;
      sum2_0 += a2.y * c1_0;
      sum3_0 += a3.y * c1_0;
      let c2_0 = vec4f(b0.z, b1.z, b2.z, b3.z);
      sum0_0 += a0.z * c2_0;
      sum1_0 += a1.z * c2_0;
      sum2_0 += a2.z * c2_0;
      sum3_0 += a3.z * c2_0;
      let c3_0 = vec4f(b0.w, b1.w, b2.w, b3.w);
      sum0_0 += a0.w * c3_0;
      sum1_0 += a1.w * c3_0;
      sum2_0 += a2.w * c3_0;
      sum3_0 += a3.w * c3_0;
    }
    workgroupBarrier();
  }
  var sums = array<vec4f, 4>(sum0_0, sum1_0, sum2_0, sum3_0);
  for (var i = 0u; i < 4u; i++) {
    let row = first_row + 4u * lane_m + i;
    if (row >= params.B_times_T) { break; }
    for (var c = 0u; c < 4u; c++) {
      let column = first_column + lane_n + 16u * c;
      store_0(batch, row, column, sums[i][c & 3u]);
    }
  }
}

// 64 × 64 sums per workgroup, 4 × 4 per lane, blocks of 16 along k staged
fn part_1(group: vec3u, groups: vec3u, lane: u32) {
  let index = group.y * groups.x + group.x;
  let tile = vec3u(index % 8u, index / 8u % ((params.B_times_T + 63u) / 64u), index / (8u * ((params.B_times_T + 63u) / 64u)));
  if (tile.z >= 1u) { return; }
  let batch = tile.z;
  if (params.B_times_T == 1u) {
    let lane_k = lane % 16u;
    let lane_n = lane / 16u;
    let first_column = 4u * (tile.x * 16u + lane_n);
    let row0 = min(0u, params.B_times_T - 1u);
    let column0 = first_column;
    let column1 = first_column + 1u;
    let column2 = first_column + 2u;
    let column3 = first_column + 3u;
    var sum0_0 = vec4f();
    for (var k = 4u * lane_k; k < 128u; k += 64u) {
      let a0 = a_1_4(batch, row0, k);
      let b0 = b_1_4(batch, k, column0);
      let b1 = b_1_4(batch, k, column1);
      let b2 = b_1_4(batch, k, column2);
      let b3 = b_1_4(batch, k, column3);
      let c0_0 = vec4f(b0.x, b1.x, b2.x, b3.x);
      sum0_0 += a0.x * c0_0;
      let c1_0 = vec4f(b0.y, b1.y, b2.y, b3.y);
      sum0_0 += a0.y * c1_0;
      let c2_0 = vec4f(b0.z, b1.z, b2.z, b3.z);
      sum0_0 += a0.z * c2_0;
      let c3_0 = vec4f(b0.w, b1.w, b2.w, b3.w);
      sum0_0 += a0.w * c3_0;
    }
    let slot = lane_k * 16u + lane_n;
    partial[slot] = sum0_0;
    for (var half = 8u; half > 0u; half >>= 1u) {
      workgroupBarrier();
      if (lane_k < half) {
        let other = slot + half * 16u;
        partial[slot] += partial[other];
      }
    }
    if (lane_k == 0u) {
      for (var row = 0u; row < 1u; row++) {
        let sums = partial[row * 256u + slot];
        for (var c = 0u; c < 4u; c++) {
          let column = first_column + c;
          store_1(batch, row, column, sums[c]);
        }
      }
    }
    return;
  }
  let first_row = tile.y * 64u;
  let first_column = tile.x * 64u;
  let lane_n = lane % 16u;
  let lane_m = lane / 16u;
  var sum0_0 = vec4f();
  var sum1_0 = vec4f();
  var sum2_0 = vec4f();
  var sum3_0 = vec4f();
  for (var block = 0u; block < 128u; block += 16u) {
    let a_line = min(first_row + lane / 4u, params.B_times_T - 1u);
    let a_k = block + 4u * (lane % 4u);
    tile_a[lane / 4u * 5u + lane % 4u] = a_1_4(batch, a_line, a_k);
    let b_line = first_column + lane / 4u;
    let b_k = block + 4u * (lane % 4u);
    tile_b[lane / 4u * 5u + lane % 4u] = b_1_4(batch, b_k, b_line);
    workgroupBarrier();
    for (var s = 0u; s < 4u; s++) {
      let a0 = tile_a[4u * lane_m * 5u + s];
      let a1 = tile_a[(4u * lane_m + 1u) * 5u + s];
      let a2 = tile_a[(4u * lane_m + 2u) * 5u + s];
      let a3 = tile_a[(4u * lane_m + 3u) * 5u + s];
      let b0 = tile_b[lane_n * 5u + s];
      let b1 = tile_b[(lane_n + 16u) * 5u + s];
      let b2 = tile_b[(lane_n + 32u) * 5u + s];
      let b3 = tile_b[(lane_n + 48u) * 5u + s];
      let c0_0 = vec4f(b0.x, b1.x, b2.x, b3.x);
      sum0_0 += a0.x * c0_0;
      sum1_0 += a1.x * c0_0;
      sum2_0 += a2.x * c0_0;
      sum3_0 += a3.x * c0_0;
      let c1_0 = vec4f(b0.y, b1.y, b2.y, b3.y);
      sum0_0 += a0.y * c1_0;
      sum1_0 += a1.y * c1_0;
      sum2_0 += a2.y * c1_0;
      sum3_0 += a3.y * c1_0;
      let c2_0 = vec4f(b0.z, b1.z, b2.z, b3.z);
      sum0_0 += a0.z * c2_0;
      sum1_0 += a1.z * c2_0;
      sum2_0 += a2.z * c2_0;
      sum3_0 += a3.z * c2_0;
      let c3_0 = vec4f(b0.w, b1.w, b2.w, b3.w);
      sum0_0 += a0.w * c3_0;
      sum1_0 += a1.w * c3_0;
      sum2_0 += a2.w * c3_0;
      sum3_0 += a3.w * c3_0;
    }
    workgroupBarrier();
  }
  var sums = array<vec4f, 4>(sum0_0, sum1_0, sum2_0, sum3_0);
  for (var i = 0u; i < 4u; i++) {
    let row = first_row + 4u * lane_m + i;
    if (row >= params.B_times_T) { break; }
    for (var c = 0u; c < 4u; c++) {
      let column = first_column + lane_n + 16u * c;
      store_1(batch, row, column, sums[i][c & 3u]);
    }
  }
}

@compute @workgroup_size(256, 1, 1)
fn main(
  @builtin(workgroup_id) group: vec3u,
  @builtin(num_workgroups) groups: vec3u,
  @builtin(local_invocation_index) lane: u32,
) {
  var at = group.y * groups.x + group.x;
  if (at < 6u * ((params.B_times_T + 63u) / 64u)) {
    part_0(vec3u(at, 0u, 0u), vec3u(6u * ((params.B_times_T + 63u) / 64u), 1u, 1u), lane);
    return;
  }
  at -= 6u * ((params.B_times_T + 63u) / 64u);
  if (at < 8u * ((params.B_times_T + 63u) / 64u)) {
    part_1(vec3u(at, 0u, 0u), vec3u(8u * ((params.B_times_T + 63u) / 64u), 1u, 1u), lane);
    return;
  }
  at -= 8u * ((params.B_times_T + 63u) / 64u);
}

// linear   models/phi-2.mdl
@group(0) @binding(0) var<storage, read> input_layernorm_layer_norm: array<vec4f>;
@group(0) @binding(1) var<storage, read> lora_a_default_weight: array<vec4f>;
@group(0) @binding(2) var<storage, read_write> query_key_value_linear: array<f32>;
@group(0) @binding(3) var<uniform> params: Params;

struct Params {
  B_times_T: u32, // B*T
}

fn store(batch: u32, m: u32, n: u32, value: f32) {
  query_key_value_linear[m * 8u + n] = value;
}

fn a_4(batch: u32, m: u32, k: u32) -> vec4f {
  return input_layernorm_layer_norm[(m * 128u + k) >> 2u];
}

fn b_4(batch: u32, k: u32, n: u32) -> vec4f {
  return lora_a_default_weight[(n * 128u + k) >> 2u];
}

var<workgroup> partial: array<vec4f, 64>;

var<workgroup> tile_a: array<vec4f, 160>;

var<workgroup> tile_b: array<vec4f, 160>;

// 32 × 32 sums per workgroup, 4 × 4 per lane, blocks of 16 along k staged
@compute @workgroup_size(64, 1, 1)
fn main(
  @builtin(workgroup_id) group: vec3u,
  @builtin(num_workgroups) groups: vec3u,
  @builtin(local_invocation_index) lane: u32,
) {
  let index = group.y * groups.x + group.x;
  let tile = vec3u(0u, index % ((params.B_times_T + 31u) / 32u), index / ((params.B_times_T + 31u) / 32u));
  if (tile.z >= 1u) { return; }
  let batch = tile.z;
  if (params.B_times_T == 1u) {
    let lane_k = lane % 8u;
    let lane_n = lane / 8u;
    let first_column = 4u * (tile.x * 8u + lane_n);
    let row0 = min(0u, params.B_times_T - 1u);
    let column0 = min(first_column, 7u);
    let column1 = min(first_column + 1u, 7u);
    let column2 = min(first_column + 2u, 7u);
    let column3 = min(first_column + 3u, 7u);
    var sum0_0 = vec4f();
    for (var k = 4u * lane_k; k < 128u; k += 32u) {
      let a0 = a_4(batch, row0, k);
      let b0 = b_4(batch, k, column0);
      let b1 = b_4(batch, k, column1);
      let b2 = b_4(batch, k, column2);
      let b3 = b_4(batch, k, column3);
      let c0_0 = vec4f(b0.x, b1.x, b2.x, b3.x);
      sum0_0 += a0.x * c0_0;
      let c1_0 = vec4f(b0.y, b1.y, b2.y, b3.y);
      sum0_0 += a0.y * c1_0;
      let c2_0 = vec4f(b0.z, b1.z, b2.z, b3.z);
      sum0_0 += a0.z * c2_0;
      let c3_0 = vec4f(b0.w, b1.w, b2.w, b3.w);
      sum0_0 += a0.w * c3_0;
    }
    let slot = lane_k * 8u + lane_n;
    partial[slot] = sum0_0;
    for (var half = 4u; half > 0u; half >>= 1u) {
      workgroupBarrier();
      if (lane_k < half) {
        let other = slot + half * 8u;
        partial[slot] += partial[other];
      }
    }
    if (lane_k == 0u) {
      for (var row = 0u; row < 1u; row++) {
        let sums = partial[row * 64u + slot];
        for (var c = 0u; c < 4u; c++) {
          let column = first_column + c;
          if (column >= 8u) { break; }
          store(batch, row, column, sums[c]);
        }
      }
    }
    return;
  }
  let first_row = tile.y * 32u;
  let first_column = tile.x * 32u;
  let lane_n = lane % 8u;
  let lane_m = lane / 8u;
  var sum0_0 = vec4f();
  var sum1_0 = vec4f();
  var sum2_0 = vec4f();
  var sum3_0 = vec4f();
  for (var block = 0u; block < 128u; block += 16u) {
    for (var slot = lane; slot < 128u; slot += 64u) {
      let a_line = min(first_row + slot / 4u, params.B_times_T - 1u);
      let a_k = block + 4u * (slot % 4u);
      tile_a[slot / 4u * 5u + slot % 4u] = a_4(batch, a_line, a_k);
    }
    for (var slot = lane; slot < 128u; slot += 64u) {
      let b_line = min(first_column + slot / 4u, 7u);
      let b_k = block + 4u * (slot % 4u);
      tile_b[slot / 4u * 5u + slot % 4u] = b_4(batch, b_k, b_line);
    }
    workgroupBarrier();
    for (var s = 0u; s < 4u; s++) {
      let a0 = tile_a[4u * lane_m * 5u + s];
      let a1 = tile_a[(4u * lane_m + 1u) * 5u + s];
      let a2 = tile_a[(4u * lane_m + 2u) * 5u + s];
      let a3 = tile_a[(4u * lane_m + 3u) * 5u + s];
      let b0 = tile_b[lane_n * 5u + s];
      let b1 = tile_b[(lane_n + 8u) * 5u + s];
      let b2 = tile_b[(lane_n + 16u) * 5u + s];
      let b3 = tile_b[(lane_n + 24u) * 5u + s];
      let c0_0 = vec4f(b0.x, b1.x, b2.x, b3.x);
      sum0_0 += a0.x * c0_0;
      sum1_0 += a1.x * c0_0;
      sum2_0 += a2.x * c0_0;
      sum3_0 += a3.x * c0_0;
      let c1_0 = vec4f(b0.y, b1.y, b2.y, b3.y);
      sum0_0 += a0.y * c1_0;
      sum1_0 += a1.y * c1_0;
      sum2_0 += a2.y * c1_0;
      sum3_0 += a3.y * c1_0;
      let c2_0 = vec4f(b0.z, b1.z, b2.z, b3.z);
      sum0_0 += a0.z * c2_0;
      sum1_0 += a1.z * c2_0;
      sum2_0 += a2.z * c2_0;
      sum3_0 += a3.z * c2_0;
      let c3_0 = vec4f(b0.w, b1.w, b2.w, b3.w);
      sum0_0 += a0.w * c3_0;
      sum1_0 += a1.w * c3_0;
      sum2_0 += a2.w * c3_0;
      sum3_0 += a3.w * c3_0;
    }
    workgroupBarrier();
  }
  var sums = array<vec4f, 4>(sum0_0, sum1_0, sum2_0, sum3_0);
  for (var i = 0u; i < 4u; i++) {
    let row = first_row + 4u * lane_m + i;
    if (row >= params.B_times_T) { break; }
    for (var c = 0u; c < 4u; c++) {
      let column = first_column + lane_n + 8u * c;
      if (column >= 8u) { break; }
      store(batch, row, column, sums[i][c & 3u]);
    }
  }
}

// linear → mul → add   models/phi-2.mdl
// linear   models/phi-2.mdl
@group(0) @binding(0) var<storage, read> query_key_value_linear: array<vec4f>;
@group(0) @binding(1) var<storage, read> lora_b_default_weight: array<vec4f>;
@group(0) @binding(2) var<storage, read> query_key_value_linear_b: array<f32>;
@group(0) @binding(3) var<storage, read_write> query_key_value_add: array<f32>;
@group(0) @binding(4) var<storage, read> mlp_gelu: array<vec4f>;
@group(0) @binding(5) var<storage, read> mlp_fc2_weight: array<vec4f>;
@group(0) @binding(6) var<storage, read> mlp_fc2_bias: array<f32>;
@group(0) @binding(7) var<storage, read_write> fc2_linear: array<f32>;
@group(0) @binding(8) var<uniform> params: Params;

struct Params {
  B_times_T: u32, // B*T
}

fn store_0(batch: u32, m: u32, n: u32, value: f32) {
  query_key_value_add[m * 384u + n] = query_key_value_linear_b[m * 384u + n] + 2.0 * value;
}

fn a_0_4(batch: u32, m: u32, k: u32) -> vec4f {
  return query_key_value_linear[(m * 8u + k) >> 2u];
}

fn b_0_4(batch: u32, k: u32, n: u32) -> vec4f {
  return lora_b_default_weight[(n * 8u + k) >> 2u];
}

fn store_1(batch: u32, m: u32, n: u32, value: f32) {
  fc2_linear[m * 128u + n] = value + mlp_fc2_bias[n];
}

fn a_1_4(batch: u32, m: u32, k: u32) -> vec4f {
  return mlp_gelu[(m * 512u + k) >> 2u];
}

fn b_1_4(batch: u32, k: u32, n: u32) -> vec4f {
  return mlp_fc2_weight[(n * 512u + k) >> 2u];
}

var<workgroup> partial: array<vec4f, 256>;

var<workgroup> tile_a: array<vec4f, 320>;

var<workgroup> tile_b: array<vec4f, 320>;

// 64 × 64 sums per workgroup, 4 × 4 per lane, blocks of 16 along k staged
fn part_0(group: vec3u, groups: vec3u, lane: u32) {
  let index = group.y * groups.x + group.x;
  let tile = vec3u(index % 6u, index / 6u % ((params.B_times_T + 63u) / 64u), index / (6u * ((params.B_times_T + 63u) / 64u)));
  if (tile.z >= 1u) { return; }
  let batch = tile.z;
  if (params.B_times_T == 1u) {
    let lane_k = lane % 16u;
    let lane_n = lane / 16u;
    let first_column = 4u * (tile.x * 16u + lane_n);
    let row0 = min(0u, params.B_times_T - 1u);
    let column0 = first_column;
    let column1 = first_column + 1u;
    let column2 = first_column + 2u;
    let column3 = first_column + 3u;
    var sum0_0 = vec4f();
    for (var k = 4u * lane_k; k < 8u; k += 64u) {
      let a0 = a_0_4(batch, row0, k);
      let b0 = b_0_4(batch, k, column0);
      let b1 = b_0_4(batch, k, column1);
      let b2 = b_0_4(batch, k, column2);
      let b3 = b_0_4(batch, k, column3);
      let c0_0 = vec4f(b0.x, b1.x, b2.x, b3.x);
      sum0_0 += a0.x * c0_0;
      let c1_0 = vec4f(b0.y, b1.y, b2.y, b3.y);
      sum0_0 += a0.y * c1_0;
      let c2_0 = vec4f(b0.z, b1.z, b2.z, b3.z);
      sum0_0 += a0.z * c2_0;
      let c3_0 = vec4f(b0.w, b1.w, b2.w, b3.w);
      sum0_0 += a0.w * c3_0;
    }
    let slot = lane_k * 16u + lane_n;
    partial[slot] = sum0_0;
    for (var half = 8u; half > 0u; half >>= 1u) {
      workgroupBarrier();
      if (lane_k < half) {
        let other = slot + half * 16u;
        partial[slot] += partial[other];
      }
    }
    if (lane_k == 0u) {
      for (var row = 0u; row < 1u; row++) {
        let sums = partial[row * 256u + slot];
        for (var c = 0u; c < 4u; c++) {
          let column = first_column + c;
          store_0(batch, row, column, sums[c]);
        }
      }
    }
    return;
  }
  let first_row = tile.y * 64u;
  let first_column = tile.x * 64u;
  let lane_n = lane % 16u;
  let lane_m = lane / 16u;
  var sum0_0 = vec4f();
  var sum1_0 = vec4f();
  var sum2_0 = vec4f();
  var sum3_0 = vec4f();
  for (var block = 0u; block < 8u; block += 16u) {
    let a_line = min(first_row + lane / 4u, params.B_times_T - 1u);
    let a_k = block + 4u * (lane % 4u);
    tile_a[lane / 4u * 5u + lane % 4u] = select(a_0_4(batch, a_line, min(a_k, 4u)), vec4f(), a_k >= 8u);
    let b_line = first_column + lane / 4u;
    let b_k = block + 4u * (lane % 4u);
    tile_b[lane / 4u * 5u + lane % 4u] = select(b_0_4(batch, min(b_k, 4u), b_line), vec4f(), b_k >= 8u);
    workgroupBarrier();
    for (var s = 0u; s < 4u; s++) {
      let a0 = tile_a[4u * lane_m * 5u + s];
      let a1 = tile_a[(4u * lane_m + 1u) * 5u + s];
      let a2 = tile_a[(4u * lane_m + 2u) * 5u + s];
      let a3 = tile_a[(4u * lane_m + 3u) * 5u + s];
      let b0 = tile_b[lane_n * 5u + s];
      let b1 = tile_b[(lane_n + 16u) * 5u + s];
      let b2 = tile_b[(lane_n + 32u) * 5u + s];
      let b3 = tile_b[(lane_n + 48u) * 5u + s];
      let c0_0 = vec4f(b0.x, b1.x, b2.x, b3.x);
      sum0_0 += a0.x * c0_0;
      sum1_0 += a1.x * c0_0;
      sum2_0 += a2.x * c0_0;
      sum3_0 += a3.x * c0_0;
      let c1_0 = vec4f(b0.y, b1.y, b2.y, b3.y);
      sum0_0 += a0.y * c1_0;
      sum1_0 += a1.y * c1_0;
      sum2_0 += a2.y * c1_0;
      sum3_0 += a3.y * c1_0;
      let c2_0 = vec4f(b0.z, b1.z, b2.z, b3.z);
      sum0_0 += a0.z * c2_0;
      sum1_0 += a1.z * c2_0;
      sum2_0 += a2.z * c2_0;
      sum3_0 += a3.z * c2_0;
      let c3_0 = vec4f(b0.w, b1.w, b2.w, b3.w);
      sum0_0 += a0.w * c3_0;
      sum1_0 += a1.w * c3_0;
      sum2_0 += a2.w * c3_0;
      sum3_0 += a3.w * c3_0;
    }
    workgroupBarrier();
  }
  var sums = array<vec4f, 4>(sum0_0, sum1_0, sum2_0, sum3_0);
  for (var i = 0u; i < 4u; i++) {
    let row = first_row + 4u * lane_m + i;
    if (row >= params.B_times_T) { break; }
    for (var c = 0u; c < 4u; c++) {
      let column = first_column + lane_n + 16u * c;
      store_0(batch, row, column, sums[i][c & 3u]);
    }
  }
}

// 64 × 64 sums per workgroup, 4 × 4 per lane, blocks of 16 along k staged
fn part_1(group: vec3u, groups: vec3u, lane: u32) {
  let index = group.y * groups.x + group.x;
  let tile = vec3u(index % 2u, index / 2u % ((params.B_times_T + 63u) / 64u), index / (2u * ((params.B_times_T + 63u) / 64u)));
  if (tile.z >= 1u) { return; }
  let batch = tile.z;
  if (params.B_times_T == 1u) {
    let lane_k = lane % 16u;
    let lane_n = lane / 16u;
    let first_column = 4u * (tile.x * 16u + lane_n);
    let row0 = min(0u, params.B_times_T - 1u);
    let column0 = first_column;
    let column1 = first_column + 1u;
    let column2 = first_column + 2u;
    let column3 = first_column + 3u;
    var sum0_0 = vec4f();
    for (var k = 4u * lane_k; k < 512u; k += 64u) {
      let a0 = a_1_4(batch, row0, k);
      let b0 = b_1_4(batch, k, column0);
      let b1 = b_1_4(batch, k, column1);
      let b2 = b_1_4(batch, k, column2);
      let b3 = b_1_4(batch, k, column3);
      let c0_0 = vec4f(b0.x, b1.x, b2.x, b3.x);
      sum0_0 += a0.x * c0_0;
      let c1_0 = vec4f(b0.y, b1.y, b2.y, b3.y);
      sum0_0 += a0.y * c1_0;
      let c2_0 = vec4f(b0.z, b1.z, b2.z, b3.z);
      sum0_0 += a0.z * c2_0;
      let c3_0 = vec4f(b0.w, b1.w, b2.w, b3.w);
      sum0_0 += a0.w * c3_0;
    }
    let slot = lane_k * 16u + lane_n;
    partial[slot] = sum0_0;
    for (var half = 8u; half > 0u; half >>= 1u) {
      workgroupBarrier();
      if (lane_k < half) {
        let other = slot + half * 16u;
        partial[slot] += partial[other];
      }
    }
    if (lane_k == 0u) {
      for (var row = 0u; row < 1u; row++) {
        let sums = partial[row * 256u + slot];
        for (var c = 0u; c < 4u; c++) {
          let column = first_column + c;
          store_1(batch, row, column, sums[c]);
        }
      }
    }
    return;
  }
  let first_row = tile.y * 64u;
  let first_column = tile.x * 64u;
  let lane_n = lane % 16u;
  let lane_m = lane / 16u;
  var sum0_0 = vec4f();
  var sum1_0 = vec4f();
  var sum2_0 = vec4f();
  var sum3_0 = vec4f();
  for (var block = 0u; block < 512u; block += 16u) {
    let a_line = min(first_row + lane / 4u, params.B_times_T - 1u);
    let a_k = block + 4u * (lane % 4u);
    tile_a[lane / 4u * 5u + lane % 4u] = a_1_4(batch, a_line, a_k);
    let b_line = first_column + lane / 4u;
    let b_k = block + 4u * (lane % 4u);
    tile_b[lane / 4u * 5u + lane % 4u] = b_1_4(batch, b_k, b_line);
    workgroupBarrier();
    for (var s = 0u; s < 4u; s++) {
      let a0 = tile_a[4u * lane_m * 5u + s];
      let a1 = tile_a[(4u * lane_m + 1u) * 5u + s];
      let a2 = tile_a[(4u * lane_m + 2u) * 5u + s];
      let a3 = tile_a[(4u * lane_m + 3u) * 5u + s];
      let b0 = tile_b[lane_n * 5u + s];
      let b1 = tile_b[(lane_n + 16u) * 5u + s];
      let b2 = tile_b[(lane_n + 32u) * 5u + s];
      let b3 = tile_b[(lane_n + 48u) * 5u + s];
      let c0_0 = vec4f(b0.x, b1.x, b2.x, b3.x);
      sum0_0 += a0.x * c0_0;
      sum1_0 += a1.x * c0_0;
      sum2_0 += a2.x * c0_0;
      sum3_0 += a3.x * c0_0;
      let c1_0 = vec4f(b0.y, b1.y, b2.y, b3.y);
      sum0_0 += a0.y * c1_0;
      sum1_0 += a1.y * c1_0;
      sum2_0 += a2.y * c1_0;
      sum3_0 += a3.y * c1_0;
      let c2_0 = vec4f(b0.z, b1.z, b2.z, b3.z);
      sum0_0 += a0.z * c2_0;
      sum1_0 += a1.z * c2_0;
      sum2_0 += a2.z * c2_0;
      sum3_0 += a3.z * c2_0;
      let c3_0 = vec4f(b0.w, b1.w, b2.w, b3.w);
      sum0_0 += a0.w * c3_0;
      sum1_0 += a1.w * c3_0;
      sum2_0 += a2.w * c3_0;
      sum3_0 += a3.w * c3_0;
    }
    workgroupBarrier();
  }
  var sums = array<vec4f, 4>(sum0_0, sum1_0, sum2_0, sum3_0);
  for (var i = 0u; i < 4u; i++) {
    let row = first_row + 4u * lane_m + i;
    if (row >= params.B_times_T) { break; }
    for (var c = 0u; c < 4u; c++) {
      let column = first_column + lane_n + 16u * c;
      store_1(batch, row, column, sums[i][c & 3u]);
    }
  }
}

@compute @workgroup_size(256, 1, 1)
fn main(
  @builtin(workgroup_id) group: vec3u,
  @builtin(num_workgroups) groups: vec3u,
  @builtin(local_invocation_index) lane: u32,
) {
  var at = group.y * groups.x + group.x;
  if (at < 6u * ((params.B_times_T + 63u) / 64u)) {
    part_0(vec3u(at, 0u, 0u), vec3u(6u * ((params.B_times_T + 63u) / 64u), 1u, 1u), lane);
    return;
  }
  at -= 6u * ((params.B_times_T + 63u) / 64u);
  if (at < 2u * ((params.B_times_T + 63u) / 64u)) {
    part_1(vec3u(at, 0u, 0u), vec3u(2u * ((params.B_times_T + 63u) / 64u), 1u, 1u), lane);
    return;
  }
  at -= 2u * ((params.B_times_T + 63u) / 64u);
}

// reshape → transpose → slice → reshape → layer_norm → transpose → rotary   models/phi-2.mdl
// reshape → transpose → slice → reshape → layer_norm → transpose → rotary   models/phi-2.mdl
// reshape → transpose → slice → reshape → transpose   models/phi-2.mdl
@group(0) @binding(0) var<storage, read> query_key_value_add: array<f32>;
@group(0) @binding(1) var<storage, read> packed_values: array<f32>;
@group(0) @binding(2) var<storage, read> position_ids: array<i32>;
@group(0) @binding(3) var<storage, read> constant_values: array<f32>;
@group(0) @binding(4) var<storage, read_write> self_attn_rotary: array<f32>;
@group(0) @binding(5) var<storage, read_write> past_key_values_key: array<f32>;
@group(0) @binding(6) var<storage, read_write> past_key_values_value: array<f32>;
@group(0) @binding(7) var<uniform> params: Params;

struct Params {
  size_4_times_T: u32, // 4*T
  size_384_times_T: u32, // 384*T
  T: u32, // T
  size_4_times_B_times_T: u32, // 4*B*T
  P: u32, // P
  size_32_times_capacity: u32, // 32*__capacity
  size_128_times_T: u32, // 128*T
  size_32_times_T: u32, // 32*T
  size_128_times_B_times_T: u32, // 128*B*T
}

fn rsqrt_of(x: f32) -> f32 {
  let bits = bitcast<u32>(x);
  var found = select(bitcast<u32>(inverseSqrt(x)), 0u, bits == 0x7f800000u);
  found = select(found, 0x7fc00000u, bits > 0x7f800000u);
  return bitcast<f32>(select(found, bits | 0x7f800000u, (bits << 1u) == 0u));
}

var<workgroup> lanes_f32: array<f32, 64>;

fn share_sum_f32(lane: u32, value: f32) -> f32 {
  workgroupBarrier();
  lanes_f32[lane] = value;
  for (var half = 32u; half > 0u; half >>= 1u) {
    workgroupBarrier();
    if (lane < half) {
      lanes_f32[lane] = lanes_f32[lane] + lanes_f32[lane + half];
    }
  }
  workgroupBarrier();
  return lanes_f32[0u];
}

fn part_0(group: vec3u, groups: vec3u, lane: u32) {
  let row = group.y * groups.x + group.x;
  if (row >= params.size_4_times_B_times_T) { return; }
  let i0 = row / params.size_4_times_T;
  let i1 = row % params.T;
  let i3 = row / params.T % 4u;
  var acc6 = 0.0;
  for (var j5 = lane; j5 < 32u; j5 += 64u) {
    acc6 += query_key_value_add[i0 * params.size_384_times_T + i1 * 384u + i3 * 96u + j5];
  }
  let r8 = share_sum_f32(lane, acc6) / 32.0;
  var acc11 = 0.0;
  for (var j10 = lane; j10 < 32u; j10 += 64u) {
    let v13 = query_key_value_add[i0 * params.size_384_times_T + i1 * 384u + i3 * 96u + j10] - r8;
    acc11 += v13 * v13;
  }
  let r15 = share_sum_f32(lane, acc11) / 32.0;
  let v17 = rsqrt_of(r15 + 0.000009999999747378752);
  let i30 = u32(position_ids[i0 * params.T + i1]);
  for (var c = lane; c < 32u; c += 64u) {
    let v18 = (query_key_value_add[i0 * params.size_384_times_T + i1 * 384u + i3 * 96u + c] - r8) * v17;
    let i22 = i32(c);
    let v23 = i22 < 16i;
    let v24 = i22 < 8i;
    let v25 = i22 - 8i;
    let v27 = select(select(0i, v25, v23), i22, v24);
    let i37 = u32(select(select(i22, v25, v23), i22 + 8i, v24));
    let v40 = (query_key_value_add[i0 * params.size_384_times_T + i1 * 384u + i3 * 96u + i37] - r8) * v17;
    let v49 = constant_values[i30 * 16u + u32(v27 + 8i)] * select(select(0.0, 1.0, v23), -1.0, v24);
    let v33 = (v18 * packed_values[c] + packed_values[c + 32u]) * select(1.0, constant_values[i30 * 16u + u32(v27)], v23);
    let v50 = (v40 * packed_values[i37] + packed_values[i37 + 32u]) * v49;
    self_attn_rotary[row * 32u + c] = v33 + v50;
  }
}

fn part_1(group: vec3u, groups: vec3u, lane: u32) {
  let row = group.y * groups.x + group.x;
  if (row >= params.size_4_times_B_times_T) { return; }
  let i52 = row / params.size_4_times_T;
  let i53 = row % params.T;
  let i54 = row / params.T;
  let i55 = i54 % 4u;
  var acc58 = 0.0;
  for (var j57 = lane; j57 < 32u; j57 += 64u) {
    let i59 = i52 * params.size_384_times_T + i53 * 384u + i55 * 96u + j57 + 32u;
    acc58 += query_key_value_add[i59];
  }
  let r60 = share_sum_f32(lane, acc58) / 32.0;
  var acc63 = 0.0;
  for (var j62 = lane; j62 < 32u; j62 += 64u) {
    let i64 = i52 * params.size_384_times_T + i53 * 384u + i55 * 96u + j62 + 32u;
    let v65 = query_key_value_add[i64] - r60;
    acc63 += v65 * v65;
  }
  let r67 = share_sum_f32(lane, acc63) / 32.0;
  let v69 = rsqrt_of(r67 + 0.000009999999747378752);
  let i83 = u32(position_ids[i52 * params.T + i53]);
  for (var c = lane; c < 32u; c += 64u) {
    let i56 = i52 * params.size_384_times_T + i53 * 384u + i55 * 96u + c + 32u;
    let i75 = i32(c);
    let v76 = i75 < 16i;
    let v77 = i75 < 8i;
    let v78 = i75 - 8i;
    let v80 = select(select(0i, v78, v76), i75, v77);
    let v85 = select(1.0, constant_values[i83 * 16u + u32(v80)], v76);
    let i90 = u32(select(select(i75, v78, v76), i75 + 8i, v77));
    let i91 = i52 * params.size_384_times_T + i53 * 384u + i55 * 96u + i90 + 32u;
    let v103 = constant_values[i83 * 16u + u32(v80 + 8i)] * select(select(0.0, 1.0, v76), -1.0, v77);
    let v104 = ((query_key_value_add[i91] - r60) * v69 * packed_values[i90 + 64u] + packed_values[i90 + 96u]) * v103;
    let v105 = ((query_key_value_add[i56] - r60) * v69 * packed_values[c + 64u] + packed_values[c + 96u]) * v85 + v104;
    past_key_values_key[i54 * params.size_32_times_capacity + i53 * 32u + params.P * 32u + c] = v105;
  }
}

fn part_2(group: vec3u, groups: vec3u, lane: u32) {
  let index = (group.y * groups.x + group.x) * 64u + lane;
  if (index >= params.size_128_times_B_times_T) { return; }
  let i108 = index / 32u % params.T;
  let i109 = index / params.size_32_times_T;
  let i111 = index % 32u;
  let i106 = index / params.size_128_times_T;
  let i110 = i109 % 4u;
  let i112 = i106 * params.size_384_times_T + i108 * 384u + i110 * 96u + i111 + 64u;
  past_key_values_value[i109 * params.size_32_times_capacity + i108 * 32u + params.P * 32u + i111] = query_key_value_add[i112];
}

@compute @workgroup_size(64, 1, 1)
fn main(
  @builtin(workgroup_id) group: vec3u,
  @builtin(num_workgroups) groups: vec3u,
  @builtin(local_invocation_index) lane: u32,
) {
  var at = group.y * groups.x + group.x;
  if (at < params.size_4_times_B_times_T) {
    part_0(vec3u(at, 0u, 0u), vec3u(params.size_4_times_B_times_T, 1u, 1u), lane);
    return;
  }
  at -= params.size_4_times_B_times_T;
  if (at < params.size_4_times_B_times_T) {
    part_1(vec3u(at, 0u, 0u), vec3u(params.size_4_times_B_times_T, 1u, 1u), lane);
    return;
  }
  at -= params.size_4_times_B_times_T;
  if (at < (params.size_128_times_B_times_T + 63u) / 64u) {
    part_2(vec3u(at, 0u, 0u), vec3u((params.size_128_times_B_times_T + 63u) / 64u, 1u, 1u), lane);
    return;
  }
  at -= (params.size_128_times_B_times_T + 63u) / 64u;
}

// attention → transpose → reshape   models/phi-2.mdl
@group(0) @binding(0) var<storage, read> self_attn_rotary: array<vec4f>;
@group(0) @binding(1) var<storage, read> past_key_values_key: array<vec4f>;
@group(0) @binding(2) var<storage, read> past_key_values_value: array<vec4f>;
@group(0) @binding(3) var<storage, read> model_not: array<u32>;
@group(0) @binding(4) var<storage, read_write> self_attn_reshape: array<f32>;
@group(0) @binding(5) var<uniform> params: Params;

struct Params {
  B: u32, // B
  T: u32, // T
  P_plus_T: u32, // P + T
  size_128_times_T: u32, // 128*T
  size_32_times_T: u32, // 32*T
  size_128_times_capacity: u32, // 128*__capacity
  size_32_times_capacity: u32, // 32*__capacity
}

fn exp_of(x: f32) -> f32 {
  let bits = bitcast<u32>(x);
  let size = bits & 0x7fffffffu;
  let past = select(0x7f800000u, 0u, bits > 0x7fffffffu);
  let found = select(bitcast<u32>(exp(x)), past, size > 0x42b17217u);
  return bitcast<f32>(select(found, bits, size > 0x7f800000u));
}

fn visible(b: u32, s: u32) -> bool {
  return model_not[b * params.P_plus_T + s] != 0u;
}

fn store(b: u32, h: u32, t: u32, e: u32, value: f32) {
  self_attn_reshape[b * params.size_128_times_T + t * 128u + h * 32u + e] = value;
}

fn q_4(b: u32, h: u32, t: u32, d: u32) -> vec4f {
  let i2 = b * params.size_128_times_T + h * params.size_32_times_T + t * 32u + d;
  return self_attn_rotary[i2 >> 2u];
}

fn k_4(b: u32, h: u32, s: u32, d: u32) -> vec4f {
  let i3 = b * params.size_128_times_capacity + h * params.size_32_times_capacity + s * 32u + d;
  return past_key_values_key[i3 >> 2u];
}

fn v_4(b: u32, h: u32, s: u32, e: u32) -> vec4f {
  let i4 = b * params.size_128_times_capacity + h * params.size_32_times_capacity + s * 32u + e;
  return past_key_values_value[i4 >> 2u];
}

var<workgroup> block_q: array<vec4f, 64>;

var<workgroup> weights: array<f32, 512>;

var<workgroup> seen: array<u32, 64>;

var<workgroup> parts: array<f32, 64>;

var<workgroup> merged: array<vec4f, 64>;

var<workgroup> row_most: array<f32, 8>;

var<workgroup> row_fade: array<f32, 8>;

var<workgroup> row_total: array<f32, 8>;

fn query4(b: u32, h: u32, row: u32, d: u32) -> vec4f {
  return q_4(b, h, row, d);
}

fn key4(b: u32, h: u32, row: u32, d: u32) -> vec4f {
  return k_4(b, h, row, d);
}

fn value4(b: u32, h: u32, row: u32, d: u32) -> vec4f {
  return select(vec4f(), v_4(b, h, row, d), visible(b, row));
}

// 8 queries per workgroup, blocks of 64 keys
@compute @workgroup_size(64, 1, 1)
fn main(
  @builtin(workgroup_id) group: vec3u,
  @builtin(num_workgroups) groups: vec3u,
  @builtin(local_invocation_index) lane: u32,
) {
  let index = group.y * groups.x + group.x;
  let tile = vec3u(index % ((params.T + 7u) / 8u), index / ((params.T + 7u) / 8u) % 4u, index / ((params.T + 7u) / 8u * 4u));
  if (tile.z >= params.B) { return; }
  let head = tile.y;
  let batch = tile.z;
  if (params.T == 1u) {
    let first = tile.x;
    for (var slot = lane; slot < 8u; slot += 64u) {
      block_q[slot] = query4(batch, head, min(first + slot / 8u, params.T - 1u), 4u * (slot % 8u));
    }
    if (lane < 1u) {
      row_most[lane] = -7.99999994705265e+37;
    }
    let end0 = select(0u, params.P_plus_T + min(first, params.T - 1u) + 1u - params.T, params.P_plus_T + min(first, params.T - 1u) + 1u > params.T);
    let end = end0;
    let scale = 0.1767766922712326;
    let lane_e = lane % 8u;
    let share = lane / 8u;
    var total0 = 0.0;
    var sum0_0 = vec4f();
    for (var block = 0u; block < end; block += 64u) {
      // the queries are there, and nobody reads the weights of the block before
      workgroupBarrier();
      let key = block + lane;
      let safe = min(key, params.P_plus_T - 1u);
      var s0 = 0.0;
      for (var chunk = 0u; chunk < 8u; chunk++) {
        let x = key4(batch, head, safe, 4u * chunk);
        s0 += dot(block_q[chunk], x);
      }
      let shown = key < end && visible(batch, safe);
      let see0 = shown && key < end0;
      let z0 = select(-7.99999994705265e+37, scale * s0, see0);
      weights[lane] = z0;
      workgroupBarrier();
      var most = weights[lane / 64u * 64u + lane % 64u];
      for (var i = 1u; i < 1u; i++) {
        most = max(most, weights[lane / 64u * 64u + lane % 64u + i * 64u]);
      }
      parts[lane] = most;
      workgroupBarrier();
      if (lane < 1u) {
        let before = row_most[lane];
        most = before;
        for (var i = 0u; i < 64u; i++) {
          most = max(most, parts[lane * 64u + i]);
        }
        row_fade[lane] = exp_of(before - most);
        row_most[lane] = most;
      }
      workgroupBarrier();
      let p0 = select(0.0, exp_of(z0 - row_most[0u]), see0);
      total0 = total0 * row_fade[0u] + p0;
      weights[lane] = p0;
      workgroupBarrier();
      sum0_0 *= row_fade[0u];
      if (lane < 64u) {
        let count = min(end - block, 64u);
        for (var i = share; i < count; i += 8u) {
          let y0 = value4(batch, head, block + i, 4u * lane_e);
          let w0 = weights[i];
          sum0_0 += w0 * y0;
        }
      }
    }
    workgroupBarrier();
    weights[lane] = total0;
    workgroupBarrier();
    if (lane < 1u) {
      var total = 0.0;
      for (var i = 0u; i < 64u; i++) {
        total += weights[lane * 64u + i];
      }
      row_total[lane] = total;
    }
    workgroupBarrier();
    var sums = array<vec4f, 1>(sum0_0);
    for (var i = 0u; i < 1u; i++) {
      let row = first + i;
      merged[lane] = sums[i];
      workgroupBarrier();
      if (lane < 8u && row < params.T) {
        var sum = merged[lane];
        for (var other = 1u; other < 8u; other++) {
          sum += merged[lane + other * 8u];
        }
        let total = row_total[i];
        sum *= select(0.0, 1.0 / total, total > 0.0);
        for (var c = 0u; c < 4u; c++) {
          let e = 4u * lane + c;
          if (e < 32u) {
            store(batch, head, row, e, sum[c]);
          }
        }
      }
      workgroupBarrier();
    }
    return;
  }
  let first = tile.x * 8u;
  for (var slot = lane; slot < 64u; slot += 64u) {
    block_q[slot] = query4(batch, head, min(first + slot / 8u, params.T - 1u), 4u * (slot % 8u));
  }
  if (lane < 8u) {
    row_most[lane] = -7.99999994705265e+37;
  }
  let end0 = select(0u, params.P_plus_T + min(first, params.T - 1u) + 1u - params.T, params.P_plus_T + min(first, params.T - 1u) + 1u > params.T);
  let end1 = select(0u, params.P_plus_T + min(first + 1u, params.T - 1u) + 1u - params.T, params.P_plus_T + min(first + 1u, params.T - 1u) + 1u > params.T);
  let end2 = select(0u, params.P_plus_T + min(first + 2u, params.T - 1u) + 1u - params.T, params.P_plus_T + min(first + 2u, params.T - 1u) + 1u > params.T);
  let end3 = select(0u, params.P_plus_T + min(first + 3u, params.T - 1u) + 1u - params.T, params.P_plus_T + min(first + 3u, params.T - 1u) + 1u > params.T);
  let end4 = select(0u, params.P_plus_T + min(first + 4u, params.T - 1u) + 1u - params.T, params.P_plus_T + min(first + 4u, params.T - 1u) + 1u > params.T);
  let end5 = select(0u, params.P_plus_T + min(first + 5u, params.T - 1u) + 1u - params.T, params.P_plus_T + min(first + 5u, params.T - 1u) + 1u > params.T);
  let end6 = select(0u, params.P_plus_T + min(first + 6u, params.T - 1u) + 1u - params.T, params.P_plus_T + min(first + 6u, params.T - 1u) + 1u > params.T);
  let end7 = select(0u, params.P_plus_T + min(first + 7u, params.T - 1u) + 1u - params.T, params.P_plus_T + min(first + 7u, params.T - 1u) + 1u > params.T);
  let end = end7;
  let scale = 0.1767766922712326;
  let lane_e = lane % 8u;
  let share = lane / 8u;
  var total0 = 0.0;
  var total1 = 0.0;
  var total2 = 0.0;
  var total3 = 0.0;
  var total4 = 0.0;
  var total5 = 0.0;
  var total6 = 0.0;
  var total7 = 0.0;
  var sum0_0 = vec4f();
  var sum1_0 = vec4f();
  var sum2_0 = vec4f();
  var sum3_0 = vec4f();
  var sum4_0 = vec4f();
  var sum5_0 = vec4f();
  var sum6_0 = vec4f();
  var sum7_0 = vec4f();
  for (var block = 0u; block < end; block += 64u) {
    // the queries are there, and nobody reads the weights of the block before
    workgroupBarrier();
    let key = block + lane;
    let safe = min(key, params.P_plus_T - 1u);
    var s0 = 0.0;
    var s1 = 0.0;
    var s2 = 0.0;
    var s3 = 0.0;
    var s4 = 0.0;
    var s5 = 0.0;
    var s6 = 0.0;
    var s7 = 0.0;
    for (var chunk = 0u; chunk < 8u; chunk++) {
      let x = key4(batch, head, safe, 4u * chunk);
      s0 += dot(block_q[chunk], x);
      s1 += dot(block_q[8u + chunk], x);
      s2 += dot(block_q[16u + chunk], x);
      s3 += dot(block_q[24u + chunk], x);
      s4 += dot(block_q[32u + chunk], x);
      s5 += dot(block_q[40u + chunk], x);
      s6 += dot(block_q[48u + chunk], x);
      s7 += dot(block_q[56u + chunk], x);
    }
    let shown = key < end && visible(batch, safe);
    let see0 = shown && key < end0;
    let see1 = shown && key < end1;
    let see2 = shown && key < end2;
    let see3 = shown && key < end3;
    let see4 = shown && key < end4;
    let see5 = shown && key < end5;
    let see6 = shown && key < end6;
    let see7 = shown && key < end7;
    let z0 = select(-7.99999994705265e+37, scale * s0, see0);
    let z1 = select(-7.99999994705265e+37, scale * s1, see1);
    let z2 = select(-7.99999994705265e+37, scale * s2, see2);
    let z3 = select(-7.99999994705265e+37, scale * s3, see3);
    let z4 = select(-7.99999994705265e+37, scale * s4, see4);
    let z5 = select(-7.99999994705265e+37, scale * s5, see5);
    let z6 = select(-7.99999994705265e+37, scale * s6, see6);
    let z7 = select(-7.99999994705265e+37, scale * s7, see7);
    weights[lane] = z0;
    weights[64u + lane] = z1;
    weights[128u + lane] = z2;
    weights[192u + lane] = z3;
    weights[256u + lane] = z4;
    weights[320u + lane] = z5;
    weights[384u + lane] = z6;
    weights[448u + lane] = z7;
    seen[lane] = select(0u, 1u, see0) | select(0u, 2u, see1) | select(0u, 4u, see2) | select(0u, 8u, see3) | select(0u, 16u, see4) | select(0u, 32u, see5) | select(0u, 64u, see6) | select(0u, 128u, see7);
    workgroupBarrier();
    var most = weights[lane / 8u * 64u + lane % 8u];
    for (var i = 1u; i < 8u; i++) {
      most = max(most, weights[lane / 8u * 64u + lane % 8u + i * 8u]);
    }
    parts[lane] = most;
    workgroupBarrier();
    if (lane < 8u) {
      let before = row_most[lane];
      most = before;
      for (var i = 0u; i < 8u; i++) {
        most = max(most, parts[lane * 8u + i]);
      }
      row_fade[lane] = exp_of(before - most);
      row_most[lane] = most;
    }
    workgroupBarrier();
    let p0 = select(0.0, exp_of(z0 - row_most[0u]), see0);
    total0 = total0 * row_fade[0u] + p0;
    weights[lane] = p0;
    let p1 = select(0.0, exp_of(z1 - row_most[1u]), see1);
    total1 = total1 * row_fade[1u] + p1;
    weights[64u + lane] = p1;
    let p2 = select(0.0, exp_of(z2 - row_most[2u]), see2);
    total2 = total2 * row_fade[2u] + p2;
    weights[128u + lane] = p2;
    let p3 = select(0.0, exp_of(z3 - row_most[3u]), see3);
    total3 = total3 * row_fade[3u] + p3;
    weights[192u + lane] = p3;
    let p4 = select(0.0, exp_of(z4 - row_most[4u]), see4);
    total4 = total4 * row_fade[4u] + p4;
    weights[256u + lane] = p4;
    let p5 = select(0.0, exp_of(z5 - row_most[5u]), see5);
    total5 = total5 * row_fade[5u] + p5;
    weights[320u + lane] = p5;
    let p6 = select(0.0, exp_of(z6 - row_most[6u]), see6);
    total6 = total6 * row_fade[6u] + p6;
    weights[384u + lane] = p6;
    let p7 = select(0.0, exp_of(z7 - row_most[7u]), see7);
    total7 = total7 * row_fade[7u] + p7;
    weights[448u + lane] = p7;
    workgroupBarrier();
    sum0_0 *= row_fade[0u];
    sum1_0 *= row_fade[1u];
    sum2_0 *= row_fade[2u];
    sum3_0 *= row_fade[3u];
    sum4_0 *= row_fade[4u];
    sum5_0 *= row_fade[5u];
    sum6_0 *= row_fade[6u];
    sum7_0 *= row_fade[7u];
    if (lane < 64u) {
      let count = min(end - block, 64u);
      for (var i = share; i < count; i += 8u) {
        let y0 = value4(batch, head, block + i, 4u * lane_e);
        let w0 = weights[i];
        let w1 = weights[64u + i];
        let w2 = weights[128u + i];
        let w3 = weights[192u + i];
        let w4 = weights[256u + i];
        let w5 = weights[320u + i];
        let w6 = weights[384u + i];
        let w7 = weights[448u + i];
        let seen_by = seen[i];
        if (seen_by == 255u) {
          sum0_0 += w0 * y0;
          sum1_0 += w1 * y0;
          sum2_0 += w2 * y0;
          sum3_0 += w3 * y0;
          sum4_0 += w4 * y0;
          sum5_0 += w5 * y0;
          sum6_0 += w6 * y0;
          sum7_0 += w7 * y0;
        } else {
          sum0_0 += select(vec4f(), w0 * y0, (seen_by & 1u) != 0u);
          sum1_0 += select(vec4f(), w1 * y0, (seen_by & 2u) != 0u);
          sum2_0 += select(vec4f(), w2 * y0, (seen_by & 4u) != 0u);
          sum3_0 += select(vec4f(), w3 * y0, (seen_by & 8u) != 0u);
          sum4_0 += select(vec4f(), w4 * y0, (seen_by & 16u) != 0u);
          sum5_0 += select(vec4f(), w5 * y0, (seen_by & 32u) != 0u);
          sum6_0 += select(vec4f(), w6 * y0, (seen_by & 64u) != 0u);
          sum7_0 += select(vec4f(), w7 * y0, (seen_by & 128u) != 0u);
        }
      }
    }
  }
  workgroupBarrier();
  weights[lane] = total0;
  weights[64u + lane] = total1;
  weights[128u + lane] = total2;
  weights[192u + lane] = total3;
  weights[256u + lane] = total4;
  weights[320u + lane] = total5;
  weights[384u + lane] = total6;
  weights[448u + lane] = total7;
  workgroupBarrier();
  if (lane < 8u) {
    var total = 0.0;
    for (var i = 0u; i < 64u; i++) {
      total += weights[lane * 64u + i];
    }
    row_total[lane] = total;
  }
  workgroupBarrier();
  var sums = array<vec4f, 8>(sum0_0, sum1_0, sum2_0, sum3_0, sum4_0, sum5_0, sum6_0, sum7_0);
  for (var i = 0u; i < 8u; i++) {
    let row = first + i;
    merged[lane] = sums[i];
    workgroupBarrier();
    if (lane < 8u && row < params.T) {
      var sum = merged[lane];
      for (var other = 1u; other < 8u; other++) {
        sum += merged[lane + other * 8u];
      }
      let total = row_total[i];
      sum *= select(0.0, 1.0 / total, total > 0.0);
      for (var c = 0u; c < 4u; c++) {
        let e = 4u * lane + c;
        if (e < 32u) {
          store(batch, head, row, e, sum[c]);
        }
      }
    }
    workgroupBarrier();
  }
}

// new q, k, v → attention → transpose → reshape   models/phi-2.mdl
@group(0) @binding(0) var<storage, read_write> self_attn_reshape: array<f32>;
@group(0) @binding(1) var<storage, read_write> past_key_values_key: array<vec4f>;
@group(0) @binding(2) var<storage, read_write> past_key_values_value: array<vec4f>;
@group(0) @binding(3) var<storage, read> model_not: array<u32>;
@group(0) @binding(4) var<storage, read> query_key_value_add: array<f32>;
@group(0) @binding(5) var<storage, read> packed_values: array<f32>;
@group(0) @binding(6) var<storage, read> position_ids: array<i32>;
@group(0) @binding(7) var<storage, read> constant_values: array<f32>;
@group(0) @binding(8) var<uniform> params: Params;

struct Params {
  size_128_times_T: u32, // 128*T
  B: u32, // B
  T: u32, // T
  P: u32, // P
  P_plus_T: u32, // P + T
  size_128_times_capacity: u32, // 128*__capacity
  size_32_times_capacity: u32, // 32*__capacity
  size_384_times_T: u32, // 384*T
}

fn exp_of(x: f32) -> f32 {
  let bits = bitcast<u32>(x);
  let size = bits & 0x7fffffffu;
  let past = select(0x7f800000u, 0u, bits > 0x7fffffffu);
  let found = select(bitcast<u32>(exp(x)), past, size > 0x42b17217u);
  return bitcast<f32>(select(found, bits, size > 0x7f800000u));
}

fn rsqrt_of(x: f32) -> f32 {
  let bits = bitcast<u32>(x);
  var found = select(bitcast<u32>(inverseSqrt(x)), 0u, bits == 0x7f800000u);
  found = select(found, 0x7fc00000u, bits > 0x7f800000u);
  return bitcast<f32>(select(found, bits | 0x7f800000u, (bits << 1u) == 0u));
}

fn store(b: u32, h: u32, t: u32, e: u32, value: f32) {
  self_attn_reshape[b * params.size_128_times_T + t * 128u + h * 32u + e] = value;
}

fn visible(b: u32, s: u32) -> bool {
  return model_not[b * params.P_plus_T + s] != 0u;
}

fn append_k(b: u32, h: u32, d: u32, value: vec4f) {
  let i2 = b * params.size_128_times_capacity + h * params.size_32_times_capacity + params.P * 32u + d;
  past_key_values_key[i2 >> 2u] = value;
}

fn append_v(b: u32, h: u32, d: u32, value: vec4f) {
  let i3 = b * params.size_128_times_capacity + h * params.size_32_times_capacity + params.P * 32u + d;
  past_key_values_value[i3 >> 2u] = value;
}

fn k_4(b: u32, h: u32, s: u32, d: u32) -> vec4f {
  let i4 = b * params.size_128_times_capacity + h * params.size_32_times_capacity + s * 32u + d;
  return past_key_values_key[i4 >> 2u];
}

fn v_4(b: u32, h: u32, s: u32, e: u32) -> vec4f {
  let i5 = b * params.size_128_times_capacity + h * params.size_32_times_capacity + s * 32u + e;
  return past_key_values_value[i5 >> 2u];
}

var<workgroup> lanes_f32: array<f32, 64>;

fn share_sum_f32(lane: u32, value: f32) -> f32 {
  workgroupBarrier();
  lanes_f32[lane] = value;
  for (var half = 32u; half > 0u; half >>= 1u) {
    workgroupBarrier();
    if (lane < half) {
      lanes_f32[lane] = lanes_f32[lane] + lanes_f32[lane + half];
    }
  }
  workgroupBarrier();
  return lanes_f32[0u];
}

var<workgroup> fresh_q: array<f32, 32>;

var<workgroup> fresh_k: array<f32, 32>;

var<workgroup> fresh_v: array<f32, 32>;

var<workgroup> block_q: array<vec4f, 8>;

var<workgroup> weights: array<f32, 64>;

var<workgroup> parts: array<f32, 64>;

var<workgroup> merged: array<vec4f, 64>;

var<workgroup> row_most: array<f32, 1>;

var<workgroup> row_fade: array<f32, 1>;

var<workgroup> row_total: array<f32, 1>;

fn key4(b: u32, h: u32, row: u32, d: u32) -> vec4f {
  return k_4(b, h, row, d);
}

fn value4(b: u32, h: u32, row: u32, d: u32) -> vec4f {
  return select(vec4f(), v_4(b, h, row, d), visible(b, row));
}

fn fresh4_q(chunk: u32) -> vec4f {
  return vec4f(fresh_q[4u * chunk], fresh_q[4u * chunk + 1u], fresh_q[4u * chunk + 2u], fresh_q[4u * chunk + 3u]);
}

fn fresh4_k(chunk: u32) -> vec4f {
  return vec4f(fresh_k[4u * chunk], fresh_k[4u * chunk + 1u], fresh_k[4u * chunk + 2u], fresh_k[4u * chunk + 3u]);
}

fn fresh4_v(chunk: u32) -> vec4f {
  return vec4f(fresh_v[4u * chunk], fresh_v[4u * chunk + 1u], fresh_v[4u * chunk + 2u], fresh_v[4u * chunk + 3u]);
}

// a new position per workgroup, blocks of 64 keys
@compute @workgroup_size(64, 1, 1)
fn main(
  @builtin(workgroup_id) group: vec3u,
  @builtin(num_workgroups) groups: vec3u,
  @builtin(local_invocation_index) lane: u32,
) {
  let index = group.y * groups.x + group.x;
  if (index >= params.B * 4u * params.T) { return; }
  let head = index % 4u;
  let batch = index / 4u;
  var acc8 = 0.0;
  for (var j7 = lane; j7 < 32u; j7 += 64u) {
    acc8 += query_key_value_add[batch * params.size_384_times_T + head * 96u + j7];
  }
  let r10 = share_sum_f32(lane, acc8) / 32.0;
  var acc13 = 0.0;
  for (var j12 = lane; j12 < 32u; j12 += 64u) {
    let v15 = query_key_value_add[batch * params.size_384_times_T + head * 96u + j12] - r10;
    acc13 += v15 * v15;
  }
  let r17 = share_sum_f32(lane, acc13) / 32.0;
  let v19 = rsqrt_of(r17 + 0.000009999999747378752);
  let i33 = u32(position_ids[batch * params.T]);
  for (var c = lane; c < 32u; c += 64u) {
    let v21 = (query_key_value_add[batch * params.size_384_times_T + head * 96u + c] - r10) * v19 * packed_values[c];
    let i22 = c + 32u;
    let i24 = i32(c);
    let v25 = i24 < 16i;
    let v26 = i24 < 8i;
    let v27 = i24 - 8i;
    let v29 = select(select(0i, v27, v25), i24, v26);
    let i40 = u32(select(select(i24, v27, v25), i24 + 8i, v26));
    let v44 = (query_key_value_add[batch * params.size_384_times_T + head * 96u + i40] - r10) * v19 * packed_values[i40];
    let i45 = i40 + 32u;
    let v52 = constant_values[i33 * 16u + u32(v29 + 8i)] * select(select(0.0, 1.0, v25), -1.0, v26);
    let v53 = (v44 + packed_values[i45]) * v52;
    fresh_q[c] = (v21 + packed_values[i22]) * select(1.0, constant_values[i33 * 16u + u32(v29)], v25) + v53;
  }
  var acc57 = 0.0;
  for (var j56 = lane; j56 < 32u; j56 += 64u) {
    acc57 += query_key_value_add[batch * params.size_384_times_T + head * 96u + j56 + 32u];
  }
  let r59 = share_sum_f32(lane, acc57) / 32.0;
  var acc62 = 0.0;
  for (var j61 = lane; j61 < 32u; j61 += 64u) {
    let v64 = query_key_value_add[batch * params.size_384_times_T + head * 96u + j61 + 32u] - r59;
    acc62 += v64 * v64;
  }
  let r66 = share_sum_f32(lane, acc62) / 32.0;
  let v68 = rsqrt_of(r66 + 0.000009999999747378752);
  for (var c = lane; c < 32u; c += 64u) {
    let v69 = (query_key_value_add[batch * params.size_384_times_T + head * 96u + c + 32u] - r59) * v68;
    let i70 = c + 64u;
    let i74 = i32(c);
    let v75 = i74 < 16i;
    let v76 = i74 < 8i;
    let v77 = i74 - 8i;
    let v79 = select(select(0i, v77, v75), i74, v76);
    let i87 = u32(select(select(i74, v77, v75), i74 + 8i, v76));
    let v90 = (query_key_value_add[batch * params.size_384_times_T + head * 96u + i87 + 32u] - r59) * v68;
    let i91 = i87 + 64u;
    let v100 = constant_values[i33 * 16u + u32(v79 + 8i)] * select(select(0.0, 1.0, v75), -1.0, v76);
    let v83 = (v69 * packed_values[i70] + packed_values[c + 96u]) * select(1.0, constant_values[i33 * 16u + u32(v79)], v75);
    let v101 = (v90 * packed_values[i91] + packed_values[i87 + 96u]) * v100;
    fresh_k[c] = v83 + v101;
  }
  for (var c = lane; c < 32u; c += 64u) {
    fresh_v[c] = query_key_value_add[batch * params.size_384_times_T + head * 96u + c + 64u];
  }
  workgroupBarrier();
  for (var chunk = lane; chunk < 8u; chunk += 64u) {
    block_q[chunk] = fresh4_q(chunk);
  }
  for (var chunk = lane; chunk < 8u; chunk += 64u) {
    append_k(batch, head, 4u * chunk, fresh4_k(chunk));
  }
  for (var chunk = lane; chunk < 8u; chunk += 64u) {
    append_v(batch, head, 4u * chunk, fresh4_v(chunk));
  }
  workgroupBarrier();
  let end = params.P;
  let scale = 0.1767766922712326;
  let lane_e = lane % 8u;
  let share = lane / 8u;
  var score = 0.0;
  for (var chunk = 0u; chunk < 8u; chunk++) {
    score += dot(block_q[chunk], fresh4_k(chunk));
  }
  let shown = visible(batch, params.P);
  if (lane == 0u) {
    row_most[0u] = select(-7.99999994705265e+37, scale * score, shown);
  }
  var total0 = select(0.0, 1.0, shown && lane == 0u);
  var sum0_0 = vec4f();
  if (shown && share == 0u) {
    sum0_0 = fresh4_v(lane_e);
  }
  for (var block = 0u; block < end; block += 64u) {
    // the queries are there, and nobody reads the weights of the block before
    workgroupBarrier();
    let key = block + lane;
    let safe = min(key, params.P - 1u);
    var s0 = 0.0;
    for (var chunk = 0u; chunk < 8u; chunk++) {
      let x = key4(batch, head, safe, 4u * chunk);
      s0 += dot(block_q[chunk], x);
    }
    let shown = key < end && visible(batch, safe);
    let see0 = shown && key < end;
    let z0 = select(-7.99999994705265e+37, scale * s0, see0);
    weights[lane] = z0;
    workgroupBarrier();
    var most = weights[lane / 64u * 64u + lane % 64u];
    for (var i = 1u; i < 1u; i++) {
      most = max(most, weights[lane / 64u * 64u + lane % 64u + i * 64u]);
    }
    parts[lane] = most;
    workgroupBarrier();
    if (lane < 1u) {
      let before = row_most[lane];
      most = before;
      for (var i = 0u; i < 64u; i++) {
        most = max(most, parts[lane * 64u + i]);
      }
      row_fade[lane] = exp_of(before - most);
      row_most[lane] = most;
    }
    workgroupBarrier();
    let p0 = select(0.0, exp_of(z0 - row_most[0u]), see0);
    total0 = total0 * row_fade[0u] + p0;
    weights[lane] = p0;
    workgroupBarrier();
    sum0_0 *= row_fade[0u];
    if (lane < 64u) {
      let count = min(end - block, 64u);
      for (var i = share; i < count; i += 8u) {
        let y0 = value4(batch, head, block + i, 4u * lane_e);
        let w0 = weights[i];
        sum0_0 += w0 * y0;
      }
    }
  }
  workgroupBarrier();
  weights[lane] = total0;
  workgroupBarrier();
  if (lane < 1u) {
    var total = 0.0;
    for (var i = 0u; i < 64u; i++) {
      total += weights[lane * 64u + i];
    }
    row_total[lane] = total;
  }
  workgroupBarrier();
  var sums = array<vec4f, 1>(sum0_0);
  for (var i = 0u; i < 1u; i++) {
    let row = i;
    merged[lane] = sums[i];
    workgroupBarrier();
    if (lane < 8u && row < params.T) {
      var sum = merged[lane];
      for (var other = 1u; other < 8u; other++) {
        sum += merged[lane + other * 8u];
      }
      let total = row_total[i];
      sum *= select(0.0, 1.0 / total, total > 0.0);
      for (var c = 0u; c < 4u; c++) {
        let e = 4u * lane + c;
        if (e < 32u) {
          store(batch, head, row, e, sum[c]);
        }
      }
    }
    workgroupBarrier();
  }
}

// linear   models/phi-2.mdl
@group(0) @binding(0) var<storage, read> self_attn_reshape: array<vec4f>;
@group(0) @binding(1) var<storage, read> self_attn_dense_weight: array<vec4f>;
@group(0) @binding(2) var<storage, read> self_attn_dense_bias: array<f32>;
@group(0) @binding(3) var<storage, read_write> dense_linear: array<f32>;
@group(0) @binding(4) var<uniform> params: Params;

struct Params {
  B_times_T: u32, // B*T
}

fn store(batch: u32, m: u32, n: u32, value: f32) {
  dense_linear[m * 128u + n] = value + self_attn_dense_bias[n];
}

fn a_4(batch: u32, m: u32, k: u32) -> vec4f {
  return self_attn_reshape[(m * 128u + k) >> 2u];
}

fn b_4(batch: u32, k: u32, n: u32) -> vec4f {
  return self_attn_dense_weight[(n * 128u + k) >> 2u];
}

var<workgroup> partial: array<vec4f, 256>;

var<workgroup> tile_a: array<vec4f, 320>;

var<workgroup> tile_b: array<vec4f, 320>;

// 64 × 64 sums per workgroup, 4 × 4 per lane, blocks of 16 along k staged
@compute @workgroup_size(256, 1, 1)
fn main(
  @builtin(workgroup_id) group: vec3u,
  @builtin(num_workgroups) groups: vec3u,
  @builtin(local_invocation_index) lane: u32,
) {
  let index = group.y * groups.x + group.x;
  let tile = vec3u(index % 2u, index / 2u % ((params.B_times_T + 63u) / 64u), index / (2u * ((params.B_times_T + 63u) / 64u)));
  if (tile.z >= 1u) { return; }
  let batch = tile.z;
  if (params.B_times_T == 1u) {
    let lane_k = lane % 16u;
    let lane_n = lane / 16u;
    let first_column = 4u * (tile.x * 16u + lane_n);
    let row0 = min(0u, params.B_times_T - 1u);
    let column0 = first_column;
    let column1 = first_column + 1u;
    let column2 = first_column + 2u;
    let column3 = first_column + 3u;
    var sum0_0 = vec4f();
    for (var k = 4u * lane_k; k < 128u; k += 64u) {
      let a0 = a_4(batch, row0, k);
      let b0 = b_4(batch, k, column0);
      let b1 = b_4(batch, k, column1);
      let b2 = b_4(batch, k, column2);
      let b3 = b_4(batch, k, column3);
      let c0_0 = vec4f(b0.x, b1.x, b2.x, b3.x);
      sum0_0 += a0.x * c0_0;
      let c1_0 = vec4f(b0.y, b1.y, b2.y, b3.y);
      sum0_0 += a0.y * c1_0;
      let c2_0 = vec4f(b0.z, b1.z, b2.z, b3.z);
      sum0_0 += a0.z * c2_0;
      let c3_0 = vec4f(b0.w, b1.w, b2.w, b3.w);
      sum0_0 += a0.w * c3_0;
    }
    let slot = lane_k * 16u + lane_n;
    partial[slot] = sum0_0;
    for (var half = 8u; half > 0u; half >>= 1u) {
      workgroupBarrier();
      if (lane_k < half) {
        let other = slot + half * 16u;
        partial[slot] += partial[other];
      }
    }
    if (lane_k == 0u) {
      for (var row = 0u; row < 1u; row++) {
        let sums = partial[row * 256u + slot];
        for (var c = 0u; c < 4u; c++) {
          let column = first_column + c;
          store(batch, row, column, sums[c]);
        }
      }
    }
    return;
  }
  let first_row = tile.y * 64u;
  let first_column = tile.x * 64u;
  let lane_n = lane % 16u;
  let lane_m = lane / 16u;
  var sum0_0 = vec4f();
  var sum1_0 = vec4f();
  var sum2_0 = vec4f();
  var sum3_0 = vec4f();
  for (var block = 0u; block < 128u; block += 16u) {
    let a_line = min(first_row + lane / 4u, params.B_times_T - 1u);
    let a_k = block + 4u * (lane % 4u);
    tile_a[lane / 4u * 5u + lane % 4u] = a_4(batch, a_line, a_k);
    let b_line = first_column + lane / 4u;
    let b_k = block + 4u * (lane % 4u);
    tile_b[lane / 4u * 5u + lane % 4u] = b_4(batch, b_k, b_line);
    workgroupBarrier();
    for (var s = 0u; s < 4u; s++) {
      let a0 = tile_a[4u * lane_m * 5u + s];
      let a1 = tile_a[(4u * lane_m + 1u) * 5u + s];
      let a2 = tile_a[(4u * lane_m + 2u) * 5u + s];
      let a3 = tile_a[(4u * lane_m + 3u) * 5u + s];
      let b0 = tile_b[lane_n * 5u + s];
      let b1 = tile_b[(lane_n + 16u) * 5u + s];
      let b2 = tile_b[(lane_n + 32u) * 5u + s];
      let b3 = tile_b[(lane_n + 48u) * 5u + s];
      let c0_0 = vec4f(b0.x, b1.x, b2.x, b3.x);
      sum0_0 += a0.x * c0_0;
      sum1_0 += a1.x * c0_0;
      sum2_0 += a2.x * c0_0;
      sum3_0 += a3.x * c0_0;
      let c1_0 = vec4f(b0.y, b1.y, b2.y, b3.y);
      sum0_0 += a0.y * c1_0;
      sum1_0 += a1.y * c1_0;
      sum2_0 += a2.y * c1_0;
      sum3_0 += a3.y * c1_0;
      let c2_0 = vec4f(b0.z, b1.z, b2.z, b3.z);
      sum0_0 += a0.z * c2_0;
      sum1_0 += a1.z * c2_0;
      sum2_0 += a2.z * c2_0;
      sum3_0 += a3.z * c2_0;
      let c3_0 = vec4f(b0.w, b1.w, b2.w, b3.w);
      sum0_0 += a0.w * c3_0;
      sum1_0 += a1.w * c3_0;
      sum2_0 += a2.w * c3_0;
      sum3_0 += a3.w * c3_0;
    }
    workgroupBarrier();
  }
  var sums = array<vec4f, 4>(sum0_0, sum1_0, sum2_0, sum3_0);
  for (var i = 0u; i < 4u; i++) {
    let row = first_row + 4u * lane_m + i;
    if (row >= params.B_times_T) { break; }
    for (var c = 0u; c < 4u; c++) {
      let column = first_column + lane_n + 16u * c;
      store(batch, row, column, sums[i][c & 3u]);
    }
  }
}

// linear   models/phi-2.mdl
@group(0) @binding(0) var<storage, read> dense_linear: array<vec4f>;
@group(0) @binding(1) var<storage, read> lora_b_default_weight: array<vec4f>;
@group(0) @binding(2) var<storage, read_write> dense_linear_b: array<f32>;
@group(0) @binding(3) var<uniform> params: Params;

struct Params {
  B_times_T: u32, // B*T
}

fn store(batch: u32, m: u32, n: u32, value: f32) {
  dense_linear_b[m * 128u + n] = value;
}

fn a_4(batch: u32, m: u32, k: u32) -> vec4f {
  return dense_linear[(m * 8u + k) >> 2u];
}

fn b_4(batch: u32, k: u32, n: u32) -> vec4f {
  return lora_b_default_weight[(n * 8u + k) >> 2u];
}

var<workgroup> partial: array<vec4f, 256>;

var<workgroup> tile_a: array<vec4f, 320>;

var<workgroup> tile_b: array<vec4f, 320>;

// 64 × 64 sums per workgroup, 4 × 4 per lane, blocks of 16 along k staged
@compute @workgroup_size(256, 1, 1)
fn main(
  @builtin(workgroup_id) group: vec3u,
  @builtin(num_workgroups) groups: vec3u,
  @builtin(local_invocation_index) lane: u32,
) {
  let index = group.y * groups.x + group.x;
  let tile = vec3u(index % 2u, index / 2u % ((params.B_times_T + 63u) / 64u), index / (2u * ((params.B_times_T + 63u) / 64u)));
  if (tile.z >= 1u) { return; }
  let batch = tile.z;
  if (params.B_times_T == 1u) {
    let lane_k = lane % 16u;
    let lane_n = lane / 16u;
    let first_column = 4u * (tile.x * 16u + lane_n);
    let row0 = min(0u, params.B_times_T - 1u);
    let column0 = first_column;
    let column1 = first_column + 1u;
    let column2 = first_column + 2u;
    let column3 = first_column + 3u;
    var sum0_0 = vec4f();
    for (var k = 4u * lane_k; k < 8u; k += 64u) {
      let a0 = a_4(batch, row0, k);
      let b0 = b_4(batch, k, column0);
      let b1 = b_4(batch, k, column1);
      let b2 = b_4(batch, k, column2);
      let b3 = b_4(batch, k, column3);
      let c0_0 = vec4f(b0.x, b1.x, b2.x, b3.x);
      sum0_0 += a0.x * c0_0;
      let c1_0 = vec4f(b0.y, b1.y, b2.y, b3.y);
      sum0_0 += a0.y * c1_0;
      let c2_0 = vec4f(b0.z, b1.z, b2.z, b3.z);
      sum0_0 += a0.z * c2_0;
      let c3_0 = vec4f(b0.w, b1.w, b2.w, b3.w);
      sum0_0 += a0.w * c3_0;
    }
    let slot = lane_k * 16u + lane_n;
    partial[slot] = sum0_0;
    for (var half = 8u; half > 0u; half >>= 1u) {
      workgroupBarrier();
      if (lane_k < half) {
        let other = slot + half * 16u;
        partial[slot] += partial[other];
      }
    }
    if (lane_k == 0u) {
      for (var row = 0u; row < 1u; row++) {
        let sums = partial[row * 256u + slot];
        for (var c = 0u; c < 4u; c++) {
          let column = first_column + c;
          store(batch, row, column, sums[c]);
        }
      }
    }
    return;
  }
  let first_row = tile.y * 64u;
  let first_column = tile.x * 64u;
  let lane_n = lane % 16u;
  let lane_m = lane / 16u;
  var sum0_0 = vec4f();
  var sum1_0 = vec4f();
  var sum2_0 = vec4f();
  var sum3_0 = vec4f();
  for (var block = 0u; block < 8u; block += 16u) {
    let a_line = min(first_row + lane / 4u, params.B_times_T - 1u);
    let a_k = block + 4u * (lane % 4u);
    tile_a[lane / 4u * 5u + lane % 4u] = select(a_4(batch, a_line, min(a_k, 4u)), vec4f(), a_k >= 8u);
    let b_line = first_column + lane / 4u;
    let b_k = block + 4u * (lane % 4u);
    tile_b[lane / 4u * 5u + lane % 4u] = select(b_4(batch, min(b_k, 4u), b_line), vec4f(), b_k >= 8u);
    workgroupBarrier();
    for (var s = 0u; s < 4u; s++) {
      let a0 = tile_a[4u * lane_m * 5u + s];
      let a1 = tile_a[(4u * lane_m + 1u) * 5u + s];
      let a2 = tile_a[(4u * lane_m + 2u) * 5u + s];
      let a3 = tile_a[(4u * lane_m + 3u) * 5u + s];
      let b0 = tile_b[lane_n * 5u + s];
      let b1 = tile_b[(lane_n + 16u) * 5u + s];
      let b2 = tile_b[(lane_n + 32u) * 5u + s];
      let b3 = tile_b[(lane_n + 48u) * 5u + s];
      let c0_0 = vec4f(b0.x, b1.x, b2.x, b3.x);
      sum0_0 += a0.x * c0_0;
      sum1_0 += a1.x * c0_0;
      sum2_0 += a2.x * c0_0;
      sum3_0 += a3.x * c0_0;
      let c1_0 = vec4f(b0.y, b1.y, b2.y, b3.y);
      sum0_0 += a0.y * c1_0;
      sum1_0 += a1.y * c1_0;
      sum2_0 += a2.y * c1_0;
      sum3_0 += a3.y * c1_0;
      let c2_0 = vec4f(b0.z, b1.z, b2.z, b3.z);
      sum0_0 += a0.z * c2_0;
      sum1_0 += a1.z * c2_0;
      sum2_0 += a2.z * c2_0;
      sum3_0 += a3.z * c2_0;
      let c3_0 = vec4f(b0.w, b1.w, b2.w, b3.w);
      sum0_0 += a0.w * c3_0;
      sum1_0 += a1.w * c3_0;
      sum2_0 += a2.w * c3_0;
      sum3_0 += a3.w * c3_0;
    }
    workgroupBarrier();
  }
  var sums = array<vec4f, 4>(sum0_0, sum1_0, sum2_0, sum3_0);
  for (var i = 0u; i < 4u; i++) {
    let row = first_row + 4u * lane_m + i;
    if (row >= params.B_times_T) { break; }
    for (var c = 0u; c < 4u; c++) {
      let column = first_column + lane_n + 16u * c;
      store(batch, row, column, sums[i][c & 3u]);
    }
  }
}

// mul → add → rms_norm → add → layer_norm   models/phi-2.mdl
@group(0) @binding(0) var<storage, read> inputs_embeds: array<f32>;
@group(0) @binding(1) var<storage, read> dense_linear: array<f32>;
@group(0) @binding(2) var<storage, read> dense_linear_b: array<f32>;
@group(0) @binding(3) var<storage, read> packed_values: array<f32>;
@group(0) @binding(4) var<storage, read> fc2_linear: array<f32>;
@group(0) @binding(5) var<storage, read_write> layers_add: array<f32>;
@group(0) @binding(6) var<storage, read_write> input_layernorm_layer_norm: array<f32>;
@group(0) @binding(7) var<uniform> params: Params;

struct Params {
  B_times_T: u32, // B*T
}

fn rsqrt_of(x: f32) -> f32 {
  let bits = bitcast<u32>(x);
  var found = select(bitcast<u32>(inverseSqrt(x)), 0u, bits == 0x7f800000u);
  found = select(found, 0x7fc00000u, bits > 0x7f800000u);
  return bitcast<f32>(select(found, bits | 0x7f800000u, (bits << 1u) == 0u));
}

var<workgroup> lanes_f32: array<f32, 64>;

fn share_sum_f32(lane: u32, value: f32) -> f32 {
  workgroupBarrier();
  lanes_f32[lane] = value;
  for (var half = 32u; half > 0u; half >>= 1u) {
    workgroupBarrier();
    if (lane < half) {
      lanes_f32[lane] = lanes_f32[lane] + lanes_f32[lane + half];
    }
  }
  workgroupBarrier();
  return lanes_f32[0u];
}

@compute @workgroup_size(64, 1, 1)
fn main(
  @builtin(workgroup_id) group: vec3u,
  @builtin(num_workgroups) groups: vec3u,
  @builtin(local_invocation_index) lane: u32,
) {
  let row = group.y * groups.x + group.x;
  if (row >= params.B_times_T) { return; }
  var acc4 = 0.0;
  for (var j3 = lane; j3 < 128u; j3 += 64u) {
    let i5 = row * 128u + j3;
    let v7 = dense_linear[i5] + 2.0 * dense_linear_b[i5];
    acc4 += v7 * v7;
  }
  let r9 = share_sum_f32(lane, acc4) / 128.0;
  let v11 = rsqrt_of(r9 + 9.999999974752427e-7);
  var acc17 = 0.0;
  for (var j16 = lane; j16 < 128u; j16 += 64u) {
    let i18 = row * 128u + j16;
    acc17 += inputs_embeds[i18] + (dense_linear[i18] + 2.0 * dense_linear_b[i18]) * v11 * packed_values[j16] + fc2_linear[i18];
  }
  let r25 = share_sum_f32(lane, acc17) / 128.0;
  var acc28 = 0.0;
  for (var j27 = lane; j27 < 128u; j27 += 64u) {
    let i29 = row * 128u + j27;
    let v36 = inputs_embeds[i29] + (dense_linear[i29] + 2.0 * dense_linear_b[i29]) * v11 * packed_values[j27] + fc2_linear[i29] - r25;
    acc28 += v36 * v36;
  }
  let r38 = share_sum_f32(lane, acc28) / 128.0;
  let v40 = rsqrt_of(r38 + 0.000009999999747378752);
  for (var c = lane; c < 128u; c += 64u) {
    let i0 = row * 128u + c;
    let v15 = inputs_embeds[i0] + (dense_linear[i0] + 2.0 * dense_linear_b[i0]) * v11 * packed_values[c] + fc2_linear[i0];
    layers_add[row * 128u + c] = v15;
    input_layernorm_layer_norm[row * 128u + c] = (v15 - r25) * v40 * packed_values[c + 128u] + packed_values[c + 256u];
  }
}

// mul → add → rms_norm → add → layer_norm   models/phi-2.mdl
@group(0) @binding(0) var<storage, read> layers_add: array<f32>;
@group(0) @binding(1) var<storage, read> dense_linear: array<f32>;
@group(0) @binding(2) var<storage, read> dense_linear_b: array<f32>;
@group(0) @binding(3) var<storage, read> layers_post_layernorm_weight: array<f32>;
@group(0) @binding(4) var<storage, read> fc2_linear: array<f32>;
@group(0) @binding(5) var<storage, read> model_final_layernorm_weight: array<f32>;
@group(0) @binding(6) var<storage, read> model_final_layernorm_bias: array<f32>;
@group(0) @binding(7) var<storage, read_write> final_layernorm_layer_norm: array<f32>;
@group(0) @binding(8) var<uniform> params: Params;

struct Params {
  B_times_T: u32, // B*T
}

fn rsqrt_of(x: f32) -> f32 {
  let bits = bitcast<u32>(x);
  var found = select(bitcast<u32>(inverseSqrt(x)), 0u, bits == 0x7f800000u);
  found = select(found, 0x7fc00000u, bits > 0x7f800000u);
  return bitcast<f32>(select(found, bits | 0x7f800000u, (bits << 1u) == 0u));
}

var<workgroup> lanes_f32: array<f32, 64>;

fn share_sum_f32(lane: u32, value: f32) -> f32 {
  workgroupBarrier();
  lanes_f32[lane] = value;
  for (var half = 32u; half > 0u; half >>= 1u) {
    workgroupBarrier();
    if (lane < half) {
      lanes_f32[lane] = lanes_f32[lane] + lanes_f32[lane + half];
    }
  }
  workgroupBarrier();
  return lanes_f32[0u];
}

@compute @workgroup_size(64, 1, 1)
fn main(
  @builtin(workgroup_id) group: vec3u,
  @builtin(num_workgroups) groups: vec3u,
  @builtin(local_invocation_index) lane: u32,
) {
  let row = group.y * groups.x + group.x;
  if (row >= params.B_times_T) { return; }
  var acc4 = 0.0;
  for (var j3 = lane; j3 < 128u; j3 += 64u) {
    let i5 = row * 128u + j3;
    let v7 = dense_linear[i5] + 2.0 * dense_linear_b[i5];
    acc4 += v7 * v7;
  }
  let r9 = share_sum_f32(lane, acc4) / 128.0;
  let v11 = rsqrt_of(r9 + 9.999999974752427e-7);
  var acc17 = 0.0;
  for (var j16 = lane; j16 < 128u; j16 += 64u) {
    let i18 = row * 128u + j16;
    acc17 += layers_add[i18] + (dense_linear[i18] + 2.0 * dense_linear_b[i18]) * v11 * layers_post_layernorm_weight[j16] + fc2_linear[i18];
  }
  let r25 = share_sum_f32(lane, acc17) / 128.0;
  var acc28 = 0.0;
  for (var j27 = lane; j27 < 128u; j27 += 64u) {
    let i29 = row * 128u + j27;
    let v36 = layers_add[i29] + (dense_linear[i29] + 2.0 * dense_linear_b[i29]) * v11 * layers_post_layernorm_weight[j27] + fc2_linear[i29] - r25;
    acc28 += v36 * v36;
  }
  let r38 = share_sum_f32(lane, acc28) / 128.0;
  let v40 = rsqrt_of(r38 + 0.000009999999747378752);
  for (var c = lane; c < 128u; c += 64u) {
    let i0 = row * 128u + c;
    let v42 = (layers_add[i0] + (dense_linear[i0] + 2.0 * dense_linear_b[i0]) * v11 * layers_post_layernorm_weight[c] + fc2_linear[i0] - r25) * v40 * model_final_layernorm_weight[c];
    final_layernorm_layer_norm[row * 128u + c] = v42 + model_final_layernorm_bias[c];
  }
}

// linear   models/phi-2.mdl
@group(0) @binding(0) var<storage, read> final_layernorm_layer_norm: array<vec4f>;
@group(0) @binding(1) var<storage, read> model_lm_head_weight: array<vec4f>;
@group(0) @binding(2) var<storage, read> model_lm_head_bias: array<f32>;
@group(0) @binding(3) var<storage, read_write> logits_values: array<f32>;
@group(0) @binding(4) var<uniform> params: Params;

struct Params {
  B_times_T: u32, // B*T
}

fn store(batch: u32, m: u32, n: u32, value: f32) {
  logits_values[m * 512u + n] = value + model_lm_head_bias[n];
}

fn a_4(batch: u32, m: u32, k: u32) -> vec4f {
  return final_layernorm_layer_norm[(m * 128u + k) >> 2u];
}

fn b_4(batch: u32, k: u32, n: u32) -> vec4f {
  return model_lm_head_weight[(n * 128u + k) >> 2u];
}

var<workgroup> partial: array<vec4f, 256>;

var<workgroup> tile_a: array<vec4f, 320>;

var<workgroup> tile_b: array<vec4f, 320>;

// 64 × 64 sums per workgroup, 4 × 4 per lane, blocks of 16 along k staged
@compute @workgroup_size(256, 1, 1)
fn main(
  @builtin(workgroup_id) group: vec3u,
  @builtin(num_workgroups) groups: vec3u,
  @builtin(local_invocation_index) lane: u32,
) {
  let index = group.y * groups.x + group.x;
  let tile = vec3u(index % 8u, index / 8u % ((params.B_times_T + 63u) / 64u), index / (8u * ((params.B_times_T + 63u) / 64u)));
  if (tile.z >= 1u) { return; }
  let batch = tile.z;
  if (params.B_times_T == 1u) {
    let lane_k = lane % 16u;
    let lane_n = lane / 16u;
    let first_column = 4u * (tile.x * 16u + lane_n);
    let row0 = min(0u, params.B_times_T - 1u);
    let column0 = first_column;
    let column1 = first_column + 1u;
    let column2 = first_column + 2u;
    let column3 = first_column + 3u;
    var sum0_0 = vec4f();
    for (var k = 4u * lane_k; k < 128u; k += 64u) {
      let a0 = a_4(batch, row0, k);
      let b0 = b_4(batch, k, column0);
      let b1 = b_4(batch, k, column1);
      let b2 = b_4(batch, k, column2);
      let b3 = b_4(batch, k, column3);
      let c0_0 = vec4f(b0.x, b1.x, b2.x, b3.x);
      sum0_0 += a0.x * c0_0;
      let c1_0 = vec4f(b0.y, b1.y, b2.y, b3.y);
      sum0_0 += a0.y * c1_0;
      let c2_0 = vec4f(b0.z, b1.z, b2.z, b3.z);
      sum0_0 += a0.z * c2_0;
      let c3_0 = vec4f(b0.w, b1.w, b2.w, b3.w);
      sum0_0 += a0.w * c3_0;
    }
    let slot = lane_k * 16u + lane_n;
    partial[slot] = sum0_0;
    for (var half = 8u; half > 0u; half >>= 1u) {
      workgroupBarrier();
      if (lane_k < half) {
        let other = slot + half * 16u;
        partial[slot] += partial[other];
      }
    }
    if (lane_k == 0u) {
      for (var row = 0u; row < 1u; row++) {
        let sums = partial[row * 256u + slot];
        for (var c = 0u; c < 4u; c++) {
          let column = first_column + c;
          store(batch, row, column, sums[c]);
        }
      }
    }
    return;
  }
  let first_row = tile.y * 64u;
  let first_column = tile.x * 64u;
  let lane_n = lane % 16u;
  let lane_m = lane / 16u;
  var sum0_0 = vec4f();
  var sum1_0 = vec4f();
  var sum2_0 = vec4f();
  var sum3_0 = vec4f();
  for (var block = 0u; block < 128u; block += 16u) {
    let a_line = min(first_row + lane / 4u, params.B_times_T - 1u);
    let a_k = block + 4u * (lane % 4u);
    tile_a[lane / 4u * 5u + lane % 4u] = a_4(batch, a_line, a_k);
    let b_line = first_column + lane / 4u;
    let b_k = block + 4u * (lane % 4u);
    tile_b[lane / 4u * 5u + lane % 4u] = b_4(batch, b_k, b_line);
    workgroupBarrier();
    for (var s = 0u; s < 4u; s++) {
      let a0 = tile_a[4u * lane_m * 5u + s];
      let a1 = tile_a[(4u * lane_m + 1u) * 5u + s];
      let a2 = tile_a[(4u * lane_m + 2u) * 5u + s];
      let a3 = tile_a[(4u * lane_m + 3u) * 5u + s];
      let b0 = tile_b[lane_n * 5u + s];
      let b1 = tile_b[(lane_n + 16u) * 5u + s];
      let b2 = tile_b[(lane_n + 32u) * 5u + s];
      let b3 = tile_b[(lane_n + 48u) * 5u + s];
      let c0_0 = vec4f(b0.x, b1.x, b2.x, b3.x);
      sum0_0 += a0.x * c0_0;
      sum1_0 += a1.x * c0_0;
      sum2_0 += a2.x * c0_0;
      sum3_0 += a3.x * c0_0;
      let c1_0 = vec4f(b0.y, b1.y, b2.y, b3.y);
      sum0_0 += a0.y * c1_0;
      sum1_0 += a1.y * c1_0;
      sum2_0 += a2.y * c1_0;
      sum3_0 += a3.y * c1_0;
      let c2_0 = vec4f(b0.z, b1.z, b2.z, b3.z);
      sum0_0 += a0.z * c2_0;
      sum1_0 += a1.z * c2_0;
      sum2_0 += a2.z * c2_0;
      sum3_0 += a3.z * c2_0;
      let c3_0 = vec4f(b0.w, b1.w, b2.w, b3.w);
      sum0_0 += a0.w * c3_0;
      sum1_0 += a1.w * c3_0;
      sum2_0 += a2.w * c3_0;
      sum3_0 += a3.w * c3_0;
    }
    workgroupBarrier();
  }
  var sums = array<vec4f, 4>(sum0_0, sum1_0, sum2_0, sum3_0);
  for (var i = 0u; i < 4u; i++) {
    let row = first_row + 4u * lane_m + i;
    if (row >= params.B_times_T) { break; }
    for (var c = 0u; c < 4u; c++) {
      let column = first_column + lane_n + 16u * c;
      store(batch, row, column, sums[i][c & 3u]);
    }
  }
}
