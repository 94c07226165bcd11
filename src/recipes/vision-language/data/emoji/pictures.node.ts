/**
 * The pictures of emoji-datasource-twitter: 64 × 64 PNGs with transparency, each decoded once (onto white) and kept,
 * and resized once per size.
 */
import { existsSync, readFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import { dirname, join } from 'node:path';
import { RuntimeError, reasonOf, runtimeError } from '../../../../runtime/errors.ts';
import { resizeBicubic } from '../../../../runtime/image/resize.ts';
import type { RgbImage } from '../../../../runtime/image/rgb.ts';
import { decodeOnWhite } from '../../../data/pixels.ts';
import type { Concept } from './concepts.ts';

const PACKAGE = 'emoji-datasource-twitter';
/** Resized pictures are dropped and made again past this. */
const CACHE_BYTES = 128 * 2 ** 20;

/** This program, then the working directory. */
const NEAR: readonly string[] = [import.meta.url, join(process.cwd(), 'package.json')];

/** The picture of a concept, side × side pixels, on white. It is shared: do not write into it. */
export type Pictures = (concept: Concept, side: number) => RgbImage;

interface Entry {
  readonly short_name: string;
  readonly image: string;
  readonly has_img_twitter: boolean;
}

/**
 * Finds the package and checks that it has every concept.
 * @param from files from whose folders the package is looked for as Node does, the first that finds it wins
 * @throws RuntimeError R0901 when it is not installed, or is of a version without them
 */
export function openPictures(concepts: readonly Concept[], from: readonly string[] = NEAR): Pictures {
  const folder = packageFolder(from);
  const files = filesOf(folder, concepts);
  const originals = new Map<string, RgbImage>();
  const resized = new Map<string, RgbImage>();
  let bytes = 0;

  const original = ({ shortName }: Concept): RgbImage => {
    let picture = originals.get(shortName);
    if (!picture) {
      try {
        picture = decodeOnWhite(readFileSync(join(folder, 'img', 'twitter', '64', files.get(shortName)!)));
      } catch (error) {
        throw runtimeError('emoji_missing', { reason: `${shortName}: ${reasonOf(error)}` }, error);
      }
      originals.set(shortName, picture);
    }
    return picture;
  };

  return (concept, side) => {
    const name = `${concept.shortName} ${side}`;
    let picture = resized.get(name);
    if (!picture) {
      picture = resizeBicubic(original(concept), side, side);
      if (bytes > CACHE_BYTES) {
        resized.clear();
        bytes = 0;
      }
      resized.set(name, picture);
      bytes += picture.data.length;
    }
    return picture;
  };
}

function packageFolder(from: readonly string[]): string {
  let reason = 'it is not installed';
  for (const base of from) {
    try {
      return dirname(createRequire(base).resolve(`${PACKAGE}/emoji.json`));
    } catch (error) {
      if ((error as NodeJS.ErrnoException).code !== 'MODULE_NOT_FOUND') reason = reasonOf(error);
    }
  }
  throw runtimeError('emoji_missing', { reason });
}

/** File names by short name. */
function filesOf(folder: string, concepts: readonly Concept[]): ReadonlyMap<string, string> {
  try {
    const entries = JSON.parse(readFileSync(join(folder, 'emoji.json'), 'utf8')) as readonly Entry[];
    const files = new Map(entries.filter((e) => e.has_img_twitter).map((e) => [e.short_name, e.image]));
    for (const { shortName } of concepts) {
      const file = files.get(shortName);
      if (file === undefined || !existsSync(join(folder, 'img', 'twitter', '64', file)))
        throw runtimeError('emoji_missing', { reason: `it has no picture of ${shortName}` });
    }
    return files;
  } catch (error) {
    if (error instanceof RuntimeError) throw error;
    throw runtimeError('emoji_missing', { reason: reasonOf(error) }, error);
  }
}
