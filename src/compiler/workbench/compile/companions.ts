/** Files for people and programs that a target's artifact has beside it on disk, and not in a page. */
import type { WebGpuPlan } from '../../../shared/webgpu.ts';
import type { TargetName } from '../../targets/names.ts';
import type { Made } from '../../targets/target.ts';

export interface Companions {
  readonly files: ReadonlyMap<string, Uint8Array>;
  readonly made: readonly Made[];
  /** what the JSON of the command says more */
  readonly facts: Readonly<Record<string, unknown>>;
}

type Companion = (files: ReadonlyMap<string, Uint8Array>, command: string) => Promise<Companions>;

const COMPANIONS: { readonly [N in TargetName]?: Companion } = { webgpu: withModule };

/**
 * @param files of the artifact, as they are written
 * @param command that writes the same folder again
 */
export async function companionsOf(
  target: TargetName,
  files: ReadonlyMap<string, Uint8Array>,
  command: string,
): Promise<Companions> {
  return COMPANIONS[target]?.(files, command) ?? { files: new Map(), made: [], facts: {} };
}

/** A module that a program imports, and the kernels as text. */
async function withModule(files: ReadonlyMap<string, Uint8Array>, command: string): Promise<Companions> {
  const [{ generateModule }, { kernelsText }] = await Promise.all([
    import('../../backends/typescript/index.ts'),
    import('../plan/kernels.ts'),
  ]);
  const text = files.get('plan.json')!;
  const plan = JSON.parse(new TextDecoder().decode(text)) as WebGpuPlan;
  const { name, create, files: texts } = generateModule(plan, { command });
  const encoder = new TextEncoder();
  const written = [...texts, ['kernels.wgsl', kernelsText(plan)] as const];
  const dispatches = Object.entries(plan.entries).map(([entry, { steps }]) => [entry, steps.length] as const);
  const { training } = plan;
  return {
    files: new Map(written.map(([file, content]) => [file, encoder.encode(content)])),
    made: [
      { name: `${name}.js`, what: `${create}(device, weights)` },
      { name: 'plan.json', what: '', bytes: text.length },
    ],
    facts: {
      module: { file: `${name}.js`, create },
      kernels: plan.kernels.length,
      dispatches: Object.fromEntries(dispatches),
      ...(training ? { training: { stage: training.stage, trained: training.trained.length } } : {}),
    },
  };
}
