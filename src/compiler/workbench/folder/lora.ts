/** LoRA on a folder of transformers: what `--lora` or an adapter's own config asks for, and the declarations that put it on. */
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { alphaOf, parsePeftConfig } from '../../../runtime/peft-config.ts';
import { nearest } from '../../../shared/nearest.ts';
import { cliError, reasonOf } from '../errors.ts';
import { CONFIG, type LoraShape } from '../training/peft-files.ts';
import type { Architecture } from './fields.ts';

export interface Lora {
  readonly r: number;
  /** B A is scaled by alpha / r */
  readonly alpha: number;
  readonly dropout: number;
  /** which of the linear layers of attention and MLP, as the end of their paths, `*` for any part of a name: `q_proj`, `mlp.*`; absent: all */
  readonly targets?: readonly string[];
}

const EXPECTED =
  'r=8,alpha=16,dropout=0.05,rslora=true,targets=q_proj,v_proj, of which alpha (2 r), dropout (0), rslora (false) and targets (all-linear) may be left out';
/** What PEFT calls all of them. */
const ALL = 'all-linear';

/**
 * `r=8,alpha=16,dropout=0.05,rslora=true,targets=q_proj,v_proj`. Rank-stabilised LoRA divides by √r, which is a larger alpha.
 * @throws CliError C0103
 */
export function parseLora(text: string): Lora {
  const [sizes = '', listed] = text.split(/,?\s*\btargets\s*=/, 2);
  const values = new Map<string, number | boolean>();
  for (const part of sizes.split(',')) {
    const [, name, value] = /^\s*(r|alpha|dropout|rslora)\s*=\s*(\d+(?:\.\d+)?|true|false)\s*$/.exec(part) ?? [];
    const flag = value === 'true' || value === 'false';
    if (name === undefined || values.has(name) || flag !== (name === 'rslora')) throw refused(text);
    values.set(name, flag ? value === 'true' : Number(value));
  }
  const given = Object.fromEntries(values) as Partial<Lora> & { readonly rslora?: boolean };
  const { r = 0, alpha: lora_alpha = 2 * r, dropout = 0, rslora: use_rslora = false } = given;
  if (!Number.isInteger(r) || r < 1 || lora_alpha <= 0 || dropout >= 1) throw refused(text);
  const targets = listed?.split(',').map((name) => name.trim());
  if (targets?.some((name) => !/^[\w.*-]+$/.test(name)) || new Set(targets).size !== (targets?.length ?? 0))
    throw refused(text);
  const alpha = alphaOf({ r, lora_alpha, use_rslora }) as number;
  return { r, alpha, dropout, ...(targets && targets[0] !== ALL ? { targets } : {}) };
}

const refused = (text: string): Error =>
  cliError(
    'option_value',
    { option: '--lora', text, expected: EXPECTED },
    /\btarget(_modules)?\s*=/.test(text) ? ['modules are given last, as targets=q_proj,v_proj'] : [],
  );

/** As the adapter in a folder has it. @throws CliError C0204 */
export function loraOfAdapter(folder: string): Lora {
  try {
    const config = parsePeftConfig(readFileSync(join(folder, CONFIG), 'utf8'));
    const { r, lora_dropout: dropout = 0 } = config as { readonly r?: number; readonly lora_dropout?: number };
    const alpha = alphaOf(config);
    if (typeof r !== 'number' || typeof alpha !== 'number') throw new Error('it has no r or no lora_alpha');
    return { r, alpha, dropout };
  } catch (error) {
    throw cliError('adapter_unusable', { folder, reason: `${CONFIG} cannot be read (${reasonOf(error)})` }, [], error);
  }
}

/** The declarations: LoRA on linear layers of every layer, and the stage that trains it. @throws CliError C0641, C0690 */
export function loraText(
  { adapts, file, layout }: Architecture,
  { r, alpha, dropout, targets }: Lora,
  folder: string,
): string {
  if (!adapts) throw cliError('lora_not_known', { folder, file, layout });
  const settings = `r = ${r}, alpha = ${float(alpha)}${dropout > 0 ? `, dropout = ${float(dropout)}` : ''}`;
  return `
import { LoRA } from "std"

/// low-rank matrices beside ${targets ? 'linear layers' : 'the linear layers'} of attention and MLP
adapt ${targets ? chosen(layersOf(adapts), targets).join(', ') : adapts} with LoRA(${settings})

/// the low-rank matrices alone, on texts
stage lora {
  train **.lora_*
  optimize adamw(betas = (0.9, 0.999), weight_decay = 0.0)
  schedule linear_warmup_cosine(warmup_lr = 1e-5, lr = 2e-4, min_lr = 2e-5, warmup = 20, iters = 400, epochs = 1)
  batch 4
  clip 1.0
}
`;
}

const float = (value: number): string => (Number.isInteger(value) ? `${value}.0` : String(value));

/** `a[*].{q,k}_proj, b.c` → a[*].q_proj, a[*].k_proj, b.c */
function layersOf(adapts: string): readonly string[] {
  const patterns = adapts.match(/(?:[^,{]|\{[^}]*\})+/g) ?? [];
  return patterns.flatMap((pattern) => {
    const [, before, names, after] = /^(.*)\{(.*)\}(.*)$/.exec(pattern.trim()) ?? [];
    return names === undefined ? [pattern.trim()] : names.split(',').map((name) => `${before}${name.trim()}${after}`);
  });
}

/** The layers that the targets name, in the order of the model. @throws CliError C0690 for one that names none */
function chosen(layers: readonly string[], targets: readonly string[]): readonly string[] {
  const found = new Set<string>();
  for (const target of targets) {
    const end = new RegExp(`(?:^|\\.)${target.replaceAll('.', '\\.').replaceAll('*', '[^.]*')}$`);
    const fitting = layers.filter((layer) => end.test(layer));
    if (fitting.length === 0) {
      const known = layers.map((layer) => layer.slice(layer.lastIndexOf('.') + 1));
      throw cliError('lora_target', { target, known: [...new Set(known)], near: nearest(target, [...known, ALL]) });
    }
    for (const layer of fitting) found.add(layer);
  }
  return layers.filter((layer) => found.has(layer));
}

/** What LoRA was put on, for whoever asked for sizes alone. */
export function loraNote({ r, alpha, modules }: LoraShape, chose: boolean): string {
  const sizes = `LoRA with r ${r} and alpha ${Number(alpha.toFixed(4))} on ${modules.join(', ')} of every layer`;
  return chose ? sizes : `${sizes}: ${ALL}, and targets=${modules[0]} would choose`;
}
