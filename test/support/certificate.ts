import { generateKeyPairSync, randomBytes, sign } from 'node:crypto'
import { writeFileSync } from 'node:fs'
import { join } from 'node:path'

/** A certificate of 127.0.0.1 and localhost that signs itself. */
export interface Certificate {
  /** Paths of PEM files. */
  readonly cert: string
  readonly key: string
  /** What a client has to trust. */
  readonly ca: string
}

const DAY_MS = 86_400_000

/** One value of ASN.1 in DER. */
function der(tag: number, ...parts: readonly Uint8Array[]): Buffer {
  const content = Buffer.concat(parts)
  const { length } = content
  const long = length < 256 ? [0x81, length] : [0x82, length >> 8, length & 255]
  return Buffer.concat([Buffer.from([tag, ...(length < 128 ? [length] : long)]), content])
}

const sequence = (...parts: readonly Uint8Array[]): Buffer => der(0x30, ...parts)
const oid = (hex: string): Buffer => der(0x06, Buffer.from(hex, 'hex'))
const ECDSA_WITH_SHA256 = sequence(oid('2a8648ce3d040302'))
const COMMON_NAME = oid('550403')
const SUBJECT_ALT_NAME = oid('551d11')

/** As ASN.1 has it: `YYMMDDhhmmssZ`. */
const utcTime = (ms: number): Buffer => {
  const digits = new Date(ms).toISOString().replace(/\D/g, '').slice(2, 14)
  return der(0x17, Buffer.from(`${digits}Z`))
}

/** Makes one in a directory, under a name of its own: Node can read certificates, but not make them (RFC 5280). */
export function makeCertificate(directory: string, name = 'server'): Certificate {
  const { publicKey, privateKey } = generateKeyPairSync('ec', { namedCurve: 'P-256' })
  const who = sequence(der(0x31, sequence(COMMON_NAME, der(0x0c, Buffer.from(name)))))
  const names = [der(0x87, Buffer.from([127, 0, 0, 1])), der(0x82, Buffer.from('localhost'))]
  const extension = sequence(SUBJECT_ALT_NAME, der(0x04, sequence(...names)))
  const content = sequence(
    der(0xa0, der(0x02, Buffer.from([2]))),
    der(0x02, Buffer.from([1]), randomBytes(8)),
    ECDSA_WITH_SHA256,
    who,
    sequence(utcTime(Date.now() - DAY_MS), utcTime(Date.now() + DAY_MS)),
    who,
    publicKey.export({ format: 'der', type: 'spki' }),
    der(0xa3, sequence(extension)),
  )
  const signature = der(0x03, Buffer.from([0]), sign('sha256', content, privateKey))
  const bytes = sequence(content, ECDSA_WITH_SHA256, signature).toString('base64')
  const ca = `-----BEGIN CERTIFICATE-----\n${bytes}\n-----END CERTIFICATE-----\n`
  const [cert, key] = [join(directory, `${name}.crt`), join(directory, `${name}.key`)]
  writeFileSync(cert, ca)
  writeFileSync(key, privateKey.export({ format: 'pem', type: 'pkcs8' }))
  return { cert, key, ca }
}
