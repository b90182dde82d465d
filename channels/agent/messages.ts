import { ERROR_CODES, type Locale, SUCCESS } from './codes.ts'
import type { ErrorPayload } from './contract.ts'
import type { Refusal } from './refusal.ts'

/** The sentences of one language, and the payloads they stand in. */
export class Messages {
  readonly #locale: Locale

  constructor(locale: Locale) {
    this.#locale = locale
  }

  success(what: keyof typeof SUCCESS): string {
    return SUCCESS[what][this.#locale]
  }

  error({ code, details }: Refusal): ErrorPayload {
    const message = ERROR_CODES[code][this.#locale]
    return { success: false, code, message, ...(details && { details }) }
  }
}
