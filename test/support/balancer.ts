/** Shares connections out in turn among ports of loopback, which may change at any time. */
export interface Balancer {
  readonly url: string
  close(): Promise<void>
}

/** The balancer of `npm run cluster`, which is plain JavaScript. */
export async function startBalancer(ports: readonly number[]): Promise<Balancer> {
  const file = new URL('../../scripts/cluster/balancer.mjs', import.meta.url)
  const { startBalancer: start } = await import(file.href)
  return start(0, ports)
}
