/** The targets. A new one is an entry here, by its name in names.ts. */
import type { TargetName } from './names.ts';
import { onnx } from './onnx.ts';
import { reference } from './reference.ts';
import type { Target } from './target.ts';
import { webgpu } from './webgpu.ts';

/** By name: what finished graphs are compiled to, and how that is opened. */
export const TARGETS: { readonly [N in TargetName]: Target } = { onnx, reference, webgpu };
