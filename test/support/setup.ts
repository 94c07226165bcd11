/** Before every test file: each graph that a test makes, by whatever pass or backend, is verified where it is made. */
import { afterAll } from 'vitest';
import { verifyEveryGraph } from '../../src/compiler/ir/made.ts';
import { endFile } from './file-end.ts';

verifyEveryGraph();
afterAll(endFile);
