/** What the catalogues of errors are made of; see errors.ts. */

export interface Entry<D> {
  readonly message: (details: D) => string;
  readonly explanation: string;
}

export function entry<D>(message: (details: D) => string, explanation: string): Entry<D> {
  return { message, explanation };
}

export const list = (names: readonly string[]): string => (names.length > 0 ? names.join(', ') : 'nothing');
export const suggestion = (near: string | undefined): string => (near === undefined ? '' : `, did you mean ${near}`);
