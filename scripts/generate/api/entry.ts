/** What the page of an entry point says of one export. */
import { type ExportedDeclarations, type JSDoc, type JSDocableNode, Node, SyntaxKind } from 'ts-morph';

export type MemberKind = 'function' | 'class' | 'constant' | 'type';

type Documented = Node & JSDocableNode;

export function kindOf(declaration: ExportedDeclarations): MemberKind {
  if (Node.isFunctionDeclaration(declaration)) return 'function';
  if (Node.isClassDeclaration(declaration)) return 'class';
  if (Node.isVariableDeclaration(declaration))
    return Node.isArrowFunction(declaration.getInitializer()) ? 'function' : 'constant';
  return 'type';
}

/** Where the comment of an export stands. */
function commented(declaration: Node): Documented | undefined {
  if (Node.isVariableDeclaration(declaration)) return declaration.getVariableStatement();
  return Node.isJSDocable(declaration) ? declaration : undefined;
}

/** Types explain themselves by their fields; what is called or created has to say what it does. */
export function isDocumented(declaration: ExportedDeclarations): boolean {
  if (kindOf(declaration) === 'type') return true;
  return (commented(declaration)?.getJsDocs() ?? []).length > 0 || ofFile(declaration) !== undefined;
}

export function entryText(name: string, declaration: ExportedDeclarations): string[] {
  const docs = commented(declaration)?.getJsDocs() ?? [];
  const said = docs.length > 0 ? docText(docs) : (ofFile(declaration) ?? []).flatMap((text) => ['', text]);
  return [...code(signatureOf(name, declaration)), ...said];
}

/** A class is often all of its file, whose head then says what it is. */
function ofFile(declaration: Node): string[] | undefined {
  if (!Node.isClassDeclaration(declaration)) return undefined;
  const head = headComment(declaration.getSourceFile());
  return head === undefined ? undefined : [head];
}

/** The comment at the head of a file, as Markdown: what is indented there is code. */
export function headComment(file: Node): string | undefined {
  const head = /^\s*\/\*\*([\s\S]*?)\*\//.exec(file.getFullText())?.[1];
  return head
    ?.replaceAll(/^[ \t]*\* ?/gm, '')
    .replaceAll(/^ {2,3}(?=\S)/gm, '    ')
    .trim();
}

const code = (text: string): string[] => ['```ts', ...text.split('\n'), '```'];

function signatureOf(name: string, declaration: ExportedDeclarations): string {
  if (Node.isFunctionDeclaration(declaration)) return headOf(declaration, declaration.getBody());
  if (Node.isClassDeclaration(declaration)) return classText(declaration);
  if (Node.isVariableDeclaration(declaration)) return `const ${name}: ${shortType(declaration)};`;
  return plain(declaration.getText().replace(/^export /, ''));
}

/** A declaration up to its body. */
function headOf(declaration: Node, body: Node | undefined): string {
  const end = body ? body.getStart() : declaration.getEnd();
  const from = declaration.getStart();
  let text = declaration.getSourceFile().getFullText().slice(from, end);
  const taken = declaration.getDescendantsOfKind(SyntaxKind.Parameter).filter((one) => one.getEnd() <= end);
  for (const parameter of taken.toReversed()) {
    // what a body takes apart is one thing to the caller
    const pattern = parameter.getNameNode();
    if (Node.isIdentifier(pattern)) continue;
    const type = parameter.getTypeNode()?.getText() ?? '';
    const name = /^[A-Z]\w*$/.test(type) ? type[0]!.toLowerCase() + type.slice(1) : 'options';
    text = text.slice(0, pattern.getStart() - from) + name + text.slice(pattern.getEnd() - from);
  }
  return plain(text.replace(/^export /, '').trimEnd()).replace(/;?$/, ';');
}

function shortType(declaration: Node): string {
  const text = declaration.getType().getText(declaration);
  return text.length > 240 ? `${text.slice(0, 240)} …` : text;
}

/** A class with its public members, their comments and no bodies. */
function classText(declaration: Extract<ExportedDeclarations, { getKindName(): string }> & Node): string {
  if (!Node.isClassDeclaration(declaration)) throw new Error('not a class');
  const members = declaration.getMembers().flatMap((member) => {
    if (Node.isScoped(member) && member.getScope() !== 'public') return [];
    if (Node.isPropertyDeclaration(member) && member.getName().startsWith('#')) return [];
    if (Node.isClassStaticBlockDeclaration(member)) return [];
    const comment = Node.isJSDocable(member)
      ? member.getJsDocs().map((doc) => doc.getText().replaceAll(/\n\s*\*/g, '\n *'))
      : [];
    const body = Node.isBodyable(member) || Node.isConstructorDeclaration(member) ? member.getBody() : undefined;
    return [[...comment, memberHead(member, body)].join('\n')];
  });
  const heritage = declaration.getExtends() ? ` extends ${declaration.getExtends()!.getText()}` : '';
  const body = members.map((text) => indent(plain(text))).join('\n');
  return `class ${declaration.getName()}${heritage} {\n${body}\n}`;
}

function memberHead(member: Node, body: Node | undefined): string {
  if (Node.isPropertyDeclaration(member)) {
    const type = member.getTypeNode()?.getText() ?? member.getType().getText(member);
    return `${member.isReadonly() ? 'readonly ' : ''}${member.getName()}${member.hasQuestionToken() ? '?' : ''}: ${type};`;
  }
  return headOf(member, body);
}

const indent = (text: string): string => text.replaceAll(/^(?=.)/gm, '  ');

/** Members of classes and interfaces are indented where they stand; the page begins each at the margin. */
function plain(text: string): string {
  const rest = text
    .split('\n')
    .slice(1)
    .filter((line) => line.trim() !== '');
  const margin = Math.min(...rest.map((line) => /^ */.exec(line)![0].length), Number.POSITIVE_INFINITY);
  const last = rest.at(-1);
  const cut = last !== undefined && /^\s*[})\]]|^\s*\*\//.test(last) && Number.isFinite(margin) ? margin : 0;
  return text.replaceAll(new RegExp(`\n {${cut}}`, 'g'), '\n');
}

/** Comment and tags as Markdown. */
function docText(docs: readonly JSDoc[]): string[] {
  return docs.flatMap((doc) => {
    const tags = doc.getTags().map((tag) => {
      const text = (tag.getCommentText() ?? '').trim().replaceAll(/\s*\n\s*/g, ' ');
      const subject = Node.isJSDocParameterTag(tag) ? ` \`${tag.getName()}\`` : '';
      return `- ${tag.getTagName()}${subject}${text === '' ? '' : `: ${text}`}`;
    });
    const description = doc.getDescription().trim();
    return [...(description === '' ? [] : ['', description]), ...(tags.length === 0 ? [] : ['', ...tags])];
  });
}
