/** Shows why the page did not start: a script that did not load, or that failed as it ran. Not a module, so that it is there first. */
(() => {
  /** @param {string} reason */
  const show = (reason) => {
    if (document.documentElement.dataset.started !== undefined) return; // main.ts shows its own errors
    const strip = document.getElementById('trouble');
    if (strip) strip.textContent = `${reason}. Reload the page; if that does not help, try another browser.`;
    if (strip) strip.hidden = false;
  };
  addEventListener(
    'error',
    (event) => {
      const { target } = event;
      if (target instanceof HTMLScriptElement) show(`${target.src}, or a script that it imports, could not be loaded`);
      else if (event instanceof ErrorEvent) show(event.message);
    },
    true,
  );
  addEventListener('unhandledrejection', ({ reason }) => show(String(reason)));
})();
