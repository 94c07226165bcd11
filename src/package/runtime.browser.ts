/** The runtime in a page, with what its recipes have for programs. Node's twin is runtime.ts: same API, other backends and sources. */
export * from '../recipes/vision-language/api.ts';
export * from '../runtime/index.browser.ts';
