/** What an entry takes and gives as ports of its graph. */
import { dtypeOf } from '../check/element-types.ts';
import { diagnose } from '../diagnostics/catalogue.ts';
import type { GraphBuilder } from '../ir/builder.ts';
import { MAX_RANK } from '../ir/graph.ts';
import type * as ast from '../syntax/ast.ts';
import type { Evaluator } from './evaluator.ts';
import type { Frame } from './frame.ts';
import type { SignatureDims } from './signature.ts';

/** Inputs and outputs of a graph share one set of names. Reports two that are equal. */
export function checkPortNames(e: Evaluator, entry: ast.EntryMember): void {
  const ports = new Map<string, ast.Name>();
  const outputs = (entry.signature.result ?? []).flatMap(({ name }) => (name ? [name] : []));
  for (const name of [...entry.signature.parameters.map((parameter) => parameter.name), ...outputs]) {
    const before = ports.get(name.text);
    if (before) {
      e.fail(
        diagnose(
          'entry_signature',
          { text: `two inputs or outputs of the entry ${entry.name.text} are called ${name.text}` },
          name.span,
          {
            secondary: [{ span: before.span, message: 'the first is here' }],
          },
        ),
      );
    }
    ports.set(name.text, name);
  }
}

/** Makes an input of the graph from a parameter of the entry, and names it in the frame. */
export function declareInput(
  e: Evaluator,
  builder: GraphBuilder,
  dims: SignatureDims,
  frame: Frame,
  parameter: ast.Parameter,
): void {
  const { type, name } = parameter;
  if (!type?.dims) {
    e.fail(
      diagnose('entry_signature', { text: `the input ${name.text} has no type` }, parameter.span, {
        notes: ['an entry declares the shape of each input, as in `x: [B, T, d]`'],
      }),
    );
  }
  if (type.dims.length > MAX_RANK) {
    const text = `the input ${name.text} has ${type.dims.length} axes and may have ${MAX_RANK}`;
    e.fail(diagnose('entry_signature', { text }, type.span));
  }
  const shape = type.dims.map((dim) => {
    if (dim.kind === 'ellipsis') {
      return e.fail(
        diagnose('entry_signature', { text: `the input ${name.text} has no fixed number of axes` }, dim.span),
      );
    }
    return dims.declare(dim);
  });
  const id = builder.input(name.text, dtypeOf(type.element?.text), shape);
  e.assign(name, { kind: 'tensor', id, span: name.span }, frame);
}
