/**
 * Elements of quantised parameters, unpacked where they are read: codes, scales and zeros lie in one buffer of words, one after
 * the other (shared/quantisation.ts, `wordsOf`).
 *
 *     fn weight_at(i: u32) -> f32          element i
 *     fn weight_four(i: u32) -> vec4<f32>  elements i … i + 3, i a multiple of four: they share a word and a scale
 */
import { type Quantisation, wordsOf } from '../../../../shared/quantisation.ts';
import { sizeOf } from '../../../../shared/tensor.ts';
import type { KernelCode } from './code.ts';
import type { Layout } from './layout.ts';
import { type Name, type Wgsl, wgsl } from './wgsl.ts';

/** A buffer of packed words; `elements` where it is a part of the tensor. */
interface PackedBuffer {
  readonly buffer: number;
  readonly quantised?: Quantisation;
  readonly elements?: number;
  readonly layout?: Layout;
}

/** The name of the function that reads an element. */
export function packedReader(code: KernelCode, buffer: PackedBuffer): Name {
  return code.once(`packed ${buffer.buffer}`, () => {
    const { name, bits, words } = describe(code, buffer);
    const own = code.fresh('unpack');
    const per = 32 / bits;
    code.define(
      own,
      wgsl`fn ${own}(i: u32) -> f32 {
  let code = extractBits(bitcast<i32>(${name}[i / ${per}u]), (i % ${per}u) * ${bits}u, ${bits}u);
${groupText(buffer.quantised!, name, words)}
  return scale * ${less(buffer.quantised!, 'f32', 'code')};
}`,
    );
    return own;
  });
}

/** The name of the function that reads four neighbours. */
export function packedVector(code: KernelCode, buffer: PackedBuffer): Name {
  return code.once(`packed four ${buffer.buffer}`, () => {
    const { name, bits, words } = describe(code, buffer);
    const own = code.fresh('unpack_four');
    // the last bits of a word are the highest: each code is moved there, and back with its sign
    const word = bits === 8 ? wgsl`${name}[i / 4u]` : wgsl`${name}[i / 8u] >> (4u * (i & 4u))`;
    const left = bits === 8 ? '24u, 16u, 8u, 0u' : '28u, 24u, 20u, 16u';
    code.define(
      own,
      wgsl`fn ${own}(i: u32) -> vec4<f32> {
  let word = bitcast<i32>(${word});
  let codes = (vec4<i32>(word) << vec4<u32>(${left})) >> vec4<u32>(${32 - bits}u);
${groupText(buffer.quantised!, name, words)}
  return scale * ${less(buffer.quantised!, 'vec4<f32>', 'codes')};
}`,
    );
    return own;
  });
}

function describe(code: KernelCode, { buffer, quantised, elements, layout }: PackedBuffer) {
  const count = elements ?? sizeOf(layout!.shape as readonly number[]);
  const { name } = code.binding(buffer, 'u32', 'read');
  return { name, bits: quantised!.bits, words: wordsOf(quantised!, count) };
}

/** Codes less their zero; an integer is taken away exactly, before they are f32. */
function less({ zeros, method }: Quantisation, type: string, codes: string): Wgsl {
  if (!zeros) return wgsl`${type}(${codes})`;
  return method === 'hqq' ? wgsl`(${type}(${codes}) - zero)` : wgsl`${type}(${codes} - zero)`;
}

/** `scale` and, where there are some, `zero` of the group of element i. */
function groupText(
  { bits, group, zeros, method }: Quantisation,
  name: Name,
  words: { readonly scales: number; readonly zeros: number },
): Wgsl {
  const per = 32 / bits;
  const scale = wgsl`  let group = i / ${group}u;
  let scale = unpack2x16float(${name}[${words.scales}u + group / 2u])[group & 1u];`;
  if (!zeros) return scale;
  if (method === 'hqq')
    return wgsl`${scale}
  let zero = unpack2x16float(${name}[${words.zeros}u + group / 2u])[group & 1u];`;
  return wgsl`${scale}
  let zero = extractBits(bitcast<i32>(${name}[${words.zeros}u + group / ${per}u]), (group % ${per}u) * ${bits}u, ${bits}u);`;
}
