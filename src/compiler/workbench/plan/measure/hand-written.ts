/**
 * The fastest kernels that we could write by hand: what a plan's kernels are measured against. One shape and one layout each,
 * every size in the text, no generality. Software adapters compute a product from registers alone, since a barrier there
 * costs as much as a hundred sums; GPUs from tiles in workgroup memory.
 */
import type { Template } from '../../../backends/wgsl/families/contract.ts';
import { type GridAxis, gridMain } from '../../../backends/wgsl/families/grid.ts';
import {
  add,
  at,
  atLeast,
  div,
  everywhere,
  less,
  mod,
  mul,
  or,
  range,
  smallest,
  u32,
  ZEROS,
} from '../../../backends/wgsl/text/arithmetic.ts';
import { call, type Expression, type Type, variable } from '../../../backends/wgsl/text/expression.ts';
import { LANE } from '../../../backends/wgsl/text/invocation.ts';
import { Name } from '../../../backends/wgsl/text/name.ts';

const buffer = (name: string, type: Type): Expression => variable(new Name(name), type);
const [A, B, Y] = [buffer('a_data', 'array<vec4f>'), buffer('b_data', 'array<vec4f>'), buffer('y_data', 'array<f32>')];

/** x · y + sum in one step, for four columns. */
const addProduct = (x: Expression, y: Expression, sum: Expression): Expression =>
  call('fma', [everywhere(x), y, sum], 'vec4f');

/** Sums of an invocation, and invocations of a workgroup along n and m. */
const SOFTWARE = { rows: 16, columns: 8, x: 8, y: 2 } as const;
/** Sums of a workgroup along m and n, and values of k per tile; 4 × 4 sums an invocation. */
const GPU = { side: 64, depth: 16, lanes: 16 } as const;

/**
 * y [m, n] = a [m, k] · b [k, n] for software adapters: 16 × 8 sums an invocation, no barrier. Buffers of vec4 are called
 * a_data and b_data, y_data is of f32. Rows past m are read as the last one and not written, so m may be odd.
 * @throws Error when n is no multiple of 8 or k of 4
 */
export function productOfRegisters(m: number, n: number, k: number): Template {
  const { rows: height, columns: width, x, y } = SOFTWARE;
  if (n % width !== 0 || k % 4 !== 0) throw new Error(`${n} × ${k} is no shape of the hand-written product`);
  const grid = [axis(n, x * width), axis(m, y * height), axis(1, 1)] as const;
  return gridMain(undefined, [x, y, 1], grid, (body, tile) => {
    const c = body.let('c', mul(add(mul(tile.x, x), mod(LANE, x)), 2));
    const row = body.let('row', mul(add(mul(tile.y, y), div(LANE, x)), height));
    body.returnIf(or(atLeast(row, m), atLeast(c, n / 4)));
    const begins = range(height).map((i) => body.let(`r${i}`, mul(smallest(add(row, i), u32(m - 1)), k / 4)));
    const sums = begins.map((_, i) => [body.var(`s${i}0`, ZEROS), body.var(`s${i}1`, ZEROS)] as const);
    body.for('k4', { below: k / 4 }, (k4) => {
      const a = begins.map((begin, i) => body.let(`a${i}`, at(A, add(begin, k4))));
      for (const j of range(4)) {
        const from = add(mul(add(mul(4, k4), j), n / 4), c);
        const b = [body.let(`b${j}0`, at(B, from)), body.let(`b${j}1`, at(B, add(from, 1)))] as const;
        for (const [i, own] of sums.entries()) {
          for (const half of [0, 1] as const) body.set(own[half], addProduct(at(a[i]!, j), b[half], own[half]));
        }
      }
    });
    for (const [i, own] of sums.entries()) {
      body.if(less(add(row, i), m), () => {
        const to = add(mul(add(row, i), n), mul(4, c));
        for (const j of range(8)) body.set(at(Y, add(to, j)), at(own[j >> 2]!, j & 3));
      });
    }
  });
}

const axis = (size: number, per: number): GridAxis => ({ extent: { dim: size, size: u32(size) }, per });

/**
 * The same for GPUs: 64 × 64 sums a workgroup over tiles of 16 along k, 4 × 4 an invocation.
 * @throws Error when m or n is no multiple of 64, or k of 16
 */
export function productOfTiles(m: number, n: number, k: number): Template {
  const { side, depth, lanes } = GPU;
  if (m % side !== 0 || n % side !== 0 || k % depth !== 0)
    throw new Error(`${m} × ${n} × ${k} is no shape of the hand-written product`);
  const grid = [axis(n, side), axis(m, side), axis(1, 1)] as const;
  return gridMain(undefined, [lanes * lanes, 1, 1], grid, (body, tile) => {
    const [ofA, ofB] = [
      body.memory('workgroup', 'a_tile', 'vec4f', (side * depth) / 4),
      body.memory('workgroup', 'b_tile', 'vec4f', (side * depth) / 4),
    ];
    const [x, y] = [body.let('x', mod(LANE, lanes)), body.let('y', div(LANE, lanes))];
    const fromA = body.let('a_from', add(mul(add(mul(tile.y, side), div(LANE, 4)), k / 4), mod(LANE, 4)));
    const fromB = body.let('b_from', add(mul(y, n / 4), mul(tile.x, side / 4), x));
    const sums = range(4).map((i) => body.var(`s${i}`, ZEROS));
    body.for('block', { below: k / depth }, (block) => {
      body.set(at(ofA, LANE), at(A, add(fromA, mul(block, depth / 4))));
      body.set(at(ofB, LANE), at(B, add(fromB, mul(block, (depth * n) / 4))));
      body.barrier();
      body.for('k4', { below: depth / 4 }, (k4) => {
        const b = range(4).map((j) => body.let(`b${j}`, at(ofB, add(mul(add(mul(4, k4), j), lanes), x))));
        for (const [i, sum] of sums.entries()) {
          const a = body.let(`a${i}`, at(ofA, add(mul(add(mul(4, y), i), depth / 4), k4)));
          body.set(
            sum,
            b.reduce((total, row, j) => addProduct(at(a, j), row, total), sum),
          );
        }
      });
      body.barrier();
    });
    const to = body.let('to', add(mul(add(mul(tile.y, side), mul(4, y)), n), mul(tile.x, side), mul(4, x)));
    for (const i of range(4)) for (const j of range(4)) body.set(at(Y, add(to, i * n + j)), at(sums[i]!, j));
  });
}

/** Invocations of a workgroup of `COPY`. */
export const COPY_LANES = 64;

/** Every invocation moves a vec4. */
export const COPY = `@group(0) @binding(0) var<storage, read> source: array<vec4f>;
@group(0) @binding(1) var<storage, read_write> result: array<vec4f>;

@compute @workgroup_size(${COPY_LANES})
fn main(@builtin(workgroup_id) group: vec3u, @builtin(num_workgroups) groups: vec3u, @builtin(local_invocation_index) lane: u32) {
  let index = (group.y * groups.x + group.x) * ${COPY_LANES}u + lane;
  if (index < arrayLength(&result)) { result[index] = source[index]; }
}
`;

/** A dispatch that does nothing worth mentioning. */
export const NOTHING = `@group(0) @binding(0) var<storage, read> source: array<vec4f>;
@group(0) @binding(1) var<storage, read_write> result: array<vec4f>;

@compute @workgroup_size(1)
fn main() { result[0] = source[0]; }
`;
