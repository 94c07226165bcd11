/**
 * Elements of quantised parameters, unpacked where they are read: codes, scales and zeros lie in one buffer of words, one after
 * the other (shared/quantisation.ts, `wordsOf`).
 *
 *     fn weight_at(i: u32) -> f32          element i
 *     fn weight_four(i: u32) -> vec4f  elements i … i + 3, i a multiple of four: they share a word and a scale
 */
import { type Quantisation, wordsOf } from '../../../../shared/quantisation.ts';
import { sizeOf } from '../../../../shared/tensor.ts';
import { add, bits as and, at, div, everywhere, mod, mul, sub, u32 } from './arithmetic.ts';
import { type Body, functionOf } from './body.ts';
import type { KernelCode } from './code.ts';
import { binary, bitcast, call, type Expression, variable, vector } from './expression.ts';
import type { Layout } from './layout.ts';
import type { Name } from './name.ts';

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
    const packed = describe(code, buffer);
    const reader = functionOf(code.fresh('unpack'), { i: 'u32' }, 'f32', (body, { i }) => {
      const own = body.let('code', codeAt(packed, 0, i));
      const { scale, zero } = groupOf(body, packed, i);
      body.return(mul(scale, less(packed, own, zero)));
    });
    return code.define(reader);
  });
}

/** The name of the function that reads four neighbours. */
export function packedVector(code: KernelCode, buffer: PackedBuffer): Name {
  return code.once(`packed four ${buffer.buffer}`, () => {
    const packed = describe(code, buffer);
    const { bits, words } = packed;
    const reader = functionOf(code.fresh('unpack_four'), { i: 'u32' }, 'vec4f', (body, { i }) => {
      const four = bits === 8 ? at(words, div(i, 4)) : binary('>>', at(words, div(i, 8)), mul(4, and(i, u32(4))));
      const word = body.let('word', bitcast('i32', four));
      // the last bits of a word are the highest: each code is moved there, and back with its sign
      const left = vector((bits === 8 ? [24, 16, 8, 0] : [28, 24, 20, 16]).map(u32));
      const moved = binary('<<', everywhere(word), left);
      const codes = body.let('codes', binary('>>', moved, everywhere(u32(32 - bits))));
      const { scale, zero } = groupOf(body, packed, i);
      body.return(mul(scale, less(packed, codes, zero)));
    });
    return code.define(reader);
  });
}

interface Packed {
  readonly words: Expression;
  /** first words of scales and zeros */
  readonly begins: { readonly scales: number; readonly zeros: number };
  readonly bits: number;
  readonly quantised: Quantisation;
}

function describe(code: KernelCode, { buffer, quantised, elements, layout }: PackedBuffer): Packed {
  const count = elements ?? sizeOf(layout!.shape as readonly number[]);
  const { name } = code.binding(buffer, 'u32', 'read');
  return {
    words: variable(name, 'array<u32>'),
    begins: wordsOf(quantised!, count),
    bits: quantised!.bits,
    quantised: quantised!,
  };
}

/** Code `i` of those that begin at a word, with its sign. */
function codeAt({ words, bits }: Packed, begin: number, i: Expression): Expression {
  const [per, word] = [32 / bits, bitcast('i32', at(words, add(begin, div(i, 32 / bits))))];
  return call('extractBits', [word, mul(mod(i, per), bits), u32(bits)], 'i32');
}

/** Codes less their zero; an integer is taken away exactly, before they are f32. */
function less({ quantised: { method } }: Packed, codes: Expression, zero: Expression | undefined): Expression {
  const asF32 = (of: Expression): Expression => call(of.type === 'i32' ? 'f32' : 'vec4f', [of], likeF32(of));
  if (!zero) return asF32(codes);
  return method === 'hqq' ? sub(asF32(codes), zero) : asF32(sub(codes, zero));
}

const likeF32 = ({ type }: Expression) => (type === 'i32' ? 'f32' : 'vec4f');

/** `scale` and, where there are some, `zero` of the group of element i. */
function groupOf(
  body: Body,
  packed: Packed,
  i: Expression,
): { readonly scale: Expression; readonly zero: Expression | undefined } {
  const { words, begins, quantised } = packed;
  const group = body.let('group', div(i, quantised.group));
  const half = (begin: number): Expression => {
    const two = call('unpack2x16float', [at(words, add(begin, div(group, 2)))], 'vec2f');
    return at(two, and(group, u32(1)));
  };
  const scale = body.let('scale', half(begins.scales));
  if (!quantised.zeros) return { scale, zero: undefined };
  const zero = quantised.method === 'hqq' ? half(begins.zeros) : codeAt(packed, begins.zeros, group);
  return { scale, zero: body.let('zero', zero) };
}
