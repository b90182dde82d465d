import { LONG_POLL_TOPICS } from '../protocol/message.ts'

/** A topic pattern as the author wrote it: an exact topic, or a prefix that ends in `*`. */
export interface TopicPattern {
  /** What stands where `*` is (empty for an exact pattern); undefined where the topic does not match. */
  match(topic: string): string | undefined
}

/** Throws TypeError for a pattern with `*` anywhere but at its end (C3.15). */
export function compileTopic(pattern: string): TopicPattern {
  const star = pattern.indexOf('*')
  if (star === -1) return { match: (topic) => (topic === pattern ? '' : undefined) }
  if (star !== pattern.length - 1) {
    throw new TypeError(`topic "${pattern}": "*" may stand only at the end, as in "room:*"`)
  }
  const prefix = pattern.slice(0, -1)
  return {
    match(topic) {
      const isOurs = topic.startsWith(prefix) && !topic.startsWith(LONG_POLL_TOPICS)
      return isOurs ? topic.slice(prefix.length) : undefined
    },
  }
}
