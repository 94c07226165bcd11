/**
 * What test files share and must give back: folders, sessions, devices. A worker runs many files with the modules that the
 * first of them loaded, so a module of support cannot say `afterAll` for itself: it would be heard once.
 */
const pending: (() => unknown)[] = [];

/** Runs `close` when the test file that is running is done, the latest first. */
export function atFileEnd(close: () => unknown): void {
  pending.push(close);
}

/** For setup.ts alone. */
export async function endFile(): Promise<void> {
  for (let close = pending.pop(); close; close = pending.pop()) await close();
  process.exitCode = undefined; // a command that ran in this process may have left one
}
