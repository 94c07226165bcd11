/** Small pieces of WGSL text that the templates share. */
import { joined, type Piece, type Wgsl, wgsl } from '../text/wgsl.ts';
import type { Extent, TemplateGroups } from './contract.ts';

export { indent } from '../text/wgsl.ts';

export const LANES = ['x', 'y', 'z', 'w'] as const;

/** 0 … count − 1 */
export function range(count: number): readonly number[] {
  return Array.from({ length: count }, (_, index) => index);
}

/** One text per index, as lines. */
export const lines = (count: number, line: (index: number) => Piece): Wgsl => each(count, line, '\n');

/** One text per index, with something between them. */
export const each = (count: number, text: (index: number) => Piece, between = ' '): Wgsl =>
  joined(range(count).map(text), between);

/** vec4 of one expression per lane */
export const vec4 = (component: (lane: number) => Piece): Wgsl => wgsl`vec4f(${each(4, component, ', ')})`;

/** Whether an extent is known to be a multiple of `of`, so that a guard can go. */
export function isMultiple(extent: Extent, of: number): boolean {
  return typeof extent.dim === 'number' && extent.dim % of === 0;
}

/** The extent where it is static, else a guess that decides on tile sizes only. */
export function sizeOr(extent: Extent, guess: number): number {
  return typeof extent.dim === 'number' ? extent.dim : guess;
}

export const ONE_GROUP: TemplateGroups = { of: 1, per: 1 };
