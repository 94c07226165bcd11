/**
 * A recipe: how one kind of model meets data. It makes batches of a data set, asks a model and judges what it answers;
 * the compiler, the trainer and the sessions know nothing of it. A `.mdl` file names its recipe and gives its settings:
 *
 *     recipe "vision-language" { image_size = vit.image_size, bos = tokens.bos, pad = tokens.pad }
 *
 * A third recipe is a folder beside the others with a `Recipe` and one line in `index.ts` (and one for its declaration in
 * `declarations.ts`, which the compiler reads).
 */
import type { EntryPorts } from '../runtime/backend.ts';
import { runtimeError } from '../runtime/errors.ts';
import type { GenerateOptions } from '../runtime/generate/options.ts';
import type { GeneratedRow } from '../runtime/generate/result.ts';
import type { Session } from '../runtime/session.ts';
import type { TextCodec } from '../runtime/tokenizer/tokenizer.ts';
import type { DataSource } from '../runtime/train/data-source.ts';
import type { TensorPort } from '../shared/artifact.ts';
import { nearest } from '../shared/nearest.ts';
import type { RecipeDeclaration, SettingTable, SettingValues, ValuesOf } from '../shared/recipe.ts';
import type { HostTensor } from '../shared/tensor.ts';
import type { ChatTemplate } from './chat/template.ts';
import type { DataFile } from './data/file.ts';

/** Which part of a data set: what is trained on, or what is kept from training to judge by. */
export type Split = 'train' | 'held-out';

/** What a recipe is told of a model, whether it is being compiled or was compiled before. */
export interface RecipeModel {
  /** for messages */
  readonly name: string;
  /** the model's own, as its `recipe` clause gives them; checked with `settingsOf` */
  readonly settings: SettingValues;
  /** inputs and outputs of the entry that plays a role, with dtypes and shapes (dynamic sizes are texts); undefined where there is none */
  entry(role: string): Pick<EntryPorts, 'inputs' | 'outputs'> | undefined;
}

/** The stage that batches are for. */
export interface RecipeStage {
  /** who says the clauses, for messages: `the stage stage1`, `mdl evaluate` */
  readonly who: string;
  /** those that are the recipe's; they hold in place of the model's settings of the same name */
  readonly clauses: SettingValues;
  /** how a clause is said, for messages; as a clause of the stage when absent */
  readonly how?: (clause: string, example: string) => string;
}

/** What a data set is opened with. */
export interface DataRequest {
  /** as `--data` gives it: a name that the recipe knows, or a path */
  readonly data: string;
  /** the data set itself, where it is not read from the disk; `data` is its name then */
  readonly files?: readonly DataFile[];
  readonly split: Split;
  readonly model: RecipeModel;
  readonly stage: RecipeStage;
  /** rows of a batch, at least 1 */
  readonly batchSize: number;
  /** part of the rows that is held out, in place of the setting `held_out`; 1: all of them */
  readonly heldOut?: number;
  /** an integer from 0 to 2^53 − 1; the same seed gives the same batches */
  readonly seed: number;
  /** the model's; reads the file when it is first asked for. Throws what reading throws */
  tokenizer(): Promise<TextCodec>;
  /** the one beside the tokenizer; undefined where there is none. Throws R1190 */
  chatTemplate?(): Promise<ChatTemplate | undefined>;
  /** what to do about a row or file that cannot be used */
  readonly badRows: 'skip' | 'fail';
  /** one line for the user: what was skipped and why, what stands in for what was asked for */
  note(line: string): void;
}

/** What is asked of a model once. */
export interface Question {
  readonly prompt: string;
  /** files that the prompt is about, in order, with names for messages */
  readonly files: readonly { readonly name: string; readonly bytes: Uint8Array }[];
  /** what a chat model is told before the prompt; of recipes that take it */
  readonly system?: string;
  /** the prompt as it stands, without a chat template; of recipes that take it */
  readonly raw?: boolean;
  /** the chat template beside the tokenizer; undefined where there is none. Throws R1190 */
  chatTemplate?(): Promise<ChatTemplate | undefined>;
  /** over the model's settings, for this question */
  readonly settings: SettingValues;
  /** is called with the answer piece by piece, in whole characters */
  readonly onText?: (piece: string) => void;
}

export interface RecipeAnswer extends GeneratedRow {
  readonly text: string;
  /** the whole prompt, as the model got it */
  readonly prompt: string;
}

/** A file that is given as a row of an input. */
export interface GivenFile {
  /** for messages */
  readonly name: string;
  readonly kind: 'picture' | 'text';
  readonly bytes: Uint8Array;
}

/** A file for an input of an entry. */
export interface InputRequest {
  readonly port: TensorPort;
  readonly file: GivenFile;
  readonly settings: SettingValues;
  /** the model's; reads the file when it is first asked for */
  tokenizer(): Promise<TextCodec>;
}

/** What a row of an output says: classes, the likeliest first. */
export interface Reading {
  readonly output: string;
  readonly row: number;
  /** with the output's own number of each */
  readonly classes: readonly { readonly name: string; readonly value: number }[];
}

export interface EvaluationRequest extends Omit<DataRequest, 'split'> {
  /** how many held-out examples at most, at least 1; as many as the recipe usually asks, or all, when absent */
  readonly count?: number;
  /** most tokens of an answer, at least 1 */
  readonly maxNewTokens: number;
  /** after each answer: how many there are */
  readonly onAnswer?: (done: number) => void;
}

/** What a model's answers to held-out examples are worth. */
export interface Evaluation {
  /** examples that were asked */
  readonly count: number;
  /** what was asked, for the title: `held out, captions` */
  readonly title: string;
  /** one line of text a task */
  readonly lines: readonly string[];
  /** the same as a table; the first row is its head */
  readonly rows: readonly (readonly string[])[];
  /** the same as JSON */
  readonly report: object;
  readonly answers: readonly {
    readonly task: string;
    readonly prompt: string;
    readonly wanted: string;
    readonly got: string;
  }[];
}

/** What a paper says of a model's ablations, for a report to stand beside. */
export interface Published {
  /** the model's name in its file */
  readonly model: string;
  readonly stages: readonly string[];
  /** as the paper writes them: by flag that is off (`full`: none), then by stage */
  readonly losses: Readonly<Record<string, readonly string[]>>;
  /** why values are not compared one by one */
  readonly caveat: string;
}

/** How a picture and a question stand in a prompt. */
export interface PromptWords {
  /** stands for the picture's tokens */
  readonly placeholder: string;
  /** a picture, with what is around it */
  readonly picture: string;
  /** what a template has before and after the question. @throws RuntimeError R0603 */
  around(template: string): readonly [before: string, after: string];
}

export interface Recipe extends RecipeDeclaration {
  /**
   * Batches of a data set, whose feeds have the names, dtypes and shapes of the inputs of the loss
   * (`request.model.entry('loss')`, whatever the entry is called). The same step gives the same batch, whatever came before. Held-out rows come in
   * order, and the last batch of a pass may have fewer of them.
   * @throws RuntimeError R0901–R0909, R112x
   */
  dataset(request: DataRequest): Promise<DataSource>;
  /** Its data sets say themselves what is held out: no part can be asked for; data of its own is judged whole (`heldOut` 1). */
  readonly ownSplit?: boolean;
  /** What follows from the scalars of the loss entry, by name: `perplexity` from `loss`. */
  measures?(scalars: Readonly<Record<string, number>>, settings: SettingValues): Readonly<Record<string, number>>;
  /** The data set that a stage is trained on when `--data` gives this one; the same when absent. */
  dataOf?(data: string, stage: RecipeStage): string;
  /** What weights are asked with that were trained on this data, where the data itself says so. */
  settingsOfData?(data: string): SettingValues;
  readonly published?: Published;
  /** of recipes whose prompts have pictures */
  readonly promptWords?: PromptWords;
  /** Judges a model by held-out rows: its answers to questions, or the scalars of its loss. @throws as `dataset` and `generate` */
  evaluate(session: Session, request: EvaluationRequest): Promise<Evaluation>;
  /** A tokenizer that needs no file, where the model's settings name one. */
  tokenizerOf?(settings: SettingValues): TextCodec | undefined;
  /** A picture or a text as a row of an input; absent, or nothing for this kind: the recipe's models take tensors. @throws RuntimeError R0530, R0531, R1120–R1122, R1127 */
  input?(request: InputRequest): Promise<HostTensor | undefined>;
  /** What outputs say where the model's settings name its classes. @throws RuntimeError R1120, R1121 */
  readings?(outputs: Readonly<Record<string, HostTensor>>, settings: SettingValues): readonly Reading[];
  /** Roles whose entries `answer` and `evaluate` run: those that a model must have, and those that are opened where it has them. */
  readonly entries?: { readonly needed: readonly string[]; readonly also: readonly string[] };
  /** What of a question beside the prompt says how `answer` takes it. */
  readonly questions?: readonly ('system' | 'raw')[];
  /** Entries that `evaluate` runs, where they are others than those of `answer`. */
  readonly judged?: Recipe['entries'];
  /** Answers a prompt; absent: the recipe's models give no text. @throws RuntimeError R03xx–R06xx, R112x */
  answer?(session: Session, tokenizer: TextCodec, question: Question, options: GenerateOptions): Promise<RecipeAnswer>;
}

/**
 * Settings as a recipe reads them: checked against its table, with fallbacks filled in. Settings that come from a `.mdl`
 * file were checked there already; this is for those of code and of manifests.
 * @param later what holds in place of `values` where both have it (a stage's clauses, a question's settings)
 * @throws RuntimeError R1120 for a name that the table does not have, R1121 for a value that does not fit
 */
export function settingsOf<S extends SettingTable>(
  { name: recipe }: Pick<RecipeDeclaration, 'name'>,
  table: S,
  values: SettingValues,
  later: SettingValues = {},
): ValuesOf<S> {
  const known = Object.keys(table);
  const found: { [name: string]: unknown } = {};
  for (const [name, { fallback }] of Object.entries(table)) if (fallback !== undefined) found[name] = fallback;
  for (const [name, value] of [...Object.entries(values), ...Object.entries(later)]) {
    if (value === undefined) continue;
    if (!Object.hasOwn(table, name))
      throw runtimeError('recipe_setting_unknown', { recipe, name, known, near: nearest(name, known) });
    const { fits, expected } = table[name]!;
    if (!fits(value)) throw runtimeError('recipe_setting_value', { recipe, name, value, expected });
    found[name] = value;
  }
  return found as ValuesOf<S>;
}

/** A setting that this work cannot do without. @throws RuntimeError R1122 */
export function required<T>(recipe: Pick<Recipe, 'name'>, name: string, value: T | undefined, why: string): T {
  if (value === undefined) throw runtimeError('recipe_setting_missing', { recipe: recipe.name, name, why });
  return value;
}
