/** Kinds of projects, as `mdl init KIND` names them; what is in each is beside this file. */
export const KINDS = ['text', 'image', 'vision-language'] as const;
export type Kind = (typeof KINDS)[number];
