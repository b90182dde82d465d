import { chromium, type Page } from 'playwright-core'
import { requireProgram } from './apt.ts'

/** Chromium cold, on a busy machine. */
const LAUNCH_MS = 60_000

/** A real browser without a window. */
export interface TestBrowser {
  /** Opens `url` in a tab that shares nothing with any other one. What the page has to `tell` comes to `hear`. */
  open(url: string, hear: (what: string, payload: unknown) => void): Promise<Page>
  /** Closes all tabs. */
  closeTabs(): Promise<void>
  /** Ends it. One that a test left running ends with the test run, at the latest: Playwright sees to that. */
  close(): Promise<void>
}

/** Starts Chromium, which is installed where it is missing. Rejects with one line that says what to install. */
export async function startBrowser(): Promise<TestBrowser> {
  const executablePath = await requireProgram({
    name: 'chromium',
    aliases: ['google-chrome', 'chromium-browser'],
  })
  const browser = await chromium.launch({ executablePath, timeout: LAUNCH_MS })
  return {
    async open(url, hear) {
      const context = await browser.newContext()
      await context.exposeFunction('tell', hear)
      const page = await context.newPage()
      await page.goto(url)
      return page
    },
    async closeTabs() {
      await Promise.all(browser.contexts().map((context) => context.close()))
    },
    close: () => browser.close(),
  }
}
