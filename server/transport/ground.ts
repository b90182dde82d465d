/** What the mounts of one endpoint stand on, and what it gets of each. */
import type { Admission } from './admission.ts'
import type { Connections } from './connections.ts'
import type { ReadRequest } from './http.ts'
import type { SharedLanes } from './lanes.ts'
import type { LentCork } from './lent-cork.ts'
import type { RequestHead } from './request.ts'
import type { HttpResponse, TemplatedApp } from './uws.ts'

/** What an upgrade that is decided later is written in, from the time on when the endpoint listens. */
interface Lent {
  cork?: LentCork
}

/** What the mounts of one endpoint share. */
export interface Ground {
  readonly app: TemplatedApp
  /** Hosts that `checkOrigin: true` lets pages of. */
  readonly hosts: readonly string[]
  readonly readRequest: ReadRequest
  readonly lanes: SharedLanes
  readonly connections: Connections
  readonly admission: Admission
  readonly lent: Lent
}

/** Answers a request to a mount's URL that uWS does not take for an upgrade. False: another URL. */
export type TakeRequest = (res: HttpResponse, request: RequestHead) => boolean
