/**
 * Compiles client/, server/ and channels/ into dist/, which a running server may be using meanwhile, and another build
 * may be writing: each compiles into a directory of its own, then moves file by file into place. A file in
 * dist/ is replaced whole or not at all, and never removed. dist/.build-hash, written last, names the
 * sources that dist/ was made of: where they are the same, there is nothing to do.
 */
import { spawnSync } from 'node:child_process'
import { createHash } from 'node:crypto'
import {
  existsSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  renameSync,
  rmSync,
  writeFileSync,
} from 'node:fs'
import { createRequire } from 'node:module'
import { dirname, join, relative } from 'node:path'

const ROOT = dirname(import.meta.dirname)
const DIST = join(ROOT, 'dist')
const HASH = '.build-hash'
/** What decides over the result: sources, options, and the compiler's version. */
const INPUTS = [
  'client',
  'server',
  'channels',
  'scripts/build.mjs',
  'tsconfig.json',
  'tsconfig.build.json',
]
const LOCK_FILE = 'package-lock.json'

/** Every file at or below `path`, relative to `base`, in a fixed order. */
function filesIn(base, path = '.') {
  const entries = readdirSync(join(base, path), { withFileTypes: true, recursive: true })
  return entries
    .filter((entry) => entry.isFile())
    .map((entry) => relative(base, join(entry.parentPath, entry.name)))
    .sort()
}

function hashOfInputs() {
  const hash = createHash('sha256')
  const add = (file) => {
    const bytes = readFileSync(join(ROOT, file))
    hash.update(`${file}\0${bytes.length}\0`).update(bytes)
  }
  for (const input of INPUTS) {
    if (input.includes('.')) add(input)
    else for (const file of filesIn(ROOT, input)) add(file)
  }
  if (existsSync(join(ROOT, LOCK_FILE))) add(LOCK_FILE)
  return hash.digest('hex')
}

const contentOf = (file) => (existsSync(file) ? readFileSync(file) : undefined)

function compile(outDir) {
  const typescript = createRequire(import.meta.url).resolve('typescript/package.json')
  const args = [
    join(dirname(typescript), 'bin/tsc'),
    '-p',
    'tsconfig.build.json',
    '--outDir',
    outDir,
  ]
  const { status } = spawnSync(process.execPath, args, { cwd: ROOT, stdio: 'inherit' })
  if (status !== 0) process.exitCode = 1
  return status === 0
}

/** Renaming within one file system is atomic: who opens the file gets the old one or the new one. */
function moveInto(from, file) {
  const target = join(DIST, file)
  if (contentOf(target)?.equals(readFileSync(join(from, file)))) return
  mkdirSync(dirname(target), { recursive: true })
  renameSync(join(from, file), target)
}

function build(hash) {
  const own = mkdtempSync(join(ROOT, `.build-${process.pid}-`))
  try {
    if (!compile(own)) return
    for (const file of filesIn(own)) moveInto(own, file)
    writeFileSync(join(own, HASH), hash)
    moveInto(own, HASH)
  } finally {
    rmSync(own, { recursive: true, force: true })
  }
}

const hash = hashOfInputs()
if (contentOf(join(DIST, HASH))?.toString() !== hash) build(hash)
