/** What templates ask of the sizes of a kernel. */
import { u32 } from '../text/arithmetic.ts';
import type { Extent, TemplateGroups } from './contract.ts';

/** Whether an extent is known to be a multiple of `of`, so that a guard can go. */
export function isMultiple(extent: Extent, of: number): boolean {
  return typeof extent.dim === 'number' && extent.dim % of === 0;
}

/** The extent where it is static, else a guess that decides on tile sizes only. */
export function sizeOr(extent: Extent, guess: number): number {
  return typeof extent.dim === 'number' ? extent.dim : guess;
}

export const ONE_EXTENT: Extent = { dim: 1, size: u32(1) };
export const ONE_GROUP: TemplateGroups = { of: 1, per: 1 };
