/**
 * Kernels → WGSL. The shapes of `main` that are not templates of their own (mains.ts):
 *
 *   points   one invocation per point of the space; folds, if any, in serial loops
 *   rows     one invocation per row: folds over the row, then a loop over its columns
 *   lanes    one workgroup per row (or per point): lanes share the folds and the columns
 *   scattered    one workgroup (software: one invocation) per row of a table that rows are added to
 *
 * GEMM and attention bring their `main` (families/); their operands and results are written as functions (contractions.ts).
 * Independent kernels may be one dispatch: each `main` becomes a function, and workgroups are dealt out among them.
 */

import type { Profile } from '../families/contract.ts';
import { add, div, less, mul, u32 } from './arithmetic.ts';
import { Body } from './body.ts';
import { KernelCode, type Module, type Param } from './code.ts';
import { contractionPart } from './contractions.ts';
import { call, type Expression } from './expression.ts';
import { sharesFolds } from './folds.ts';
import { type KernelInput, openKernel } from './input.ts';
import { GROUP, GROUPS, groupIndex, LANE } from './invocation.ts';
import { addsRows, lanes, points, rows, scattered } from './mains.ts';
import { functionText, printStatements } from './statements.ts';
import { joined, Name, type Wgsl, wgsl } from './wgsl.ts';
import { KernelWriter, type Part } from './writer.ts';

/** Kernels as one text, and how to launch it. */
export interface Emitted {
  readonly module: Module;
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

/** @param kernels with equal workgroups: see `workgroupOf` */
export function emitKernels(kernels: readonly KernelInput[]): EmittedForms {
  const gpu = emitFor('gpu', kernels);
  if (!kernels.some(dependsOnProfile)) return { gpu };
  const software = emitFor('software', kernels);
  return software.module.key === gpu.module.key ? { gpu } : { gpu, software };
}

function emitFor(profile: Profile, kernels: readonly KernelInput[]): Emitted {
  const wide = new Set<number>();
  for (;;) {
    const code = new KernelCode(wide);
    const parts = kernels.map((kernel, index) => {
      const suffix = kernels.length === 1 ? '' : `_${index}`;
      return partOf(new KernelWriter(kernel, code, suffix), profile);
    });
    if (code.missed.size > 0) {
      // a buffer that is read as vectors is declared so everywhere in the kernel
      for (const buffer of code.missed) wide.add(buffer);
      continue;
    }
    return {
      module: code.module(parts.length === 1 ? alone(code, parts[0]!) : sideBySide(code, parts)),
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
  if (kernel.contraction) return contractionPart(writer, kernel.contraction, profile);
  if (addsRows(kernel)) return scattered(writer, profile);
  if (profile === 'gpu' && sharesFolds(kernel)) return lanes(writer);
  return kernel.columns > 0 && kernel.reductions.length > 0 ? rows(writer) : points(writer);
}

/** Whether the profiles differ for this kernel. */
function dependsOnProfile(input: KernelInput): boolean {
  const kernel = openKernel(input);
  return kernel.contraction !== undefined || addsRows(kernel) || sharesFolds(kernel);
}

/** A workgroup's invocations and memory, as text: kernels are one dispatch only where they are equal and can be shared. */
export function workgroupOf(kernel: KernelInput, profile: Profile): string {
  const { body, workgroup } = partOf(new KernelWriter(kernel, new KernelCode()), profile);
  return [workgroup.join(), ...body.variables.map(({ name, type }) => `${name.hint}: ${type}`)].join('; ');
}

/** What every `main` takes, and each part of one that is several. */
const BUILTINS = [
  [GROUP, 'workgroup_id'],
  [GROUPS, 'num_workgroups'],
  [LANE, 'local_invocation_index'],
] as const;

const entry = (
  workgroup: Part['workgroup'],
  { statements }: Body,
): Wgsl => wgsl`@compute @workgroup_size(${workgroup.join(', ')})
fn main(
${joined(
  BUILTINS.map(([{ name, type }, builtin]) => wgsl`  @builtin(${builtin}) ${name}: ${type},`),
  '\n',
)}
) {
${joined(printStatements(statements, '  '), '\n')}
}`;

const about = (text: string | undefined): string => (text === undefined ? '' : `// ${text}\n`);

function alone(code: KernelCode, { about: text, body, workgroup }: Part): Wgsl {
  for (const variable of body.variables) code.variable(variable);
  for (const own of body.functions) code.define(own);
  return wgsl`${about(text)}${entry(workgroup, body)}`;
}

/** A template by itself: what it reads and writes is declared elsewhere. */
export function printTemplate(template: Part): string {
  const code = new KernelCode();
  return code.module(alone(code, template)).key;
}

/** How many workgroups a part has. */
function workgroups(code: KernelCode, { groups }: Part): Expression {
  const counts = groups.map(({ of, per }) => {
    if (typeof of === 'number') return u32(Math.ceil(of / per));
    return div(add(code.size(of), per - 1), per);
  });
  return counts.reduce((count, own) => mul(count, own));
}

/**
 * One `main` that gives its workgroups to the parts in turn; each part's own becomes a function. Names of a part are its own,
 * but equal workgroup memory is declared once: a workgroup works on one part only.
 */
function sideBySide(code: KernelCode, parts: readonly Part[]): Wgsl {
  const memory = new Map<string, Name>();
  const main = new Body();
  const at = main.var('at', groupIndex);
  for (const [index, part] of parts.entries()) {
    const own = new Map<Name, Name>();
    for (const variable of part.body.variables) {
      const key = `${variable.name.hint}: ${variable.type}`;
      const before = memory.get(key);
      const taken = [...memory.values()].some(({ hint }) => hint === variable.name.hint);
      const name = before ?? new Name(taken ? `${variable.name.hint}_${index}` : variable.name.hint);
      own.set(variable.name, name);
      memory.set(key, name);
      if (!before) code.variable({ ...variable, name });
    }
    for (const { name } of part.body.functions) own.set(name, new Name(`${name.hint}_${index}`));
    for (const { name, text } of part.body.functions) code.define({ name: own.get(name)!, text: text.renamed(own) });
    const parameters = BUILTINS.map(([{ name, type }]) => [name, type] as const);
    const { name, text } = functionText(new Name(`part_${index}`), parameters, undefined, part.body.statements);
    code.define({ name, text: wgsl`${about(part.about)}${text.renamed(own)}` });
    const count = workgroups(code, part);
    main.if(less(at, count), () => {
      main.call(name, triple(at, 0), triple(count, 1), LANE);
      main.return();
    });
    main.set(at, count, '-=');
  }
  return entry(parts[0]!.workgroup, main);
}

/** Along x, y and z. */
const triple = (x: Expression, others: number): Expression => call('vec3u', [x, u32(others), u32(others)], 'vec3u');
