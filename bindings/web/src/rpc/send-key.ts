/** The name of one send, so that asking twice sends once: the milliseconds of the clock and chance, as in UUIDv7 (RFC 9562, section 5.7). */
export function sendKey(): Uint8Array {
  const key = crypto.getRandomValues(new Uint8Array(16));
  new DataView(key.buffer).setBigUint64(0, (BigInt(Date.now()) << 16n) | BigInt((key[6] ?? 0) << 8) | BigInt(key[7] ?? 0));
  return key;
}
