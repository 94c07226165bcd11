/**
 * The pictures under the drop zone. The model was trained on the first ones, among 56 emoji in all; the last ones it has
 * never seen, and it will call them something that it knows until it is taught.
 */
export interface Sample {
  /** short name in emoji-datasource */
  readonly file: string;
  readonly noun: string;
  readonly known: boolean;
}

const sample = (known: boolean) => (text: string) => {
  const [file, noun = file] = text.split('=') as [string, string?];
  return { file, noun, known };
};

export const SAMPLES: readonly Sample[] = [
  ...'dog cat apple pear carrot pizza car bus house guitar cactus computer'.split(' ').map(sample(true)),
  ...'hedgehog jack_o_lantern=pumpkin'.split(' ').map(sample(false)),
];
