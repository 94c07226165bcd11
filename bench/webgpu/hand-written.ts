/**
 * The fastest product that we could write by hand for SwiftShader: what the templates are measured against there. One
 * shape and one layout a kernel, every size in the text, 16 × 8 sums an invocation, no barrier, no generality.
 *
 * Rows past m are read as the last one and not written, so m may be odd; n and k are multiples of 8 and 4.
 */
import type { Template } from '../../src/compiler/backends/wgsl/families/contract.ts';

const ROWS = 16;
const COLUMNS = 8;
/** invocations of a workgroup along n and m */
const [X, Y] = [8, 2];

const range = (count: number): number[] => [...Array(count).keys()];

/** y [m, n] = a [m, k] · b [k, n], over buffers of vec4 named as test/backends/wgsl/families/harness.ts names them. */
export function handWrittenGemm(m: number, n: number, k: number): Template {
  if (n % COLUMNS !== 0 || k % 4 !== 0) throw new Error(`${n} × ${k} is no shape of the hand-written product`);
  const rows = range(ROWS);
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
  const text = `@compute @workgroup_size(${X}, ${Y}, 1)
fn main(@builtin(global_invocation_id) id: vec3u) {
  let c = id.x * 2u;
  let row = id.y * ${ROWS}u;
  if (row >= ${m}u || c >= ${n / 4}u) { return; }
${rows.map((i) => `  let r${i} = min(row + ${i}u, ${m - 1}u) * ${k / 4}u;`).join('\n')}
${rows.map((i) => `  var s${i}0 = vec4f(); var s${i}1 = vec4f();`).join('\n')}
  for (var k4 = 0u; k4 < ${k / 4}u; k4++) {
${step.join('\n')}
  }
${store.join('\n')}
}
`;
  return {
    text,
    workgroup: [X, Y, 1],
    groups: [
      { of: n, per: X * COLUMNS },
      { of: m, per: Y * ROWS },
      { of: 1, per: 1 },
    ],
    linear: false,
  };
}
