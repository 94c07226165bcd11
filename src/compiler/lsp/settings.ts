/** The configs and flags that an editor offers, and what is chosen. */
import type { Understood } from './view.ts';

export interface ProgramSettings {
  readonly configs: readonly string[];
  readonly config: string | undefined;
  readonly flags: readonly { readonly name: string; readonly doc: string; readonly value: boolean }[];
}

export function settingsOf({ program, model }: Understood): ProgramSettings {
  return {
    configs: [...program.configs.keys()],
    config: model?.settings.configName,
    flags: [...program.flags.values()].map(({ name, doc, value }) => ({
      name: name.text,
      doc,
      value: model?.settings.flags.get(name.text) ?? value,
    })),
  };
}
