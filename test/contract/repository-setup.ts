import type {
  JsonRecord,
  RecordChange,
  Repository,
} from '../../channels/agent/repository/repository.ts'

/** What the suites of Repository are run on. */
export interface RepositorySetup {
  /** Without a record. Its types are in `types()`. */
  readonly repository: Repository
  /** Another one of the same records, as another node has it. */
  readonly other: Repository
  /** Closes both and opens the same records again. */
  reopen(): Promise<Repository>
  /** Closes all and removes the records. */
  cleanup(): Promise<void>
}

/** A part of the contract: it defines its tests, which ask for the setup when they run. */
export type Suite = (setup: () => RepositorySetup) => void

export const BUSINESS = 'b1'

/** The first of the repository's types. */
export function typeOf(repository: Repository): string {
  const [first] = repository.types()
  if (!first) throw new Error('a repository of no types')
  return first.name
}

/** A record of a repository. */
export interface Place {
  readonly businessId: string
  readonly repositoryType: string
  readonly recordId: string
}

/** The place of `recordId`, in the first business and of the first type where nothing else is said. */
export function placeOf(
  repository: Repository,
  recordId: string,
  other: Partial<Place> = {},
): Place {
  return { businessId: BUSINESS, repositoryType: typeOf(repository), recordId, ...other }
}

let changes = 0

/** A change that nobody has applied: to `after`, or away where that is null. */
export function changeTo(
  { repositoryType, recordId }: Place,
  after: JsonRecord | null,
  expectedVersion: number,
): RecordChange {
  changes += 1
  const write = expectedVersion === 0 ? 'create' : 'update'
  return {
    changeId: `chg_${changes}`,
    repositoryType,
    operation: after === null ? 'delete' : write,
    recordId,
    after,
  }
}

/** Applies such a change to a record at `expectedVersion`; 0: there is none. */
export function write(
  repository: Repository,
  place: Place,
  after: JsonRecord | null,
  expectedVersion: number,
): Promise<'applied' | 'conflict'> {
  const change = changeTo(place, after, expectedVersion)
  return repository.apply(place.businessId, change, expectedVersion)
}

export const read = (
  repository: Repository,
  { businessId, repositoryType, recordId }: Place,
): ReturnType<Repository['get']> => repository.get(businessId, repositoryType, recordId)

/** The record's version; 0 where there is none. */
export async function versionOf(repository: Repository, place: Place): Promise<number> {
  return (await read(repository, place))?.version ?? 0
}

/** Writes over whatever is there. */
export async function put(
  repository: Repository,
  place: Place,
  fields: object = {},
): Promise<JsonRecord> {
  const record = { ...fields, id: place.recordId }
  const outcome = await write(repository, place, record, await versionOf(repository, place))
  if (outcome !== 'applied') throw new Error(`${outcome} at ${JSON.stringify(place)}`)
  return record
}
