/** Training in the playground on WebGPU, in a real Chromium on its software adapter, against ONNX Runtime there. */
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { unavailable } from './chromium.ts';
import { openPage, openPlayground, type Playground, trainIn } from './playground-page.ts';

describe.skipIf(unavailable)(`the playground on WebGPU${unavailable ? ` (${unavailable})` : ''}`, () => {
  let playground: Playground;
  beforeAll(async () => {
    playground = await openPlayground({ webgpu: true });
  });
  afterAll(() => playground?.close());

  it('trains a table as ONNX Runtime does, and says where it ran', async () => {
    const { page, complaints } = await openPage(playground);
    await page.click('#tab-train');
    const losses: number[] = [];
    for (const backend of ['webgpu', 'onnx']) {
      await trainIn(page, { steps: 8, rate: 0.02, backend });
      expect(await page.textContent('#train-status')).toContain(backend === 'webgpu' ? 'webgpu' : 'onnxruntime-web');
      const label = (await page.getAttribute('#loss-plot', 'aria-label'))!;
      losses.push(Number(/to ([\d.]+) over 8 steps/.exec(label)![1]));
    }
    expect(losses[0]).toBeLessThan(1.1);
    expect(losses[1]).toBeCloseTo(losses[0]!, 2);
    expect(complaints).toEqual([]);
    await page.context().close();
  });
});
