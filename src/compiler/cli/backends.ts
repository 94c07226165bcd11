/** What can run a model on the command line: the names of `--backend`. Apart, because help is printed without a runtime. */
export const BACKENDS = ['onnx', 'reference', 'webgpu'] as const;
export type BackendName = (typeof BACKENDS)[number];

/** The value of `--backend`, which the command line has checked. */
export function backendName(text: string): BackendName {
  return BACKENDS.find((name) => name === text) ?? 'onnx';
}
