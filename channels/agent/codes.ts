/** Every error code of the agent channel (contract 5), with its sentence in each language. */

export type Locale = 'ro' | 'en'

export const ERROR_CODES = {
  invalid_payload: {
    ro: 'Datele trimise nu sunt valide',
    en: 'The data sent is not valid',
  },
  not_authenticated: {
    ro: 'Agentul nu este autentificat',
    en: 'The agent is not authenticated',
  },
  permission_denied: {
    ro: 'Permisiuni insuficiente',
    en: 'Permission denied',
  },
  session_expired: {
    ro: 'Sesiunea a expirat',
    en: 'The session has expired',
  },
  session_mismatch: {
    ro: 'Identificatorii nu corespund sesiunii',
    en: 'The ids do not match the session',
  },
  unknown_command: {
    ro: 'Comandă necunoscută',
    en: 'Unknown command',
  },
  command_failed: {
    ro: 'Execuția comenzii a eșuat',
    en: 'The command failed',
  },
  command_timeout: {
    ro: 'Comanda a depășit timpul alocat',
    en: 'The command took too long',
  },
  command_cancelled: {
    ro: 'Comanda a fost anulată',
    en: 'The command was cancelled',
  },
  unknown_repository: {
    ro: 'Tip de repository necunoscut',
    en: 'Unknown repository type',
  },
  unknown_record: {
    ro: 'Înregistrarea nu există',
    en: 'The record does not exist',
  },
  unknown_modification: {
    ro: 'Modificarea query-ului nu există',
    en: 'The query modification does not exist',
  },
  already_reverted: {
    ro: 'Modificarea a fost deja anulată',
    en: 'The modification has been reverted already',
  },
  unknown_change: {
    ro: 'Schimbarea nu există',
    en: 'The change does not exist',
  },
  already_decided: {
    ro: 'S-a decis deja asupra schimbării',
    en: 'The change has been decided already',
  },
  change_conflict: {
    ro: 'Înregistrarea a fost modificată între timp',
    en: 'The record has changed in the meantime',
  },
  change_expired: {
    ro: 'Schimbarea a expirat',
    en: 'The change has expired',
  },
  rate_limited: {
    ro: 'Prea multe cereri',
    en: 'Too many requests',
  },
  unavailable: {
    ro: 'Serviciul nu a răspuns la timp; rezultatul nu este cunoscut',
    en: 'The service did not answer in time; the outcome is unknown',
  },
  internal: {
    ro: 'Eroare internă',
    en: 'Internal error',
  },
} as const satisfies Record<string, Record<Locale, string>>

export type ErrorCode = keyof typeof ERROR_CODES

/** The `message` of each success (the Romanian ones are the seed's own). */
export const SUCCESS = {
  authenticated: {
    ro: 'Agent autentificat cu succes',
    en: 'Agent authenticated successfully',
  },
  executed: {
    ro: 'Comandă executată cu succes',
    en: 'Command executed successfully',
  },
  cancelled: {
    ro: 'Comandă anulată cu succes',
    en: 'Command cancelled successfully',
  },
  modified: {
    ro: 'Query modificat cu succes',
    en: 'Query modified successfully',
  },
  approved: {
    ro: 'Modificările au fost aprobate',
    en: 'The changes were approved',
  },
  rejected: {
    ro: 'Modificările au fost respinse',
    en: 'The changes were rejected',
  },
} as const satisfies Record<string, Record<Locale, string>>
