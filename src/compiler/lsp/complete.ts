/** What can stand at a place: members of an object, names in sight, names to import, patterns of paths. */
import { type CompletionItem, CompletionItemKind } from 'vscode-languageserver';
import { RESERVED_WORDS } from '../../../grammar/tokens.ts';
import { DECLARATIONS } from '../../recipes/declarations.ts';
import type { Definition, DefinitionKind } from '../check/binding.ts';
import { checkNames } from '../check/names.ts';
import { loadProgram, type SourceHost } from '../check/program.ts';
import { DiagnosticBag } from '../diagnostics/diagnostic.ts';
import { createSource } from '../diagnostics/span.ts';
import { BUILTINS } from '../elaborate/builtins/index.ts';
import { STD_FILES } from '../std/std.generated.ts';
import type { MemberExpression } from '../syntax/ast.ts';
import { parseFile } from '../syntax/parse.ts';
import { pathsAt } from './patterns.ts';
import { positionOf } from './places.ts';
import type { View } from './view.ts';
import { walk } from './walk.ts';

/** Stands for the name that is being typed, so that the text parses. */
const PLACEHOLDER = 'mdl_is_asked_for_this';

const KINDS: Partial<Record<DefinitionKind, CompletionItemKind>> = {
  module: CompletionItemKind.Class,
  model: CompletionItemKind.Class,
  adapter: CompletionItemKind.Class,
  function: CompletionItemKind.Function,
  flag: CompletionItemKind.EnumMember,
  'config field': CompletionItemKind.Property,
  argument: CompletionItemKind.Variable,
  let: CompletionItemKind.Variable,
  param: CompletionItemKind.Field,
  buffer: CompletionItemKind.Field,
  submodule: CompletionItemKind.Property,
  dimension: CompletionItemKind.TypeParameter,
};

export function complete(view: View, offset: number, host: SourceHost): CompletionItem[] {
  const text = view.now.text.slice(0, offset);
  const line = text.slice(text.lastIndexOf('\n') + 1);
  if (/^\s*\/\/|^[^"]*(?:"[^"]*"[^"]*)*\/\//.test(line)) return [];
  const paths = pathsAt(view.analysis.model, text);
  if (paths) return paths.map((label) => ({ label, kind: CompletionItemKind.Property }));
  if (/\bimport\s*\{[^}]*$/.test(text)) return imported(view, offset);
  if (/^\s*set\s+\w*$/.test(line)) return ofKind(view, ['flag']).map(itemOf);
  if (/\.\s*\w*$/.test(text) && !/\d\.\w*$/.test(text)) return members(view, offset, host);
  return [...inSight(view, offset), ...toImport(view), ...words()];
}

// ── members ───────────────────────────────────────────────────────────────────────────────────
/** What stands after the dot: the file is read with a name there. */
function members(view: View, offset: number, host: SourceHost): CompletionItem[] {
  const { text } = view.now;
  const end = offset + /^\w*/.exec(text.slice(offset))![0].length;
  const start = offset - /\w*$/.exec(text.slice(0, offset))![0].length;
  const patched = text.slice(0, start) + PLACEHOLDER + text.slice(end);
  const bag = new DiagnosticBag();
  const root = view.analysis.path;
  const program = loadProgram(root, { read: (path) => (path === view.path ? patched : host.read(path)) }, bag);
  const file = program?.files.get(view.path);
  if (!program || !file) return [];
  const names = checkNames(program, new Set(BUILTINS.keys()), new DiagnosticBag(), DECLARATIONS);
  let asked: MemberExpression | undefined;
  walk(file.syntax.declarations, (node) => {
    if (node.kind === 'member' && node.member.text === PLACEHOLDER) asked = node;
  });
  return asked ? names.membersOf(asked.object).map(itemOf) : [];
}

// ── names ─────────────────────────────────────────────────────────────────────────────────────
function inSight(view: View, offset: number): CompletionItem[] {
  const { syntax, names, analysis, path } = view;
  // inside of what was typed the nearest place before it tells where we are
  let before = view.toBefore(offset);
  for (let at = offset; before === undefined; at--) before = view.toBefore(at);
  const around = syntax.declarations.find(({ span }) => before >= span.start && before <= span.end);
  const local = names.definitionsIn(path).filter(({ kind, span }) => {
    if (kind === 'config field' || kind === 'import') return false;
    return around !== undefined && span.start >= around.span.start && span.end <= around.span.end;
  });
  const declared = [...analysis.program.files.get(path)!.names].flatMap(([name, { kind, declaration }]) =>
    name.startsWith('config ')
      ? []
      : [
          {
            label: name,
            kind: KINDS[kind as DefinitionKind] ?? CompletionItemKind.Class,
            documentation: declaration.doc,
          },
        ],
  );
  const fields = path === analysis.path ? ofKind(view, ['config field', 'flag']) : [];
  const builtins = [...BUILTINS.values()].map(
    ({ name, doc, parameters }): CompletionItem => ({
      label: name,
      kind: CompletionItemKind.Function,
      detail: `${name}(${parameters.join(', ')})`,
      documentation: doc,
      sortText: `2${name}`,
    }),
  );
  return distinct([...local.map(itemOf), ...declared, ...fields.map(itemOf), ...builtins]);
}

function ofKind(view: View, kinds: readonly DefinitionKind[]): Definition[] {
  const { program, names } = view.analysis;
  return [...program.files.keys()]
    .flatMap((path) => names.definitionsIn(path))
    .filter(({ kind }) => kinds.includes(kind));
}

function itemOf({ name, kind, doc }: Definition): CompletionItem {
  return {
    label: name,
    kind: KINDS[kind] ?? CompletionItemKind.Text,
    detail: kind,
    documentation: doc,
    sortText: `1${name}`,
  };
}

function distinct(items: readonly CompletionItem[]): CompletionItem[] {
  return [...new Map(items.map((item) => [item.label, item])).values()];
}

function words(): CompletionItem[] {
  return [...RESERVED_WORDS].map((label) => ({ label, kind: CompletionItemKind.Keyword, sortText: `4${label}` }));
}

// ── imports ───────────────────────────────────────────────────────────────────────────────────
let standard: readonly CompletionItem[] | undefined;

/** What std.mdl declares. */
function std(): readonly CompletionItem[] {
  const syntax = parseFile(createSource('std.mdl', STD_FILES['std.mdl'] ?? ''), new DiagnosticBag());
  standard ??= (syntax?.declarations ?? []).flatMap((declaration) => {
    if (!('name' in declaration)) return [];
    const kind = declaration.kind === 'function' ? CompletionItemKind.Function : CompletionItemKind.Class;
    return [{ label: declaration.name.text, kind, documentation: declaration.doc }];
  });
  return standard;
}

/** Names in the braces of an import: those of the file it names, or of std. */
function imported(view: View, offset: number): CompletionItem[] {
  const from = /^[^}]*\}\s*from\s*"([^"]*)"/.exec(view.now.text.slice(offset))?.[1] ?? 'std';
  if (from === 'std') return [...std()];
  const file = [...view.analysis.program.files.values()].find(({ source }) =>
    source.path.endsWith(from.replace(/^(\.\.?\/)+/, '')),
  );
  return (file?.syntax.declarations ?? []).flatMap((declaration) =>
    declaration.kind === 'module' || declaration.kind === 'function' || declaration.kind === 'adapter'
      ? [
          {
            label: declaration.name.text,
            kind: KINDS[declaration.kind] ?? CompletionItemKind.Class,
            documentation: declaration.doc,
          },
        ]
      : [],
  );
}

/** Names of std that the file does not import yet: taking one imports it. */
function toImport(view: View): CompletionItem[] {
  const known = view.analysis.program.files.get(view.path)!.names;
  const line = /^import \{([^}]*)\} from "std"/m.exec(view.now.text);
  return std().flatMap((item) => {
    if (known.has(item.label)) return [];
    const at = positionOf(view.now, line ? line.index + line[0].indexOf('}') : 0);
    const newText = line ? `${line[1]!.endsWith(' ') ? '' : ' '}` : `import { ${item.label} } from "std"\n`;
    const insert = line ? { line: at.line, character: at.character - (line[1]!.endsWith(' ') ? 1 : 0) } : at;
    return [
      {
        ...item,
        detail: 'import from "std"',
        sortText: `3${item.label}`,
        additionalTextEdits: [
          { range: { start: insert, end: insert }, newText: line ? `, ${item.label}${newText}` : newText },
        ],
      },
    ];
  });
}
