/** What the declaration of a parameter or buffer says: its sizes, how it is initialised and resampled. */
import { diagnose } from '../diagnostics/catalogue.ts';
import type { Span } from '../diagnostics/span.ts';
import type * as ast from '../syntax/ast.ts';
import type { Evaluation } from './evaluation.ts';
import type { Frame } from './frame.ts';
import type { ParameterInfo } from './parameter.ts';
import { describe } from './values.ts';

/** 2^36 elements, 256 GiB of f32: beyond any checkpoint we know, and far below where numbers lose precision. */
const MAX_ELEMENTS = 2 ** 36;

/** @throws Reported when a size is not a positive number, or all of them are too many elements */
export function shapeOf(e: Evaluation, { name, type }: ast.ParamMember, frame: Frame): number[] {
  const dynamic = (span: Span): never => e.fail(diagnose('dynamic_parameter', { name: name.text }, span, e.here()));
  const what = `a dimension of ${name.text}`;
  const shape = (type.dims ?? []).map((dim) => {
    if (dim.kind === 'ellipsis') return dynamic(dim.span);
    const value = e.dimOf(e.expression(dim, frame), dim.span, what);
    if (typeof value !== 'number') return dynamic(dim.span);
    if (value >= 1) return value;
    return e.fail(diagnose('wrong_type', { what, expected: 'at least 1', found: String(value) }, dim.span, e.here()));
  });
  const elements = shape.reduce((product, dim) => product * dim, 1);
  if (elements > MAX_ELEMENTS) {
    const facts = { name: name.text, elements: elements.toExponential(2) };
    e.fail(diagnose('too_large', facts, name.span, e.here()));
  }
  return shape;
}

/** @throws Reported when the value is no initialiser */
export function initializerOf(
  e: Evaluation,
  { name }: ast.ParamMember,
  init: ast.Expression,
  frame: Frame,
): ParameterInfo['initializer'] {
  const value = e.expression(init, frame);
  if (value.kind === 'initializer') return value.initializer;
  const expected = 'an initialiser such as normal(0.02)';
  const facts = { what: `the initialiser of ${name.text}`, expected, found: describe(value) };
  return e.fail(diagnose('wrong_type', facts, init.span, e.here()));
}

/** @throws Reported when the value is no way to resample */
export function resampleOf(e: Evaluation, { resample }: ast.ParamMember, frame: Frame): ParameterInfo['resample'] {
  if (!resample) return undefined;
  const value = e.expression(resample, frame);
  if (value.kind === 'resample') return { prefix: value.prefix };
  const facts = { what: 'resample', expected: 'bicubic_grid(prefix = …)', found: describe(value) };
  return e.fail(diagnose('wrong_type', facts, resample.span, e.here()));
}
