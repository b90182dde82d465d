/** What only a real browser shows: its WebSocket and XMLHttpRequest, its rules for origins, pages that go. */
import { after, before, describe } from 'mocha'
import { agentTests } from './agent.ts'
import { fallbackTests } from './fallback.ts'
import { pageEndTests } from './page-end.ts'
import { type Browsing, startBrowsing } from './tab.ts'
import { webSocketTests } from './websocket.ts'

/** A Chromium that is missing is installed first. */
const START_MS = 400_000
const TIMEOUT_MS = 60_000

describe('in Chromium', function () {
  this.timeout(TIMEOUT_MS)
  let browsing: Browsing

  before(async function () {
    this.timeout(START_MS)
    browsing = await startBrowsing()
  })

  after(() => browsing?.end())

  webSocketTests(() => browsing)
  fallbackTests(() => browsing)
  pageEndTests(() => browsing)
  agentTests(() => browsing)
})
