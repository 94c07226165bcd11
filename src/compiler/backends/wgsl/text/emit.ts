/**
 * Kernels → WGSL. The shapes of `main` that are not templates of their own (mains.ts):
 *
 *   points   one invocation per point of the space; folds, if any, in serial loops
 *   rows     one invocation per row: folds over the row, then a loop over its columns
 *   lanes    one workgroup per row (or per point): lanes share the folds and the columns
 *   scattered    one workgroup (software: one invocation) per row of a table that rows are added to
 *
 * GEMM and attention bring their `main` (families/); their operands and results are written as functions (core.ts).
 * Independent kernels may be one dispatch: each `main` becomes a function, and workgroups are dealt out among them.
 */

import type { Profile } from '../families/contract.ts';
import { KernelCode, type Param } from './code.ts';
import { corePart } from './core.ts';
import { sharesFolds } from './folds.ts';
import { type KernelInput, openKernel } from './input.ts';
import { addsRows, lanes, points, rows, scattered } from './mains.ts';
import { KernelWriter, type Part } from './writer.ts';

/** Kernels as one text, and how to launch it. */
export interface Emitted {
  readonly wgsl: string;
  /** the text with buffers by number: kernels that differ in the names of buffers alone are one */
  readonly key: string;
  readonly halves: boolean;
  /** numbers of the inputs' buffers, in binding order */
  readonly buffers: readonly number[];
  readonly access: readonly ('read' | 'read_write')[];
  /** bases by number */
  readonly params: readonly Param[];
  readonly workgroup: readonly [number, number, number];
  /** of each kernel */
  readonly parts: readonly Part['groups'][];
}

export interface EmittedForms {
  readonly gpu: Emitted;
  /** where it is another text */
  readonly software?: Emitted;
}

/**
 * @param kernels with equal workgroups: see `workgroupOf`
 * @param pathOf what a buffer is named after
 */
export function emitKernels(kernels: readonly KernelInput[], pathOf: (buffer: number) => string): EmittedForms {
  const gpu = emitFor('gpu', kernels, pathOf);
  if (!kernels.some(dependsOnProfile)) return { gpu };
  const software = emitFor('software', kernels, pathOf);
  return software.key === gpu.key ? { gpu } : { gpu, software };
}

function emitFor(profile: Profile, kernels: readonly KernelInput[], pathOf: (buffer: number) => string): Emitted {
  const wide = new Set<number>();
  const avoid = new Set<string>();
  for (;;) {
    const code = new KernelCode({ wide, pathOf, avoid });
    const parts = kernels.map((kernel, index) => {
      const suffix = kernels.length === 1 ? '' : `_${index}`;
      return partOf(new KernelWriter(kernel, code, suffix), profile);
    });
    if (code.missed.size > 0) {
      // a buffer that is read as vectors is declared so everywhere in the kernel
      for (const buffer of code.missed) wide.add(buffer);
      continue;
    }
    const main = parts.length === 1 ? parts[0]!.main : sideBySide(code, parts);
    const wgsl = code.text(main);
    const clashes = code.clashes(main);
    if (clashes.length > 0) {
      for (const name of clashes) avoid.add(name);
      continue;
    }
    return {
      wgsl,
      key: code.anonymous(wgsl),
      halves: code.halves,
      buffers: code.bindings.map(({ buffer }) => buffer),
      access: code.bindings.map(({ access }) => access),
      params: code.params,
      workgroup: parts[0]!.workgroup,
      parts: parts.map(({ groups }) => groups),
    };
  }
}

function partOf(writer: KernelWriter, profile: Profile): Part {
  const { kernel } = writer;
  if (kernel.core) return corePart(writer, kernel.core, profile);
  if (addsRows(kernel)) return scattered(writer, profile);
  if (profile === 'gpu' && sharesFolds(kernel)) return lanes(writer);
  return kernel.columns > 0 && kernel.phases.length > 0 ? rows(writer) : points(writer);
}

/** Whether the profiles differ for this kernel. */
function dependsOnProfile(input: KernelInput): boolean {
  const kernel = openKernel(input);
  return kernel.core !== undefined || addsRows(kernel) || sharesFolds(kernel);
}

/** A workgroup's invocations and memory, as text: kernels are one dispatch only where they are equal and can be shared. */
export function workgroupOf(kernel: KernelInput, profile: Profile): string {
  const { main, workgroup } = partOf(new KernelWriter(kernel, new KernelCode()), profile);
  return [workgroup.join(), ...(main.match(/var<workgroup>[^;]+/g) ?? [])].join('; ');
}

const MAIN = /@compute\s+@workgroup_size\([^)]*\)\s*fn main\(([^{]*)\)\s*\{/;

/** One `main` that gives its workgroups to the parts in turn; each part's own `main` becomes a function. */
function sideBySide(code: KernelCode, parts: readonly Part[]): string {
  const builtins = new Map<string, string>();
  const branches = parts.map(({ main, groups }, index) => {
    const [, list] = MAIN.exec(main) ?? [];
    if (list === undefined) throw new Error(`a kernel without a main cannot be one of several:\n${main}`);
    const parameters = [...list.matchAll(/@builtin\((\w+)\)\s*(\w+)\s*:\s*([\w<>]+)/g)];
    const own = parameters.map(([, , name, type]) => `${name}: ${type}`).join(', ');
    code.define(apart(code, main, index).replace(MAIN, `fn part_${index}(${own}) {`).trim());
    const counts = groups.map(({ of, per }) => {
      const size = code.size(of);
      if (per === 1) return size;
      return typeof of === 'number' ? `${Math.ceil(of / per)}u` : `((${size} + ${per - 1}u) / ${per}u)`;
    });
    const all = counts.filter((count) => count !== '1u').join(' * ') || '1u';
    const ask = (builtin: string, type: string): string => {
      builtins.set(builtin, `@builtin(${builtin}) ${builtin}: ${type}`);
      return builtin;
    };
    const given = parameters.map(([, builtin, , type]) => {
      if (builtin === 'workgroup_id') return 'vec3<u32>(at, 0u, 0u)';
      return builtin === 'num_workgroups' ? `vec3<u32>(${all}, 1u, 1u)` : ask(builtin!, type!);
    });
    const call = `part_${index}(${given.join(', ')});`;
    return `  if (at < ${all}) { ${call} return; }\n  at -= ${all};`;
  });
  const inputs = ['@builtin(workgroup_id) group: vec3<u32>', '@builtin(num_workgroups) groups: vec3<u32>'];
  return [
    `@compute @workgroup_size(${parts[0]!.workgroup.join(', ')})`,
    `fn main(${[...inputs, ...builtins.values()].join(', ')}) {`,
    '  var at = group.y * groups.x + group.x;',
    ...branches,
    '}',
  ].join('\n');
}

/**
 * A part's text under names that no other part has. Equal workgroup memory is declared once: a workgroup works on one
 * part only.
 */
function apart(code: KernelCode, text: string, index: number): string {
  const memory = /var<workgroup>\s+(\w+)\s*:\s*([^;]+);\n?/g;
  let rest = text;
  for (const [declaration, name, type] of text.matchAll(memory)) {
    const shared = code.once(`workgroup ${name}: ${type}`, () => {
      const own = code.claim(name!) ? name! : `${name}_${index}`;
      code.define(`var<workgroup> ${own}: ${type};`);
      return own;
    });
    rest = rest.replace(declaration, '').replace(new RegExp(`\\b${name}\\b`, 'g'), shared);
  }
  const names = [...rest.matchAll(/(?:^|\n)\s*(?:fn|const)\s+(\w+)/g)].map(([, name]) => name!);
  const own = new Set(names.filter((name) => name !== 'main'));
  return own.size === 0 ? rest : rest.replace(/\b[a-z_]\w*\b/gi, (word) => (own.has(word) ? `${word}_${index}` : word));
}
