/** LoRA on a folder of transformers: what `--lora` or an adapter's own config asks for, and the declarations that put it on. */
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { alphaOf, parsePeftConfig } from '../../../runtime/peft-config.ts';
import { cliError, reasonOf } from '../errors.ts';
import { CONFIG } from '../training/peft-files.ts';
import type { Architecture } from './fields.ts';

export interface Lora {
  readonly r: number;
  /** B A is scaled by alpha / r */
  readonly alpha: number;
  readonly dropout: number;
}

const EXPECTED = 'r=8,alpha=16,dropout=0.05, of which alpha (2 r) and dropout (0) may be left out';

/** `r=8,alpha=16,dropout=0.05`. @throws CliError C0103 */
export function parseLora(text: string): Lora {
  const values = new Map<string, number>();
  for (const part of text.split(',')) {
    const [, name, number] = /^\s*(r|alpha|dropout)\s*=\s*(\d+(?:\.\d+)?)\s*$/.exec(part) ?? [];
    if (name === undefined || values.has(name)) throw refused(text);
    values.set(name, Number(number));
  }
  const { r = 0, alpha = 2 * r, dropout = 0 } = Object.fromEntries(values) as Partial<Lora>;
  if (!Number.isInteger(r) || r < 1 || alpha <= 0 || dropout >= 1) throw refused(text);
  return { r, alpha, dropout };
}

const refused = (text: string): Error => cliError('option_value', { option: '--lora', text, expected: EXPECTED });

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

/** The declarations: LoRA on the linear layers of every layer, and the stage that trains it. @throws CliError C0641 */
export function loraText({ adapts, file }: Architecture, { r, alpha, dropout }: Lora, folder: string): string {
  if (!adapts) throw cliError('lora_not_known', { folder, file });
  const settings = `r = ${r}, alpha = ${float(alpha)}${dropout > 0 ? `, dropout = ${float(dropout)}` : ''}`;
  return `
import { LoRA } from "std"

/// low-rank matrices beside the linear layers of attention and MLP
adapt ${adapts} with LoRA(${settings})

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
