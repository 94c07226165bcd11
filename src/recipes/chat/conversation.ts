/**
 * From a line of JSON to what a model is trained on: the conversation as the template writes it, in parts, of which the
 * assistant's answers count in the loss.
 *
 *     <|user|>Hi<|end|><|assistant|>   Hello!<|end|>   <|user|>Why?<|end|><|assistant|>   So.<|end|>
 *     question                         answer          question                          answer
 *
 * An answer begins where a prompt for it would end, so that training sees the tokens that generation begins with, and it ends
 * with what the template puts behind it.
 */
import { reasonOf } from '../../runtime/errors.ts';
import type { ChatMessage, ChatTemplate } from './template.ts';

export interface Part {
  readonly text: string;
  readonly answer: boolean;
}

/** What templates are given beside messages; other fields of a line (an id, a source) are for people. */
const UNREAD = ['tools', 'documents'];

/** What is wrong with a line, as the end of a sentence about it. */
export class BadConversation extends Error {}

/** The messages of a line. @throws BadConversation */
export function messagesOf(line: string, field: string): readonly ChatMessage[] {
  let value: unknown;
  try {
    value = JSON.parse(line);
  } catch (error) {
    throw new BadConversation(`is not JSON (${reasonOf(error)})`);
  }
  if (typeof value !== 'object' || value === null || Array.isArray(value))
    throw new BadConversation('is not an object');
  const unread = UNREAD.find((name) => name !== field && name in value);
  if (unread !== undefined)
    throw new BadConversation(
      `has ${JSON.stringify(unread)}, which the chat template would be given and MDL cannot give it`,
    );
  const list = (value as Readonly<Record<string, unknown>>)[field];
  if (list === undefined) {
    const found = Object.keys(value).join(', ') || 'none at all';
    throw new BadConversation(`has no field ${JSON.stringify(field)}, only ${found}`);
  }
  if (!Array.isArray(list)) throw new BadConversation(`has ${JSON.stringify(field)} that is no list of messages`);
  if (list.length === 0) throw new BadConversation(`has ${JSON.stringify(field)} without a message`);
  const messages = (list as readonly unknown[]).map((message, i): ChatMessage => {
    const { role, content, ...more } = Object(message) as { readonly role?: unknown; readonly content?: unknown };
    if (typeof role !== 'string') throw new BadConversation(`has message ${i + 1} without the text "role"`);
    if (typeof content !== 'string') throw new BadConversation(`has message ${i + 1} without the text "content"`);
    const [other] = Object.keys(more);
    if (other !== undefined)
      throw new BadConversation(
        `has message ${i + 1} with ${JSON.stringify(other)}: of a message role and content are read`,
      );
    return { role, content };
  });
  if (!messages.some(isAnswer)) throw new BadConversation('has no message of the role "assistant"');
  return messages;
}

const isAnswer = ({ role }: ChatMessage): boolean => role === 'assistant';

/**
 * The conversation in parts, one after the other the whole text.
 * @throws BadConversation where the template refuses it, or writes its beginning otherwise than the beginning alone
 */
export function partsOf(messages: readonly ChatMessage[], template: ChatTemplate): readonly Part[] {
  const render = (count: number, addGenerationPrompt: boolean): string => {
    try {
      return template.render(messages.slice(0, count), { addGenerationPrompt });
    } catch (error) {
      throw new BadConversation(`cannot be written (${reasonOf(error)})`);
    }
  };
  const whole = render(messages.length, false);
  const parts: Part[] = [];
  let at = 0;
  const upTo = (text: string, message: number, answer: boolean): void => {
    if (!whole.startsWith(text) || text.length < at)
      throw new BadConversation(
        `is written otherwise than its first ${message} messages alone by the chat template, so where the answer of message ${message + 1} is cannot be told`,
      );
    if (text.length > at) parts.push({ text: whole.slice(at, text.length), answer });
    at = text.length;
  };
  messages.forEach((message, i) => {
    if (!isAnswer(message)) return;
    upTo(render(i, true), i, false);
    upTo(i + 1 === messages.length ? whole : render(i + 1, false), i, true);
  });
  if (at < whole.length) parts.push({ text: whole.slice(at), answer: false });
  return parts;
}
