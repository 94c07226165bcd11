/** The errors of quantised weights, R1224–R1229 and R1240–R1249; part of the messages in ../errors.ts, which says how they are written. */
import { message } from '../message.ts';

export const QUANTISE_MESSAGES = {
  quantise_not_finite: message(
    'R1224',
    ({ key, index, value }: { key: string; index: number; value: string }) =>
      `${key} holds ${value} at element ${index}, and a group of quantised weights has finite numbers, so find the NaN where the weights were made, or leave the key out of \`quantise\``,
  ),
  quantise_range: message(
    'R1225',
    ({ key, index, scale }: { key: string; index: number; scale: string }) =>
      `the group of ${key} at element ${index} has the scale ${scale}, and scales are f16, up to 65504, so leave the key out of \`quantise\``,
  ),
  quantise_uncalibrated: message(
    'R1240',
    ({ key }: { key: string }) =>
      `${key} is quantised by gptq, which needs inputs: run what \`mdl compile --calibrate\` writes`,
  ),
} as const;
