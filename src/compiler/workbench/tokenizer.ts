/** The tokenizer a command uses: the one asked for, or the one the model's config names. */
import { readFile } from 'node:fs/promises';
import { Tokenizer } from '../../runtime/index.ts';
import { cliError, reasonOf } from './errors.ts';

/** @throws CliError C0112 when there is none, or the file is no tokenizer */
export async function tokenizerOf(asked: string | undefined, usual: string): Promise<Tokenizer> {
  const file = asked ?? usual;
  const text = await readFile(file, 'utf8').catch((error: unknown) => {
    const notes =
      asked === undefined
        ? ['`--tokenizer FILE` names one; the setting `tokenizer` of its recipe names the usual one']
        : [];
    throw cliError('tokenizer_unusable', { file, reason: reasonOf(error) }, notes, error);
  });
  try {
    return Tokenizer.from(text);
  } catch (error) {
    throw cliError('tokenizer_unusable', { file, reason: reasonOf(error) }, [], error);
  }
}
