/**
 * What a data set says about a picture, before tokens: samples (for training) and examples (for evaluation).
 *
 * A set is an endless list of samples by index, where the n-th depends on the set's options and n alone.
 */

import type { RgbImage } from '../../../runtime/image/rgb.ts';
import type { HostTensor } from '../../../shared/tensor.ts';
import { applyTemplate, IMAGE_PLACEHOLDER, IMAGE_TAG } from '../prompt.ts';
import type { Box } from './box.ts';

/** One exchange; the template is applied. The first prompt of a sample has one `<ImageHere>`. */
export interface Exchange {
  readonly prompt: string;
  /** without the end symbol */
  readonly answer: string;
}

/** Something that is in the picture. */
export interface Thing {
  readonly noun: string;
  readonly category: string;
  readonly box: Box;
}

export interface Meta {
  /** what is in the picture, from left to right, where it is known */
  readonly things: readonly Thing[];
  /** where the sample comes from: its index, or file and line */
  readonly source: string;
}

export interface Sample {
  /** metrics are counted by task: `caption`, `vqa-count`, `refer`, … */
  readonly task: string;
  /** at least one */
  readonly turns: readonly Exchange[];
  /** square, imageSize × imageSize */
  readonly picture: RgbImage;
  readonly meta: Meta;
}

export interface SampleSet {
  readonly name: string;
  /** samples of one pass; absent when new ones are made for ever */
  readonly size?: number;
  sample(index: number): Promise<Sample>;
  /** the bytes of the files that samples are made from, where there are any */
  contents?(): Iterable<Uint8Array>;
}

/** A sample as evaluation wants it: the last answer is to be given, earlier turns are in the prompt. */
export interface Example {
  readonly task: string;
  /** f32 [1, 3, S, S], for `encode_image` */
  readonly images: HostTensor;
  /** the same picture, to show */
  readonly picture: RgbImage;
  /** with `<ImageHere>` in it */
  readonly prompt: string;
  readonly answer: string;
  readonly meta: Meta;
}

/** Captions without instructions: the picture is the whole prompt. */
export const NO_PROMPT = IMAGE_PLACEHOLDER;

/** `[INST] <Img><ImageHere></Img> [vqa] what is this? [/INST]` and the like. @throws RuntimeError R0603 */
export function instruction(template: string, text: string): string {
  return applyTemplate(template, `${IMAGE_TAG} ${text}`);
}
