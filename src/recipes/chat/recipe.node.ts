/** Chat models on conversations, in Node. */

import { reasonOf, runtimeError } from '../../runtime/errors.ts';
import type { GenerateOptions } from '../../runtime/generate/options.ts';
import type { Session } from '../../runtime/session.ts';
import { PART, type TextCodec } from '../../runtime/tokenizer/tokenizer.ts';
import type { DataSource } from '../../runtime/train/data-source.ts';
import { badRows } from '../data/bad-rows.ts';
import { byteTokenizer } from '../data/bytes.ts';
import { dataFiles } from '../data/files.ts';
import { textInput } from '../data/given-file.ts';
import { type GivenInput, inputsOf } from '../data/inputs.ts';
import { type DataRequest, type Question, type Recipe, type RecipeAnswer, required, settingsOf } from '../recipe.ts';
import { continued } from '../text/answer.ts';
import { TEXT_INPUTS, uncounted } from '../text/batches.ts';
import type { Chunk } from '../text/chunks.ts';
import { corpusOf, type RowOptions } from '../text/corpus.ts';
import { type Document, eachLine } from '../text/documents.ts';
import { evaluateRows } from '../text/evaluate.ts';
import { measures } from '../text/measures.ts';
import { checkPositions } from '../text/positions.ts';
import { rowsOf } from '../text/rows.ts';
import { BadConversation, messagesOf, partsOf } from './conversation.ts';
import { CHAT, SETTINGS } from './declaration.ts';
import type { ChatTemplate } from './template.ts';

export const chatRecipe: Recipe = {
  ...CHAT,
  dataset,
  measures: (scalars) => measures(scalars, {}),
  evaluate: evaluateRows({ ...CHAT, settings: SETTINGS, dataset, judges: 'answers' }),
  judged: { needed: ['loss'], also: [] },
  answer,
  questions: ['system', 'raw'],
  entries: { needed: ['embed_tokens', 'decode'], also: [] },
  tokenizerOf: byteTokenizer,
  input: textInput,
};

/** @throws RuntimeError R1120–R1122, R1140–R1145, R1190, R1192 */
async function dataset(request: DataRequest): Promise<DataSource> {
  const { data, model, stage, batchSize } = request;
  const settings = settingsOf(CHAT, SETTINGS, model.settings, stage.clauses);
  const length = required(CHAT, 'length', settings.length, `rows of ${data}`);
  const { rows, field } = settings;
  const pad = rows === 'packed' ? 0 : required(CHAT, 'pad', settings.pad, 'padded rows');
  const given: GivenInput = { dtype: 'i64', shape: [batchSize, length] };
  const names = inputsOf(model, {
    recipe: CHAT.name,
    what: `a batch of ${data}`,
    inputs: Object.fromEntries(TEXT_INPUTS.map((name) => [name, given])),
    needed: ['input_ids', 'labels'],
  });
  checkPositions(model, length, data);
  const files = dataFiles(request, ['.jsonl'], 'a .jsonl file of conversations, or a folder of them');
  const tokenizer = byteTokenizer(settings) ?? (await request.tokenizer());
  const template = await request.chatTemplate?.();
  if (!template) throw runtimeError('chat_template_missing', { what: `the data ${data}` });
  const bad = badRows(request);
  const documents = conversations({ tokenizer, template, field });
  const corpus = corpusOf(files, { documents, cuttable: () => false, rows, length, report: bad.report });
  bad.finish();
  const heldOut = request.heldOut ?? settings.held_out;
  return rowsOf(request, { corpus, files, what: 'conversations', heldOut, length, pad, names });
}

const expectedOf = (field: string): string =>
  `an object whose ${JSON.stringify(field)} are a conversation with answers`;

/** The conversations of a chunk as tokens; only those of answers count. */
function conversations({
  tokenizer,
  template,
  field,
}: {
  readonly tokenizer: TextCodec;
  readonly template: ChatTemplate;
  readonly field: string;
}): RowOptions['documents'] {
  const encoded = (line: string): readonly number[] =>
    partsOf(messagesOf(line, field), template).flatMap(({ text, answer: counts }) => {
      const ids = tokenizer.encode(text, PART);
      return counts ? ids : ids.map(uncounted);
    });
  return (chunk: Chunk, report) => {
    const found: Document[] = [];
    eachLine(chunk, report, (text, line) => {
      try {
        found.push({ ids: encoded(text), ends: true });
      } catch (error) {
        const reason = error instanceof BadConversation ? error.message : `cannot be tokenised (${reasonOf(error)})`;
        report({ file: chunk.file.name, line, reason, expected: expectedOf(field) });
      }
    });
    return found;
  };
}

/**
 * The answer to a prompt, which the chat template makes a conversation of; with `raw` what follows the prompt as it stands.
 * @throws RuntimeError R1120, R1121, R1127 (a file), R1190–R1192, R03xx
 */
async function answer(
  session: Session,
  tokenizer: TextCodec,
  question: Question,
  options: GenerateOptions,
): Promise<RecipeAnswer> {
  const { prompt, files, settings: asked, system, raw, onText } = question;
  const [file] = files;
  if (file) throw runtimeError('file_not_used', { file: file.name, reason: 'the recipe chat takes prompts alone' });
  const { eos } = settingsOf(CHAT, SETTINGS, session.manifest.model.recipe?.settings ?? {}, asked);
  const text = raw ? prompt : await conversation(question, prompt, system);
  return continued(session, tokenizer, { prompt: text, eos, encoding: PART, ...(onText ? { onText } : {}) }, options);
}

async function conversation(question: Question, prompt: string, system: string | undefined): Promise<string> {
  const template = await question.chatTemplate?.();
  if (!template) throw runtimeError('chat_template_missing', { what: 'a prompt without --raw' });
  const before = system === undefined ? [] : [{ role: 'system', content: system }];
  return template.render([...before, { role: 'user', content: prompt }], { addGenerationPrompt: true });
}
