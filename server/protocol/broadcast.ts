import { types } from 'node:util'
import { Bytes, toJson } from './message.ts'

/**
 * One message to every subscriber of a topic. Its payload is encoded at most once, whoever receives it.
 * A payload that arrives encoded (from another node) is parsed only if somebody looks at it.
 */
export class Broadcast {
  readonly topic: string
  readonly event: string
  #payload: unknown
  #json: string | undefined

  constructor(topic: string, event: string, payload: unknown) {
    this.topic = topic
    this.event = event
    this.#payload = payload
  }

  /** A broadcast whose payload is JSON text already. */
  static encoded(topic: string, event: string, json: string): Broadcast {
    const broadcast = new Broadcast(topic, event, undefined)
    broadcast.#json = json
    return broadcast
  }

  /** The bytes of a binary payload; undefined for a JSON one. */
  get bytes(): Uint8Array | undefined {
    return types.isUint8Array(this.#payload) ? this.#payload : undefined
  }

  /** The payload's JSON text. Throws EncodeError for a payload that has none. */
  get json(): string {
    this.#json ??= toJson(this.#payload)
    return this.#json
  }

  /** A copy of the payload for one receiver: what it does to it, no other receiver sees (C3.69). */
  copyPayload(): unknown {
    return this.bytes ? new Bytes(this.bytes) : JSON.parse(this.json)
  }
}
