/** docs/ops.md: every operator with its operands, attributes, meaning and traits, from the op records. */
import { dirname, join } from 'node:path';
import { Node, Project } from 'ts-morph';
import type { Generator } from './files.ts';

const ATTRIBUTES = 'src/compiler/ops/attributes.ts';

/** What the page needs of an op record. */
export interface DocumentedOp {
  readonly name: string;
  readonly doc: string;
  readonly operands: readonly { readonly name: string; readonly optional?: true; readonly variadic?: true }[];
  readonly traits: Readonly<object>;
}

/** One op of the attribute list: its comment (without the stars) and its attributes as TypeScript writes them. */
export interface AttributeDoc {
  readonly comment: string;
  readonly attributes: readonly { readonly name: string; readonly type: string }[];
}

/** The families of `OpTable`, in its order, each declared in the file that it is imported from; types are only there in their text. */
export function readAttributes(path: string): ReadonlyMap<string, AttributeDoc> {
  const project = new Project({ useInMemoryFileSystem: false, skipAddingFilesFromTsConfig: true });
  const source = project.addSourceFileAtPath(path);
  const members = source
    .getInterfaceOrThrow('OpTable')
    .getExtends()
    .map((family) => family.getText())
    .flatMap((family) => {
      const declared = source
        .getImportDeclarations()
        .find((line) => line.getNamedImports().some((name) => name.getName() === family));
      if (!declared) throw new Error(`${path} imports no ${family}`);
      const file = project.addSourceFileAtPath(join(dirname(path), declared.getModuleSpecifierValue()));
      return file.getInterfaceOrThrow(family).getProperties();
    });
  return new Map(
    members.map((member) => {
      const comment = member.getJsDocs().map((doc) => doc.getDescription().trim().replaceAll(/\s+/g, ' '));
      const declaration = member.getTypeNodeOrThrow();
      const literal = Node.isTypeReference(declaration) ? declaration.getTypeArguments()[1] : undefined;
      const attributes = Node.isTypeLiteral(literal) ? literal.getProperties() : [];
      return [
        member.getName(),
        {
          comment: comment.join(' '),
          attributes: attributes.map((a) => ({ name: a.getName(), type: a.getTypeNodeOrThrow().getText() })),
        },
      ];
    }),
  );
}

function signature({ name, operands }: DocumentedOp): string {
  const list = operands.map((o) => `${o.variadic ? '...' : ''}${o.name}${o.optional ? '?' : ''}`);
  return `${name}(${list.join(', ')})`;
}

export function opsPage(ops: readonly DocumentedOp[], attributes: ReadonlyMap<string, AttributeDoc>): string {
  const sections = ops.map((op) => {
    const { comment = '', attributes: list = [] } = attributes.get(op.name) ?? {};
    const traits = Object.keys(op.traits);
    return [
      `## ${op.name}\n`,
      `\`${signature(op)}\`\n`,
      `${op.doc.trim()}\n`,
      ...(comment === '' ? [] : [`${comment}\n`]),
      ...(list.length === 0
        ? []
        : [`${list.map((a) => `- \`${a.name}\`: \`${a.type.replaceAll('readonly ', '')}\``).join('\n')}\n`]),
      ...(traits.length === 0 ? [] : [`Traits: ${traits.join(', ')}\n`]),
    ].join('\n');
  });
  return [
    '<!-- generated from src/compiler/ops by scripts/generate.ts; do not edit, run `npm run generate` -->\n# Operators\n',
    `The ${ops.length} operators of the graph IR. \`?\` marks operands that may be left out, \`...\` one that repeats; attributes are fixed\nat compile time.\n`,
    ...sections,
  ].join('\n');
}

export const ops: Generator = {
  name: 'ops',
  inputs: ['src/compiler/ops/index.ts', ATTRIBUTES],
  async generate(root) {
    const { OPS } = await import('../../src/compiler/ops/index.ts');
    const attributes = readAttributes(join(root, ATTRIBUTES));
    const records: Readonly<Record<string, DocumentedOp>> = OPS;
    // in the order of the attribute list, which is by family
    const listed = [...attributes.keys()].flatMap((name) => records[name] ?? []);
    const missing = Object.keys(records).filter((name) => !attributes.has(name));
    if (missing.length > 0) throw new Error(`${ATTRIBUTES} lists no family of ${missing.join(', ')}`);
    return [{ path: 'docs/ops.md', text: opsPage(listed, attributes) }];
  },
};
