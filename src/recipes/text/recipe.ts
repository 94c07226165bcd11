/** Language models on plain text. */
import type { DataSource } from '../../runtime/train/data-source.ts';
import { badRows } from '../data/bad-rows.ts';
import { byteTokenizer } from '../data/bytes.ts';
import { dataFiles } from '../data/files.ts';
import { textInput } from '../data/given-file.ts';
import { type GivenInput, inputsOf } from '../data/inputs.ts';
import { type DataRequest, type Recipe, required, settingsOf } from '../recipe.ts';
import { answer } from './answer.ts';
import { TEXT_INPUTS } from './batches.ts';
import { openCorpus } from './corpus.ts';
import { SETTINGS, TEXT } from './declaration.ts';
import { evaluateRows } from './evaluate.ts';
import { measures } from './measures.ts';
import { checkPositions } from './positions.ts';
import { rowsOf } from './rows.ts';

export const textRecipe: Recipe = {
  ...TEXT,
  dataset,
  answer,
  measures,
  evaluate: evaluateRows({ ...TEXT, settings: SETTINGS, dataset }),
  judged: { needed: ['loss'], also: [] },
  entries: { needed: ['embed_tokens', 'decode'], also: [] },
  tokenizerOf: byteTokenizer,
  input: textInput,
  // the prompt is raw always
  questions: ['raw'],
};

/** @throws RuntimeError R1120–R1122, R1140–R1145 */
async function dataset(request: DataRequest): Promise<DataSource> {
  const { data, model, stage, batchSize } = request;
  const settings = settingsOf(TEXT, SETTINGS, model.settings, stage.clauses);
  const length = required(TEXT, 'length', settings.length, `rows of ${data}`);
  const { rows, eos, field } = settings;
  // no row is filled up where rows are packed
  const pad = rows === 'packed' ? 0 : required(TEXT, 'pad', settings.pad, 'padded rows');
  const given: GivenInput = { dtype: 'i64', shape: [batchSize, length] };
  const names = inputsOf(model, {
    recipe: TEXT.name,
    what: `a batch of ${data}`,
    inputs: Object.fromEntries(TEXT_INPUTS.map((name) => [name, given])),
    needed: ['input_ids'],
  });
  checkPositions(model, length, data);
  const files = dataFiles(request, ['.txt', '.md', '.jsonl'], 'a .txt, .md or .jsonl file, or a folder of them');
  const tokenizer = byteTokenizer(settings) ?? (await request.tokenizer());
  const bad = badRows(request);
  const corpus = openCorpus(files, { tokenizer, field, rows, length, eos, name: data, report: bad.report });
  bad.finish();
  const heldOut = request.heldOut ?? settings.held_out;
  return rowsOf(request, { corpus, files, what: 'documents', heldOut, length, pad, names });
}
