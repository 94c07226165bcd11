/**
 * The calls and creations that lead to where the evaluator is. What goes wrong inside the standard library is shown at
 * the line that led into it: its reader wrote that one, and can change it.
 */
import { isStd } from '../check/references.ts';
import type { Diagnostic } from '../diagnostics/diagnostic.ts';
import { formatPosition, type Span } from '../diagnostics/span.ts';

interface Frame {
  /** `mlp.fc1`, or the name of a function; empty for the model */
  readonly name: string;
  /** the call, or the expression that creates the instance */
  readonly at: Span;
  readonly verb: 'called' | 'created';
}

/** Frames that a note lists. */
const MAX_SHOWN = 6;

const inStd = ({ source }: Span): boolean => isStd(source.path);

export class CallStack {
  /** innermost last */
  private readonly frames: Frame[] = [];
  /** places of the user's that lead to an error in the library, with its code */
  private readonly blamed = new Map<string, string>();

  within<T>(frame: Frame, work: () => T): T {
    this.frames.push(frame);
    try {
      return work();
    } finally {
      this.frames.pop();
    }
  }

  /** The place itself, or of one inside the library the user's line that leads there. */
  usersPlace(at: Span): Span {
    return inStd(at) ? (this.frames.findLast((frame) => !inStd(frame.at))?.at ?? at) : at;
  }

  /**
   * The diagnostic at the user's line, with the library's line as a label and the calls between as notes; nothing where
   * another place of the library already failed for that line, since one mistake there fails in many places here.
   */
  locate(diagnostic: Diagnostic): Diagnostic | undefined {
    const { primary } = diagnostic;
    const user = inStd(primary.span) ? this.frames.findLast(({ at }) => !inStd(at)) : undefined;
    if (!user) return diagnostic;
    const line = formatPosition(user.at.source, user.at.start);
    const before = this.blamed.get(line) ?? diagnostic.code;
    if (before !== diagnostic.code) return undefined;
    this.blamed.set(line, diagnostic.code);
    const stack = this.frames.filter(({ name }) => name !== '').toReversed();
    const shown = stack.slice(0, MAX_SHOWN).map(({ name, at, verb }) => {
      return `in ${name}, ${verb} at ${formatPosition(at.source, at.start)}`;
    });
    if (stack.length > MAX_SHOWN) shown.push(`and ${stack.length - MAX_SHOWN} more calls`);
    return {
      ...diagnostic,
      primary: { span: user.at, message: `${user.name} is ${user.verb} here` },
      secondary: [
        { span: primary.span, message: primary.message || 'this is what fails' },
        ...diagnostic.secondary.filter(({ span }) => !sameSpan(span, user.at)),
      ],
      notes: [...diagnostic.notes, ...shown],
      // nobody edits the library
      suggestions: diagnostic.suggestions.filter(({ span }) => !inStd(span)),
    };
  }
}

function sameSpan(a: Span, b: Span): boolean {
  return a.source === b.source && a.start === b.start && a.end === b.end;
}
