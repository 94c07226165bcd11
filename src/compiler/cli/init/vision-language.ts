/** `mdl init vision-language`: a small LLaVA, and drawn shapes with questions. */
import { diceOf } from '../../../recipes/data/dice.ts';
import { exampleModel, type Project } from './project.ts';
import { COLOURS, type Colour, type Drawing, draw, type Shape, SIDE } from './shapes.ts';

const PICTURES = 800;
const STEPS = 1000;
/** those that patches of 8 × 8 pixels tell apart soon */
const ASKED: readonly Shape[] = ['circle', 'cross', 'square', 'triangle'];

export const visionLanguageProject = (): Project => {
  const drawn = Array.from({ length: PICTURES }, (_, i) => sceneOf(i));
  const lines = drawn.flatMap(({ records }) => records.map((record) => JSON.stringify(record)));
  return {
    title: 'A small model that answers questions about pictures',
    about: `\`model.mdl\` is the patches of a ViT, a projection and a GPT, whose tokens are bytes. \`data/\` has what it learns from: pictures of shapes, and in
\`all.jsonl\` three questions about each and their answers. Put your own pictures and lines there and train again. One picture in ten is
never trained on.`,
    steps: [
      ['Train it', 'mdl train model.mdl --init 1 --data data --out runs/first'],
      [
        'Judge it by the pictures that it has not seen',
        'mdl evaluate model.mdl --weights runs/first/model.safetensors --stage train_all --data data',
      ],
      [
        'Ask it about one',
        `mdl generate model.mdl --weights runs/first/model.safetensors --image data/1.png --prompt "${QUESTIONS.all}"`,
      ],
    ],
    data: `${PICTURES} pictures and ${lines.length} questions about them in data/`,
    files: new Map<string, string | Uint8Array>([
      ['model.mdl', exampleModel('llava.mdl', 'bytes', STEPS)],
      ...drawn.map(({ image, drawing }) => [`data/${image}`, draw(drawing)] as const),
      ['data/all.jsonl', `${lines.join('\n')}\n`],
    ]),
  };
};

const QUESTIONS = { colour: 'what colour is it?', shape: 'what shape is it?', all: 'what is it?' } as const;

interface Scene {
  readonly image: string;
  readonly drawing: Drawing;
  readonly records: readonly Readonly<Record<string, string>>[];
}

function sceneOf(index: number): Scene {
  const dice = diceOf(0, 'init/vision-language')(index);
  const shape: Shape = dice.pick(ASKED);
  const colour = dice.pick(Object.keys(COLOURS) as readonly Colour[]);
  const large = dice.chance(0.5);
  const radius = large ? 11 + 2 * dice.unit() : 6 + 2 * dice.unit();
  const place = (): number => SIDE / 2 + 4 * (dice.unit() - 0.5);
  const image = `${index + 1}.png`;
  return {
    image,
    drawing: {
      shape,
      colour: COLOURS[colour],
      background: [255, 255, 255],
      x: place(),
      y: place(),
      radius,
      turned: 0,
    },
    records: [
      { image, task: 'colour', question: QUESTIONS.colour, answer: colour },
      { image, task: 'shape', question: QUESTIONS.shape, answer: shape },
      { image, task: 'all', question: QUESTIONS.all, answer: `a ${large ? 'large' : 'small'} ${colour} ${shape}` },
    ],
  };
}
