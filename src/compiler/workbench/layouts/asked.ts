/** `--weights FILE@LAYOUT`: how the user says that a file is read, and how MDL says how it wrote one. */
import { existsSync } from 'node:fs';
import type { Layout } from '../../elaborate/layout.ts';
import type { Model } from '../../elaborate/model.ts';
import { cliError } from '../errors.ts';

/** Names the model's own keys where a layout may stand. */
export const OWN = 'own';

/** In the metadata of the safetensors files that MDL writes: the layout, or `own`. */
export const LAYOUT_KEY = 'mdl.layout';

/** Of a file under the model's own keys. */
export const OWN_KEYS: Readonly<Record<string, string>> = { [LAYOUT_KEY]: OWN };

export interface Asked {
  readonly path: string;
  /** undefined: the file's keys say it */
  readonly layout: string | undefined;
}

/** The path, and the layout that is asked for. A file that has the @ in its name is meant by it. */
export function splitLayout(given: string): Asked {
  const [, path, layout] = /^(.+)@([A-Za-z_]\w*(?:\.[A-Za-z_]\w*)?)$/.exec(given) ?? [];
  if (path === undefined || existsSync(given)) return { path: given, layout: undefined };
  // `checkpoint.pth#model@phi2`
  const there = existsSync(path) || existsSync(path.replace(/#[^#]*$/, ''));
  return there ? { path, layout } : { path: given, layout: undefined };
}

export const fullName = ({ module, name }: Layout): string => `${module}.${name}`;

/** `microsoft`, or `PhiForCausalLM.microsoft` where two modules have one of the name. @throws CliError C0464 */
export function layoutNamed(model: Model, name: string): Layout {
  const found = model.layouts.filter((layout) => layout.name === name || fullName(layout) === name);
  if (found.length === 1) return found[0]!;
  const known = (found.length > 1 ? found : model.layouts).map(fullName).join(', ') || 'none';
  throw cliError('unknown_layout', { name, known });
}
