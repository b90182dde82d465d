/**
 * uWebSockets.js: the only file that knows where it comes from. Two builds are installed, the current one
 * (newer Node and glibc) and the last one for older systems; the first that loads is used.
 */
import { createRequire } from 'node:module'
import type * as UWS from 'uws-current'

export type {
  HttpRequest,
  HttpResponse,
  TemplatedApp,
  us_socket_context_t as UpgradeContext,
  WebSocket,
} from 'uws-current'

const BUILDS = ['uws-current', 'uws-legacy'] as const

/** Room for a token in the query and a browser's cookies; uWS reads it when it is loaded. */
const MAX_HEADER_BYTES = '16384'

function load(): typeof UWS {
  process.env['UWS_HTTP_MAX_HEADERS_SIZE'] ??= MAX_HEADER_BYTES
  const require = createRequire(import.meta.url)
  for (const build of BUILDS) {
    try {
      return require(build) as typeof UWS
    } catch {
      // The next build may fit; the sentence below says what would.
    }
  }
  throw new Error(
    `uWebSockets.js does not load on Node ${process.versions.node} (${process.platform} ${process.arch}): ` +
      'it needs Node 20 or 22 with glibc 2.27, or Node 22, 24 or 26 with glibc 2.38 (no Alpine). ' +
      'Installed with another Node? Then run npm install again',
  )
}

export const uws = load()

/** A taken port is an error, rather than shared in silence with who has it. (Missing in the typings.) */
export const LISTEN_EXCLUSIVE = (uws as unknown as { LIBUS_LISTEN_EXCLUSIVE_PORT: number })
  .LIBUS_LISTEN_EXCLUSIVE_PORT
