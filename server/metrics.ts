/** Prometheus metrics of one node. The only file that imports prom-client. */
import {
  Counter,
  collectDefaultMetrics,
  Gauge,
  Histogram,
  type Metric,
  Registry,
} from 'prom-client'
import type { Endpoint } from './endpoint.ts'
import { CLOSE } from './protocol/close.ts'
import type { SharedRedis } from './sharing.ts'
import type { Durations, Telemetry } from './telemetry.ts'

const PREFIX = 'agent_channels_'
/** From a message that only passes to one that waits for Redis. */
const SECONDS = [0.0001, 0.0005, 0.001, 0.005, 0.01, 0.05, 0.1, 0.5, 1, 5, 10]
/** A client may close with any code that it likes: only these become label values. */
const KNOWN_CODES = new Set<number>([
  1000,
  1001,
  1005,
  1006,
  ...Object.values(CLOSE).map(({ code }) => code),
])

export interface MetricsOptions {
  readonly telemetry: Telemetry
  /** What is there right now; asked when somebody reads the metrics. */
  readonly size: () => Endpoint['size']
  /** Stands in every line as `node`. */
  readonly nodeName: string
  /** Where nodes share their work. */
  readonly shared?: SharedRedis
}

export interface Metrics {
  /** In Prometheus' text format. */
  text(): Promise<string>
  readonly contentType: string
  /** Counts no more. */
  close(): void
}

/** Counts from now on. Label values are texts of this server alone: no topic, event or reason of a client. */
export function createMetrics(options: MetricsOptions): Metrics {
  const registry = new Registry()
  registry.setDefaultLabels({ node: options.nodeName })
  collectDefaultMetrics({ register: registry, prefix: PREFIX })
  const setSizes = sizeGauges(registry)
  const { telemetry } = options
  const ends = [...countConnections(registry, telemetry), ...countChannels(registry, telemetry)]
  countMessages(registry, telemetry)
  if (options.shared) {
    redisGauges(registry, options.shared)
    ends.push(observeLag(registry, telemetry))
  }
  return {
    text() {
      setSizes(options.size())
      return registry.metrics()
    },
    contentType: registry.contentType,
    close() {
      for (const end of ends) end()
      registry.clear()
    },
  }
}

function counter<L extends string = never>(
  registry: Registry,
  name: string,
  help: string,
  ...labelNames: L[]
): Counter<L> {
  return new Counter({ name: `${PREFIX}${name}`, help, labelNames, registers: [registry] })
}

const SIZES: Readonly<Record<keyof Endpoint['size'], string>> = {
  connections: 'Open connections',
  channels: 'Joined channels',
  topics: 'Pub/sub topics with a subscriber on this node',
  lanes: 'Kinds of subscribers of these topics: a broadcast is handed on once for each',
}

/** What they show is set each time that they are read: all of it is found by one walk. */
function sizeGauges(registry: Registry): (size: Endpoint['size']) => void {
  const gauges = Object.entries(SIZES).map(([name, help]) => {
    const gauge = new Gauge({ name: `${PREFIX}${name}`, help, registers: [registry] })
    return [name as keyof Endpoint['size'], gauge] as const
  })
  return (size) => {
    for (const [name, gauge] of gauges) gauge.set(size[name])
  }
}

function countConnections(registry: Registry, telemetry: Telemetry): (() => void)[] {
  const connects = counter(
    registry,
    'connects_total',
    'Connects that the app let in or refused',
    'transport',
    'result',
  )
  const refused = counter(
    registry,
    'refused_total',
    'Connects refused, but not by the app',
    'transport',
    'reason',
  )
  const disconnects = counter(
    registry,
    'disconnects_total',
    'Connections that ended',
    'transport',
    'code',
  )
  return [
    telemetry.connected.subscribe(({ transport, result }) => connects.inc({ transport, result })),
    telemetry.refused.subscribe(({ transport, reason }) => refused.inc({ transport, reason })),
    telemetry.disconnected.subscribe(({ transport, code }) =>
      disconnects.inc({ transport, code: KNOWN_CODES.has(code) ? String(code) : 'other' }),
    ),
  ]
}

/** What was counted where it happened, in the form that the library gives its own histograms. */
function durations(name: string, help: string, { bounds, counts, sum }: Durations): object {
  let count = 0
  const buckets = [...counts].map((counted, at) => {
    count += counted
    const bound = bounds[at]
    const le = bound === undefined ? '+Inf' : bound / 1_000
    return { metricName: `${name}_bucket`, labels: { le }, value: count }
  })
  const totals = [
    { metricName: `${name}_sum`, labels: {}, value: sum / 1_000 },
    { metricName: `${name}_count`, labels: {}, value: count },
  ]
  return { name, help, type: 'histogram', aggregator: 'sum', values: [...buckets, ...totals] }
}

function countChannels(registry: Registry, telemetry: Telemetry): (() => void)[] {
  const joins = counter(registry, 'joins_total', 'Joins that were answered', 'result')
  const crashes = counter(registry, 'crashes_total', 'What threw', 'where')
  const broadcasts = counter(registry, 'broadcasts_total', 'Broadcasts made on this node')
  const dropped = counter(registry, 'dropped_total', 'What was not delivered', 'reason')
  const name = `${PREFIX}handler_duration_seconds`
  const help = 'How long the handlers of messages took'
  // The library asks nothing more of a metric; its own histogram would be paid for with each message.
  const handlers = { name, get: async () => durations(name, help, telemetry.handlers) }
  registry.registerMetric(handlers as unknown as Metric)
  return [
    telemetry.joined.subscribe(({ result }) => joins.inc({ result })),
    telemetry.crashed.subscribe(({ topic }) =>
      crashes.inc({ where: topic === undefined ? 'connection' : 'channel' }),
    ),
    telemetry.broadcast.subscribe(() => broadcasts.inc()),
    telemetry.dropped.subscribe(({ reason, count }) => dropped.inc({ reason }, count)),
  ]
}

/** Messages are counted where they pass; here they are only read. */
function countMessages(registry: Registry, { frames }: Telemetry): void {
  const directions = { in: 'Messages from clients', out: 'Messages to clients' }
  for (const [direction, help] of Object.entries(directions)) {
    new Counter({
      name: `${PREFIX}messages_${direction}_total`,
      help,
      registers: [registry],
      collect() {
        this.reset()
        this.inc(frames[direction as keyof typeof frames])
      },
    })
  }
}

/** By one message of each other node in a while, see RedisPulse. */
function observeLag(registry: Registry, telemetry: Telemetry): () => void {
  const lag = new Histogram({
    name: `${PREFIX}redis_message_lag_seconds`,
    help: 'How long messages of other nodes took',
    buckets: SECONDS,
    registers: [registry],
  })
  return telemetry.pulse.subscribe(({ lagMs }) => lag.observe(lagMs / 1_000))
}

/** What is dropped on the way to Redis is in `dropped_total`. */
function redisGauges(registry: Registry, { redis, probe }: SharedRedis): void {
  const values: Record<string, readonly [help: string, value: () => number]> = {
    redis_up: [
      'Whether both connections to Redis are up',
      () => Number(redis.up && redis.subscriber.up),
    ],
    redis_reconnects: ['Connections to Redis that were made again', () => redis.stats.reconnects],
    redis_subscriptions: ['Redis channels subscribed to', () => redis.stats.subscriptions],
    redis_publish_queue: ['Messages that wait to be published', () => redis.stats.publishQueue],
    redis_lag_seconds: ['How long the last probe took through Redis', () => probe.lastMs / 1_000],
  }
  for (const [name, [help, value]] of Object.entries(values)) {
    new Gauge({
      name: `${PREFIX}${name}`,
      help,
      registers: [registry],
      collect() {
        this.set(value())
      },
    })
  }
}
