/** `mdl init image`: a ResNet, and a folder of drawn shapes for each class. */
import { type Dice, diceOf } from '../../../recipes/data/dice.ts';
import { exampleModel, type Project } from './project.ts';
import { COLOURS, type Drawing, draw, SHAPES, type Shape, SIDE } from './shapes.ts';

/** pictures of a class */
const EACH = 60;
const STEPS = 300;

export const imageProject = (): Project => ({
  title: 'A small classifier of pictures',
  about: `\`model.mdl\` is a ResNet, \`data/\` has a folder of pictures for each class: ${SHAPES.join(', ')}, drawn in any colour, place and size. Put your own
pictures there (\`.png\`, \`.jpg\`, \`.webp\`; a folder for each class), give their number and names in model.mdl (\`classes\`, \`class_names\`), and train again.`,
  steps: [
    [
      'Train it, with a fifth of the pictures kept to judge it by',
      'mdl train model.mdl --init 1 --data data --val-split 0.2 --keep-best accuracy:max --out runs/first',
    ],
    [
      'Judge it by that fifth, class by class',
      'mdl evaluate model.mdl --weights runs/first/model.safetensors --data data --val-split 0.2',
    ],
    [
      'Ask it about one: the classes with the largest logits',
      'mdl run model.mdl --weights runs/first/model.safetensors --entry classify --input pixel_values=data/ring/1.png',
    ],
    [
      'Compile it, for ONNX Runtime and for pages',
      'mdl compile model.mdl --weights runs/first/model.safetensors --out out/onnx',
    ],
  ],
  data: `${EACH * SHAPES.length} pictures in data/`,
  files: new Map<string, string | Uint8Array>([
    ['model.mdl', named(exampleModel('resnet.mdl', 'tiny', STEPS, sized))],
    ...SHAPES.flatMap((shape) =>
      Array.from({ length: EACH }, (_, i) => [`data/${shape}/${i + 1}.png`, draw(drawing(shape, i))] as const),
    ),
  ]),
});

/** The example's small config, with the sizes of these pictures. */
const sized = (config: string): string =>
  config
    .replace('for trying things out', 'small shapes')
    .replace(/image_size = \d+/, `image_size = ${SIDE}`)
    .replace(/classes = \d+/, `classes = ${SHAPES.length}`);

/** The names of the classes are the model's to say, so that other programs have them too. */
const named = (model: string): string =>
  model.replace(
    /^recipe "image-classification" \{ (.*) \}$/m,
    (_, settings: string) =>
      `recipe "image-classification" {\n  ${settings}, class_names = [${SHAPES.map((shape) => `"${shape}"`).join(', ')}]\n}`,
  );

function drawing(shape: Shape, index: number): Drawing {
  const dice: Dice = diceOf(0, `init/image/${shape}`)(index);
  const radius = 6 + 7 * dice.unit();
  const place = (): number => radius + (SIDE - 2 * radius) * dice.unit();
  const light = (): number => dice.between(190, 255);
  return {
    shape,
    colour: dice.pick(Object.values(COLOURS)),
    background: [light(), light(), light()],
    x: place(),
    y: place(),
    radius,
    turned: 0.6 * (dice.unit() - 0.5),
  };
}
