/**
 * How the model of this page was spoken to in its pre-training: a picture alone asks for a caption, anything else is a
 * question behind it, and a line feed ends an answer.
 */
import { IMAGE_PLACEHOLDER, IMAGE_TAG } from 'mdl-compiler/runtime';

export const END = '\n';
/** The picture alone. */
export const CAPTION = IMAGE_PLACEHOLDER;
export const QUESTIONS = ['what is this?', 'what kind of thing is this?'] as const;
/** Longest answer; the longest in training has 24 tokens. */
export const MAX_NEW_TOKENS = 32;

/** Its vocabulary has lower case only. */
export function questionPrompt(question: string): string {
  return `${IMAGE_TAG} ${question.trim().toLowerCase()}`;
}

/** hedgehog → `a picture of a hedgehog` */
export function captionOf(noun: string): string {
  return `a picture of ${/^[aeiou]/.test(noun) ? 'an' : 'a'} ${noun}`;
}
