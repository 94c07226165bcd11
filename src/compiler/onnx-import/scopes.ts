/**
 * The module that a node belongs to, as its exporter wrote it: in the node's name (`/encoder/layers.0/fc1/MatMul`, PyTorch's older exporter, and
 * `encoder.layers.0.fc1/MatMul`, MDL's), or in its metadata (PyTorch's newer one).
 */
import { identifier } from './names.ts';
import type { FileNode } from './proto.ts';

/** A list as Python prints it: ['', 'encoder', 'encoder.fc1', 'linear_3']; the last is the node itself. */
const SCOPES = 'pkg.torch.onnx.name_scopes';
const DEEPEST = 32;

/** Parts of the module's path, joined by dots; '' of the model itself. */
export function scopeOf(node: FileNode): string {
  const scopes = node.metadata.get(SCOPES);
  if (scopes !== undefined) {
    const items = [...scopes.matchAll(/'((?:[^'\\]|\\.)*)'/g)].map((match) => match[1]!);
    return clean((items.at(-2) ?? '').split('.'));
  }
  const parts = node.name.split('/').filter((part) => part !== '');
  const path: string[] = [];
  let before = '';
  for (const part of parts.slice(0, -1)) {
    // what a module of modules calls its parts has its own name before it: layer1/layer1.0
    path.push(part.startsWith(`${before}.`) && before !== '' ? part.slice(before.length + 1) : part);
    before = part;
  }
  return clean(path.flatMap((part) => part.split('.')));
}

function clean(parts: readonly string[]): string {
  return (
    parts
      .filter((part) => part !== '')
      .slice(0, DEEPEST)
      // a part that no checkpoint key could have is called something like it
      .map((part) => (/^[A-Za-z0-9_]{1,64}$/.test(part) ? part : identifier(part, 'm')))
      .join('.')
  );
}
