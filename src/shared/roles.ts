/**
 * Roles: what general code, a recipe or the runtime wants of an entry. An entry plays the role that has its name, unless the
 * file gives the role to another: `recipe "text" { decode = step }`, `stage one { minimize objective }`.
 */

/** Role → what its entry is for. */
export type Roles = Readonly<Record<string, string>>;

/** Of every model that is trained or judged. */
export const LOSS_ROLE = {
  loss: 'what training makes small, and what held-out rows are judged by: it gives the scalar `loss`',
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
