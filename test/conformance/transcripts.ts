import { readdirSync, readFileSync } from 'node:fs'
import type { Transcript } from './scenario.ts'

/** Why the server answers something else than Phoenix. */
export interface Deviation {
  readonly kind: 'deviation'
  readonly reason: string
}

const FOLDER = new URL('./transcripts/', import.meta.url)

/** All recorded transcripts, by file name. */
export function readTranscripts(): readonly Transcript[] {
  const files = readdirSync(FOLDER).filter((file) => file.endsWith('.json'))
  return files.sort().map((file) => readJson(new URL(file, FOLDER)) as Transcript)
}

/** The transcripts that this server is not held to, by name. */
export function readDeviations(): ReadonlyMap<string, Deviation> {
  const listed = readJson(new URL('./deviations.json', import.meta.url))
  return new Map(Object.entries(listed as Record<string, Deviation>))
}

/** The transcripts of V2 that make no sense over MessagePack, by name, and why. */
export function readNotPacked(): ReadonlyMap<string, string> {
  const listed = readJson(new URL('./not-packed.json', import.meta.url))
  return new Map(Object.entries(listed as Record<string, string>))
}

function readJson(file: URL): unknown {
  return JSON.parse(readFileSync(file, 'utf8'))
}
