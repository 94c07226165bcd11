/**
 * Training in a page: stages of a model, compiled where they run. Node's twin is library.ts: the same, with files.
 *
 *     const stages = await stagesOf({ path: 'model.mdl', sources, weights: (model) => seededWeights(model, 1), data, backend: 'webgpu' });
 *     const { trained } = await trainStages(stages, { onRecord: (record) => console.log(record) });
 */
import { type FlagVariant, type VariantsRequest, flagVariants as variantsOn } from './ablation/flag-variants.ts';
import { PAGE } from './host.browser.ts';
import { type StagesRequest, stagesOf as stagesOn } from './training/stages-of.ts';

export * from './library.common.ts';
export { PAGE };

/** As Node's `stagesOf`; `host` is the page when it is not given. @throws as in Node */
export const stagesOf = (request: Omit<StagesRequest, 'host'> & Partial<Pick<StagesRequest, 'host'>>) =>
  stagesOn({ host: PAGE, ...request });

/** As Node's `flagVariants`; `host` is the page when it is not given. @throws as in Node */
export const flagVariants = (
  request: Omit<VariantsRequest, 'host'> & Partial<Pick<VariantsRequest, 'host'>>,
): readonly FlagVariant[] => variantsOn({ host: PAGE, ...request });
