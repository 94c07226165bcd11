/** What `mdl explain NAME` says of a built-in function, or of a module, adapter or function of the standard library. */
import { DiagnosticBag } from '../diagnostics/diagnostic.ts';
import { createSource } from '../diagnostics/span.ts';
import { builtinSignature } from '../elaborate/builtin.ts';
import { BUILTINS } from '../elaborate/builtins/index.ts';
import { STD_FILES } from '../std/std.generated.ts';
import { documentedOf, signatureLines } from '../std-signatures.ts';
import { parseFile } from '../syntax/parse.ts';

export interface Reference {
  readonly name: string;
  /** `gather(data, indices, axis?)`; of a module its forward too, in a line of its own */
  readonly signature: string;
  readonly doc: string;
  /** how a file gets it, where it is not built in: `import { Linear } from "std"` */
  readonly import?: string;
  /** where the documentation has it: `docs/std.md#linear` */
  readonly page: string;
}

/** By name; a name of two files of std has that of the first. */
export function references(): ReadonlyMap<string, Reference> {
  const found = new Map<string, Reference>();
  for (const [name, { doc, parameters }] of BUILTINS)
    found.set(name, { name, signature: builtinSignature({ name, parameters }), doc, page: 'docs/builtins.md' });
  const files = Object.entries(STD_FILES).sort(([a], [b]) => a.length - b.length);
  for (const [path, text] of files)
    for (const one of documentedOf(parseFile(createSource(path, text), new DiagnosticBag())?.declarations ?? [])) {
      const name = one.name.text;
      const signature = signatureLines(one).join('\n');
      const from = `import { ${name} } from "${path.replace(/\.mdl$/, '')}"`;
      if (!found.has(name))
        found.set(name, { name, signature, doc: one.doc, import: from, page: `docs/std.md#${name.toLowerCase()}` });
    }
  return found;
}
