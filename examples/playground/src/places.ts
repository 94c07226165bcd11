/** The project of the page, as the language server knows it: a folder that is nowhere. */
export const ROOT = 'memory:/';

export const uriOf = (path: string): string => ROOT + path.split('/').map(encodeURIComponent).join('/');

/** undefined of a file that is not of the project: the standard library. */
export function pathOf(uri: string): string | undefined {
  return uri.startsWith(ROOT) ? decodeURIComponent(uri.slice(ROOT.length)) : undefined;
}
