/** The runtime in Node, with what its recipes have for programs. The page's twin is runtime.browser.ts: same API, other backends and sources. */
export * from '../recipes/vision-language/api.ts';
export * from '../runtime/index.ts';
