/** The long forms of messages/syntax.ts. */
import type { Explanations } from '../message.ts';
import type { SYNTAX_MESSAGES } from '../messages/syntax.ts';

export const SYNTAX_EXPLANATIONS: Explanations<typeof SYNTAX_MESSAGES> = {
  file_too_large: {
    text: `A source file is far longer than any model. The limit keeps a wrong path (a checkpoint, a log) from occupying the compiler.
Check that the path names an \`.mdl\` file; if it does, move parts of it into files of their own and import them.`,
  },
  nesting_too_deep: {
    text: `Brackets, operators, calls or modules enclose each other so deeply that reading them would exhaust the stack.
Name an intermediate result with \`let\`, and write a stack of layers as a list: \`layers = [Layer(d) for i in range(n)]\`.`,
    example: `model Deep {
  entry run(x: [B]) -> (y: [B]) { ${'('.repeat(120)}x${')'.repeat(120)} }
}
`,
  },
  unexpected_character: {
    text: `This character means nothing in MDL. Statements end with the line, so there are no semicolons; comments start with \`//\`;
strings stand in double quotes and know the escapes \`\\" \\\\ \\n \\r \\t\`; \`and\`, \`or\`, \`not\` are words.`,
    example: `model Tiny {
  entry run(x: [B]) -> (y: [B]) { x; }
}
`,
  },
  unterminated_string: {
    text: `A string ends on the line it starts on. Add the closing \`"\`; write \`\\n\` for a line break and \`\\"\` for a quote inside.`,
    example: `import { Linear } from "std

model Tiny {
  fc = Linear(8, 8)
  entry run(x: [B, 8]) -> (y: [B, 8]) { fc(x) }
}
`,
  },
  syntax: {
    text: `The text does not follow the grammar here. The message says what stands there and what could have stood there instead; a label
shows the bracket that is still open, if one is. One such error is reported for each mistake: a broken declaration does not
hide the mistakes of the next. The grammar is in docs/grammar.md.`,
    example: `module Scale(d) {
  param weight: [d] ones()
  forward(x: [B, d]) -> [B, d] { x * weight }
}
`,
  },
  reserved_word: {
    text: `A few words can never be names, because the grammar needs them at the start of a line or inside an expression: let, param,
buffer, forward, fn, if, else, for, in, when, and, or, not, true, false, none, import, module, train, set.
Choose another name; a checkpoint key that is such a word can still be given with \`key "…"\`.`,
    example: `module Scale(d) {
  param set: [d] = ones()
  forward(x: [B, d]) -> [B, d] { x * weight }
}
`,
  },
  line_begins_with_minus: {
    text: `Line ends do not end an expression, so a line that begins with \`-\` would be subtracted from the one above, though it reads like a value of its own.
Write a difference on one line, end the line above with its \`-\`, or put all of it in parentheses, where lines are free. A negative value
that stands for itself is put in parentheses: \`(-x)\`.`,
    example: `fn negated(x) {
  let y = x * 2
  -y
}
`,
  },
  file_not_found: {
    text: `There is no file at this path. Imports are relative to the file they stand in and start with \`./\` or \`../\`; on the command line a
path is relative to the current folder.`,
    example: `import { Block } from "./no-such-file.mdl"
`,
  },
};
