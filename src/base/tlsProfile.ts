/**
 * TLS of every connection of this agent: 1.2 at least, with forward secrecy and authenticated encryption only, no CBC (BCP 195 as PS3.15 B.12 adopts it).
 * Spread into the options of a server or a client.
 */
export const TLS_PROFILE = {
  minVersion: 'TLSv1.2',
  ciphers: [
    'TLS_AES_256_GCM_SHA384',
    'TLS_CHACHA20_POLY1305_SHA256',
    'TLS_AES_128_GCM_SHA256',
    'ECDHE-ECDSA-AES256-GCM-SHA384',
    'ECDHE-RSA-AES256-GCM-SHA384',
    'ECDHE-ECDSA-CHACHA20-POLY1305',
    'ECDHE-RSA-CHACHA20-POLY1305',
    'ECDHE-ECDSA-AES128-GCM-SHA256',
    'ECDHE-RSA-AES128-GCM-SHA256',
  ].join(':'),
} as const;

/** Certificate material of one side of a connection, PEM. */
export interface TlsMaterial {
  cert?: string;
  key?: string;
  /** Authorities of the other side; absent: those of the operating system. */
  ca?: string;
}
