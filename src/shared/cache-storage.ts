/** How keys and values that wait for the next step are stored in less than f32; int8 has a scale for each row of a head. */

export const CACHE_STORAGES = ['f16', 'int8'] as const;
export type CacheStorage = (typeof CACHE_STORAGES)[number];

const WIDTHS: Readonly<Record<CacheStorage, number>> = { f16: 2, int8: 1 };

/** Bytes of an element of a tensor that may be a cache; undefined for what is no storage. */
export const widthOf = (stored: CacheStorage | undefined): number => (stored ? WIDTHS[stored] : 4);
