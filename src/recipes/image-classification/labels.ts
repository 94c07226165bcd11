/** Which pictures there are and the class of each. */
import { reasonOf, runtimeError } from '../../runtime/errors.ts';
import { nearest } from '../../shared/nearest.ts';
import type { BadRow } from '../data/bad-rows.ts';
import { csvRows } from '../data/csv.ts';

export interface Labelled {
  /** path below the folder, with `/` */
  readonly file: string;
  readonly label: string;
}

export interface Classes {
  /** by number */
  readonly names: readonly string[];
  numberOf(label: string): number;
}

interface Given {
  readonly names: readonly string[];
  /** for messages */
  readonly data: string;
}

/**
 * Classes are numbered in the order of their names, as torchvision's ImageFolder does. Labels that are all integers from 0 are the
 * numbers themselves.
 * @param given names by number, in place of all this
 * @throws RuntimeError R0532 for a label that `given` does not have
 */
export function classesOf(labels: Iterable<string>, given?: Given): Classes {
  const names = [...new Set(labels)].sort();
  if (given) return namedClasses(names, given);
  if (names.length > 0 && names.every((name) => /^\d{1,6}$/.test(name))) {
    const most = Math.max(...names.map(Number));
    return { names: Array.from({ length: most + 1 }, (_, i) => String(i)), numberOf: Number };
  }
  const numbers = new Map(names.map((name, i) => [name, i]));
  return { names, numberOf: (label) => numbers.get(label)! };
}

function namedClasses(labels: readonly string[], { names, data }: Given): Classes {
  const numbers = new Map(names.map((name, i) => [name, i]));
  const label = labels.find((one) => !numbers.has(one));
  if (label !== undefined) {
    const near = nearest(label, names);
    throw runtimeError('class_not_named', { data, label, names, ...(near === undefined ? {} : { near }) });
  }
  return { names, numberOf: (one) => numbers.get(one)! };
}

/** The first folder of a picture's path is its class; pictures that lie in none are reported. */
export function labelsByFolder(files: readonly string[], outside: (file: string) => void): Labelled[] {
  return files.flatMap((file) => {
    const end = file.indexOf('/');
    if (end < 0) outside(file);
    return end < 0 ? [] : [{ file, label: file.slice(0, end) }];
  });
}

const EXPECTED = 'a file and its label';

/**
 * Labels from a table with the columns file and label, or from lines of JSON with these fields.
 * @param known the pictures that are there
 * @param report is told of rows that cannot be used; they are left out unless this throws
 */
export function readLabels(
  text: string,
  name: string,
  known: ReadonlySet<string>,
  report: (row: BadRow) => void,
): Labelled[] {
  const found: Labelled[] = [];
  const bad = (line: number, reason: string): void => report({ file: name, line, reason, expected: EXPECTED });
  const add = (line: number, file: unknown, label: unknown): void => {
    if (typeof file !== 'string' || file === '') bad(line, 'has no text "file"');
    else if ((typeof label !== 'string' && typeof label !== 'number') || label === '') bad(line, 'has no "label"');
    else if (!known.has(file.replace(/^\.\//, ''))) bad(line, `names ${file}, which is not in the folder`);
    else found.push({ file: file.replace(/^\.\//, ''), label: String(label) });
  };
  if (name.endsWith('.jsonl')) {
    for (const [i, line] of text.split('\n').entries()) {
      if (line.trim() === '') continue;
      let value: unknown;
      try {
        value = JSON.parse(line);
      } catch (error) {
        bad(i + 1, `is not JSON (${reasonOf(error)})`);
        continue;
      }
      const { file, label } = Object(value) as { file?: unknown; label?: unknown };
      add(i + 1, file, label);
    }
    return found;
  }
  const rows = csvRows(text.replace(/^\uFEFF/, ''));
  const head = (rows.next().value?.fields ?? []).map((field: string) => field.trim());
  const [file, label] = [head.indexOf('file'), head.indexOf('label')];
  if (file < 0 || label < 0) {
    report({
      file: name,
      line: 1,
      reason: `has the columns ${head.join(', ')}`,
      expected: 'a header with file and label',
    });
    return found;
  }
  for (const { fields, line } of rows) add(line, fields[file]?.trim(), fields[label]?.trim());
  return found;
}
