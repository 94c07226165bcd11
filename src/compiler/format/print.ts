/**
 * Document → text: each group is flat if what is in it, and what follows up to the next possible end of the line, fits.
 * The algorithm is Prettier's: a stack of documents to print, each with its indentation and mode.
 */
import { type Doc, isForced } from './doc.ts';

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
      const fitting = !isForced(doc) && (mode === 'flat' || fits([flat], tasks, page.room(indentation)));
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
    const stays = mode === 'flat' || (!page.lineIsOver && fits([flat, separator], after, page.room(indentation)));
    printTask(stays ? separator : { ...separator, mode: 'broken' }, tasks, page);
  }
  const whole = !isForced(flat.doc) && (mode === 'flat' || fits([flat], after, page.room(indentation)));
  tasks.push(rest, whole ? flat : { ...flat, mode: 'broken' });
}

/** Whether documents, and what follows them up to where the line may end, take at most `room` columns. */
function fits(first: Task[], after: readonly Task[], room: number): boolean {
  const stack = first;
  let left = room;
  let next = after.length;
  for (;;) {
    const task = stack.pop() ?? after[--next];
    if (!task) return true;
    const { doc, mode } = task;
    if (typeof doc === 'string') {
      left -= doc.length;
      if (left < 0) return false;
      continue;
    }
    switch (doc.kind) {
      case 'comment':
        if (!doc.alone || left < room) return true;
        break; // it is above what is measured
      case 'line':
        if (mode === 'broken' || doc.flat === undefined) return true;
        left -= doc.flat.length;
        break;
      case 'concat':
        for (let index = doc.parts.length - 1; index >= 0; index--) stack.push({ ...task, doc: doc.parts[index]! });
        break;
      case 'indent':
        stack.push({ ...task, doc: doc.contents });
        break;
      case 'group':
        stack.push({ ...task, mode: isForced(doc) ? 'broken' : 'flat', doc: doc.contents });
        break;
      case 'fill':
        for (let index = doc.items.length - 1; index >= (task.from ?? 0); index--) {
          stack.push({ ...task, doc: doc.items[index]! });
          if (index > 0) stack.push({ ...task, doc: doc.separator });
        }
        break;
      default:
        doc satisfies never;
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
