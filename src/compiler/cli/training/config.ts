/** Values of a model's config by dotted name, where it has them: what commands read of it beside the graphs. */
import type { ConfigValue } from '../../../shared/artifact.ts';

export class Config {
  private readonly values: { readonly [name: string]: ConfigValue };
  constructor(model: { config(): { readonly [name: string]: ConfigValue } }) {
    this.values = model.config();
  }

  number(path: string): number | undefined {
    const value = this.value(path);
    return typeof value === 'number' ? value : undefined;
  }

  text(path: string): string | undefined {
    const value = this.value(path);
    return typeof value === 'string' ? value : undefined;
  }

  value(path: string): ConfigValue | undefined {
    return path
      .split('.')
      .reduce<ConfigValue | undefined>(
        (value, name) => (value as { readonly [name: string]: ConfigValue } | null | undefined)?.[name],
        this.values,
      );
  }
}
