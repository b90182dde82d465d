/** Paths are compared as lists of segments: a slash at the end changes nothing (protocol 1.1). */

const segments = (path: string): readonly string[] => path.split('/').filter((each) => each !== '')

function decoded(segment: string): string | undefined {
  try {
    return decodeURIComponent(segment)
  } catch {
    return undefined
  }
}

/**
 * What the `:name` segments of `pattern` are in `path`; undefined where the path is another one, or names
 * something that is no UTF-8.
 */
export function matchPath(
  pattern: string,
  path: string,
): Readonly<Record<string, string>> | undefined {
  const wanted = segments(pattern)
  const given = segments(path)
  if (wanted.length !== given.length) return undefined
  const params: Record<string, string> = Object.create(null)
  for (const [at, name] of wanted.entries()) {
    const value = decoded(given[at] ?? '')
    if (value === undefined) return undefined
    if (name.startsWith(':')) params[name.slice(1)] = value
    else if (name !== value) return undefined
  }
  return params
}
