import type { IncomingHttpHeaders } from 'node:http'
import type { Headers } from './scenario.ts'

/** Differ in every answer. */
const VOLATILE = new Set(['date', 'sec-websocket-accept'])
const PRESENCE_REF = /(\\?"phx_ref(?:_prev)?\\?":\\?")([^"\\]+)/g

/** What of an HTTP answer is the same in every run. */
export interface Answer {
  readonly headers: Headers
  readonly body: string
}

/**
 * Gives names to what is different in every run of a scenario: long-poll tokens become `<token:NAME>`,
 * presence refs `<phx_ref:N>` in order of appearance.
 */
export class Normaliser {
  readonly #tokens = new Map<string, string>()
  readonly #presenceRefs = new Map<string, string>()

  /** Puts saved tokens where a request says `${NAME}`. */
  fill(text: string): string {
    return text.replace(
      /\$\{(\w+)\}/g,
      (_all, name: string) => this.#tokens.get(name) ?? `no-token-${name}`,
    )
  }

  /** A text from the server without what differs. */
  text(text: string): string {
    return text.replace(PRESENCE_REF, (_all, before: string, ref: string) => {
      const name = this.#presenceRefs.get(ref) ?? `<phx_ref:${this.#presenceRefs.size + 1}>`
      this.#presenceRefs.set(ref, name)
      return before + name
    })
  }

  /** An HTTP answer without what differs; a token in it is kept under the name `saveAs`. */
  answer(headers: IncomingHttpHeaders, body: string, saveAs?: string): Answer {
    const kept = Object.entries(headers).filter(([name]) => !VOLATILE.has(name))
    const token = tokenIn(body)
    if (token === undefined) return { headers: Object.fromEntries(kept), body: this.#body(body) }
    if (saveAs !== undefined) this.#tokens.set(saveAs, token)
    // The length of a body with a token is the token's.
    const named = kept.map(([name, value]) => [name, name === 'content-length' ? '<n>' : value])
    const hidden = this.#body(body).replaceAll(token, '<token:unsaved>')
    return { headers: Object.fromEntries(named), body: hidden }
  }

  #body(body: string): string {
    let hidden = body
    for (const [name, token] of this.#tokens) hidden = hidden.replaceAll(token, `<token:${name}>`)
    return this.text(hidden)
  }
}

function tokenIn(body: string): string | undefined {
  try {
    const { token } = JSON.parse(body)
    return typeof token === 'string' && token !== '' ? token : undefined
  } catch {
    return undefined
  }
}
