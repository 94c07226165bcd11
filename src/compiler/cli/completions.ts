/** `mdl completions`: scripts that complete commands, options and their values in a shell, from the commands themselves. */
import type { Command, Option } from 'commander';
import type { Output } from './output.ts';

export const SHELLS = ['bash', 'zsh', 'fish'] as const;
type Shell = (typeof SHELLS)[number];

interface Described {
  readonly name: string;
  readonly description: string;
  readonly options: readonly Option[];
}

/** The command's action. @param mdl with all of its commands */
export function printCompletions(mdl: Command): (output: Output, args: readonly string[]) => Promise<void> {
  return async (output, [shell]) => {
    const script = completionScript(mdl, shell as Shell);
    output.result(script, { version: 1, script });
  };
}

function completionScript(mdl: Command, shell: Shell): string {
  const shared = mdl.options;
  const commands = mdl.commands.map((command): Described => {
    const options = [...command.options, ...shared].filter(({ hidden }) => !hidden);
    return { name: command.name(), description: command.description(), options };
  });
  if (shell === 'fish') return fish(commands);
  // zsh runs a function for bash after bashcompinit
  return shell === 'zsh' ? `autoload -U +X bashcompinit && bashcompinit\n${bash(commands)}` : bash(commands);
}

function namesOf({ long, short }: Option): string[] {
  return [long, short].filter((name) => name !== undefined);
}

function bash(commands: readonly Described[]): string {
  const choices = new Map<string, readonly string[]>();
  for (const { name, options } of commands)
    for (const option of options) if (option.argChoices) choices.set(`${name} ${option.long}`, option.argChoices);
  const words = commands.map(({ name, options }) => `    ${name}) words="${options.flatMap(namesOf).join(' ')}" ;;`);
  const values = [...choices].map(([place, allowed]) => `    "${place}") words="${allowed.join(' ')}" ;;`);
  return `_mdl() {
  local current="\${COMP_WORDS[COMP_CWORD]}" before="\${COMP_WORDS[COMP_CWORD-1]}" command="\${COMP_WORDS[1]}" words=""
  COMPREPLY=()
  if [ "$COMP_CWORD" -eq 1 ]; then
    COMPREPLY=($(compgen -W "${commands.map(({ name }) => name).join(' ')}" -- "$current"))
    return
  fi
  case "$command $before" in
${values.join('\n')}
  esac
  if [ -n "$words" ]; then
    COMPREPLY=($(compgen -W "$words" -- "$current"))
    return
  fi
  case "$current" in -*) ;; *) return ;; esac
  case "$command" in
${words.join('\n')}
  esac
  COMPREPLY=($(compgen -W "$words" -- "$current"))
}
complete -o default -F _mdl mdl
`;
}

function fish(commands: readonly Described[]): string {
  const lines = commands.flatMap(({ name, description, options }) => [
    `complete -c mdl -n __fish_use_subcommand -a ${name} -d ${quoted(description)}`,
    ...options.map((option) => {
      const words = [`complete -c mdl -n ${quoted(`__fish_seen_subcommand_from ${name}`)}`];
      if (option.long) words.push(`-l ${option.long.slice(2)}`);
      if (option.short) words.push(`-s ${option.short.slice(1)}`);
      if (option.argChoices) words.push(`-x -a ${quoted(option.argChoices.join(' '))}`);
      else if (option.required || option.optional) words.push('-r');
      return `${words.join(' ')} -d ${quoted(option.description)}`;
    }),
  ]);
  return `${lines.join('\n')}\n`;
}

/** A word of fish, where a backslash and a quote are escaped by a backslash. */
function quoted(text: string): string {
  return `'${text.replaceAll('\\', '\\\\').replaceAll("'", "\\'")}'`;
}
