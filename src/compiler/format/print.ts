/**
 * Document → text: each group is flat if what is in it, and what follows up to the next possible end of the line, fits.
 * The algorithm is Prettier's: a stack of documents to print, each with its indentation and mode.
 */
import { type Doc, isForced, widthOf } from './doc.ts';

/** Columns that a line of code may take. */
export const WIDTH = 120;
/** Blanks for each level. */
const STEP = 2;

type Mode = 'flat' | 'broken';

interface Task {
  /** blanks */
  readonly indentation: number;
  readonly mode: Mode;
  readonly doc: Doc;
  /** a fill that is partly printed: the next item */
  readonly from?: number;
}

/** The text of a document whose lines begin with so many blanks; it does not end with a newline. */
export function print(doc: Doc, indentation = 0): string {
  const page = new Page();
  const tasks: Task[] = [{ indentation, mode: 'broken', doc }];
  for (let task = tasks.pop(); task; task = tasks.pop()) printTask(task, tasks, page);
  return page.finish();
}

/** Whether a document whose lines begin with so many blanks takes several of them. */
export function takesLines(doc: Doc, indentation = 0): boolean {
  return isForced(doc) || print(doc, indentation).includes('\n');
}

function printTask(task: Task, tasks: Task[], page: Page): void {
  const { indentation, mode, doc } = task;
  if (typeof doc === 'string') {
    page.write(doc, indentation);
    return;
  }
  switch (doc.kind) {
    case 'comment':
      page.comment(doc.text, doc.alone, indentation);
      return;
    case 'line':
      if (mode === 'broken' || doc.flat === undefined || page.lineIsOver) page.newline();
      else page.write(doc.flat, indentation);
      return;
    case 'concat':
      for (let index = doc.parts.length - 1; index >= 0; index--) {
        tasks.push({ indentation, mode, doc: doc.parts[index]! });
      }
      return;
    case 'indent':
      tasks.push({ indentation: indentation + STEP, mode, doc: doc.contents });
      return;
    case 'group': {
      const flat: Task = { indentation, mode: 'flat', doc: doc.contents };
      const fitting = !isForced(doc) && (mode === 'flat' || fits([doc.contents], tasks, page.room(indentation)));
      tasks.push(fitting ? flat : { indentation, mode: 'broken', doc: doc.contents });
      return;
    }
    case 'fill':
      printFill(task, doc.items.length, tasks, page);
      return;
    default:
      doc satisfies never;
  }
}

/** Prints the next item of a fill, with the separator before it, and leaves the rest for later. */
function printFill(task: Task, count: number, tasks: Task[], page: Page): void {
  const { indentation, mode, doc, from = 0 } = task;
  if (typeof doc === 'string' || doc.kind !== 'fill' || from >= count) return;
  const flat: Task = { indentation, mode: 'flat', doc: doc.items[from]! };
  const rest: Task = { ...task, from: from + 1 };
  // the last item shares its line with what follows the fill
  const after = from === count - 1 ? tasks : [];
  if (from > 0) {
    const separator: Task = { indentation, mode: 'flat', doc: doc.separator };
    const stays =
      mode === 'flat' || (!page.lineIsOver && fits([flat.doc, doc.separator], after, page.room(indentation)));
    printTask(stays ? separator : { ...separator, mode: 'broken' }, tasks, page);
  }
  const whole = !isForced(flat.doc) && (mode === 'flat' || fits([flat.doc], after, page.room(indentation)));
  tasks.push(rest, whole ? flat : { ...flat, mode: 'broken' });
}

/** Whether documents on one line (the last first), and what follows them up to where the line may end, take at most `room` columns. */
function fits(first: Doc[], after: readonly Task[], room: number): boolean {
  const docs = first;
  const modes: Mode[] = docs.map(() => 'flat');
  const push = (doc: Doc, mode: Mode): void => {
    docs.push(doc);
    modes.push(mode);
  };
  let left = room;
  let next = after.length;
  for (;;) {
    let doc = docs.pop();
    let mode = modes.pop();
    let from = 0;
    if (doc === undefined) {
      const task = after[--next];
      if (!task) return true;
      ({ doc, mode, from = 0 } = task);
    }
    const width = mode === 'flat' || typeof doc === 'string' || doc.kind === 'group' ? widthOf(doc) : Number.NaN;
    if (from === 0 && width >= 0) left -= width;
    else if (typeof doc === 'object') {
      switch (doc.kind) {
        case 'comment':
          if (!doc.alone || left < room) return true;
          break; // it is above what is measured
        case 'line':
          return true;
        case 'concat':
          for (let index = doc.parts.length - 1; index >= 0; index--) push(doc.parts[index]!, mode!);
          break;
        case 'indent':
          push(doc.contents, mode!);
          break;
        case 'group':
          push(doc.contents, isForced(doc) ? 'broken' : 'flat');
          break;
        case 'fill':
          for (let index = doc.items.length - 1; index >= from; index--) {
            push(doc.items[index]!, mode!);
            if (index > 0) push(doc.separator, mode!);
          }
          break;
        default:
          doc satisfies never;
      }
    }
    if (left < 0) return false;
  }
}

/** The text so far; blanks at the ends of lines are never written. */
class Page {
  private readonly chunks: string[] = [];
  private column = 0;
  /** comments that end the line, until something else than a comma comes */
  private waiting: string[] = [];
  /** a comment stands or waits on the line, so what comes next begins another */
  lineIsOver = false;

  /** Columns that are left on the line. */
  room(indentation: number): number {
    return WIDTH - (this.column === 0 || this.lineIsOver ? indentation : this.column);
  }

  write(text: string, indentation: number): void {
    if (text === '') return;
    if (this.lineIsOver && !(text === ',' && this.waiting.length > 0)) this.newline();
    const shown = this.column === 0 ? text.trimStart() : text;
    if (shown === '') return;
    this.put(this.column === 0 ? ' '.repeat(indentation) + shown : shown);
  }

  comment(text: string, alone: boolean, indentation: number): void {
    if (!alone) {
      this.waiting.push(text);
    } else {
      if (this.column > 0 || this.lineIsOver) this.newline();
      this.put(' '.repeat(indentation) + text);
    }
    this.lineIsOver = true;
  }

  newline(): void {
    this.endLine();
    this.chunks.push('\n');
    this.column = 0;
  }

  finish(): string {
    this.endLine();
    return this.chunks.join('');
  }

  private endLine(): void {
    this.trim();
    for (const text of this.waiting.splice(0)) this.put(this.column === 0 ? text : ` ${text}`);
    this.lineIsOver = false;
  }

  private trim(): void {
    const last = this.chunks.at(-1);
    if (last?.endsWith(' ')) this.chunks[this.chunks.length - 1] = last.trimEnd();
  }

  private put(text: string): void {
    this.chunks.push(text);
    const end = text.lastIndexOf('\n');
    this.column = end < 0 ? this.column + text.length : text.length - end - 1;
  }
}
