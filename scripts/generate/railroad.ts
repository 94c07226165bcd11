/**
 * Railroad diagrams as static SVG: no scripts, no fonts or styles from elsewhere, readable on light and dark pages.
 *
 *     ──▶ first ──▶      a sequence runs along the line, alternatives hang below their first,
 *      ╰▶ second ─╯      a repetition comes back below what it repeats, through its separator
 *
 * Every shape is entered at (x, y) and left at (x + width, y); `up` and `down` are its extent from that line. Units are
 * SVG user units (pixels at scale 1).
 */

const RADIUS = 10;
const GAP = 10;
const ROW_GAP = 8;
const BOX_HALF = 11;
/** of a 14 px monospace font */
const CHARACTER = 8.4;

export interface Railroad {
  readonly width: number;
  readonly up: number;
  readonly down: number;
  draw(x: number, y: number): string;
}

function escapeXml(text: string): string {
  return text.replaceAll('&', '&amp;').replaceAll('<', '&lt;').replaceAll('>', '&gt;').replaceAll('"', '&quot;');
}

const line = (x: number, y: number, width: number): string => (width > 0 ? `<path d="M${x} ${y}h${width}"/>\n` : '');

/** A token (rounded) or a rule (square). */
export function box(label: string, kind: 'token' | 'rule'): Railroad {
  const width = Math.round([...label].length * CHARACTER) + 20;
  return {
    width,
    up: BOX_HALF,
    down: BOX_HALF,
    draw: (x, y) =>
      `<rect class="${kind}" x="${x}" y="${y - BOX_HALF}" width="${width}" height="${2 * BOX_HALF}" rx="${kind === 'token' ? BOX_HALF : 0}"/>\n` +
      `<text x="${x + width / 2}" y="${y + 5}">${escapeXml(label)}</text>\n`,
  };
}

/** Nothing: the line goes on. */
export const skip: Railroad = { width: 0, up: 0, down: 0, draw: () => '' };

export function sequence(items: readonly Railroad[]): Railroad {
  if (items.length === 0) return skip;
  return {
    width: items.reduce((width, item) => width + item.width, GAP * (items.length - 1)),
    up: Math.max(...items.map((item) => item.up)),
    down: Math.max(...items.map((item) => item.down)),
    draw(x, y) {
      let at = x;
      return items
        .map((item, i) => {
          const lead = i === 0 ? 0 : GAP;
          const drawn = line(at, y, lead) + item.draw(at + lead, y);
          at += lead + item.width;
          return drawn;
        })
        .join('');
    },
  };
}

/** The first alternative on the line, the others below it. */
export function choice(items: readonly Railroad[]): Railroad {
  const [first, ...others] = items;
  if (!first) return skip;
  if (others.length === 0) return first;
  const inner = Math.max(...items.map((item) => item.width));
  const width = inner + 4 * RADIUS;
  let depth = 0;
  let below = first.down;
  const depths = others.map((item) => {
    depth = Math.max(depth + 2 * RADIUS, depth + below + ROW_GAP + item.up);
    below = item.down;
    return depth;
  });
  const along = (item: Railroad, x: number, y: number): string =>
    item.draw(x, y) + line(x + item.width, y, inner - item.width);
  return {
    width,
    up: first.up,
    down: depth + below,
    draw(x, y) {
      const left = x + 2 * RADIUS;
      const right = x + width;
      const top = line(x, y, 2 * RADIUS) + along(first, left, y) + line(right - 2 * RADIUS, y, 2 * RADIUS);
      const rows = others.map((item, i) => {
        const dy = depths[i]!;
        const down = `M${x} ${y}a${RADIUS} ${RADIUS} 0 0 1 ${RADIUS} ${RADIUS}V${y + dy - RADIUS}a${RADIUS} ${RADIUS} 0 0 0 ${RADIUS} ${RADIUS}`;
        const up = `M${right - 2 * RADIUS} ${y + dy}a${RADIUS} ${RADIUS} 0 0 0 ${RADIUS} ${-RADIUS}V${y + RADIUS}a${RADIUS} ${RADIUS} 0 0 1 ${RADIUS} ${-RADIUS}`;
        return `<path d="${down}${up}"/>\n${along(item, left, y + dy)}`;
      });
      return top + rows.join('');
    },
  };
}

export function optional(item: Railroad): Railroad {
  return choice([skip, item]);
}

/** One or more times, with `separator` on the way back. */
export function repeat(item: Railroad, separator: Railroad = skip): Railroad {
  const inner = Math.max(item.width, separator.width);
  const width = inner + 4 * RADIUS;
  const depth = Math.max(2 * RADIUS, item.down + ROW_GAP + separator.up);
  return {
    width,
    up: item.up,
    down: depth + separator.down,
    draw(x, y) {
      const left = x + 2 * RADIUS;
      const right = left + inner;
      const back = y + depth;
      const down = `M${right} ${y}a${RADIUS} ${RADIUS} 0 0 1 ${RADIUS} ${RADIUS}V${back - RADIUS}a${RADIUS} ${RADIUS} 0 0 1 ${-RADIUS} ${RADIUS}`;
      const up = `M${left} ${back}a${RADIUS} ${RADIUS} 0 0 1 ${-RADIUS} ${-RADIUS}V${y + RADIUS}a${RADIUS} ${RADIUS} 0 0 1 ${RADIUS} ${-RADIUS}`;
      return [
        line(x, y, 2 * RADIUS),
        item.draw(left, y),
        line(left + item.width, y, width - 2 * RADIUS - item.width),
        `<path d="${down}${up}"/>\n`,
        separator.draw(left, back),
        line(left + separator.width, back, inner - separator.width),
      ].join('');
    },
  };
}

const STYLE = `path{fill:none;stroke:#555;stroke-width:1.5}
rect{stroke:#555;stroke-width:1.5;fill:#fff}
rect.token{fill:#eef4ff}
text{font:14px ui-monospace,monospace;text-anchor:middle;fill:#111}
@media (prefers-color-scheme:dark){path,rect{stroke:#aaa}rect{fill:#222}rect.token{fill:#1c2b45}text{fill:#eee}}`;

/** A whole SVG document, with a bar at either end of the line. */
export function renderSvg(title: string, body: Railroad): string {
  const margin = 10;
  const y = margin + Math.max(body.up, BOX_HALF);
  const width = body.width + 2 * (margin + 2 * GAP);
  const height = y + Math.max(body.down, BOX_HALF) + margin;
  const end = width - margin;
  return [
    `<svg xmlns="http://www.w3.org/2000/svg" role="img" viewBox="0 0 ${width} ${height}" width="${width}" height="${height}">`,
    `<title>${escapeXml(title)}</title>`,
    `<style>${STYLE}</style>`,
    `<path d="M${margin} ${y - 8}v16M${margin} ${y}h${2 * GAP}M${end - 2 * GAP} ${y}h${2 * GAP}M${end} ${y - 8}v16"/>`,
    `${body.draw(margin + 2 * GAP, y)}</svg>`,
    '',
  ].join('\n');
}
