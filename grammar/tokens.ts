/**
 * The tokens of MDL.
 *
 * Words that only mean something in one place (`model`, `key`, `stage`, `cache`, …) are contextual: they are
 * also Identifiers, so a checkpoint may call a member `model` or `key`. The few reserved words are not.
 */
import { createToken, Lexer, type TokenType } from 'chevrotain';

export const Identifier = createToken({ name: 'Identifier', pattern: /[A-Za-z_][A-Za-z0-9_]*/, label: 'a name' });

const reserved = (word: string): TokenType =>
  createToken({ name: `Kw_${word}`, pattern: new RegExp(word), longer_alt: Identifier, label: `'${word}'` });
const contextual = (word: string): TokenType =>
  createToken({
    name: `Kw_${word}`,
    pattern: new RegExp(word),
    longer_alt: Identifier,
    categories: [Identifier],
    label: `'${word}'`,
  });

export const Let = reserved('let');
export const Param = reserved('param');
export const Buffer = reserved('buffer');
export const Forward = reserved('forward');
export const Fn = reserved('fn');
export const If = reserved('if');
export const Else = reserved('else');
export const For = reserved('for');
export const In = reserved('in');
export const When = reserved('when');
export const And = reserved('and');
export const Or = reserved('or');
export const Not = reserved('not');
export const True = reserved('true');
export const False = reserved('false');
export const None = reserved('none');
export const Import = reserved('import');
export const Module = reserved('module');

export const From = contextual('from');
export const As = contextual('as');
export const Flag = contextual('flag');
export const Config = contextual('config');
export const Extends = contextual('extends');
export const Model = contextual('model');
export const Adapter = contextual('adapter');
export const Adapt = contextual('adapt');
export const Quantise = contextual('quantise');
export const On = contextual('on');
export const With = contextual('with');
export const Stage = contextual('stage');
export const Recipe = contextual('recipe');
export const Layout = contextual('layout');
export const Overlay = contextual('overlay');
export const By = contextual('by');
export const Train = reserved('train');
export const SetWord = reserved('set');
export const NoDecay = contextual('no_decay');
export const Eval = contextual('eval');
export const Update = contextual('update');
export const Entry = contextual('entry');
export const Cache = contextual('cache');
export const Key = contextual('key');
export const Resample = contextual('resample');
export const Merge = contextual('merge');
export const Backward = contextual('backward');
export const Estimator = contextual('estimator');

export const FloatLiteral = createToken({
  name: 'FloatLiteral',
  pattern: /\d[\d_]*\.\d[\d_]*(?:[eE][+-]?\d+)?|\d[\d_]*[eE][+-]?\d+/,
  label: 'a number',
});
export const IntLiteral = createToken({ name: 'IntLiteral', pattern: /\d[\d_]*/, label: 'a number' });
export const StringLiteral = createToken({
  name: 'StringLiteral',
  pattern: /"(?:[^"\\\n\r]|\\["\\nrt])*"/,
  label: 'a string',
});

export const PipeGreater = createToken({ name: 'PipeGreater', pattern: /\|>/, label: "'|>'" });
export const Pipe = createToken({ name: 'Pipe', pattern: /\|/, label: "'|'" });
export const Arrow = createToken({ name: 'Arrow', pattern: /->/, label: "'->'" });
export const EqualEqual = createToken({ name: 'EqualEqual', pattern: /==/, label: "'=='" });
export const BangEqual = createToken({ name: 'BangEqual', pattern: /!=/, label: "'!='" });
export const LessEqual = createToken({ name: 'LessEqual', pattern: /<=/, label: "'<='" });
export const GreaterEqual = createToken({ name: 'GreaterEqual', pattern: />=/, label: "'>='" });
export const Less = createToken({ name: 'Less', pattern: /</, label: "'<'" });
export const Greater = createToken({ name: 'Greater', pattern: />/, label: "'>'" });
export const Equal = createToken({ name: 'Equal', pattern: /=/, label: "'='" });
export const StarStar = createToken({ name: 'StarStar', pattern: /\*\*/, label: "'**'" });
export const Star = createToken({ name: 'Star', pattern: /\*/, label: "'*'" });
export const Plus = createToken({ name: 'Plus', pattern: /\+/, label: "'+'" });
export const Minus = createToken({ name: 'Minus', pattern: /-/, label: "'-'" });
export const Slash = createToken({ name: 'Slash', pattern: /\//, label: "'/'" });
export const Percent = createToken({ name: 'Percent', pattern: /%/, label: "'%'" });
export const At = createToken({ name: 'At', pattern: /@/, label: "'@'" });
export const Ellipsis = createToken({ name: 'Ellipsis', pattern: /\.\.\./, label: "'...'" });
export const Dot = createToken({ name: 'Dot', pattern: /\./, label: "'.'" });
export const Comma = createToken({ name: 'Comma', pattern: /,/, label: "','" });
export const Colon = createToken({ name: 'Colon', pattern: /:/, label: "':'" });
export const LParen = createToken({ name: 'LParen', pattern: /\(/, label: "'('" });
export const RParen = createToken({ name: 'RParen', pattern: /\)/, label: "')'" });
export const LBracket = createToken({ name: 'LBracket', pattern: /\[/, label: "'['" });
export const RBracket = createToken({ name: 'RBracket', pattern: /\]/, label: "']'" });
export const LBrace = createToken({ name: 'LBrace', pattern: /\{/, label: "'{'" });
export const RBrace = createToken({ name: 'RBrace', pattern: /\}/, label: "'}'" });

export const DocComment = createToken({ name: 'DocComment', pattern: /\/\/\/[^\n\r]*/, label: 'a doc comment' });
const LineComment = createToken({ name: 'LineComment', pattern: /\/\/[^\n\r]*/, group: Lexer.SKIPPED });
const BlockComment = createToken({
  name: 'BlockComment',
  pattern: /\/\*[^*]*\*+(?:[^/*][^*]*\*+)*\//,
  group: Lexer.SKIPPED,
  line_breaks: true,
});
const WhiteSpace = createToken({
  name: 'WhiteSpace',
  pattern: /[ \t\r\n\uFEFF]+/,
  group: Lexer.SKIPPED,
  line_breaks: true,
});

/** Order matters: longer patterns before their prefixes, keywords before Identifier. */
export const TOKENS: TokenType[] = [
  WhiteSpace,
  DocComment,
  LineComment,
  BlockComment,
  // contextual words first where they are prefixes of others is harmless: longer_alt takes the whole word
  Let,
  Param,
  Buffer,
  Forward,
  Fn,
  If,
  Import,
  Else,
  For,
  In,
  When,
  And,
  Or,
  Not,
  True,
  False,
  None,
  Module,
  From,
  As,
  Flag,
  Config,
  Extends,
  Model,
  Adapter,
  Adapt,
  Quantise,
  On,
  With,
  Stage,
  Recipe,
  Layout,
  Overlay,
  By,
  Train,
  SetWord,
  NoDecay,
  Eval,
  Update,
  Entry,
  Cache,
  Key,
  Resample,
  Merge,
  Backward,
  Estimator,
  Identifier,
  FloatLiteral,
  IntLiteral,
  StringLiteral,
  PipeGreater,
  Pipe,
  Arrow,
  EqualEqual,
  BangEqual,
  LessEqual,
  GreaterEqual,
  Less,
  Greater,
  Equal,
  StarStar,
  Star,
  Plus,
  Minus,
  Slash,
  Percent,
  At,
  Ellipsis,
  Dot,
  Comma,
  Colon,
  LParen,
  RParen,
  LBracket,
  RBracket,
  LBrace,
  RBrace,
];

/** Words that cannot name anything. */
export const RESERVED_WORDS: ReadonlySet<string> = new Set([
  'let',
  'param',
  'buffer',
  'forward',
  'fn',
  'if',
  'else',
  'for',
  'in',
  'when',
  'and',
  'or',
  'not',
  'true',
  'false',
  'none',
  'import',
  'module',
  'train',
  'set',
]);

export const mdlLexer = new Lexer(TOKENS, { positionTracking: 'full', ensureOptimizations: false });
