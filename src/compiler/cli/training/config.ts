/** Values of a model's config by dotted name, where it has them: what commands read of it beside the graphs. */
import { cliError } from '../errors.ts';

export class Config {
  private readonly values: unknown;
  constructor(model: { config(): unknown }) {
    this.values = model.config();
  }

  number(path: string): number | undefined {
    const value = this.at(path);
    return typeof value === 'number' ? value : undefined;
  }

  text(path: string): string | undefined {
    const value = this.at(path);
    return typeof value === 'string' ? value : undefined;
  }

  /** @throws CliError C0310 */
  required(path: string, data: string): number {
    const found = this.number(path);
    if (found !== undefined) return found;
    throw cliError('config_number', { path, data });
  }

  private at(path: string): unknown {
    return path
      .split('.')
      .reduce<unknown>(
        (value, name) => (value as { readonly [name: string]: unknown } | undefined)?.[name],
        this.values,
      );
  }
}
