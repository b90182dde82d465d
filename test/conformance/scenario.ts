/**
 * The model of the transcripts: what a scenario does, and what was observed while it was played.
 * Everything that is base64 here stands for bytes.
 */

/** A scenario, what Phoenix answered, and every other answer it gave where it does not always give one. */
export interface Transcript extends Scenario {
  readonly observed: Observed
  readonly variants?: readonly { readonly observed: Observed }[]
  /** Frames of a connection, and messages of a poll, come in any order. */
  readonly unordered?: boolean
}

/** What to do, and how to connect first. */
export interface Scenario {
  readonly name: string
  readonly about: string
  /** The `vsn` parameter; null leaves it out. */
  readonly vsn: string | null
  readonly connectParams: Readonly<Record<string, string>>
  /** By name; one, `a`, unless told. None at all plays HTTP only. */
  readonly connections?: Readonly<Record<string, ConnectionPlan>>
  readonly steps: readonly Step[]
}

/** How to connect. What it does not say, the scenario does. */
export interface ConnectionPlan {
  readonly vsn?: string | null
  readonly params?: Readonly<Record<string, string>>
  readonly path?: string
  /** The whole query string, instead of the parameters. */
  readonly query?: string
  readonly headers?: Readonly<Record<string, string>>
  readonly protocols?: readonly string[]
  readonly deflate?: boolean
}

/** One thing to do; after each the player waits until the server has gone quiet. */
export type Step = Pace & (ConnectionStep | TimeStep | HttpStep | { readonly open: string })

interface Pace {
  /** The connection, `a` unless told. */
  readonly on?: string
  /** Go on at once. */
  readonly nosettle?: boolean
  /** How long without a sign of the server is quiet, in milliseconds. */
  readonly settle?: number
}

/** What is done on one connection, if it is open. */
export type ConnectionStep =
  | { readonly send: Outgoing }
  /** Bytes put on the TCP stream as they are. */
  | { readonly raw: string }
  /** A masked frame of `size` spaces, of which `first` is the first byte. */
  | { readonly rawFill: { readonly first: number; readonly size: number } }
  | { readonly ping: string }
  | { readonly pong: string }
  | { readonly close: { readonly code?: number; readonly reason?: string } }
  | { readonly terminate: true }

/** A message: text, bytes, text frames of any bytes, one in parts, or one too long to write down. */
export type Outgoing =
  | string
  | { readonly binary: string }
  | { readonly textBytes: string }
  | { readonly fragments: readonly (string | { readonly binary: string })[] }
  | {
      readonly prefix: string
      readonly repeat: string
      readonly times: number
      readonly suffix: string
    }

/** Letting time pass: frames that come are recorded. Times in milliseconds. */
export type TimeStep =
  | { readonly waitMs: number }
  | { readonly expectQuiet: number }
  | { readonly waitClose: string; readonly timeoutMs?: number }

/** Requests, each on a connection of its own. */
export type HttpStep =
  | { readonly http: HttpPlan; readonly as?: string; readonly async?: false }
  /** Goes on without the answer, which an `await` waits for and an `abort` gives up. */
  | { readonly http: HttpPlan; readonly as: string; readonly async: true }
  | { readonly await: string }
  | { readonly abort: string }

/** A request. `${NAME}` in path, headers and body stands for the long-poll token saved as NAME. */
export interface HttpPlan {
  readonly method?: string
  readonly path: string
  readonly headers?: Readonly<Record<string, string>>
  readonly body?: string
  readonly bodyBase64?: string
  readonly repeatBody?: number
  readonly save?: string
}

/** What was observed: connections by name, HTTP answers in the order of their requests. */
export interface Observed {
  readonly connections: Readonly<Record<string, ConnectionRecord>>
  readonly http?: readonly HttpRecord[]
}

/** All that came on one connection. */
export interface ConnectionRecord {
  open: OpenRecord | null
  readonly frames: FrameRecord[]
  /** Null: still open at the end. */
  close: CloseRecord | null
  errors?: string[]
  /** The steps that had nothing to send on. */
  notSent?: number[]
}

/** The answer to the handshake, or the error where none came. */
export interface OpenRecord {
  status?: number
  headers?: Headers
  body?: string
  extensions?: string
  error?: string
}

/** A frame, and the step during or after which it came; -1 is before the first. */
export type FrameRecord = { readonly afterStep: number } & FrameBody

/** What kind of frame, and what is in it. */
export type FrameBody =
  | { readonly text: string }
  | { readonly binary: string }
  | { readonly ping: string }
  | { readonly pong: string }

/** How a connection ended, by the code of its close frame; 1006 without one. */
interface CloseRecord {
  readonly afterStep: number
  readonly code: number
  readonly reason: string
}

/** The answer to a request. */
export interface HttpRecord {
  readonly step: number
  readonly as?: string
  /** Null: given up; 0: no answer, for the reason in `error`. */
  status: number | null
  headers: Headers
  body: string | null
  /** Whole seconds from the request to its answer. */
  tookS?: number
  error?: string
  aborted?: true
}

/** Headers of an answer, by lower-case name. */
export type Headers = Readonly<Record<string, string | readonly string[] | undefined>>
