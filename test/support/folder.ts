/** Folders of tests, outside of the project. */
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { atFileEnd } from './file-end.ts';

/** An empty folder that whoever asks for it removes: for what outlives a test file. */
export const newFolder = (): string => mkdtempSync(join(tmpdir(), 'mdl-test-'));

/**
 * A new folder, gone when the test file is done.
 * @param files contents by path in the folder; folders on the way are made
 */
export function folderWith(files: Readonly<Record<string, string | Uint8Array>> = {}): string {
  const folder = newFolder();
  // tries again where a process that was just ended still has a file open
  atFileEnd(() => rmSync(folder, { recursive: true, force: true, maxRetries: 3 }));
  for (const [name, content] of Object.entries(files)) {
    mkdirSync(dirname(join(folder, name)), { recursive: true });
    writeFileSync(join(folder, name), content);
  }
  return folder;
}
