/**
 * What a kernel template (GEMM, attention) sees of its operands, and what it gives back.
 *
 * Templates know nothing of the graph: a tensor is a set of WGSL functions that the generator has written, which a
 * template calls. They read a buffer with whatever views, casts and pointwise chains were fused into the operand
 * (the prologue); `store` computes the fused epilogue and writes. All indices are u32, all values f32. Powers and logarithms are
 * those of text/library.ts, which know NaN and infinities.
 */
import type { Dim } from '../../../../shared/dim.ts';
import type { Body } from '../text/body.ts';
import type { Expression } from '../text/expression.ts';
import type { Name } from '../text/name.ts';

/** A size in a template: a literal where static, else a word of the uniform. */
export interface Extent {
  readonly dim: Dim;
  readonly size: Expression;
}

/**
 * An operand. Coordinates are passed as u32 arguments in the order that the template's parameters document. A function is
 * written when a template first asks for its name, so a kernel has those that it calls.
 */
export interface Source {
  /** WGSL function of all coordinates → f32 */
  readonly at: Name;
  /**
   * Coordinate index → WGSL function with the same arguments → vec4f: the elements at that coordinate and the next
   * three. Present where memory allows one vector load: contiguous there, extent a multiple of 4. The argument must be
   * a multiple of 4.
   */
  readonly at4: Pick<ReadonlyMap<number, Name>, 'has' | 'get'>;
}

/** Where results go. */
export interface Sink {
  /** WGSL function of (coordinates…, value: f32), no result; applies the epilogue. Bounds are the template's job. */
  readonly store: Name;
}

/** The `main` of a kernel, and what it declares beside the generated functions. */
export interface Template {
  /** a line of comment above it */
  readonly about?: string;
  /** knows `group`, `groups` and `lane` (text/invocation.ts) */
  readonly body: Body;
  readonly workgroup: readonly [number, number, number];
  /** ⌈of / per⌉ workgroups along x, y, z, as one index: workgroup_id.y · num_workgroups.x + workgroup_id.x (grid.ts) */
  readonly groups: readonly [TemplateGroups, TemplateGroups, TemplateGroups];
}

export interface TemplateGroups {
  readonly of: Dim;
  readonly per: number;
}

/**
 * The class of adapter a kernel is written for. `gpu`: workgroup memory and barriers are cheap, hundreds of lanes.
 * `software`: a barrier costs a context switch per invocation; a few lanes.
 */
export type Profile = 'gpu' | 'software';
