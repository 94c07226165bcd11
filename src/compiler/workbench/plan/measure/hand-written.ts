/**
 * The fastest kernels that we could write by hand: what a plan's kernels are measured against. One shape and one layout each,
 * every size in the text, no generality. Software adapters compute a product from registers alone, since a barrier there
 * costs as much as a hundred sums; GPUs from tiles in workgroup memory.
 */
import type { Template } from '../../../backends/wgsl/families/contract.ts';
import { type GridAxis, gridMain } from '../../../backends/wgsl/families/grid.ts';
import { lines } from '../../../backends/wgsl/families/text.ts';
import { literal } from '../../../backends/wgsl/text/expression.ts';
import { Name, wgsl } from '../../../backends/wgsl/text/wgsl.ts';

const range = (count: number): number[] => [...Array(count).keys()];

const [A_TILE, B_TILE] = [new Name('a_tile'), new Name('b_tile')];

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
  const rows = range(height);
  const step = [
    ...rows.map((i) => `    let a${i} = a_data[r${i} + k4];`),
    ...range(4).flatMap((j) => [
      `    let b${j}0 = b_data[(4u * k4 + ${j}u) * ${n / 4}u + c];`,
      `    let b${j}1 = b_data[(4u * k4 + ${j}u) * ${n / 4}u + c + 1u];`,
      ...rows.flatMap((i) => [
        `    s${i}0 = fma(vec4f(a${i}[${j}]), b${j}0, s${i}0);`,
        `    s${i}1 = fma(vec4f(a${i}[${j}]), b${j}1, s${i}1);`,
      ]),
    ]),
  ];
  const store = rows.flatMap((i) => [
    `  if (row + ${i}u < ${m}u) {`,
    ...range(4).flatMap((j) => [
      `    y_data[(row + ${i}u) * ${n}u + 4u * c + ${j}u] = s${i}0[${j}];`,
      `    y_data[(row + ${i}u) * ${n}u + 4u * c + ${4 + j}u] = s${i}1[${j}];`,
    ]),
    '  }',
  ]);
  const body = `  let c = (tile.x * ${x}u + lane % ${x}u) * 2u;
  let row = (tile.y * ${y}u + lane / ${x}u) * ${height}u;
  if (row >= ${m}u || c >= ${n / 4}u) { return; }
${rows.map((i) => `  let r${i} = min(row + ${i}u, ${m - 1}u) * ${k / 4}u;`).join('\n')}
${rows.map((i) => `  var s${i}0 = vec4f(); var s${i}1 = vec4f();`).join('\n')}
  for (var k4 = 0u; k4 < ${k / 4}u; k4++) {
${step.join('\n')}
  }
${store.join('\n')}`;
  return gridMain({}, [x, y, 1], [axis(n, x * width), axis(m, y * height), axis(1, 1)], body);
}

const axis = (size: number, per: number): GridAxis => ({ extent: { dim: size, text: literal('u32', size) }, per });

/**
 * The same for GPUs: 64 × 64 sums a workgroup over tiles of 16 along k, 4 × 4 an invocation.
 * @throws Error when m or n is no multiple of 64, or k of 16
 */
export function productOfTiles(m: number, n: number, k: number): Template {
  const { side, depth, lanes } = GPU;
  if (m % side !== 0 || n % side !== 0 || k % depth !== 0)
    throw new Error(`${m} × ${n} × ${k} is no shape of the hand-written product`);
  const tile = (name: Name) => ({ name, space: 'workgroup', type: `array<vec4f, ${(side * depth) / 4}>` }) as const;
  const body = wgsl`  let x = lane % ${lanes}u;
  let y = lane / ${lanes}u;
  let a_from = (tile.y * ${side}u + lane / 4u) * ${k / 4}u + lane % 4u;
  let b_from = y * ${n / 4}u + tile.x * ${side / 4}u + x;
  ${range(4)
    .map((i) => `var s${i} = vec4f();`)
    .join(' ')}
  for (var block = 0u; block < ${k / depth}u; block++) {
    ${A_TILE}[lane] = a_data[a_from + block * ${depth / 4}u];
    ${B_TILE}[lane] = b_data[b_from + block * ${(depth * n) / 4}u];
    workgroupBarrier();
    for (var k4 = 0u; k4 < ${depth / 4}u; k4++) {
${lines(4, (j) => wgsl`      let b${j} = ${B_TILE}[(4u * k4 + ${j}u) * ${lanes}u + x];`)}
${lines(4, (i) => {
  const sums = range(4).reduce((sum, j) => `fma(vec4f(a${i}[${j}]), b${j}, ${sum})`, `s${i}`);
  return wgsl`      let a${i} = ${A_TILE}[(4u * y + ${i}u) * ${depth / 4}u + k4];\n      s${i} = ${sums};`;
})}
    }
    workgroupBarrier();
  }
  let to = (tile.y * ${side}u + 4u * y) * ${n}u + tile.x * ${side}u + 4u * x;
${range(4)
  .flatMap((i) => range(4).map((j) => `  y_data[to + ${i * n + j}u] = s${i}[${j}];`))
  .join('\n')}`;
  return gridMain(
    { variables: [tile(A_TILE), tile(B_TILE)] },
    [lanes * lanes, 1, 1],
    [axis(n, side), axis(m, side), axis(1, 1)],
    body,
  );
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
