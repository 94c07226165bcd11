/** What `main` is told of its invocation: the builtins of WGSL that it takes, under the names that they have everywhere. */
import { add, lane, mul } from './arithmetic.ts';
import { variable } from './expression.ts';
import { Name } from './name.ts';

/** The workgroup among those of the dispatch, along x and y. */
export const GROUP = variable(new Name('group'), 'vec3u');
/** How many workgroups there are along each. */
export const GROUPS = variable(new Name('groups'), 'vec3u');
/** The invocation within its workgroup. */
export const LANE = variable(new Name('lane'), 'u32');
/** The workgroup's number in the whole dispatch. */
export const groupIndex = add(mul(lane(GROUP, 1), lane(GROUPS, 0)), lane(GROUP, 0));
