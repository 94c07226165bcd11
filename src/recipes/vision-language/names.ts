/**
 * What a stage asks its model about pictures (`tasks "captions"`), and how (`template "inst"`): the language checks the
 * names, the data sets mean something by them.
 *
 *     captions       the picture is the whole prompt, a caption the answer
 *     descriptions   questions as a person asks them
 *     multitask      questions behind a task's identifier: `[vqa] what is this?`
 *     questions      the same without identifiers; a picture alone is captioned
 */
export const TASK_SETS = ['captions', 'descriptions', 'multitask', 'questions'] as const;
export type TaskSet = (typeof TASK_SETS)[number];

/** Their texts are in prompt.ts. */
export const TEMPLATE_NAMES = ['inst', 'human', 'instruct', 'none'] as const;
export type TemplateName = (typeof TEMPLATE_NAMES)[number];
