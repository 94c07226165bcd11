/** Texts that the extension makes: the status bar's, and lines for a shell. */

type Values = Readonly<Record<string, string | number | boolean>>;

/** `nano · qk_norm off` */
export function shownChoice(config: string | undefined, set: Values): string {
  const values = Object.entries(set).map(([name, value]) =>
    typeof value === 'boolean' ? `${name} ${value ? 'on' : 'off'}` : `${name} = ${value}`,
  );
  return [config ?? 'mdl', ...values].join(' · ');
}

/** `npx mdl summary 'models/a.mdl' --config nano --set qk_norm=false` */
export function commandLine(
  program: string,
  command: string,
  file: string,
  { config, set }: { readonly config: string; readonly set: Values },
  more: readonly string[],
): string {
  const settings = Object.entries(set).flatMap(([name, value]) => ['--set', `${name}=${value}`]);
  const words = [command, file, ...(config === '' ? [] : ['--config', config]), ...settings, ...more];
  return [program, ...words.map(quoted)].join(' ');
}

/** A word of a POSIX shell. PowerShell reads it too, unless there is a quote in it. */
function quoted(word: string): string {
  if (/^[\w@%+=:,./-]+$/.test(word)) return word;
  return `'${word.replaceAll("'", `'\\''`)}'`;
}
