/** What tests need of a Markdown file: its code blocks with the marks before them, its links. */
export interface CodeBlock {
  /** 1-based line of its first line of code */
  readonly line: number;
  readonly language: string;
  readonly text: string;
  /** the HTML comments directly before it, in order: `<!-- file: a.mdl -->` is `file: a.mdl` */
  readonly marks: readonly string[];
}

export function codeBlocks(markdown: string): readonly CodeBlock[] {
  const blocks: CodeBlock[] = [];
  const lines = markdown.split('\n');
  let marks: string[] = [];
  for (let at = 0; at < lines.length; at++) {
    const mark = /^<!-- (.*) -->$/.exec(lines[at]!);
    const fence = /^```(\w*)/.exec(lines[at]!);
    if (mark) marks.push(mark[1]!);
    else if (fence) {
      const end = lines.indexOf('```', at + 1);
      blocks.push({ line: at + 2, language: fence[1]!, text: `${lines.slice(at + 1, end).join('\n')}\n`, marks });
      marks = [];
      at = end;
    } else if (lines[at] !== '') marks = [];
  }
  return blocks;
}

/** Targets of links and images to files of the project, without their fragments. */
export function localLinks(markdown: string): readonly string[] {
  return [...markdown.matchAll(/\]\(([^)\s]+)\)/g)]
    .map((match) => match[1]!)
    .filter((target) => !/^(https?:|#|mailto:)/.test(target))
    .map((target) => target.replace(/#.*$/, ''));
}
