/**
 * Which part of the source may import which, and that no modules import each other in a circle, nor each other's types.
 *
 *     shared ← grammar, diagnostics
 *     shared ← ops ← ir ← passes, backends
 *     grammar ← syntax ← check ← elaborate → ir            the pipeline (compiler/index) and the CLI import any of them
 *     shared ← runtime                                      never the compiler: it ships alone
 *     runtime ← recipes                                     how kinds of models meet data; the compiler reads their declarations only
 *
 * An import scanner on the TypeScript of this project (imports and exports at the start of a line, as the formatter
 * writes them); run alone with `npx tsx scripts/layers.ts [folder]`, or by `npm run check`.
 */
import { existsSync, readdirSync, readFileSync } from 'node:fs';
import { dirname, join, posix, relative, resolve, sep } from 'node:path';
import { fileURLToPath, pathToFileURL } from 'node:url';

export interface Violation {
  readonly file: string;
  readonly line: number;
  readonly imported: string;
  readonly rule: string;
  readonly why: string;
}

interface Import {
  readonly line: number;
  readonly specifier: string;
  /** erased when compiled */
  readonly typeOnly: boolean;
  /** `import('…')`, which runs later: no cycle at load time */
  readonly dynamic: boolean;
}

interface Layer {
  readonly name: string;
  /** path prefixes, `/`-separated, relative to the project; the first layer that matches a file has it */
  readonly at: readonly string[];
  /** names of the layers it may import; itself is always allowed */
  readonly imports: readonly string[];
  /** names of layers of which it may import the types only */
  readonly types?: readonly string[];
  readonly why: string;
}

const BACKENDS = [
  'backend onnx',
  'backend pytorch',
  'backend wgsl',
  'backend typescript',
  'backend reference',
  'backend wasm',
];
const ANY = [
  'shared',
  'grammar',
  'diagnostics',
  'ops',
  'ir',
  'std',
  'syntax',
  'format',
  'check',
  'elaborate',
  'passes',
  ...BACKENDS,
];

const backend = (name: string): Layer => ({
  name: `backend ${name}`,
  at: [`src/compiler/backends/${name}/`],
  imports: ['shared', 'diagnostics', 'ops', 'ir'],
  why: 'a backend reads the IR; passes run before it, and no backend knows another',
});

export const LAYERS: readonly Layer[] = [
  { name: 'shared', at: ['src/shared/'], imports: [], why: 'the compiler and the runtime both stand on it' },
  {
    name: 'grammar',
    at: ['grammar/'],
    imports: ['shared'],
    why: 'the grammar is tokens and a parser and nothing else',
  },
  {
    name: 'diagnostics',
    at: ['src/compiler/diagnostics/'],
    imports: ['shared'],
    why: 'every phase reports through it, so it can know none of them',
  },
  {
    name: 'ops',
    at: ['src/compiler/ops/'],
    imports: ['shared'],
    why: 'an op is declared without knowledge of what is done with it',
  },
  {
    name: 'ir',
    at: ['src/compiler/ir/'],
    imports: ['shared', 'ops', 'diagnostics'],
    why: 'the IR is below every pass',
  },
  { name: 'std', at: ['src/compiler/std/'], imports: ['shared'], why: 'the standard library is text' },
  {
    name: 'syntax',
    at: ['src/compiler/syntax/'],
    imports: ['shared', 'diagnostics', 'grammar'],
    why: 'the tree is made from text alone',
  },
  {
    name: 'format',
    at: ['src/compiler/format/'],
    imports: ['diagnostics', 'syntax', 'grammar'],
    why: 'a layout is made from the syntax alone, of files whose names mean nothing yet too',
  },
  {
    name: 'check',
    at: ['src/compiler/check/'],
    imports: ['shared', 'diagnostics', 'syntax', 'ops', 'std'],
    types: ['grammar'],
    why: 'names and types are checked before a graph exists',
  },
  {
    name: 'elaborate',
    at: ['src/compiler/elaborate/'],
    imports: ['shared', 'diagnostics', 'syntax', 'check', 'ops', 'ir', 'std'],
    why: 'it makes the graph; what becomes of it is for passes and backends',
  },
  {
    name: 'passes',
    at: ['src/compiler/passes/'],
    imports: ['shared', 'diagnostics', 'ops', 'ir'],
    why: 'a pass maps IR to IR and knows neither the language nor a target',
  },
  ...['onnx', 'wgsl', 'typescript', 'reference', 'wasm'].map(backend),
  {
    name: 'backend pytorch',
    at: ['src/compiler/backends/pytorch/'],
    imports: ['shared', 'diagnostics', 'syntax', 'check', 'ops', 'ir', 'elaborate'],
    why: 'it writes modules and bodies, which a graph no longer has; it knows neither a pass nor another backend',
  },
  {
    name: 'declarations of recipes',
    at: [
      'src/recipes/declarations.ts',
      'src/recipes/settings.ts',
      'src/recipes/image-classification/declaration.ts',
      'src/recipes/tensors/declaration.ts',
      'src/recipes/text/declaration.ts',
      'src/recipes/chat/declaration.ts',
      'src/recipes/vision-language/declaration.ts',
      'src/recipes/vision-language/names.ts',
    ],
    imports: ['shared'],
    why: 'the compiler checks files against them, without the runtime',
  },
  {
    name: 'vision-language',
    at: ['src/recipes/vision-language/'],
    imports: ['shared', 'runtime', 'recipes', 'declarations of recipes'],
    why: 'what knows TinyGPT-V and its tasks is reached through the registry of recipes, and by programs that ask for it',
  },
  {
    name: 'recipes',
    at: ['src/recipes/'],
    imports: ['shared', 'runtime', 'declarations of recipes', 'vision-language'],
    why: 'a recipe stands between data and a session; it knows a compiled model and never how one is compiled',
  },
  {
    name: 'package',
    at: ['src/package/'],
    imports: ['runtime', 'recipes', 'vision-language'],
    why: 'an entry of the package joins what programs import by one name',
  },
  {
    name: 'lsp',
    at: ['src/compiler/lsp/'],
    imports: [...ANY, 'compiler', 'declarations of recipes'],
    why: 'the language server asks every phase, in a page too',
  },
  {
    name: 'onnx import',
    at: ['src/compiler/onnx-import/'],
    imports: [...ANY, 'runtime'],
    why: 'it writes a program from a file that the runtime reads; no target and no command is a part of it',
  },
  {
    name: 'workbench',
    at: ['src/compiler/workbench/'],
    imports: [...ANY, 'compiler', 'view', 'targets', 'onnx import', 'runtime', 'recipes', 'declarations of recipes'],
    why: 'it joins compiler, runtime and files, for the command line and for programs that have none',
  },
  {
    name: 'view',
    at: ['src/compiler/view/'],
    imports: ANY,
    why: 'it says what a model is, for a page and for the command line',
  },
  { name: 'viewer', at: ['src/viewer/'], imports: ['shared'], why: 'it shows what it is given, in any page' },
  {
    name: 'cli',
    at: ['src/compiler/cli/'],
    imports: [
      ...ANY,
      'compiler',
      'view',
      'lsp',
      'targets',
      'workbench',
      'runtime',
      'recipes',
      'declarations of recipes',
    ],
    why: 'the command line drives everything',
  },
  {
    name: 'targets',
    at: ['src/compiler/targets/'],
    imports: [...ANY, 'compiler'],
    types: ['runtime'],
    why: 'a target is compiled in a page and opened by a host, so it knows what it opens by its types',
  },
  {
    name: 'compiler',
    at: ['src/compiler/'],
    imports: [...ANY, 'targets', 'declarations of recipes'],
    why: 'the pipeline joins the phases, without a Node API',
  },
  { name: 'runtime', at: ['src/runtime/'], imports: ['shared'], why: 'it ships alone, without the compiler' },
];

/** Files that may import `node:` modules; everything else runs in a browser too. */
const NODE =
  /^(src\/compiler\/(cli|workbench)\/|src\/runtime\/index\.ts$|scripts\/|test\/|bench\/|examples\/|[^/]*$)|\.node\.ts$/;

/** Folders that are scanned. Those outside the layers may import anything; only cycles count there. */
const FOLDERS = ['grammar', 'src', 'scripts', 'test', 'bench'];

/** Every import and re-export of a module, comments and strings left aside. */
export function importsOf(text: string): readonly Import[] {
  const blank = (comment: string): string => comment.replace(/[^\n]/g, ' ');
  const code = text.replace(/\/\*[\s\S]*?\*\//g, blank).replace(/(?<=^|\s)\/\/.*$/gm, blank);
  const lineAt = (index: number): number => code.slice(0, index).split('\n').length;
  const found: Import[] = [];
  for (const m of code.matchAll(/^(?:import|export)\s+(type\s+)?([^;'"`]*?\bfrom\s+)?(['"])([^'"\n]+)\3/gm)) {
    const names = (m[2] ?? '').trim();
    if (m[0].startsWith('export') && !names) continue;
    const braces = /^\{([^}]*)\}\s*from$/.exec(names);
    const inlineTypes = braces?.[1]?.split(',').filter((n) => n.trim() !== '') ?? [];
    const allTypes = inlineTypes.length > 0 && inlineTypes.every((name) => /^\s*type\s/.test(name));
    found.push({ line: lineAt(m.index), specifier: m[4]!, typeOnly: m[1] !== undefined || allTypes, dynamic: false });
  }
  // `await import('…')` runs, the type `import('…').X` is erased
  for (const m of code.matchAll(/(await\s+|=>\s*)?\bimport\(\s*(['"])([^'"\n]+)\2\s*\)/g)) {
    found.push({ line: lineAt(m.index), specifier: m[3]!, typeOnly: m[1] === undefined, dynamic: true });
  }
  return found;
}

function sourcesUnder(root: string, folder: string): string[] {
  const path = join(root, folder);
  if (!existsSync(path)) return [];
  return readdirSync(path, { withFileTypes: true }).flatMap((entry) => {
    const child = posix.join(folder, entry.name);
    if (entry.isDirectory())
      return entry.name === 'node_modules' || entry.name === 'fixtures' ? [] : sourcesUnder(root, child);
    return /\.(ts|mts|mjs)$/.test(entry.name) && !entry.name.endsWith('.d.ts') ? [child] : [];
  });
}

const layerOf = (file: string): Layer | undefined => LAYERS.find((l) => l.at.some((prefix) => file.startsWith(prefix)));

function judge(file: string, { specifier, typeOnly, line }: Import, target: string | undefined): Violation[] {
  const at = { file, line, imported: specifier };
  const layer = layerOf(file);
  if (specifier.startsWith('node:')) {
    if (NODE.test(file)) return [];
    const rule =
      'only src/compiler/cli, src/compiler/workbench, *.node.ts, src/runtime/index.ts, scripts, test and bench import node: modules';
    return [{ ...at, rule, why: 'the compiler core and the runtime also run in a browser' }];
  }
  if (!layer || target === undefined) return [];
  const other = layerOf(target);
  if (!other) {
    return [{ ...at, rule: `${layer.name} imports nothing outside grammar and src`, why: layer.why }];
  }
  if (other === layer || layer.imports.includes(other.name)) return [];
  if (layer.types?.includes(other.name)) {
    if (typeOnly) return [];
    return [
      { ...at, rule: `${layer.name} imports only types of ${other.name} (write \`import type\`)`, why: layer.why },
    ];
  }
  const allowed =
    layer.imports.length > 0 ? `imports only ${layer.imports.join(', ')}` : 'imports nothing outside itself';
  return [{ ...at, rule: `${layer.name} ${allowed}, and never ${other.name}`, why: layer.why }];
}

/** Strongly connected components of more than one module (Tarjan), or a module that imports itself; one path each. */
function cyclesIn(graph: ReadonlyMap<string, readonly string[]>): readonly (readonly string[])[] {
  const cycles: string[][] = [];
  const state = new Map<string, { index: number; low: number; open: boolean }>();
  const stack: string[] = [];
  const visit = (file: string): { index: number; low: number; open: boolean } => {
    const here = { index: state.size, low: state.size, open: true };
    state.set(file, here);
    stack.push(file);
    for (const next of graph.get(file) ?? []) {
      const there = state.get(next);
      if (!there) here.low = Math.min(here.low, visit(next).low);
      else if (there.open) here.low = Math.min(here.low, there.index);
    }
    if (here.low === here.index) {
      const members = stack.splice(stack.indexOf(file));
      for (const member of members) state.get(member)!.open = false;
      if (members.length > 1 || graph.get(file)?.includes(file))
        cycles.push(pathThrough(graph, file, new Set(members)));
    }
    return here;
  };
  for (const file of [...graph.keys()].sort()) if (!state.has(file)) visit(file);
  return cycles;
}

/** A shortest way from a module back to itself inside its component. */
function pathThrough(
  graph: ReadonlyMap<string, readonly string[]>,
  from: string,
  members: ReadonlySet<string>,
): string[] {
  const queue: string[][] = [[from]];
  const seen = new Set<string>();
  for (let path = queue.shift(); path; path = queue.shift()) {
    for (const next of graph.get(path.at(-1)!) ?? []) {
      if (next === from) return [...path, from];
      if (!members.has(next) || seen.has(next)) continue;
      seen.add(next);
      queue.push([...path, next]);
    }
  }
  return [from];
}

/** Checks the project at `root`; returns the violations in file order, and the cycles after them. */
export function checkLayers(root: string): readonly Violation[] {
  const files = FOLDERS.flatMap((folder) => sourcesUnder(root, folder)).sort();
  const violations: Violation[] = [];
  const graph = new Map<string, string[]>();
  for (const file of files) {
    const imports: string[] = [];
    for (const found of importsOf(readFileSync(join(root, file), 'utf8'))) {
      const local = found.specifier.startsWith('.');
      const target = local
        ? relative(root, resolve(root, dirname(file), found.specifier))
            .split(sep)
            .join('/')
        : undefined;
      violations.push(...judge(file, found, target));
      // what is imported when it is needed comes after everything has loaded
      if (target !== undefined && (found.typeOnly || !found.dynamic)) imports.push(target);
    }
    graph.set(file, imports);
  }
  for (const cycle of cyclesIn(graph)) {
    violations.push({
      file: cycle[0]!,
      line: 1,
      imported: cycle.slice(1).join(' → '),
      rule: 'no modules import each other in a circle, nor types of each other',
      why: 'none of them could be read, tested or moved without the others',
    });
  }
  return violations;
}

export function formatViolation({ file, line, imported, rule, why }: Violation): string {
  return `${file}:${line} imports ${imported}\n    ${rule}: ${why}`;
}

if (process.argv[1] && import.meta.url === pathToFileURL(process.argv[1]).href) {
  const violations = checkLayers(resolve(process.argv[2] ?? fileURLToPath(new URL('..', import.meta.url))));
  for (const violation of violations) console.log(formatViolation(violation));
  console.log(violations.length === 0 ? 'imports run one way' : `${violations.length} violations`);
  process.exitCode = violations.length === 0 ? 0 : 1;
}
