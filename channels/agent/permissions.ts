/** Permissions (contract 4): the seed's coarse ones, each the set of its fine ones. */

export const COARSE = {
  agent_access: ['session.open', 'command.execute'],
  data_query: ['query.modify', 'query.revert', 'query.history', 'record.read'],
  draft_creation: ['change.create', 'change.approve', 'change.reject'],
} as const

export type CoarsePermission = keyof typeof COARSE
export type Permission = (typeof COARSE)[CoarsePermission][number]

/** What a command may declare: one permission, or any of a family. */
export const ANY_CHANGE = 'change.*'
export type RequiredPermission = Permission | typeof ANY_CHANGE

const EXPANDED = new Map<string, readonly Permission[]>(Object.entries(COARSE))
for (const fine of Object.values(COARSE).flat()) EXPANDED.set(fine, [fine])

/** Whether the name is a permission at all, coarse or fine. */
export const isPermission = (name: string): boolean => EXPANDED.has(name)

/** The fine permissions that the names stand for; an unknown name stands for none. */
export const expand = (names: Iterable<string>): ReadonlySet<Permission> =>
  new Set([...names].flatMap((name) => EXPANDED.get(name) ?? []))

export function allows(
  granted: ReadonlySet<Permission>,
  required: RequiredPermission | undefined,
): boolean {
  if (required === undefined) return true
  if (required !== ANY_CHANGE) return granted.has(required)
  return COARSE.draft_creation.some((permission) => granted.has(permission))
}
