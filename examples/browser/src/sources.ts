/** The model's program, as text: the compiler runs in the page and needs no file system. */
import type { SourceHost } from 'mdl-compiler';
import evaVit from '../../../models/eva-vit.mdl';
import phi2 from '../../../models/phi-2.mdl';
import qFormer from '../../../models/q-former.mdl';
import tinyGptV from '../../../models/tinygpt-v.mdl';

export const PROGRAM = 'models/tinygpt-v.mdl';

const FILES: ReadonlyMap<string, string> = new Map([
  [PROGRAM, tinyGptV],
  ['models/eva-vit.mdl', evaVit],
  ['models/phi-2.mdl', phi2],
  ['models/q-former.mdl', qFormer],
]);

export const host: SourceHost = { read: (path) => FILES.get(path) };
