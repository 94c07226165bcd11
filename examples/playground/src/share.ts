/**
 * A project as a link: its texts and settings, deflated, in the part of the address that no server sees. What comes from a link
 * is checked as anything from a stranger is.
 */
import { deflateSync, inflateSync } from 'fflate';
import type { SettingValue, Snapshot } from './project.ts';

const PREFIX = '#1.';
/** Bytes of texts: more is no model but a way to fill the memory. */
const MOST = 4_000_000;

export function linkOf(snapshot: Snapshot): string {
  const bytes = deflateSync(new TextEncoder().encode(JSON.stringify(snapshot)), { level: 9 });
  let text = '';
  for (const byte of bytes) text += String.fromCharCode(byte);
  return PREFIX + btoa(text).replaceAll('+', '-').replaceAll('/', '_').replace(/=+$/, '');
}

/** undefined of an address without a project. @throws Error of one that is cut or made up */
export function ofLink(hash: string): Snapshot | undefined {
  if (!hash.startsWith(PREFIX)) return undefined;
  try {
    const text = atob(hash.slice(PREFIX.length).replaceAll('-', '+').replaceAll('_', '/'));
    const packed = Uint8Array.from(text, (character) => character.charCodeAt(0));
    const bytes = inflateSync(packed, { out: new Uint8Array(MOST) });
    return checked(JSON.parse(new TextDecoder().decode(bytes)));
  } catch (error) {
    throw new Error('the link is not whole: ask for it again, and copy all of it', { cause: error });
  }
}

function checked(value: unknown): Snapshot {
  const { name, root, files, config, set = {} } = value as Record<string, unknown>;
  const texts = Object.entries(files as object) as [string, unknown][];
  const settings = Object.entries(set as object) as [string, unknown][];
  const isText = (one: unknown): one is string => typeof one === 'string';
  const isValue = (one: unknown): one is SettingValue => ['string', 'number', 'boolean'].includes(typeof one);
  const whole =
    isText(name) &&
    isText(root) &&
    texts.every(([path, text]) => path.endsWith('.mdl') && isText(text)) &&
    texts.some(([path]) => path === root) &&
    settings.every(([, one]) => isValue(one)) &&
    (config === undefined || isText(config));
  if (!whole) throw new Error('not a project');
  return {
    name,
    root,
    files: Object.fromEntries(texts) as Record<string, string>,
    set: Object.fromEntries(settings) as Record<string, SettingValue>,
    ...(config === undefined ? {} : { config }),
  };
}
