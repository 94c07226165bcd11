/** Every .mdl file of the repository, by its path. */
import { readdirSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';

export const REPOSITORY = fileURLToPath(new URL('../../', import.meta.url));

export const MDL_FILES: readonly string[] = ['bench/webgpu/models', 'examples', 'models', 'src/compiler/std'].flatMap(
  (folder) =>
    readdirSync(join(REPOSITORY, folder))
      .filter((name) => name.endsWith('.mdl'))
      .map((name) => `${folder}/${name}`),
);
