/** A model compiled for WebGPU, on a web server. */
import { reasonOf, runtimeError } from '../errors.ts';
import { urlSource } from '../weights/source.browser.ts';
import { parsePlan } from './plan-file.ts';
import type { PlanSource } from './plan-source.ts';

/** @param url of the directory that the compiler wrote, or of the plan in it. @throws RuntimeError R0203, R1012 */
export async function openPlanSource(url: string): Promise<PlanSource> {
  const page = (globalThis as { location?: { href: string } }).location?.href;
  const planUrl = new URL(url.endsWith('.json') ? url : `${url.replace(/\/$/, '')}/plan.json`, page);
  const get = async (target: string): Promise<Response> => {
    const answer = await fetch(target).catch((error: unknown) => {
      throw runtimeError('model_not_found', { file: url, reason: reasonOf(error) }, error);
    });
    if (!answer.ok) throw runtimeError('model_not_found', { file: url, reason: `${target} answers ${answer.status}` });
    return answer;
  };
  const locate = (file: string): string => new URL(file.split('/').map(encodeURIComponent).join('/'), planUrl).href;
  return {
    location: new URL('.', planUrl).href,
    plan: parsePlan(await (await get(planUrl.href)).text(), planUrl.href),
    read: async (file) => new Uint8Array(await (await get(locate(file))).arrayBuffer()),
    open: (file) => urlSource(locate(file)),
  };
}
