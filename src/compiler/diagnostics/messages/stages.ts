/** Stages: E05xx. */
import { message, type Named } from '../message.ts';

export const STAGE_MESSAGES = {
  unknown_clause: message<Named>('E0501', 'unknown clause of a stage', (a) => `a stage has no clause ${a.name}`),
  trains_nothing: message<Named>('E0502', 'stage trains nothing', (a) => `the stage ${a.name} trains nothing`),
} as const;
