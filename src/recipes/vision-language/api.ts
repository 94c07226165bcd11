/**
 * Pictures and prompts in Node and in pages: questions about pictures, prompts and their embeddings, rows of training, boxes.
 * Part of `mdl-compiler/runtime`.
 */

export { decodeOnWhite } from '../data/pixels.ts';
export { type Answer, ask, type Question } from './ask.ts';
export { type Box, formatBox, parseBoxes } from './data/box.ts';
export { type LayoutOptions, layoutRows, type Row, type TokenFeeds, type TurnIds } from './data/layout.ts';
export {
  applyTemplate,
  type ConversationFormat,
  conversationPrompt,
  embedPrompt,
  encodeImage,
  HUMAN_ASSISTANT,
  IMAGE_PLACEHOLDER,
  IMAGE_TAG,
  IMAGE_TOKEN_ID,
  preparePrompt,
  promptIds,
  splitPrompt,
  TEMPLATES,
  type TemplateName,
  type Turn,
} from './prompt.ts';
