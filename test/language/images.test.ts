/** Splicing image tokens among text: `loss` of TinyGPT-V with several images in a row, none, and no images at all. */
import { describe, expect, it } from 'vitest';
import type { WideTensor } from '../../src/shared/tensor.ts';
import { compileOk, repository } from '../support/project.ts';
import { distance, ints, numbers, program, run, tensor, wave, weightsOf } from './support.ts';

/** the lines of models/tinygpt-v.mdl that splice, with one-element tokens: image k has the values 10 k, 10 k + 1 */
const SPLICE = `model M {
  entry main(ids: int[B, T], images: [N, 2, 1]) -> (out: [B, T, 1]) {
    let is_image = ids == -1
    let text = reshape(float(where(is_image, 0, ids)), [B, T, 1])
    let table = concat([full([1, 1], 0.0), rearrange(images, "n q d -> (n q) d")], axis = 0)
    let slot = where(is_image, reshape(cumsum(reshape(int(is_image), [B * T]), axis = 0), [B, T]), 0)
    where(reshape(is_image, [B, T, 1]), gather(table, slot, axis = 0), text)
  }
}`;

describe('the idiom', () => {
  const splice = (rows: number[][], images: number) => {
    const values = Array.from({ length: images }, (_, k) => [10 * (k + 1), 10 * (k + 1) + 1]).flat();
    const { out } = run(program(SPLICE), {
      ids: ints([rows.length, rows[0]!.length], rows.flat()),
      images: tensor([images, 2, 1], values),
    });
    return numbers(out);
  };

  it('fills image tokens in order, row by row', () => {
    expect(
      splice(
        [
          [1, -1, -1, 2],
          [-1, -1, 3, 4],
        ],
        2,
      ),
    ).toEqual([1, 10, 11, 2, 20, 21, 3, 4]);
  });

  it('takes several images in a row and rows without', () => {
    expect(
      splice(
        [
          [-1, -1, 5, -1, -1],
          [6, 7, 8, 9, 4],
        ],
        2,
      ),
    ).toEqual([10, 11, 5, 20, 21, 6, 7, 8, 9, 4]);
  });

  it('takes tokens apart from each other', () => {
    expect(splice([[-1, 5, -1, 6]], 1)).toEqual([10, 5, 11, 6]);
  });

  it('works without images', () => {
    expect(splice([[1, 2, 3]], 0)).toEqual([1, 2, 3]);
  });
});

describe('TinyGPT-V', () => {
  const model = compileOk('models/tinygpt-v.mdl', repository, {
    config: 'nano',
    values: {
      vit: { image_size: 28, embed_dim: 8, depth: 1, num_heads: 2, mlp_ratio: 2 },
      qformer: { hidden_size: 8, num_layers: 2, num_heads: 2, intermediate_size: 16, num_query_tokens: 2 },
      proj: { mid: 8 },
      phi: { hidden_size: 16, num_layers: 1, num_heads: 2, intermediate_size: 32, vocab_size: 16 },
      lora: { r: 2 },
    },
  });
  const weights = weightsOf(model);
  const pixels = wave([2, 3, 28, 28]);
  const loss = (
    rows: number[][],
    images: WideTensor,
    labels: number[][],
    mask: number[][] = rows.map((row) => row.map(() => 1)),
  ) => {
    const shape = [rows.length, rows[0]!.length];
    const positions = rows.flatMap((row) => row.map((_, i) => i));
    return run(
      model,
      {
        pixel_values: images,
        input_ids: ints(shape, rows.flat()),
        attention_mask: ints(shape, mask.flat()),
        position_ids: ints(shape, positions),
        labels: ints(shape, labels.flat()),
      },
      { entry: 'loss', weights },
    );
  };
  const none = tensor([0, 3, 28, 28], []);

  it('puts the projected image tokens in place and embeds the rest', () => {
    const rows = [
      [3, -1, -1, 4, 5],
      [-1, -1, 7, 8, 9],
    ];
    const { inputs_embeds } = loss(
      rows,
      pixels,
      rows.map((row) => row.map((id) => Math.max(id, 0))),
    );
    const { image_features } = run(model, { pixel_values: pixels }, { entry: 'encode_image', weights });
    const text = run(
      model,
      {
        input_ids: ints(
          [2, 5],
          rows.flat().map((id) => Math.max(id, 0)),
        ),
      },
      { entry: 'embed_tokens', weights },
    ).inputs_embeds!;
    let image = 0;
    rows.flat().forEach((id, at) => {
      const expected =
        id === -1 ? image_features!.data.slice(image * 16, ++image * 16) : text.data.slice(at * 16, at * 16 + 16);
      expect([...inputs_embeds!.data.slice(at * 16, at * 16 + 16)]).toEqual([...expected]);
    });
    expect(image).toBe(4);
  });

  it('has a loss without any image: the text alone', () => {
    const rows = [[3, 1, 2, 4, 5]];
    const out = loss(rows, none, rows);
    const text = run(model, { input_ids: ints([1, 5], rows.flat()) }, { entry: 'embed_tokens', weights })
      .inputs_embeds!;
    expect(distance(out.inputs_embeds, text)).toBe(0);
    const { cache } = model.entry('decode')!;
    const empty = Object.fromEntries(cache.map(({ past }) => [past, tensor([1, 2, 0, 8], [])]));
    const decoded = run(
      model,
      {
        inputs_embeds: text,
        attention_mask: ints([1, 5], [1, 1, 1, 1, 1]),
        position_ids: ints([1, 5], [0, 1, 2, 3, 4]),
        ...empty,
      },
      { entry: 'decode', weights },
    );
    expect(distance(decoded.logits, out.logits)).toBeLessThan(1e-12);
    // the mean of −log softmax(logits[t])[label[t + 1]]
    const losses = [1, 2, 4, 5].map((label, t) => {
      const row = [...out.logits!.data.slice(t * 16, t * 16 + 16)];
      return Math.log(row.reduce((s, l) => s + Math.exp(l), 0)) - row[label]!;
    });
    expect(numbers(out.loss)[0]).toBeCloseTo(losses.reduce((a, b) => a + b) / 4, 10);
  });

  it('ignores labels of −100', () => {
    const rows = [[3, 1, 2, 4, 5]];
    const last = numbers(loss(rows, none, [[-100, -100, -100, -100, 5]]).loss)[0]!;
    const row = [...loss(rows, none, rows).logits!.data.slice(3 * 16, 4 * 16)];
    expect(last).toBeCloseTo(Math.log(row.reduce((s, l) => s + Math.exp(l), 0)) - row[5]!, 10);
  });

  it('rows do not see each other, and no row sees its padding', () => {
    const both = loss(
      [
        [3, 1, 2, 4, 5],
        [6, 7, 8, 0, 0],
      ],
      none,
      [
        [3, 1, 2, 4, 5],
        [6, 7, 8, 0, 0],
      ],
      [
        [1, 1, 1, 1, 1],
        [1, 1, 1, 0, 0],
      ],
    ).logits!;
    const short = loss([[6, 7, 8]], none, [[6, 7, 8]]).logits!;
    expect(distance(tensor([1, 3, 16], [...both.data.slice(5 * 16, 8 * 16)]), short)).toBeLessThan(1e-12);
  });
});
