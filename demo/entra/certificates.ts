import 'reflect-metadata';
import { webcrypto } from 'node:crypto';
import {
  BasicConstraintsExtension,
  cryptoProvider,
  ExtendedKeyUsage,
  ExtendedKeyUsageExtension,
  KeyUsageFlags,
  KeyUsagesExtension,
  PemConverter,
  SubjectAlternativeNameExtension,
  type X509Certificate,
  X509CertificateGenerator,
} from '@peculiar/x509';

/** A certificate authority of its own, and a server certificate for the loopback names, all PEM. */
export interface Certificates {
  readonly authority: string;
  readonly certificate: string;
  readonly privateKey: string;
}

const algorithm = { name: 'ECDSA', namedCurve: 'P-256', hash: 'SHA-256' };
const lifeMs = 30 * 24 * 60 * 60_000;

/** Makes both, valid for 30 days. `hosts` are further DNS names of the server. */
export async function makeCertificates(hosts: readonly string[]): Promise<Certificates> {
  cryptoProvider.set(webcrypto);
  const authorityKeys = await newKeys();
  const authority = await makeAuthority(authorityKeys);
  const serverKeys = await newKeys();
  const certificate = await makeServer(authority, authorityKeys, serverKeys, hosts);
  const privateKey = await webcrypto.subtle.exportKey('pkcs8', serverKeys.privateKey);
  return {
    authority: authority.toString('pem'),
    certificate: certificate.toString('pem'),
    privateKey: PemConverter.encode(privateKey, 'PRIVATE KEY'),
  };
}

async function newKeys(): Promise<webcrypto.CryptoKeyPair> {
  return webcrypto.subtle.generateKey(algorithm, true, ['sign', 'verify']);
}

function validity() {
  const now = Date.now();
  return { notBefore: new Date(now - 60_000), notAfter: new Date(now + lifeMs) };
}

async function makeAuthority(keys: webcrypto.CryptoKeyPair): Promise<X509Certificate> {
  return X509CertificateGenerator.createSelfSigned({
    serialNumber: '01',
    name: 'CN=Countersign demo authority',
    ...validity(),
    keys,
    signingAlgorithm: algorithm,
    extensions: [
      new BasicConstraintsExtension(true, 0, true),
      new KeyUsagesExtension(KeyUsageFlags.keyCertSign | KeyUsageFlags.cRLSign, true),
    ],
  });
}

async function makeServer(
  authority: X509Certificate,
  authorityKeys: webcrypto.CryptoKeyPair,
  keys: webcrypto.CryptoKeyPair,
  hosts: readonly string[],
): Promise<X509Certificate> {
  return X509CertificateGenerator.create({
    serialNumber: '02',
    subject: 'CN=localhost',
    issuer: authority.subject,
    ...validity(),
    publicKey: keys.publicKey,
    signingKey: authorityKeys.privateKey,
    signingAlgorithm: algorithm,
    extensions: [
      new BasicConstraintsExtension(false, undefined, true),
      new KeyUsagesExtension(KeyUsageFlags.digitalSignature, true),
      new ExtendedKeyUsageExtension([ExtendedKeyUsage.serverAuth]),
      new SubjectAlternativeNameExtension([
        { type: 'ip', value: '127.0.0.1' },
        ...['localhost', ...hosts].map((value) => ({ type: 'dns' as const, value })),
      ]),
    ],
  });
}
