/** What clients may use up. Where 0 is allowed it stands for no limit. */
import { addressRanges, integer } from './kinds.ts'

const perSecond = integer(0, 1_000_000)

export const LIMIT_SETTINGS = {
  maxMessagesPerSecond: {
    name: 'MAX_MESSAGES_PER_SECOND',
    default: '5000',
    ...perSecond,
    meaning: 'what one socket may send in the long run, and twice as many at once; 0: no limit',
  },
  maxDepth: {
    name: 'MAX_PAYLOAD_DEPTH',
    default: '1024',
    ...integer(0, 1_000_000),
    meaning: 'how deep lists and objects of a message may be nested; 0: no limit',
  },
  maxJoinsPerSocket: {
    name: 'MAX_JOINS_PER_SECOND_PER_SOCKET',
    default: '500',
    ...perSecond,
    meaning: 'the joins of one socket in the long run, and twice as many at once; 0: no limit',
  },
  maxJoins: {
    name: 'MAX_JOINS_PER_SECOND',
    default: '20000',
    ...perSecond,
    meaning:
      'the joins of all sockets of this node in the long run, and twice as many at once; 0: no limit',
  },
  joinWithinMs: {
    name: 'JOIN_WITHIN_MS',
    default: '600000',
    ...integer(0, 86_400_000),
    meaning: 'a socket that has joined nothing for so long is closed; 0: never',
  },
  maxConnections: {
    name: 'MAX_CONNECTIONS',
    default: '50000',
    ...integer(0, 10_000_000),
    meaning: 'the sockets of this node, by WebSocket and by long-polling; 0: no limit',
  },
  maxConnectionsPerAddress: {
    name: 'MAX_CONNECTIONS_PER_ADDRESS',
    default: '1000',
    ...integer(0, 10_000_000),
    meaning: 'the sockets of one address, or of one IPv6 network (/64); 0: no limit',
  },
  maxConnectsPerAddress: {
    name: 'MAX_CONNECTS_PER_SECOND_PER_ADDRESS',
    default: '500',
    ...perSecond,
    meaning:
      'what one address may try in the long run, refused or not, and twice as many at once; 0: no limit',
  },
  unlimitedAddresses: {
    name: 'UNLIMITED_ADDRESSES',
    default: '127.0.0.0/8,::1,10.0.0.0/8,172.16.0.0/12,192.168.0.0/16,fc00::/7,fe80::/10',
    ...addressRanges,
    meaning:
      'for whom the limits per address do not hold, as a comma list, or `none`: a private address is a proxy’s as often as a client’s',
  },
  maxConnectionsPerOperator: {
    name: 'MAX_CONNECTIONS_PER_OPERATOR',
    default: '10000',
    ...integer(0, 10_000_000),
    meaning: 'the sockets of one operator, by its token, on this node; 0: no limit',
  },
  maxOperationsPerOperator: {
    name: 'MAX_OPERATIONS_PER_SECOND_PER_OPERATOR',
    default: '10000',
    ...perSecond,
    meaning:
      'what one operator may ask of this node in the long run, and twice as many at once; 0: no limit',
  },
  maxMailboxMessages: {
    name: 'MAX_MAILBOX_MESSAGES',
    default: '10000',
    ...integer(1, 1_000_000),
    meaning: 'the messages that may wait for one channel, or for a join',
  },
  maxMailboxBytes: {
    name: 'MAX_MAILBOX_BYTES',
    default: '16777216',
    ...integer(1_024, 1_073_741_824),
    meaning: 'the bytes they may have; at least `MAX_FRAME_BYTES`',
  },
  maxLongPollSessions: {
    name: 'MAX_LONGPOLL_SESSIONS',
    default: '10000',
    ...integer(0, 10_000_000),
    meaning: 'how many of the sockets of this node may be long-poll sessions; 0: no limit',
  },
  maxBufferedBytes: {
    name: 'MAX_BUFFERED_BYTES',
    default: '4194304',
    ...integer(65_536, 1_073_741_824),
    meaning: 'the bytes that may wait for a client that reads slowly',
  },
} as const
