/** The README's chart: who takes how much CPU for an echo, and for a delivery. */
import type { Row } from './work/context.ts'
import { BATCHED } from './work/echo.ts'

const WIDTH = 760
const LABEL = 170
const BAR = 18
const GAP = 8
const FIGURE = 70
const TITLE = 30

const PANELS = [
  { work: BATCHED, title: 'Echo: server CPU per message' },
  { work: 'broadcast', title: 'Broadcast to 1,000: server CPU per delivery' },
]

const STYLE = `text{font:14px system-ui,sans-serif;fill:#1f2328}.t{font-weight:600}.b{fill:#8c959f}.o{fill:#0969da}
@media (prefers-color-scheme:dark){text{fill:#e6edf3}.b{fill:#6e7681}.o{fill:#58a6ff}}`

const escaped = (text: string): string => text.replaceAll('&', '&amp;').replaceAll('<', '&lt;')

function panel(rows: readonly Row[], title: string, top: number): string {
  const longest = Math.max(...rows.map(({ figure }) => figure))
  const bars = rows.map(({ who, figure }, at) => {
    const y = top + TITLE + at * (BAR + GAP)
    const width = ((WIDTH - LABEL - FIGURE) * figure) / longest
    const kind = who === 'agent-channels' ? 'o' : 'b'
    const middle = y + BAR - 4
    return (
      `<text x="${LABEL - 8}" y="${middle}" text-anchor="end">${escaped(who)}</text>` +
      `<rect class="${kind}" x="${LABEL}" y="${y}" width="${width.toFixed(1)}" height="${BAR}" rx="2"/>` +
      `<text x="${(LABEL + width + 6).toFixed(1)}" y="${middle}">${figure.toFixed(1)} µs</text>`
    )
  })
  return `<text class="t" x="0" y="${top + 16}">${escaped(title)}</text>\n${bars.join('\n')}`
}

/** SVG that reads on light and on dark. */
export function chart(rows: readonly Row[]): string {
  let top = 0
  const panels: string[] = []
  for (const { work, title } of PANELS) {
    const bars = rows.filter((row) => row.work === work && !row.who.includes('schema'))
    panels.push(panel(bars, title, top))
    top += TITLE + bars.length * (BAR + GAP) + 2 * GAP
  }
  return `<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 ${WIDTH} ${top}" width="${WIDTH}" height="${top}" role="img" aria-label="Server CPU of an echo and of a delivery">
<style>${STYLE}</style>
${panels.join('\n')}
</svg>
`
}
