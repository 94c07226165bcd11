/**
 * Roles: what general code, a recipe or the runtime wants of an entry. An entry plays the role that has its name, unless the
 * file gives the role to another: `recipe "text" { decode = step }`, `stage one { minimize objective }`.
 *
 * What is wanted of such an entry are ports. The port is the one that the file names (`decode = step.scores`), else the one
 * that is called as the table below says, else the only one that can be it by its type.
 */
import type { DType } from './dtype.ts';

/** Role → what its entry is for. */
export type Roles = Readonly<Record<string, string>>;

/** Of every model that is trained or judged. */
export const LOSS_ROLE = {
  loss: 'what training makes small, and what held-out rows are judged by: it gives a scalar, `loss`',
} as const satisfies Roles;

/** Of every model that generates; the order is that in which a step runs them. */
export const GENERATION_ROLES = {
  embed_tokens: 'token ids `input_ids` → what the decoder takes, `inputs_embeds`',
  decode: 'one step of generation: `inputs_embeds` → `logits`, with or without a cache',
} as const satisfies Roles;

/** The entries that a file gives roles to, by role; a role that it does not name belongs to the entry of that name. */
export type GivenRoles = Readonly<Record<string, string>>;

/** The entry that plays a role. */
export const entryFor = (given: GivenRoles | undefined, role: string): string => given?.[role] ?? role;

/** A port by what it is for, which is also its usual name. */
export interface RolePort {
  readonly name: string;
  readonly dtype: DType;
  /** number of axes */
  readonly rank: number;
}

/** What is wanted of the entry that plays a role: what it is fed beside masks, positions and the cache, and the output that is read. */
export interface RolePorts {
  readonly takes?: RolePort;
  readonly gives: RolePort;
}

const LOSS: RolePort = { name: 'loss', dtype: 'f32', rank: 0 };
const INPUT_IDS: RolePort = { name: 'input_ids', dtype: 'i64', rank: 2 }; // [B, T]
const INPUTS_EMBEDS: RolePort = { name: 'inputs_embeds', dtype: 'f32', rank: 3 }; // [B, T, d]
const LOGITS: RolePort = { name: 'logits', dtype: 'f32', rank: 3 }; // [B, T, V]

/** By role; a role that is not here has no port that is looked for. */
export const ROLE_PORTS = {
  loss: { gives: LOSS },
  embed_tokens: { takes: INPUT_IDS, gives: INPUTS_EMBEDS },
  decode: { takes: INPUTS_EMBEDS, gives: LOGITS },
} as const satisfies { readonly [role: string]: RolePorts };

/** The ports that are called otherwise than what they are for: role → what it is for → its name. */
export type GivenPorts = Readonly<Record<string, Readonly<Record<string, string>>>>;

/** The name of a port of the entry that plays a role. @param port what it is for */
export const portFor = (given: GivenPorts | undefined, role: string, port: string): string =>
  given?.[role]?.[port] ?? port;
