/** What `promise` rejects with; rejects itself where it does not. */
export async function rejection(promise: Promise<unknown>): Promise<unknown> {
  let value: unknown
  try {
    value = await promise
  } catch (error) {
    return error
  }
  throw new Error(`no rejection, but ${JSON.stringify(value)}`)
}

/** The message of the error that `promise` rejects with. */
export async function rejectionMessage(promise: Promise<unknown>): Promise<string> {
  const error = await rejection(promise)
  return error instanceof Error ? error.message : String(error)
}
