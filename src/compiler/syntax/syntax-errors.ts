/**
 * Syntax errors as people expect them: one for each mistake.
 *
 * A parser that recovers guesses, and a wrong guess makes more errors. So when a file does not parse, each top-level
 * declaration (a keyword in the first column starts one) is parsed on its own, and within one an error counts only if
 * the parser was back on its feet: it had read a few tokens of another line since the one before.
 */
import { EOF, type IRecognitionException, type IToken, type TokenType } from 'chevrotain';
import { parser, recoveringParser } from '../../../grammar/parser.ts';
import * as t from '../../../grammar/tokens.ts';
import { diagnose } from '../diagnostics/catalogue.ts';
import { type DiagnosticBag, type Label, MAX_DIAGNOSTICS } from '../diagnostics/diagnostic.ts';
import type { SourceFile, Span } from '../diagnostics/span.ts';

/** Tokens that must have been read between two errors for the second to count. */
const SETTLED = 6;
/** Reserved words used as names that are put right and read past, in one declaration. */
const MAX_RENAMES = 20;
/** Tokens read again for them: a long declaration gets fewer. */
const MAX_REREAD = 100_000;

const STARTS = new Set<TokenType>([
  t.Import,
  t.Flag,
  t.Config,
  t.Fn,
  t.Module,
  t.Model,
  t.Adapter,
  t.Adapt,
  t.Quantise,
  t.Stage,
  t.Recipe,
]);

/** A top-level declaration's tokens, and the token after them, if any. */
export interface Chunk {
  readonly tokens: IToken[];
  readonly next: IToken | undefined;
}

/** Reports what keeps the tokens of a file from parsing, but on `spoilt` lines, which have an error; says whether anything does. */
export function reportSyntaxErrors(
  tokens: readonly IToken[],
  source: SourceFile,
  bag: DiagnosticBag,
  spoilt: ReadonlySet<number>,
): boolean {
  let found = false;
  for (const chunk of chunksOf(tokens)) {
    if (bag.size >= MAX_DIAGNOSTICS) return true;
    found = reportChunk(chunk, source, bag, spoilt) || found;
  }
  if (found) return true;
  return reportChunk({ tokens: [...tokens], next: undefined }, source, bag, spoilt);
}

/** The top-level declarations of a file that does not parse, each with what is below it. */
export function chunksOf(tokens: readonly IToken[]): Chunk[] {
  const starts = [0];
  tokens.forEach((token, index) => {
    if (token.startColumn !== 1 || !STARTS.has(token.tokenType) || tokens[index + 1]?.tokenType === t.Equal) return;
    let start = index;
    while (tokens[start - 1]?.tokenType === t.DocComment) start--;
    if (start > 0) starts.push(start);
  });
  return starts.map((start, index) => ({
    tokens: tokens.slice(start, starts[index + 1]),
    next: tokens[starts[index + 1] ?? tokens.length],
  }));
}

function reportChunk(
  { tokens, next }: Chunk,
  source: SourceFile,
  bag: DiagnosticBag,
  spoilt: ReadonlySet<number>,
): boolean {
  const renamed = new Set<string>();
  let errors: IRecognitionException[] = [];
  const attempts = Math.min(MAX_RENAMES, 2 + MAX_REREAD / tokens.length);
  for (let attempt = 0; attempt < attempts; attempt++) {
    errors = parser.parse(tokens).errors;
    const [first] = errors;
    const at = first && isReservedName(first, tokens) ? tokens.indexOf(first.token) : -1;
    if (at < 0) break;
    const token = tokens[at]!;
    if (!renamed.has(token.image)) bag.add(diagnose('reserved_word', { word: token.image }, spanOf(token, source)));
    renamed.add(token.image);
    tokens[at] = { ...token, tokenType: t.Identifier, tokenTypeIdx: t.Identifier.tokenTypeIdx! };
  }
  if (renamed.size > 0) return true;
  if (errors.length === 0) return false;
  const more = recoveringParser().parse(tokens).errors;
  const settled = settledErrors(more.length > 0 ? more : errors, tokens);
  for (const error of settled)
    if (!spoilt.has(error.token.startLine ?? 0)) report(error, { tokens, next }, source, bag);
  return true;
}

/** A reserved word where a name belongs: `let in = x`, or a member `train = …`. */
function isReservedName({ token, message, context }: IRecognitionException, tokens: readonly IToken[]): boolean {
  if (!t.RESERVED_WORDS.has(token.image)) return false;
  const index = tokens.indexOf(token);
  const assigned = tokens[index + 1]?.tokenType === t.Equal || tokens[index + 1]?.tokenType === t.Colon;
  const statement = token.tokenType === t.If || token.tokenType === t.For; // where a value belongs
  if (statement && !assigned && context.ruleStack.at(-1) === 'primary') return false;
  const startsLine = tokens[index - 1]?.endLine !== token.startLine;
  return assigned || (message.includes('a name') && !startsLine);
}

function settledErrors(errors: readonly IRecognitionException[], tokens: readonly IToken[]): IRecognitionException[] {
  const index = new Map(tokens.map((token, at) => [token, at]));
  const settled: IRecognitionException[] = [];
  let resumed = -1;
  let line = -1;
  for (const error of errors) {
    const at = index.get(error.token) ?? tokens.length;
    const apart = at - resumed >= SETTLED && error.token.startLine !== line;
    if (settled.length === 0 || apart) settled.push(error);
    resumed = Math.max(resumed, at + error.resyncedTokens.length);
    line = (error.resyncedTokens.at(-1) ?? error.token).endLine ?? line;
  }
  return settled;
}

function report(error: IRecognitionException, { tokens, next }: Chunk, source: SourceFile, bag: DiagnosticBag): void {
  const atEnd = error.token.tokenType === EOF;
  const token = atEnd ? (next ?? error.token) : error.token;
  const index = atEnd ? tokens.length : tokens.indexOf(error.token);
  const before = tokens[index - 1];
  const rule = error.context.ruleStack.at(-1) ?? 'file';
  const found =
    token.tokenType === EOF
      ? 'the end of the file'
      : `'${token.image.length > 40 ? `${token.image.slice(0, 40)}…` : token.image}'`;
  const expected = expectedOf(error, rule);
  const secondary: Label[] = [];
  const open =
    /^'[)\]}]'$|or '}'$/.test(expected) && (atEnd || expected !== MEMBER)
      ? innermostOpen(tokens.slice(0, index))
      : undefined;
  if (open) secondary.push({ span: spanOf(open, source), message: `this '${open.image}' is still open` });
  if (before && before !== open) secondary.push({ span: spanOf(before, source), message: 'after this' });
  const quotient = open && before && inComment(source.text, before, open);
  const notes = quotient ? [QUOTIENT] : hints(token, before, rule, lineUpTo(tokens, index));
  const at = spanOf(token, source);
  bag.add(diagnose('syntax', { found, rule: RULE_NAMES[rule] ?? 'a declaration', expected }, at, { notes, secondary }));
}

const QUOTIENT = '`//` begins a comment: a quotient is `8 / 2`, which is an int where it is whole, or `int(a / b)`';

/** Whether what would close the bracket stands in a comment behind the token: `Linear(8 // 2, 3)`. */
function inComment(text: string, { endOffset = 0 }: IToken, { image }: IToken): boolean {
  const [rest = ''] = text.slice(endOffset + 1).split('\n', 1);
  return /^\s*\/\/\s*[\w(]/.test(rest) && rest.includes(image === '[' ? ']' : ')');
}

/** What people bring along from other languages. */
function hints(token: IToken, before: IToken | undefined, rule: string, line: ReadonlySet<string>): string[] {
  if (token.tokenType === t.Equal && before?.tokenType === t.Equal) return [];
  if (token.tokenType === t.Equal && before && /^[-+*/%@|]$/.test(before.image))
    return [`a name gets a new value by \`x = x ${before.image} …\`; there is no \`${before.image}=\``];
  const choice = choiceHint(token, before, line);
  if (choice) return [choice];
  if (token.image === 'from' || rule.startsWith('import'))
    return [
      'names come from the standard library or a file: `import { Linear } from "std"`, `import { A } from "./a.mdl"`',
    ];
  if (line.has('lambda')) return ['a function has a name of its own: `fn twice(x) { x + x }` beside the modules'];
  if (line.has('elif')) return ['write `else if`'];
  if (token.image === 'is' || line.has('is')) return ['write `==`: `x == none`'];
  if (rule.startsWith('index') && /^([<>]|[=!<>]=)$/.test(token.image))
    return ['sizes are fixed, so an index is no condition: `where(x > 0.0, x, 0.0)` keeps the elements where it holds'];
  if (token.tokenType === t.Pipe && before?.tokenType === t.Pipe) return ['write `or`'];
  if (token.image === 'def' || token.image === 'class' || token.image === 'function')
    return ['a module is declared with `module Name(…) { … }`, a function with `fn name(…) { … }`'];
  if (token.image === 'return') return ['the last expression of a body is its value; there is no return'];
  if (before?.image === 'return') return ['the last expression of a body is its value; there is no return'];
  return [];
}

/** Of `a if c else b`, and of an `if` or a `for` where a value belongs. */
function choiceHint(token: IToken, before: IToken | undefined, line: ReadonlySet<string>): string | undefined {
  if (!before || (line.has('for') && token.tokenType !== t.For)) return undefined; // the condition of a comprehension
  const follows = VALUE_FOLLOWS.test(before.image);
  const python = token.tokenType === t.If && before.endLine === token.startLine && !follows;
  const statement = token.tokenType === t.Else && before.tokenType !== t.RBrace && line.has('if');
  if (python || statement) return 'a choice of two values is written `a when c else b`; there is no `a if c else b`';
  if (!follows) return undefined;
  if (token.tokenType === t.If)
    return '`if` chooses between statements: a value is chosen by `let v = a when c else b`, or changed below `let v = b` by `if c { v = a }`';
  if (token.tokenType === t.For)
    return '`for` repeats statements: write `[f(x) for x in xs]` for a list, or change a name in a loop: `for x in xs { v = v + x }`';
  return undefined;
}

const VALUE_FOLLOWS = /^([-+*/%@,([=<>]|[=!<>]=|\*\*|\|>|and|or|not|when)$/;

/** The words from the start of a line to a token of it. */
function lineUpTo(tokens: readonly IToken[], index: number): ReadonlySet<string> {
  const words = new Set<string>();
  const line = (tokens[index] ?? tokens.at(-1))?.startLine;
  for (let at = Math.min(index, tokens.length - 1); at >= 0 && tokens[at]!.startLine === line; at--)
    words.add(tokens[at]!.image);
  return words;
}

function innermostOpen(tokens: readonly IToken[]): IToken | undefined {
  const open: IToken[] = [];
  for (const token of tokens) {
    if (/^[([{]$/.test(token.image)) open.push(token);
    else if (/^[)\]}]$/.test(token.image)) open.pop();
  }
  return open.at(-1);
}

export function spanOf(token: IToken, source: SourceFile): Span {
  if (token.tokenType === EOF || Number.isNaN(token.startOffset)) {
    return { source, start: source.text.length, end: source.text.length };
  }
  return { source, start: token.startOffset, end: (token.endOffset ?? token.startOffset) + 1 };
}

const MEMBER = "a member (let, param, buffer, forward, fn, entry, merge or `name = …`) or '}'";
const STATEMENT = "a statement or '}'";
const DECLARATION = 'a declaration (import, flag, config, fn, module, model, adapter, adapt, stage, recipe or layout)';

/** What could have stood there, where the list of tokens says less. */
const EXPECTED: Readonly<Record<string, string>> = {
  file: DECLARATION,
  declaration: DECLARATION,
  member: MEMBER,
  moduleBody: MEMBER,
  statement: STATEMENT,
  block: STATEMENT,
  configRecord: "a field or '}'",
  stageDeclaration: "a clause or '}'",
  stageClause: "a clause or '}'",
  recipeDeclaration: "a setting or '}'",
  layoutDeclaration: "a rule, a clause or '}'",
  layoutClause: "a rule, a clause or '}'",
  primary: 'an expression',
};

/** `'='`, `'(' or '->'`: the first few tokens that could have stood there, from Chevrotain's message. */
function expectedOf(error: IRecognitionException, rule: string): string {
  if (Object.hasOwn(EXPECTED, rule)) return EXPECTED[rule]!;
  const single =
    /^Expecting token of type --> (.+?) <--/.exec(error.message) ?? /^Expecting --> (.+?) <--/.exec(error.message);
  if (single) return single[1]!;
  const firsts = [...error.message.matchAll(/(?:\d+\. \[|<\[)((?:'[^']*'|[^,\]])+)/g)].map((match) => match[1]!.trim());
  const distinct = [...new Set(firsts)];
  if (['a number', 'a string'].every((word) => distinct.includes(word))) return 'an expression';
  if (distinct.length === 0) return 'something else';
  const shown = distinct.slice(0, 6);
  return shown.length === 1 ? shown[0]! : `${shown.slice(0, -1).join(', ')} or ${shown.at(-1)}`;
}

/** What people call the rules of the grammar. */
const RULE_NAMES: Readonly<Record<string, string>> = {
  importDeclaration: 'an import',
  importName: 'an import',
  flagDeclaration: 'a flag',
  configDeclaration: 'a config',
  configRecord: 'a config',
  configField: 'a config field',
  functionDeclaration: 'a function',
  moduleDeclaration: 'a module',
  modelDeclaration: 'a model',
  adapterDeclaration: 'an adapter',
  adaptDeclaration: 'an adapt',
  quantiseDeclaration: 'a quantise',
  moduleBody: "a module's body",
  member: "a module's body",
  letMember: 'a let',
  submoduleMember: 'a submodule',
  paramMember: 'a parameter',
  bufferMember: 'a buffer',
  keyClause: 'a key',
  forwardMember: 'forward',
  entryMember: 'an entry',
  mergeMember: 'a merge',
  signature: 'a signature',
  parameters: 'a parameter list',
  parameter: 'a parameter list',
  resultType: 'a result type',
  namedType: 'a result type',
  tensorType: 'a type',
  dimensions: 'the dimensions of a type',
  dimension: 'the dimensions of a type',
  stageClause: 'a stage',
  stageDeclaration: 'a stage',
  recipeDeclaration: 'a recipe',
  recipeSetting: 'a recipe',
  layoutDeclaration: 'a layout',
  layoutClause: 'a layout',
  layoutRule: 'a rule of a layout',
  layoutOperand: 'a layout',
  pathPattern: 'a path pattern',
  pathSegment: 'a path pattern',
  pathPiece: 'a path pattern',
  pathAlternatives: 'a path pattern',
  pathIndex: 'a path pattern',
  block: 'a body',
  statement: 'a body',
  letStatement: 'a let',
  assignStatement: 'an assignment',
  updateStatement: 'an update',
  forStatement: 'a loop',
  ifStatement: 'an if',
  expression: 'an expression',
  arguments: 'a call',
  argument: 'a call',
  index: 'an index',
  indexItem: 'an index',
  primary: 'an expression',
  list: 'a list',
  parenthesised: 'parentheses',
};
