/** Assertions that the runtime's tests share. */
import { expect } from 'vitest';
import { RuntimeError, type RuntimeErrorCode } from '../../src/runtime/errors.ts';

/**
 * Runs `action`, which must fail with this code, and returns the message. The meta-test in errors.test.ts looks for
 * `provokes('<code>'` in the tests of the runtime: each code needs one.
 */
export async function provokes(code: RuntimeErrorCode, action: () => unknown): Promise<string> {
  let thrown: unknown;
  try {
    await action();
  } catch (error) {
    thrown = error;
  }
  expect(thrown, `expected ${code}, and nothing was thrown`).toBeInstanceOf(RuntimeError);
  const error = thrown as RuntimeError;
  expect(`${error.code}: ${error.message}`).toContain(`${code}: `);
  expect(error.message).not.toMatch(/\.$|undefined|\[object/);
  return error.message;
}
