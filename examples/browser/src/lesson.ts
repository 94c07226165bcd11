/**
 * The data of a lesson: half of each batch is the picture that is taught, at changing sizes and places, the other half
 * are pictures that the model knows, so that it does not call everything by the new name afterwards.
 */
import {
  type Batch,
  type DataSource,
  type HostTensor,
  layoutRows,
  normaliseImage,
  PART,
  promptIds,
  type Row,
  type Tokenizer,
} from 'mdl-compiler/runtime';
import { type Picture, placed } from './picture.ts';
import { CAPTION, captionOf, END, QUESTIONS, questionPrompt } from './wording.ts';

export interface Lesson {
  readonly picture: Picture;
  readonly noun: string;
  /** pictures with their nouns, to be kept in mind */
  readonly known: readonly (Picture & { readonly noun: string })[];
}

export interface Sizes {
  /** of the square that the model sees */
  readonly image: number;
  /** per picture */
  readonly imageTokens: number;
  readonly bos: number;
  readonly pad: number;
}

const QUESTION = questionPrompt(QUESTIONS[0]);
const ROWS = 8;
/** Columns of every batch at least: with the same shape from step to step nothing is planned anew. */
const COLUMNS = 32;

export function lessonData(lesson: Lesson, tokenizer: Tokenizer, sizes: Sizes): DataSource {
  return {
    name: `lesson on ${lesson.noun}`,
    async batch(step): Promise<Batch> {
      const random = generator(step);
      const examples = Array.from({ length: ROWS }, (_, row) => {
        // the known ones come in turn: all with the question, then all with a caption, and so on
        const turn = step * (ROWS / 2) + (row >> 1);
        const known = row % 2 === 1 ? lesson.known[turn % lesson.known.length] : undefined;
        const { picture, noun } = known ? { picture: known, noun: known.noun } : lesson;
        const asks = known ? Math.floor(turn / lesson.known.length) % 2 === 0 : turn % 2 === 0;
        const [prompt, answer] = asks ? [QUESTION, noun] : [CAPTION, captionOf(noun)];
        return { picture, prompt, answer };
      });
      const rows = examples.map(({ prompt, answer }): Row => {
        const ids = promptIds(prompt, [sizes.imageTokens], tokenizer);
        return { turns: [{ prompt: ids, answer: tokenizer.encode(answer + END, PART) }] };
      });
      const { feeds, labelled } = layoutRows(rows, { ...sizes, maxLength: 64, padTo: COLUMNS });
      const pixels = examples.map(({ picture }) =>
        normaliseImage(placed(picture, sizes.image, somewhere(random, sizes))),
      );
      return { feeds: { pixel_values: stacked(pixels), ...feeds }, tokens: labelled, rows: ROWS };
    },
  };
}

/** Four fifths of the side up to all of it, anywhere: as in the model's own pre-training. */
function somewhere(random: () => number, { image }: Sizes): { x: number; y: number; side: number } {
  const side = Math.round(image * (0.8 + 0.2 * random()));
  const at = (): number => Math.floor(random() * (image - side + 1));
  return { x: at(), y: at(), side };
}

/** f32 [1, 3, S, S] each → [n, 3, S, S] */
function stacked(pixels: readonly HostTensor[]): HostTensor {
  const size = pixels[0]!.data.length;
  const data = new Float32Array(size * pixels.length);
  pixels.forEach((tensor, index) => {
    data.set(tensor.data as Float32Array, index * size);
  });
  return { dtype: 'f32', shape: [pixels.length, ...pixels[0]!.shape.slice(1)], data };
}

/** Mulberry32, seeded by the step: a batch depends on its number alone. */
function generator(seed: number): () => number {
  let state = Math.imul(seed + 1, 0x9e3779b9);
  return () => {
    state = (state + 0x6d2b79f5) | 0;
    let t = Math.imul(state ^ (state >>> 15), 1 | state);
    t = (t + Math.imul(t ^ (t >>> 7), 61 | t)) ^ t;
    return ((t ^ (t >>> 14)) >>> 0) / 2 ** 32;
  };
}
