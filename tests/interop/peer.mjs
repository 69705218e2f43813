// One device of the official library, driven by JSON lines: a request on stdin, its answer on stdout.
// Only the package's documented classes are used; every value crosses as hexadecimal. The argument is the version to use.

import { createInterface } from "node:readline";

import { stores } from "./stores.mjs";

const signal = await import(`libsignal-${process.argv[2]}`);

const bytes = (hex) => Buffer.from(hex, "hex");
const US = signal.ProtocolAddress.new("sealwire", 1);

const { Sessions, Identities, OneTimePreKeys, SignedPreKeys, KyberPreKeys } = stores(signal);

const oneTime = new OneTimePreKeys();
const signed = new SignedPreKeys();
const kyber = new KyberPreKeys();
const sessions = new Sessions();
let identities;

const requests = {
  async create({ identity_secret, registration_id }) {
    const secret = signal.PrivateKey.deserialize(bytes(identity_secret));
    identities = new Identities(secret, registration_id);
    return { identity_key: secret.getPublicKey().serialize() };
  },

  async bundle({ signed_prekey_id, one_time_prekey_id, kem }) {
    const secret = signal.PrivateKey.generate();
    const key = secret.getPublicKey();
    const signature = identities.secret.sign(key.serialize());
    const record = signal.SignedPreKeyRecord.new(signed_prekey_id, Date.now(), key, secret, signature);
    await signed.saveSignedPreKey(signed_prekey_id, record);
    let one_time_prekey = null;
    if (one_time_prekey_id !== null) {
      const secret = signal.PrivateKey.generate();
      const record = signal.PreKeyRecord.new(one_time_prekey_id, secret.getPublicKey(), secret);
      await oneTime.savePreKey(one_time_prekey_id, record);
      one_time_prekey = secret.getPublicKey().serialize();
    }
    let kem_prekey = null;
    if (kem !== null) {
      const pair = signal.KEMKeyPair.generate();
      const key = pair.getPublicKey().serialize();
      const signature = identities.secret.sign(key);
      const record = signal.KyberPreKeyRecord.new(kem.id, Date.now(), pair, signature);
      await kyber.saveKyberPreKey(kem.id, record);
      if (kem.last_resort) kyber.lastResort.add(kem.id);
      kem_prekey = { id: kem.id, key, signature };
    }
    return {
      kem_prekey,
      registration_id: identities.registrationId,
      identity_key: identities.secret.getPublicKey().serialize(),
      signed_prekey_id,
      signed_prekey: key.serialize(),
      signed_prekey_signature: signature,
      one_time_prekey_id,
      one_time_prekey,
    };
  },

  async begin({ bundle }) {
    const key = (hex) => signal.PublicKey.deserialize(bytes(hex));
    const theirs = signal.PreKeyBundle.new(
      bundle.registration_id,
      US.deviceId(),
      bundle.one_time_prekey_id,
      bundle.one_time_prekey === null ? null : key(bundle.one_time_prekey),
      bundle.signed_prekey_id,
      key(bundle.signed_prekey),
      bytes(bundle.signed_prekey_signature),
      key(bundle.identity_key),
      ...(bundle.kem_prekey === null
        ? []
        : [
            bundle.kem_prekey.id,
            signal.KEMPublicKey.deserialize(bytes(bundle.kem_prekey.key)),
            bytes(bundle.kem_prekey.signature),
          ]),
    );
    await signal.processPreKeyBundle(theirs, US, sessions, identities);
    return {};
  },

  async seal({ plaintext }) {
    const message = await signal.signalEncrypt(bytes(plaintext), US, sessions, identities);
    return { kind: message.type(), body: message.serialize() };
  },

  // As many messages as asked for; only the newest of them are kept.
  async seal_many({ count, keep, plaintext }) {
    const kept = [];
    for (let index = 0; index < count; index++) {
      const message = await signal.signalEncrypt(bytes(plaintext), US, sessions, identities);
      if (index >= count - keep) kept.push({ kind: message.type(), body: message.serialize() });
    }
    return { messages: kept };
  },

  // Its state is bytes between any two requests already.
  async restore() {
    return {};
  },

  async safety_number({ iterations, version, ours, theirs }) {
    const side = ({ id, key }) => [bytes(id), signal.PublicKey.deserialize(bytes(key))];
    const number = signal.Fingerprint.new(iterations, version, ...side(ours), ...side(theirs));
    return {
      displayable: number.displayableFingerprint().toString(),
      scannable: number.scannableFingerprint().toBuffer(),
    };
  },

  async open({ kind, body }) {
    const plaintext =
      kind === signal.CiphertextMessageType.PreKey
        ? await signal.signalDecryptPreKey(
            signal.PreKeySignalMessage.deserialize(bytes(body)),
            US,
            sessions,
            identities,
            oneTime,
            signed,
            kyber,
          )
        : await signal.signalDecrypt(
            signal.SignalMessage.deserialize(bytes(body)),
            US,
            sessions,
            identities,
          );
    return { plaintext };
  },

  async verify({ identity_key, text, signature }) {
    const key = signal.PublicKey.deserialize(bytes(identity_key));
    return { valid: key.verify(bytes(text), bytes(signature)) };
  },

  async has_one_time_prekey({ id }) {
    return { held: oneTime.records.has(id) };
  },

  async has_kem_prekey({ id }) {
    return { held: kyber.records.has(id) };
  },
};

// Why the library refused, in the words of these tests. Only a repetition has a code of its own.
const kindOf = (error) => {
  if (error?.code === signal.ErrorCode.DuplicatedMessage) return "used_before";
  return /^invalid (Whisper|PreKey) message: decryption failed$/.test(error?.message) ? "undecipherable" : "other";
};

// A Buffer has become an object of its own by the time a replacer sees it; a Uint8Array has not.
const toHex = (_, value) => {
  if (value?.type === "Buffer") return Buffer.from(value.data).toString("hex");
  return value instanceof Uint8Array ? Buffer.from(value).toString("hex") : value;
};

for await (const line of createInterface({ input: process.stdin })) {
  const { request, ...fields } = JSON.parse(line);
  let answer;
  try {
    answer = { ok: await requests[request](fields) };
  } catch (error) {
    answer = { refused: { kind: kindOf(error), reason: String(error?.message ?? error) } };
  }
  process.stdout.write(JSON.stringify(answer, toHex) + "\n");
}
