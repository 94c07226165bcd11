/** Numbers for people: three digits and a unit, exact where they are short. */

const UNITS = ['', ' k', ' M', ' G', ' T', ' P'] as const;

/** 949504 → `950 k`; below 10,000 as it is. */
export function formatNumber(value: number): string {
  if (value < 10_000) return value.toLocaleString('en');
  return scaled(value, 1000, UNITS);
}

/** 5101184 → `5.10 MB`, in powers of 1000. */
export function formatBytes(value: number): string {
  return value < 1000 ? `${value} B` : `${scaled(value, 1000, UNITS)}B`;
}

function scaled(value: number, base: number, units: readonly string[]): string {
  let [rest, unit] = [value, 0];
  // 999.6 would be written as 1000
  while (rest >= 999.5 && unit < units.length - 1) {
    rest /= base;
    unit++;
  }
  return `${rest.toPrecision(3)}${units[unit]}`;
}
