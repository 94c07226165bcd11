/** The targets. A new one is an entry here, by its name in names.ts. */
import { checked } from './checked.ts';
import type { OpenedTargetName, TargetName } from './names.ts';
import { onnx } from './onnx.ts';
import { pytorch } from './pytorch.ts';
import { reference } from './reference.ts';
import type { OpenedTarget, Target } from './target.ts';
import { webgpu } from './webgpu.ts';

type Targets = { readonly [N in TargetName]: N extends OpenedTargetName ? OpenedTarget : Target };

/** By name: what finished graphs are compiled to, and how that is opened. */
export const TARGETS: Targets = {
  onnx: checked(onnx),
  pytorch: checked(pytorch),
  reference: checked(reference),
  webgpu: checked<OpenedTarget>(webgpu),
};
