/** The editor in the page's colours, which follow the system's theme. */
import { EditorView } from '@codemirror/view';

export const theme = EditorView.theme({
  '&': { height: '100%', fontSize: '0.8125rem' },
  '&.cm-focused': { outline: 'none' },
  '.cm-scroller': { fontFamily: 'var(--mono)', lineHeight: '1.55' },
  '.cm-content': { caretColor: 'var(--text)' },
  '.cm-gutters': { border: '0', background: 'var(--card)', color: 'var(--muted)' },
  '.cm-activeLine, .cm-activeLineGutter': { background: 'color-mix(in srgb, var(--hover) 60%, transparent)' },
  '.cm-cursor': { borderColor: 'var(--text)' },
  '&.cm-focused > .cm-scroller > .cm-selectionLayer .cm-selectionBackground, .cm-selectionBackground': {
    background: 'color-mix(in srgb, var(--accent) 25%, transparent)',
  },
  '.cm-tooltip': {
    maxWidth: 'min(36rem, 90vw)',
    border: '1px solid var(--edge)',
    borderRadius: '0.4rem',
    background: 'var(--card)',
    color: 'var(--text)',
    fontSize: '0.8125rem',
    overflow: 'hidden',
  },
  '.cm-tooltip pre': { padding: '0.1rem 0' },
  '.cm-tooltip.cm-tooltip-autocomplete > ul > li[aria-selected]': {
    background: 'var(--accent)',
    color: 'var(--on-accent)',
  },
  '.cm-panels': { borderColor: 'var(--line)', background: 'var(--field)', color: 'var(--text)' },
  '.cm-diagnosticAction': {
    margin: '0.3rem 0.4rem 0 0',
    padding: '0.15rem 0.5rem',
    borderRadius: '0.3rem',
    background: 'var(--accent)',
    color: 'var(--on-accent)',
    cursor: 'pointer',
  },
});
