import { spawnSync } from 'node:child_process'
import { fileURLToPath } from 'node:url'
import { build, type Plugin } from 'esbuild'

const file = (path: string) => fileURLToPath(new URL(`../../${path}`, import.meta.url))

/** The page's types come from the sources, and what runs is what an application would get. */
const built: Plugin = {
  name: 'client/ as it is built',
  setup({ onResolve }) {
    onResolve({ filter: /\/client\/.+\.ts$/ }, ({ path }) => ({
      path: file(path.replace(/^.*(client\/.+)\.ts$/, 'dist/$1.js')),
    }))
  },
}

/** The script of the tests' page, as one classic script that defines `page`; the package is built for it. */
export async function pageScript(): Promise<string> {
  const { status, output } = spawnSync(process.execPath, [file('scripts/build.mjs')])
  if (status !== 0) throw new Error(`the build failed: ${output.join('')}`)
  const { outputFiles } = await build({
    entryPoints: [file('test/browser/page.ts')],
    plugins: [built],
    bundle: true,
    platform: 'browser',
    format: 'iife',
    globalName: 'page',
    write: false,
  })
  return outputFiles.map(({ text }) => text).join()
}
