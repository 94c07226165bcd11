/** Classifiers of pictures: a folder for each class, or a folder and a file of labels. */
import { reasonOf, runtimeError } from '../../runtime/errors.ts';
import { decodeImage } from '../../runtime/image/decode.ts';
import type { DecodeOptions } from '../../runtime/image/options.ts';
import type { Rgb, RgbImage } from '../../runtime/image/rgb.ts';
import type { Session } from '../../runtime/session.ts';
import type { DataSource } from '../../runtime/train/data-source.ts';
import type { TensorPort } from '../../shared/artifact.ts';
import { entryFor } from '../../shared/roles.ts';
import type { HostTensor } from '../../shared/tensor.ts';
import { badRows } from '../data/bad-rows.ts';
import { diceOf } from '../data/dice.ts';
import { contentsOf, type DataFile } from '../data/file.ts';
import { dataFiles } from '../data/files.ts';
import { pictureRow } from '../data/given-file.ts';
import { inputsOf } from '../data/inputs.ts';
import { orderOf } from '../data/order.ts';
import { normaliseInto } from '../data/pixels.ts';
import { evaluationOf, heldOutOf, scoresOf } from '../data/scores.ts';
import {
  type DataRequest,
  type Evaluation,
  type EvaluationRequest,
  type InputRequest,
  type Recipe,
  required,
  settingsOf,
} from '../recipe.ts';
import { Confusion } from './confusion.ts';
import { IMAGE_CLASSIFICATION, SETTINGS } from './declaration.ts';
import { type Classes, classesOf, type Labelled, labelsByFolder, readLabels } from './labels.ts';
import { type PictureOptions, squareOf } from './picture.ts';
import { readings } from './readings.ts';

const PICTURES = ['.png', '.jpg', '.jpeg', '.webp'];

export const imageClassification: Recipe = {
  ...IMAGE_CLASSIFICATION,
  dataset,
  evaluate,
  input,
  readings,
  judged: { needed: ['loss'], also: [] },
};

type Settings = ReturnType<typeof settingsFor>;
const settingsFor = ({ model, stage }: DataRequest) =>
  settingsOf(IMAGE_CLASSIFICATION, SETTINGS, model.settings, stage.clauses);

/** @throws RuntimeError R0532, R1120–R1122, R1140–R1145, R1147; batches throw R1146 */
async function dataset(request: DataRequest): Promise<DataSource> {
  const { data, model, split, batchSize, seed } = request;
  const settings = settingsFor(request);
  const options = pictureOptions(settings, `pictures of ${data}`);
  const { size } = options;
  const names = inputsOf(model, {
    recipe: IMAGE_CLASSIFICATION.name,
    what: `a batch of ${data}`,
    inputs: {
      pixel_values: { dtype: 'f32', shape: [batchSize, 3, size, size] },
      labels: { dtype: 'i64', shape: [batchSize] },
    },
    needed: ['pixel_values', 'labels'],
  });
  const { pictures, classes, files } = picturesOf(request, settings);
  checkClasses(request, classes);
  const order = orderOf(pictures.length, { name: data, split, heldOut: request.heldOut ?? settings.held_out, seed });
  const load = loader(request, settings, options, new Map(files.map((file) => [file.name, file])));
  const pictureAt = (place: number): { readonly square: RgbImage; readonly label: string } => {
    // a bad picture is replaced by the next in the order, so every place has a fixed one
    for (let skipped = 0; skipped < order.size; skipped++) {
      const { file, label } = pictures[order.at(place + skipped)]!;
      const square = load(file, place);
      if (square) return { square, label };
    }
    throw runtimeError('data_nothing', { name: data, split, reason: 'every picture was skipped' });
  };
  return {
    name: data,
    rows: order.size,
    contents: () => contentsOf(files),
    async batch(step) {
      const places = order.places(step, batchSize);
      const rows = places.length;
      const pixels = new Float32Array(rows * 3 * size * size);
      const labels = new BigInt64Array(rows);
      for (const [i, place] of places.entries()) {
        const { square, label } = pictureAt(place);
        normaliseInto(pixels, i, square, settings.mean as Rgb, settings.std as Rgb);
        labels[i] = BigInt(classes.numberOf(label));
      }
      const feeds = {
        pixel_values: { dtype: 'f32' as const, shape: [rows, 3, size, size], data: pixels },
        labels: { dtype: 'i64' as const, shape: [rows], data: labels },
      };
      const taken = Object.entries(feeds).filter(([name]) => names.includes(name));
      return { feeds: Object.fromEntries(taken), tokens: rows, rows };
    },
  };
}

/** @throws RuntimeError R1121, R1122 */
function pictureOptions(settings: Settings, why: string): PictureOptions {
  const size = required(IMAGE_CLASSIFICATION, 'image_size', settings.image_size, why);
  const { crop, flip, resample: filter } = settings;
  const options = { size, resize: settings.resize ?? size, filter, crop, flip };
  if (options.resize < size) {
    const expected = `an int of at least image_size, ${size}`;
    throw runtimeError('recipe_setting_value', {
      recipe: IMAGE_CLASSIFICATION.name,
      name: 'resize',
      value: options.resize,
      expected,
    });
  }
  return options;
}

function picturesOf(
  request: DataRequest,
  { labels, class_names }: Settings,
): { readonly pictures: readonly Labelled[]; readonly classes: Classes; readonly files: readonly DataFile[] } {
  const { data, note } = request;
  const expected = 'a folder with a folder of .png, .jpg or .webp pictures for each class, or with a file of labels';
  const images = dataFiles(request, PICTURES, expected);
  const given = class_names ? { names: class_names, data } : undefined;
  const classesIn = (pictures: readonly Labelled[]): Classes =>
    classesOf(
      pictures.map(({ label }) => label),
      given,
    );
  if (labels === undefined) {
    const outside: string[] = [];
    const pictures = labelsByFolder(
      images.map(({ name }) => name),
      (file) => outside.push(file),
    );
    if (pictures.length === 0)
      throw runtimeError('data_path', { path: data, reason: 'no picture lies in the folder of a class', expected });
    if (outside.length > 0)
      note(`pictures that lie in no folder of a class are left out: ${outside.length}, such as ${outside[0]}`);
    return { pictures, classes: classesIn(pictures), files: images };
  }
  const table = dataFiles(request, ['.csv', '.jsonl'], expected).find((file) => file.name === labels);
  if (!table) throw runtimeError('data_path', { path: data, reason: `it has no file of labels ${labels}`, expected });
  const bad = badRows(request);
  const text = new TextDecoder().decode(table.read(0, table.size));
  const pictures = readLabels(text, labels, new Set(images.map(({ name }) => name)), bad.report);
  bad.finish();
  return { pictures, classes: classesIn(pictures), files: [table, ...images] };
}

/** The output [N, classes] of a loss: the one called `logits`, else the only one of its type. */
function logitsOf(outputs: readonly TensorPort[]): TensorPort | undefined {
  const named = outputs.find(({ name }) => name === 'logits');
  const [only, ...others] = outputs.filter(({ dtype, shape }) => dtype === 'f32' && shape.length === 2);
  return named ?? (others.length === 0 ? only : undefined);
}

/** @throws RuntimeError R1147 where the loss gives logits [N, classes] of fewer classes */
function checkClasses({ data, model }: DataRequest, { names }: Classes): void {
  const expected = logitsOf(model.entry('loss')?.outputs ?? [])?.shape.at(-1);
  if (typeof expected === 'number' && names.length > expected)
    throw runtimeError('data_classes', { name: data, found: names.length, model: model.name, expected });
}

const decodeOptions = ({ background, exif_orientation }: Settings): DecodeOptions => ({
  exif_orientation,
  ...(background ? { background: background as Rgb } : {}),
});

/** Reads a picture for a place of the order; undefined where it is bad and such are skipped. */
function loader(
  { split, seed, badRows: onBad, note }: DataRequest,
  settings: Settings,
  options: PictureOptions,
  files: ReadonlyMap<string, DataFile>,
): (file: string, place: number) => RgbImage | undefined {
  const dice = split === 'train' ? diceOf(seed, 'pictures') : undefined;
  const decode = decodeOptions(settings);
  const told = new Set<string>();
  return (name, place) => {
    const file = files.get(name)!;
    try {
      return squareOf(decodeImage(file.read(0, file.size), decode), options, dice?.(place));
    } catch (error) {
      const reason = reasonOf(error).replace(/, so [^,]*$/, '');
      if (onBad === 'fail') throw runtimeError('data_picture', { file: name, reason }, error);
      if (!told.has(name)) note(`skipped ${name}: ${reason}`);
      told.add(name);
      return undefined;
    }
  };
}

/** Loss, accuracy, and by class what its pictures are taken for. @throws as `dataset` */
async function evaluate(session: Session, request: EvaluationRequest): Promise<Evaluation> {
  const asked = { ...request, split: 'held-out' as const, tokenizer: () => Promise.reject() };
  const settings = settingsFor(asked);
  const { heldOut, what } = heldOutOf(request.heldOut, settings.held_out);
  const data = await dataset({ ...asked, heldOut });
  const { names } = picturesOf({ ...asked, note: () => {} }, settings).classes;
  const table = new Confusion(names);
  const { scalars, rows } = await scoresOf(session, data, {
    count: request.count,
    output: logitsOf(session.entry(entryFor(session.manifest.model.roles, 'loss')).outputs)?.name,
    onBatch: ({ feeds }, logits) => logits && table.add(feeds.labels!, logits),
    onRows: request.onAnswer,
  });
  const values = table.count > 0 ? { ...scalars, accuracy: table.accuracy } : scalars;
  return evaluationOf(`${request.data}, ${what}`, rows, values, table.count > 0 ? table.report() : {});
}

/** A picture as it is judged: nothing is by chance. @throws RuntimeError R0530, R1120–R1122, R1127 */
async function input({ port, file, settings: own }: InputRequest): Promise<HostTensor | undefined> {
  if (file.kind !== 'picture') return undefined;
  const settings = settingsOf(IMAGE_CLASSIFICATION, SETTINGS, own);
  const options = pictureOptions(settings, `pictures such as ${file.name}`);
  return pictureRow(file, port, {
    size: options.size,
    decode: decodeOptions(settings),
    mean: settings.mean as Rgb,
    std: settings.std as Rgb,
    squares: (image) => [squareOf(image, options)],
  });
}
