/** Small pieces of WGSL text that the templates share. */
import type { Extent, TemplateGroups } from './contract.ts';

export const LANES = ['x', 'y', 'z', 'w'] as const;

/** 0 … count − 1 */
export function range(count: number): readonly number[] {
  return Array.from({ length: count }, (_, index) => index);
}

/** One text per index, as lines. */
export function lines(count: number, line: (index: number) => string): string {
  return range(count).map(line).join('\n');
}

/** Moves a block of lines to the right, below a line that is `depth` levels in. */
export function indent(text: string, depth = 1): string {
  return text
    .split('\n')
    .filter((line) => line.trim() !== '')
    .map((line) => '  '.repeat(depth) + line)
    .join('\n');
}

/** vec4 of one expression per lane */
export function vec4(component: (lane: number) => string): string {
  return `vec4f(${range(4).map(component).join(', ')})`;
}

/** Whether an extent is known to be a multiple of `of`, so that a guard can go. */
export function isMultiple(extent: Extent, of: number): boolean {
  return typeof extent.dim === 'number' && extent.dim % of === 0;
}

/** The extent where it is static, else a guess that decides on tile sizes only. */
export function sizeOr(extent: Extent, guess: number): number {
  return typeof extent.dim === 'number' ? extent.dim : guess;
}

export const ONE_GROUP: TemplateGroups = { of: 1, per: 1 };
