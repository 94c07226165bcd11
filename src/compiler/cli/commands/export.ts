/** `mdl export`: a model's weights in one safetensors file, as a layout has them or under the model's own keys. */
import { openCheckpoint, writeSafetensors } from '../../../runtime/index.ts';
import type { Model } from '../../elaborate/model.ts';
import { cliError } from '../../workbench/errors.ts';
import { isModelFolder, layoutOfFolder } from '../../workbench/folder/program.ts';
import { writeFolder } from '../../workbench/folder/write.ts';
import { layoutNamed } from '../../workbench/layouts/asked.ts';
import { exportedBy, exportedPlain, openExport } from '../../workbench/layouts/export.ts';
import { loadModel, type SettingsOptions, type WeightsOptions } from '../../workbench/model.ts';
import { formatBytes, formatCount } from '../../workbench/units.ts';
import type { Output } from '../output.ts';

export interface ExportOptions extends SettingsOptions, WeightsOptions {
  readonly layout?: string;
  readonly out: string;
}

export default async function run(output: Output, [file]: readonly string[], options: ExportOptions): Promise<void> {
  const { model } = loadModel(file!, options, output);
  const made = isModelFolder(file!) && !options.out.endsWith('.safetensors');
  const asked = options.layout ?? (made ? layoutOfFolder(file!) : undefined);
  const layout = asked === undefined ? undefined : layoutNamed(model, asked);
  const weights = await openExport(model, options, output);
  try {
    const { tensors, metadata, rest } = layout ? exportedBy(layout, weights) : exportedPlain(weights);
    if (made) checkMerged(model, options.out);
    const files = made ? await writeFolder(file!, options.out, { tensors, metadata, rest }) : undefined;
    if (!files) await writeSafetensors(options.out, tensors, metadata);
    if (rest.length > 0) output.note(restNote(rest, layout!.name));
    const unread = made && [options.weights].flat().includes(file) ? await unreadKeys(model, file!, tensors) : [];
    if (unread.length > 0) output.note(unreadNote(unread));
    const bytes = [...tensors.values()].reduce((sum, { byteLength }) => sum + byteLength, 0);
    const by = layout ? `, layout ${layout.name} of ${layout.module}` : '';
    const holds = `${formatCount(tensors.size)} tensors, ${formatBytes(bytes)}${by}`;
    output.result(files ? `${options.out}: ${files.join(', ')} (${holds})` : `${options.out}: ${holds}`, {
      out: options.out,
      ...(files ? { files } : {}),
      tensors: tensors.size,
      bytes,
      ...(layout ? { layout: layout.name, module: layout.module } : {}),
    });
  } finally {
    await weights.close();
  }
}

/** Beside other weights, transformers would leave low-rank matrices aside. @throws CliError C0642 */
function checkMerged(model: Model, out: string): void {
  if ([...model.parameters.values()].every(({ adapter }) => adapter === undefined)) return;
  const reason =
    'the model has LoRA beside its weights, which transformers reads from a folder of its own: add --merge-lora';
  throw cliError('export_target', { out, reason });
}

/** Keys of the folder's weights that the model does not read: transformers has parameters for them, or had. */
async function unreadKeys(model: Model, folder: string, written: ReadonlyMap<string, unknown>): Promise<string[]> {
  const aliases = new Set(model.layouts.flatMap((layout) => [...layout.aliases.keys()]));
  const stored = await openCheckpoint(folder);
  await stored.close();
  return [...stored.tensors.keys()].filter((key) => !written.has(key) && !aliases.has(key));
}

/** Keys named in a note. */
const MOST_NAMED = 6;

const named = (keys: readonly string[]): string =>
  `${keys.slice(0, MOST_NAMED).join(', ')}${keys.length > MOST_NAMED ? ', …' : ''}`;

function unreadNote(keys: readonly string[]): string {
  const what = keys.length === 1 ? 'a tensor' : `${formatCount(keys.length)} tensors`;
  return `not written: ${what} of the folder that the model does not read, which transformers initialises: ${named(keys)}`;
}

/** What is not written is said: its numbers may be trained. */
function restNote(rest: readonly string[], layout: string): string {
  const what =
    rest.length === 1 ? 'a parameter of the model lies' : `${formatCount(rest.length)} parameters of the model lie`;
  return `not written: ${what} outside of the layout ${layout}, or as \`initial\` in it: ${named(rest)}`;
}
