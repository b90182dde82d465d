/** The message of the error that `promise` rejects with; rejects itself where it does not. */
export async function rejection(promise: Promise<unknown>): Promise<string> {
  let value: unknown
  try {
    value = await promise
  } catch (error) {
    return error instanceof Error ? error.message : String(error)
  }
  throw new Error(`no rejection, but ${JSON.stringify(value)}`)
}
