import { startBrowser } from '../support/browser.ts'
import { within } from '../support/deadline.ts'
import { Queue } from '../support/queue.ts'
import { pageScript } from './bundle.ts'
import type * as page from './page.ts'
import { startPageServer } from './page-server.ts'

/** How long a browser may take for what it does by itself, on a busy machine. */
const PATIENCE_MS = 20_000

type Page = typeof page

interface Told {
  readonly what: string
  readonly payload: unknown
}

/** A tab of the browser that shows the tests' page, in which `page.ts` runs. */
export interface Tab {
  /** Calls an exported function of `page.ts` in the page. */
  call<Name extends keyof Page>(
    name: Name,
    ...args: Parameters<Page[Name]>
  ): Promise<Awaited<ReturnType<Page[Name]>>>
  /** The next payload that the page told under this name, not handed out yet, now or to come. */
  told(what: string, matches?: (payload: unknown) => boolean): Promise<unknown>
  /** Every payload that the page told under this name so far. */
  all(what: string): readonly unknown[]
  /** Loads the page anew. */
  reload(): Promise<void>
  /** Goes to another page. */
  leave(): Promise<void>
  /** As a person closes it. */
  close(): Promise<void>
  /** As it does where memory runs out: nothing of the page runs any more. */
  crash(): Promise<void>
  /** What `sessionStorage` holds. */
  stored(): Promise<Readonly<Record<string, string>>>
}

/** The one browser of all these tests, and the pages that it shows. */
export interface Browsing {
  /** Where pages come from. */
  readonly pagesPort: number
  /** A new tab with the page of `http://<host>:<pagesPort>`. */
  open(host?: string): Promise<Tab>
  closeTabs(): Promise<void>
  end(): Promise<void>
}

export async function startBrowsing(): Promise<Browsing> {
  const script = await pageScript()
  const browser = await startBrowser()
  const pages = await startPageServer(script)
  return {
    pagesPort: pages.port,
    async open(host = '127.0.0.1') {
      const queue = new Queue<Told>((told) => JSON.stringify(told))
      const shown = await browser.open(`http://${host}:${pages.port}/`, (what, payload) =>
        queue.push({ what, payload }),
      )
      return {
        call(name, ...args) {
          const called = `page.${name}(...${JSON.stringify(args)})`
          return within(shown.evaluate(called), PATIENCE_MS, called)
        },
        async told(what, matches = () => true) {
          const isIt = (told: Told) => told.what === what && matches(told.payload)
          return (await queue.next(isIt, PATIENCE_MS)).payload
        },
        all: (what) => queue.all.filter((told) => told.what === what).map(({ payload }) => payload),
        reload: async () => void (await shown.reload()),
        leave: async () => void (await shown.goto('about:blank')),
        close: () => shown.close({ runBeforeUnload: true }),
        async crash() {
          const crashed = shown.waitForEvent('crash')
          await Promise.all([crashed, shown.goto('chrome://crash').catch(() => {})])
        },
        stored: () => shown.evaluate('({ ...sessionStorage })'),
      }
    },
    closeTabs: () => browser.closeTabs(),
    async end() {
      await browser.close()
      await pages.stop()
    },
  }
}
