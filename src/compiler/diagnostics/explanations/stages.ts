/** The long forms of messages/stages.ts. */
import type { Explanations } from '../message.ts';
import type { STAGE_MESSAGES } from '../messages/stages.ts';

export const STAGE_EXPLANATIONS: Explanations<typeof STAGE_MESSAGES> = {
  unknown_clause: {
    text: `A stage has the clauses \`train\`, \`set\`, \`optimize\`, \`schedule\` and a few numbers such as \`batch\`; a misspelt one would silently keep its default.`,
    example: `model Tiny {
  param weight: [8] = ones()
  entry run(x: [B, 8]) -> (y: [B, 8]) { x * weight }
}

stage one {
  train weight
  bacth 64
}
`,
  },
  trains_nothing: {
    text: `A stage says with \`train\` which parameters it changes; everything else is frozen. \`train **\` trains all of them.`,
    example: `model Tiny {
  param weight: [8] = ones()
  entry run(x: [B, 8]) -> (y: [B, 8]) { x * weight }
}

stage one { batch 64 }
`,
  },
};
