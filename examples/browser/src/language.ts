/**
 * A language that Intl takes: uPlot formats by `navigator.language` as it loads, and throws where that is no language tag (`C`,
 * `en_US`: what some browsers say on machines without a locale). Import this before it.
 */
try {
  new Intl.NumberFormat(navigator.language);
} catch {
  Object.defineProperty(navigator, 'language', { value: 'en-US', configurable: true });
}
