/** Every graph that a test makes, by whatever pass or backend, is verified where it is made. */
import { verifyEveryGraph } from '../../src/compiler/ir/made.ts';

verifyEveryGraph();
