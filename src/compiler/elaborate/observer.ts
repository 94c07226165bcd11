/**
 * What expressions and names are while a program runs, for editors: of many instances of a module the first counts.
 * Without an observer nothing of this is computed.
 */
import { printDim } from '../../shared/dim.ts';
import type { Span } from '../diagnostics/span.ts';
import type { Evaluation } from './evaluation.ts';
import { printType } from './signature.ts';
import type { Value } from './values.ts';

export interface Observed {
  readonly span: Span;
  /** a tensor's type (`[B, T, 64]`), or a compile-time value (`64`) */
  readonly text: string;
  readonly tensor: boolean;
}

/** Items of a list that are shown. */
const MAX_ITEMS = 8;

export class Observer {
  private readonly seen = new Map<object, Observed>();

  see(e: Evaluation, node: { readonly span: Span }, value: Value): void {
    if (this.seen.has(node)) return;
    const text = shown(e, value);
    if (text !== undefined) this.seen.set(node, { span: node.span, text, tensor: isTensor(value) });
  }

  /** What was seen since the last call. */
  take(): readonly Observed[] {
    const all = [...this.seen.values()];
    this.seen.clear();
    return all;
  }
}

function isTensor(value: Value): boolean {
  return value.kind === 'tensor' || (value.kind === 'list' && value.items.some(isTensor));
}

function shown(e: Evaluation, value: Value): string | undefined {
  switch (value.kind) {
    case 'tensor':
      return e.trace && printType(e.emission.typeOf(value.id));
    case 'parameter':
      return printType(value.parameter);
    case 'int':
    case 'float':
    case 'bool':
      return String(value.value);
    case 'string':
      return JSON.stringify(value.value);
    case 'none':
      return 'none';
    case 'dim':
      return printDim(value.dim);
    case 'list': {
      const items = value.items.slice(0, MAX_ITEMS).map((item) => shown(e, item));
      if (items.includes(undefined)) return undefined;
      return `(${items.join(', ')}${value.items.length > MAX_ITEMS ? ', …' : ''})`;
    }
    default:
      return undefined;
  }
}
