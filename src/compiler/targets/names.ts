/** Names of the targets; apart from them, because help is printed without a compiler. `TARGETS` is total over these. */
/** In the order in which help lists them. */
export const TARGET_NAMES = ['onnx', 'pytorch', 'reference', 'webgpu'] as const;
export type TargetName = (typeof TARGET_NAMES)[number];

/** Those that `mdl compile` writes: the interpreter has no files. */
export const WRITTEN_TARGETS = ['onnx', 'pytorch', 'webgpu'] as const satisfies readonly TargetName[];

/** Those that a session opens: PyTorch runs in a process of its own. */
export const OPENED_TARGETS = ['onnx', 'reference', 'webgpu'] as const satisfies readonly TargetName[];
export type OpenedTargetName = (typeof OPENED_TARGETS)[number];
