/**
 * The WebGPU plans of models/tinygpt-v.mdl at config nano, as text: test/golden/webgpu/<entry>.plan has a line per
 * dispatch, decode.wgsl the kernels of `decode`. `UPDATE_GOLDENS=1 npx vitest run test/golden` writes them anew; read the
 * difference before committing it.
 */
import { mkdirSync, readdirSync, writeFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { expect, it } from 'vitest';
import type { Alternative, GroupCount, Launch, StepPlan, WebGpuPlan } from '../../src/shared/webgpu.ts';
import { buildWebGpu } from '../support/build.ts';
import { compileOk, repository } from '../support/project.ts';
import { firstDifference, goldenText } from './support.ts';

const folder = fileURLToPath(new URL('./webgpu/', import.meta.url));
const update = process.env.UPDATE_GOLDENS === '1';
const model = compileOk('models/tinygpt-v.mdl', repository, { config: 'nano' });
const plan = buildWebGpu(model)!;

/** Lines of files move with every comment; which file it is stays. */
const withoutLines = (text: string): string => text.replace(/(\.mdl):\d+:\d+/g, '$1');

const count = ({ of, per }: GroupCount): string => (per === 1 ? String(of) : `${of} / ${per}`);

function launchText({ groups, beside = [] }: Launch): string {
  return [groups, ...beside]
    .map((part) =>
      part
        .map(count)
        .join(', ')
        .replace(/(, 1)+$/, ''),
    )
    .join(' ‖ ');
}

/** What binds what: `parameter llama_model….weight [384, 128]`, `scratch 2`, `input inputs_embeds`. */
function bufferText({ parameters, packs, entries }: WebGpuPlan, entry: string, index: number): string {
  const { buffers, inputs, outputs, cache } = entries[entry]!;
  const buffer = buffers[index]!;
  switch (buffer.kind) {
    case 'input':
      return inputs[buffer.port]!.name;
    case 'output':
      return outputs[buffer.port]!.name;
    case 'cache':
      return cache[buffer.cache]!.present;
    case 'parameter':
      return parameters[buffer.parameter]!.key;
    case 'pack':
      return packs[buffer.pack]!.parts.map(({ parameter }) => parameters[parameter]!.key).join(' with ');
    case 'constant':
      return 'a constant';
    case 'watch':
      return 'integers past 32 bits';
    case 'scratch':
      return `scratch ${buffers.slice(0, index).filter(({ kind }) => kind === 'scratch').length}`;
  }
}

/** What a GPU does in a step's place under a condition. */
const forGpus = ({ alternatives = [] }: StepPlan): readonly Alternative[] =>
  alternatives.filter(({ when, profile }) => when && profile !== 'software');

function planText(entry: string): string {
  const { buffers, steps, inputs, outputs } = plan.entries[entry]!;
  const port = ({ name, dtype, shape }: (typeof inputs)[number]): string => `${name}: ${dtype}[${shape.join(', ')}]`;
  const scratch = buffers.flatMap((buffer) => (buffer.kind === 'scratch' ? [buffer.elements.join(' or ')] : []));
  const bound = (launch: Launch): string => {
    const { bindings } = plan.kernels[launch.kernel]!;
    const names = launch.buffers.map((index) => bufferText(plan, entry, index));
    const read = names.filter((_, at) => bindings[at] === 'read');
    const written = names.filter((_, at) => bindings[at] === 'read_write');
    return `${read.join(', ') || 'nothing'} → ${written.join(', ')}   over ${launchText(launch)}`;
  };
  const lines = steps.flatMap((step) => [
    plan.kernels[step.kernel]!.label,
    `    ${withoutLines(step.origin)}`,
    `    ${bound(step)}`,
    ...forGpus(step).flatMap((other) => {
      const { size, atMost } = other.when!;
      if (other.groups[0].of === 0) return [`  ${size} ≤ ${atMost}: left out`];
      return [`  ${size} ≤ ${atMost}: ${plan.kernels[other.kernel]!.label}`, `    ${bound(other)}`];
    }),
  ]);
  return `${[
    `${entry}(${inputs.map(port).join(', ')})`,
    `  → ${outputs.map(port).join(', ')}`,
    ...scratch.map((elements, index) => `scratch ${index}: ${elements} words`),
    '',
    ...lines,
  ].join('\n')}\n`;
}

/** The kernels for GPUs that decode runs, each once. */
function kernelsText(): string {
  const launches = plan.entries.decode!.steps.flatMap((step) => [step, ...forGpus(step)]);
  const used = [...new Set(launches.map(({ kernel }) => kernel))];
  return used.map((index) => withoutLines(plan.kernels[index]!.wgsl)).join('\n');
}

const GOLDENS: ReadonlyMap<string, () => string> = new Map([
  ...model.entries.map((entry) => [`${entry}.plan`, () => planText(entry)] as const),
  ['decode.wgsl', kernelsText],
]);

it.each([...GOLDENS.keys()])('%s is its golden', (file) => {
  const text = GOLDENS.get(file)!();
  if (update) {
    mkdirSync(folder, { recursive: true });
    writeFileSync(`${folder}${file}`, text);
  }
  expect(firstDifference(file, goldenText(`${folder}${file}`), text)).toBeUndefined();
});

it('there is no other', () => {
  expect(readdirSync(folder).sort()).toEqual([...GOLDENS.keys()].sort());
});

it('kernels have no function that nothing calls, and name the words of their uniform', () => {
  const uncalled = plan.kernels.flatMap(({ wgsl, label }) =>
    [...wgsl.matchAll(/\bfn (\w+)\(/g)]
      .map(([, name]) => name!)
      .filter((name) => name !== 'main' && wgsl.split(new RegExp(`\\b${name}\\(`)).length < 3)
      .map((name) => `${label}: ${name}`),
  );
  expect(uncalled).toEqual([]);
  for (const { wgsl, params } of plan.kernels) {
    const [, members = ''] = /struct Params \{\n([^}]*)\}/.exec(wgsl) ?? [];
    expect(members.split('\n').filter((line) => /^ {2}\w+: u32,/.test(line))).toHaveLength(params);
  }
});
