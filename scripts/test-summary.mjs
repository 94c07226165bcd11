/**
 * Reads the JSON report of a test run and prints one line, `N passed, N failed, N skipped`. A test file that could not
 * be loaded or set up counts as a failure. Exits with 1 when anything failed or nothing ran.
 *
 *     node scripts/test-summary.mjs report.json
 */
import { readFileSync } from 'node:fs';

function readReport(path) {
  try {
    return JSON.parse(readFileSync(path, 'utf8'));
  } catch {
    return { testResults: [] }; // the run ended before it wrote a report
  }
}

const files = readReport(process.argv[2]).testResults;
const tests = files.flatMap((file) => file.assertionResults);
const passed = tests.filter((test) => test.status === 'passed').length;
const failedTests = tests.filter((test) => test.status === 'failed').length;
// a file that does not load, or whose set-up fails, fails without a failed test
const failedFiles = files.filter(
  (file) => file.status === 'failed' && !file.assertionResults.some((test) => test.status === 'failed'),
).length;
const failed = failedTests + failedFiles;
const skipped = tests.length - passed - failedTests;

if (passed + failed === 0) console.error('no test ran, and a run without tests proves nothing');
console.log(`${passed} passed, ${failed} failed, ${skipped} skipped`);
process.exitCode = failed > 0 || passed === 0 ? 1 : 0;
