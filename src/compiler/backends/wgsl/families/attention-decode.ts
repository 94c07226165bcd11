/**
 * Attention of one new position over a cache, which prepares the query, the key and the value of that position itself:
 * a decoding step's norms, rotary embedding, append and attention in one dispatch.
 *
 *   rows of (b, h) ──▶ fresh_q, fresh_k, fresh_v ──▶ the end of the cache
 *                             └─ one score more ─▶ softmax over the P keys before, and this one
 *
 * Whoever owns a (b, h), a workgroup on GPUs and an invocation on software adapters, has its new key and value at hand, so
 * nothing is read back that this dispatch wrote. It writes them as whole vectors where the cache is read in vectors.
 */
import { mulDims } from '../../../../shared/dim.ts';
import {
  add,
  and,
  apply,
  at,
  atLeast,
  bits,
  div,
  dot,
  equal,
  f32,
  four,
  mod,
  mul,
  range,
  shiftRight,
  smallest,
  u32,
  ZEROS,
} from '../text/arithmetic.ts';
import { array, Body, functionOf } from '../text/body.ts';
import { type Expression, literal, select, variable } from '../text/expression.ts';
import { groupIndex, LANE } from '../text/invocation.ts';
import { Name } from '../text/name.ts';
import type { Loop, Statement } from '../text/statements.ts';
import type { FunctionText } from '../text/wgsl.ts';
import { MAX4_FUNCTION } from './attention-online.ts';
import type { AttentionForward } from './attention-params.ts';
import { type Block, chunkFunction, chunksOf, LOWEST, scaleOf } from './attention-parts.ts';
import { overKeys as overKeysAlone, storeWeighed, WORKGROUP } from './attention-software.ts';
import { LANES, overKeys, type Queries, sharedMemory, storeMerged, valueLanes } from './attention-workgroup.ts';
import type { Profile, Template } from './contract.ts';
import { FRESH4, KEY4, QUERY4, VALUE4 } from './names.ts';
import { ONE_GROUP } from './sizes.ts';

/** The rows of a new position: query, key and value. */
export type FreshRow = 'q' | 'k' | 'v';
/** Where they are while the kernel runs: f32 in workgroup memory, vec4f in private memory. */
export type Fresh = Readonly<Record<FreshRow, Expression>>;

/** Where a new row goes. */
export interface Append {
  /** store(b, h, d, value): of four elements from d on where `vector`, else of one */
  readonly store: Name;
  readonly vector: boolean;
}

/** `k` and `v` are the cache, `keys` its P positions; `queries` is 1, or 0 when there is nothing to do. */
export interface AttentionDecode extends Omit<AttentionForward, 'q' | 'causal' | 'lse'> {
  /** statements that fill the rows of (batch, head) by `freshColumns` and `freshPlace` */
  readonly rows: (fresh: Fresh) => readonly Statement[];
  readonly appendKey: Append;
  readonly appendValue: Append;
}

/** A loop over the columns c of a row. */
export function freshColumns(profile: Profile, width: number): Loop {
  const counter = new Name('c');
  return profile === 'gpu'
    ? { counter, from: LANE, below: u32(width), step: u32(LANES) }
    : { counter, from: u32(0), below: u32(width), step: u32(1) };
}

/** Where column c of a row goes. Lanes write words, since a write to a part of a vector may touch the rest. */
export function freshPlace(profile: Profile, row: Expression): Expression {
  const c = variable(new Name('c'), 'u32');
  return profile === 'gpu' ? at(row, c) : at(at(row, shiftRight(c, 2)), bits(c, 3));
}

export function attentionDecode(p: AttentionDecode): Template {
  return p.profile === 'gpu' ? byWorkgroup(p) : byInvocation(p);
}

/** The templates of several queries take a token's as one query that sees all of the cache. They do not read it. */
const asForward = (p: AttentionDecode): AttentionForward => ({
  ...p,
  q: { at: QUERY4, at4: new Map() },
  causal: false,
});

/** `fresh4_q(chunk)`: four elements of a row in workgroup memory */
function freshVector(row: FreshRow, elements: Expression): FunctionText {
  return functionOf(FRESH4[row], { chunk: 'u32' }, 'vec4f', (body, { chunk }) =>
    body.return(four((c) => at(elements, add(mul(4, chunk), c)))),
  );
}

const isShown = (p: AttentionDecode, batch: Expression): Expression =>
  p.mask === undefined ? literal('bool', 1) : apply(p.mask, [batch, p.keys.size], 'bool');

/** Lanes share the columns of the rows and the append; each scores the new key for itself, which costs no barrier. */
function byWorkgroup(p: AttentionDecode): Template {
  const [of, chunks, valueChunks] = [asForward(p), chunksOf(p.width), chunksOf(p.valueWidth)];
  const { along, turns } = valueLanes(p.valueWidth);
  const fresh4 = (row: FreshRow, chunk: Expression): Expression => apply(FRESH4[row], [chunk], 'vec4f');
  return perHead(p, `a new position per workgroup, blocks of ${LANES} keys`, groupIndex, LANES, 1, (body, block) => {
    const fresh: Fresh = {
      q: body.memory('workgroup', 'fresh_q', 'f32', 4 * chunks),
      k: body.memory('workgroup', 'fresh_k', 'f32', 4 * chunks),
      v: body.memory('workgroup', 'fresh_v', 'f32', 4 * valueChunks),
    };
    const shared = sharedMemory(body, of, 1);
    body.declare(
      chunkFunction(KEY4, p.k, p.width),
      chunkFunction(VALUE4, p.v, p.valueWidth, p.mask),
      ...(['q', 'k', 'v'] as const).map((row) => freshVector(row, fresh[row])),
    );
    const { batch, head } = block;
    const append = ({ store, vector }: Append, row: 'k' | 'v', width: number): void => {
      const [name, below] = vector ? ['chunk', width / 4] : ['d', width];
      body.for(name, { from: LANE, below, step: LANES }, (own) => {
        if (vector) body.call(store, batch, head, mul(4, own), fresh4(row, own));
        else body.call(store, batch, head, own, at(fresh[row], own));
      });
    };
    body.add(...p.rows(fresh));
    body.barrier();
    body.for('chunk', { from: LANE, below: chunks, step: LANES }, (chunk) => {
      body.set(at(shared.queries, chunk), fresh4('q', chunk));
    });
    append(p.appendKey, 'k', p.width);
    append(p.appendValue, 'v', p.valueWidth);
    body.barrier();
    const end = body.let('end', p.keys.size);
    const scale = body.let('scale', scaleOf(p.scale));
    const laneE = body.let('lane_e', mod(LANE, along));
    const share = body.let('share', div(LANE, along));
    const score = body.var('score', f32(0));
    body.for('chunk', { below: chunks }, (chunk) => {
      body.increase(score, dot(at(shared.queries, chunk), fresh4('k', chunk)));
    });
    const shown = body.let('shown', isShown(p, batch));
    body.if(equal(LANE, 0), () => body.set(at(shared.most, 0), select(LOWEST, mul(scale, score), shown)));
    const total = body.var('total0', select(f32(0), f32(1), and(shown, equal(LANE, 0))));
    const sums = range(turns).map((j) => {
      const sum = body.var(`sum0_${j}`, ZEROS);
      const chunk = turns === 1 ? laneE : smallest(add(laneE, j * along), valueChunks - 1);
      body.if(and(shown, equal(share, 0)), () => body.set(sum, fresh4('v', chunk)));
      return sum;
    });
    const ends = { each: [end], last: end };
    const state: Queries = { ...block, rows: 1, shared, ends, scale, laneE, share, totals: [total], sums: [sums] };
    overKeys(body, of, state);
    storeMerged(body, of, state);
  });
}

/** One query, eight keys at a time. */
const SIZE = { rows: 1, vectors: 2 } as const;

function byInvocation(p: AttentionDecode): Template {
  const [of, chunks, valueChunks] = [asForward(p), chunksOf(p.width), chunksOf(p.valueWidth)];
  const about = 'a new position per invocation, from global memory';
  const own = add(mul(groupIndex, WORKGROUP), LANE);
  return perHead(p, about, own, WORKGROUP, WORKGROUP, (body, block) => {
    const fresh: Fresh = {
      q: body.memory('private', 'fresh_q', 'vec4f', chunks),
      k: body.memory('private', 'fresh_k', 'vec4f', chunks),
      v: body.memory('private', 'fresh_v', 'vec4f', valueChunks),
    };
    body.declare(
      chunkFunction(KEY4, p.k, p.width),
      chunkFunction(VALUE4, p.v, p.valueWidth, p.mask),
      MAX4_FUNCTION,
      functionOf(QUERY4, { b: 'u32', h: 'u32', row: 'u32', d: 'u32' }, 'vec4f', (inner, { d }) =>
        inner.return(at(fresh.q, shiftRight(d, 2))),
      ),
    );
    const append = ({ store, vector }: Append, row: 'k' | 'v', width: number): void => {
      body.for('d', { below: width, step: vector ? 4 : 1 }, (d) => {
        const four = at(fresh[row], shiftRight(d, 2));
        body.call(store, block.batch, block.head, d, vector ? four : at(four, bits(d, 3)));
      });
    };
    body.add(...p.rows(fresh));
    append(p.appendKey, 'k', p.width);
    append(p.appendValue, 'v', p.valueWidth);
    const end = body.let('end', p.keys.size);
    const scale = body.let('scale', scaleOf(p.scale));
    const score = body.var('score', f32(0));
    body.for('chunk', { below: chunks }, (chunk) => body.increase(score, dot(at(fresh.q, chunk), at(fresh.k, chunk))));
    const shown = body.let('shown', isShown(p, block.batch));
    const most = body.var('most0', select(LOWEST, mul(scale, score), shown));
    const total = body.var('total0', select(f32(0), f32(1), shown));
    const sums = body.var('sums', array('vec4f', valueChunks));
    body.if(shown, () => body.set(sums, fresh.v));
    const running = { most: [most], total: [total] };
    const state = { ...block, size: SIZE, rows: [u32(0)], scale, ends: { each: [end], last: end }, running, sums };
    overKeysAlone(body, of, state);
    storeWeighed(body, of, state);
  });
}

/** Entry of a kernel with one workgroup, or invocation, for each (b, h): `index` is its number. */
function perHead(
  { batch, heads, queries }: AttentionDecode,
  about: string,
  index: Expression,
  lanes: number,
  perGroup: number,
  write: (body: Body, block: Block) => void,
): Template {
  const body = new Body();
  const own = body.let('index', index);
  body.returnIf(atLeast(own, mul(batch.size, heads.size, queries.size)));
  const head = body.let('head', mod(own, heads.size));
  write(body, { head, batch: body.let('batch', div(own, heads.size)), first: u32(0) });
  const of = mulDims(mulDims(batch.dim, heads.dim), queries.dim);
  return { about, body, workgroup: [lanes, 1, 1], groups: [{ of, per: perGroup }, ONE_GROUP, ONE_GROUP] };
}
