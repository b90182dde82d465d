/** What a long-poll request comes to, before it is put into HTTP (protocol 4.2). */

/** The `status` in the body of an answer. */
export type BodyStatus = 200 | 204 | 400 | 403 | 408 | 410 | 500

export type Outcome =
  | {
      readonly kind: 'answer'
      readonly status: BodyStatus
      /** Of a poll: JSON of the list of messages, each of them a string. */
      readonly messages?: string
    }
  /** Its session has ended, on a node that is there. */
  | { readonly kind: 'gone' }
  /** There is no such session: the token is none of ours, or its node is gone. */
  | { readonly kind: 'none' }

/** A client's request to its session. */
export type Ask =
  | { readonly kind: 'poll'; readonly token: string }
  /** Only whether it is there, before more is sent to it: the answer is 200. */
  | { readonly kind: 'find'; readonly token: string }
  /** Messages of the client's. */
  | {
      readonly kind: 'post'
      readonly token: string
      readonly body: Buffer
      /** Each line is a message, not the whole. */
      readonly asLines: boolean
    }

/** Called once; where the request is given up, only if another node says that there is no such session. */
export type Done = (outcome: Outcome) => void

/** A request that could not be answered at once. */
export interface Pending {
  /** Forgets it: nothing is called, and no message is given to it. */
  cancel(): void
  /** It is answered within so long, if its session's node lives. */
  readonly withinMs: number
}

export const answer = (status: BodyStatus): Outcome => ({ kind: 'answer', status })

/** A poll that got nothing. */
export const NO_MESSAGES: Outcome = { kind: 'answer', status: 204, messages: '[]' }

/**
 * For a client that is to come back later, or elsewhere. phoenix.js of any version closes and connects again
 * after a 500; at a status that it does not know it stops polling for good.
 */
export const UNAVAILABLE: Outcome = answer(500)
