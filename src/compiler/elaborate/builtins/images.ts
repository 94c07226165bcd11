/** Built-in functions of images [N, C, H, W]: convolutions, pools, resizing. */
import { addDims, isSymbolic, printShape } from '../../../shared/dim.ts';
import { covered, type DimPair } from '../../ops/convolution.ts';
import type { BoundCall, Builtin } from '../builtin.ts';
import type { Value } from '../values.ts';

/** The adjoint of conv2d in its input, and a bias for each channel. */
function convTranspose2d(c: BoundCall): Value {
  const [x, weight] = [c.operand('x', 'f32'), c.operand('weight', 'f32')];
  for (const [name, { type }] of [
    ['x', x],
    ['weight', weight],
  ] as const)
    if (type.shape.length !== 4)
      c.clash(`conv_transpose2d takes ${name} with 4 axes and got ${printShape(type.shape)}`, c.argument(name).span);
  const window = { stride: c.pair('stride', 1), padding: c.pair('padding', 0), dilation: c.pair('dilation', 1) };
  const more = c.pair('output_padding', 0);
  const groups = c.int('groups', 1);
  const size = ([0, 1] as const).map((i) => {
    const [length, kernel] = [x.type.shape[2 + i]!, weight.type.shape[2 + i]!];
    if (isSymbolic(kernel))
      return c.clash(
        `conv_transpose2d needs a static kernel, and weight is ${printShape(weight.type.shape)}`,
        c.argument('weight').span,
      );
    if (more[i] < 0 || more[i] >= Math.max(window.stride[i], window.dilation[i]))
      c.clash(`output_padding of conv_transpose2d is at least 0 and below stride or dilation, and it is ${more[i]}`);
    return addDims(covered(length, kernel, window.stride[i], window.padding[i], window.dilation[i]), more[i]);
  }) as unknown as DimPair;
  const y = c.op('conv2d_grad_input', [x, weight], { ...window, groups, size });
  const [bias] = c.optional('bias', 'f32');
  if (!bias) return y;
  const { emission } = c.evaluator;
  const column = emission.operand(c.op('reshape', [bias], { shape: [...bias.type.shape, 1, 1] }), c.span);
  return c.op('add', [emission.operand(y, c.span), column], {});
}

export const IMAGE_BUILTINS: readonly Builtin[] = [
  {
    name: 'conv2d',
    doc: 'Convolution of x [N, C, H, W] with weight [O, C / groups, kh, kw] and bias [O] or none.',
    parameters: ['x', 'weight', 'bias?', 'stride?', 'padding?', 'dilation?', 'groups?'],
    call: (c) =>
      c.op('conv2d', [c.operand('x', 'f32'), c.operand('weight', 'f32'), ...c.optional('bias', 'f32')], {
        stride: c.pair('stride', 1),
        padding: c.pair('padding', 0),
        dilation: c.pair('dilation', 1),
        groups: c.int('groups', 1),
      }),
  },
  {
    name: 'conv_transpose2d',
    doc: 'Transposed convolution of x [N, C, H, W] with weight [C, O / groups, kh, kw] and bias [O] or none, as torch: height (H − 1) · stride − 2 · padding + dilation · (kh − 1) + output_padding + 1.',
    parameters: ['x', 'weight', 'bias?', 'stride?', 'padding?', 'output_padding?', 'dilation?', 'groups?'],
    call: convTranspose2d,
  },
  {
    name: 'avg_pool2d',
    doc: 'Average over windows of [N, C, H, W]; the stride is the kernel by default.',
    parameters: ['x', 'kernel', 'stride?', 'padding?', 'count_include_pad?'],
    call: (c) =>
      c.op('avg_pool2d', [c.operand('x', 'f32')], {
        kernel: c.pair('kernel'),
        stride: c.has('stride') ? c.pair('stride') : c.pair('kernel'),
        padding: c.pair('padding', 0),
        count_include_pad: c.bool('count_include_pad', true),
      }),
  },
  {
    name: 'max_pool2d',
    doc: 'Largest over windows of [N, C, H, W]; the stride is the kernel by default.',
    parameters: ['x', 'kernel', 'stride?', 'padding?'],
    call: (c) =>
      c.op('max_pool2d', [c.operand('x', 'f32')], {
        kernel: c.pair('kernel'),
        stride: c.has('stride') ? c.pair('stride') : c.pair('kernel'),
        padding: c.pair('padding', 0),
      }),
  },
  {
    name: 'interpolate',
    doc: 'Resizes [N, C, H, W] to a size: "nearest", "bilinear" or "bicubic" (a = −0.75), as torch with align_corners false.',
    parameters: ['x', 'size', 'mode'],
    call: (c) => {
      const mode = c.string('mode');
      if (mode !== 'nearest' && mode !== 'bilinear' && mode !== 'bicubic') {
        return c.fail(
          'mode of interpolate',
          '"nearest", "bilinear" or "bicubic"',
          JSON.stringify(mode),
          c.argument('mode').span,
        );
      }
      return c.op('interpolate', [c.operand('x', 'f32')], { mode, size: c.pair('size') });
    },
  },
];
