/**
 * Reads the JSON reports of test runs and prints one line, `N passed, N failed, N skipped`. A test file that could not
 * be loaded or set up counts as a failure, and so does a report without tests. Exits with 1 when anything failed.
 *
 *     node scripts/test-summary.mjs report.json [report.json ...]
 */
import { readFileSync } from 'node:fs';

function readReport(path) {
  try {
    return JSON.parse(readFileSync(path, 'utf8'));
  } catch {
    return { testResults: [] }; // the run ended before it wrote a report
  }
}

const runs = process.argv.slice(2).map((path) => readReport(path).testResults);
const files = runs.flat();
const tests = files.flatMap((file) => file.assertionResults);
const passed = tests.filter((test) => test.status === 'passed').length;
const failedTests = tests.filter((test) => test.status === 'failed').length;
// a file that does not load, or whose set-up fails, fails without a failed test
const failedFiles = files.filter(
  (file) => file.status === 'failed' && !file.assertionResults.some((test) => test.status === 'failed'),
).length;
const empty = runs.filter((run) => run.every((file) => file.assertionResults.length === 0)).length;
const failed = failedTests + failedFiles;
const skipped = tests.length - passed - failedTests;

if (empty > 0) console.error('a run without tests proves nothing');
console.log(`${passed} passed, ${failed} failed, ${skipped} skipped`);
process.exitCode = failed > 0 || empty > 0 || runs.length === 0 ? 1 : 0;
