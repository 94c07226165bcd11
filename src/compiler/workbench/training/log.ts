/** The log of a run on disk: appended line by line, and cut back to a checkpoint when a run goes on from there. */
import { closeSync, constants, fstatSync, ftruncateSync, openSync, readFileSync, writeSync } from 'node:fs';
import { type LogRecord, logLine } from '../../../runtime/train/index.ts';
import { cliError, reasonOf } from '../errors.ts';

export class RunLog {
  private readonly handle: number;
  private readonly file: string;
  /** bytes written so far */
  bytes: number;

  /** @param keep bytes that stay; the rest of an older log is dropped. @throws CliError C0105 */
  constructor(file: string, keep = 0) {
    this.file = file;
    try {
      this.handle = openSync(file, constants.O_RDWR | constants.O_CREAT);
      this.bytes = Math.min(keep, fstatSync(this.handle).size);
      ftruncateSync(this.handle, this.bytes);
    } catch (error) {
      throw cliError('file_not_written', { file, reason: reasonOf(error) }, [], error);
    }
  }

  /** @throws CliError C0105 */
  write(record: LogRecord): void {
    const bytes = Buffer.from(logLine(record));
    try {
      for (let done = 0; done < bytes.length; )
        done += writeSync(this.handle, bytes, done, bytes.length - done, this.bytes + done);
    } catch (error) {
      throw cliError('file_not_written', { file: this.file, reason: reasonOf(error) }, [], error);
    }
    this.bytes += bytes.length;
  }

  close(): void {
    closeSync(this.handle);
  }
}

/** The records of a log; a last line that was cut short is left out. @throws CliError C0104, C0207 */
export function readLog(file: string): LogRecord[] {
  let text: string;
  try {
    text = readFileSync(file, 'utf8');
  } catch (error) {
    throw cliError('file_not_read', { what: 'the log', file, reason: reasonOf(error) }, [], error);
  }
  const lines = text.split('\n');
  return lines.flatMap((line, index): LogRecord[] => {
    if (line === '') return [];
    try {
      return [JSON.parse(line) as LogRecord];
    } catch (error) {
      if (index === lines.length - 1) return [];
      throw cliError('log_line', { file, line: index + 1, reason: reasonOf(error) }, [], error);
    }
  });
}
