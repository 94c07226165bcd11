/**
 * Chat templates: the Jinja text that makes one prompt of a conversation, as `tokenizer_config.json` or `chat_template.jinja`
 * of a Hugging Face folder has it. The library is `@huggingface/jinja`, which is written for these templates.
 *
 *     const template = chatTemplateOf({ config: JSON.parse(text), file: 'tokenizer_config.json' });
 *     template?.render([{ role: 'user', content: 'Hi' }], { addGenerationPrompt: true });
 *
 * Reading the files of a folder is `openChatTemplate` in files.node.ts.
 */
import { Template } from '@huggingface/jinja';
import { reasonOf, runtimeError } from '../../runtime/errors.ts';

export interface ChatMessage {
  /** `system`, `user`, `assistant`, or another that the template knows */
  readonly role: string;
  /** a text, or parts of which templates of models for pictures make one */
  readonly content: string | readonly ChatPart[];
}

export type ChatPart = { readonly type: 'text'; readonly text: string } | { readonly type: 'image' };

export interface RenderOptions {
  /** ends with what opens an answer, for generation; the template itself decides what that is */
  readonly addGenerationPrompt?: boolean;
}

export interface ChatTemplate {
  /** where it was read, for messages */
  readonly file: string;
  /** The whole prompt with its special tokens, so encode it without adding others. @throws RuntimeError R1191 */
  render(messages: readonly ChatMessage[], options?: RenderOptions): string;
}

/** What a template is read from. */
export interface ChatTemplateSource {
  /** the object of tokenizer_config.json: its special tokens, and its chat_template unless `text` is given */
  readonly config: unknown;
  /** of chat_template.jinja, which goes before the one of the config */
  readonly text?: string;
  /** for messages */
  readonly file: string;
}

/** Texts that a template may name, such as `bos_token`. */
const SPECIAL_TOKENS = ['bos_token', 'eos_token', 'unk_token', 'pad_token', 'sep_token', 'cls_token', 'mask_token'];

/**
 * The template of a model, or undefined where it has none.
 * @throws RuntimeError R1190 for a template that is no Jinja, or none called `default` among several
 */
export function chatTemplateOf({ config, text, file }: ChatTemplateSource): ChatTemplate | undefined {
  const fields = Object(config) as Readonly<Record<string, unknown>>;
  const source = text ?? namedTemplate(fields.chat_template, file);
  if (source === undefined) return undefined;
  const tokens = Object.fromEntries(
    SPECIAL_TOKENS.flatMap((name) => {
      const token = tokenText(fields[name]);
      return token === undefined ? [] : [[name, token]];
    }),
  );
  const template = parsed(source, file);
  return {
    file,
    render(messages, { addGenerationPrompt = false } = {}) {
      try {
        // copies: a template may change what it is given
        const given = structuredClone(messages).map(({ role, content }) => ({ role, content }));
        return template.render({ ...tokens, messages: given, add_generation_prompt: addGenerationPrompt });
      } catch (error) {
        throw runtimeError('chat_template_refused', { file, reason: reasonOf(error) }, error);
      }
    },
  };
}

function parsed(source: string, file: string): Template {
  try {
    return new Template(source);
  } catch (error) {
    throw runtimeError('chat_template_form', { file, reason: reasonOf(error) }, error);
  }
}

/** A text, or the one called `default` of a list of { name, template }. */
function namedTemplate(value: unknown, file: string): string | undefined {
  if (value === undefined || value === null) return undefined;
  if (typeof value === 'string') return value;
  const list = (Array.isArray(value) ? value : []) as readonly {
    readonly name?: unknown;
    readonly template?: unknown;
  }[];
  const found = list.find((entry) => entry?.name === 'default')?.template;
  if (typeof found === 'string') return found;
  throw runtimeError('chat_template_form', { file, reason: 'it is neither a text nor a list with one called default' });
}

/** Tokens are texts, or objects whose `content` is the text. */
function tokenText(value: unknown): string | undefined {
  if (typeof value === 'string') return value;
  const { content } = Object(value) as { readonly content?: unknown };
  return typeof content === 'string' ? content : undefined;
}
