// How long the official library takes in Node for what our benchmarks measure: for information, beside them. An empty call's
// cost is subtracted. With a path: writes its section of that page.

import { readFileSync, writeFileSync } from "node:fs";

import { stores } from "./stores.mjs";

const VERSION = "0.72.1";
const signal = await import(`libsignal-${VERSION}`);
const { Sessions, Identities, OneTimePreKeys, SignedPreKeys, KyberPreKeys } = stores(signal);

// Records as they are: what it costs to store them is not measured.
class Kept extends Sessions {
  async saveSession(address, record) {
    this.records.set(address.toString(), record);
  }
  async getSession(address) {
    return this.records.get(address.toString()) ?? null;
  }
}

const WORDS = Buffer.alloc(100, 7);

function device(number) {
  return {
    address: signal.ProtocolAddress.new(`device-${number}`, 1),
    identities: new Identities(signal.PrivateKey.generate(), number),
    sessions: new Kept(),
    oneTime: new OneTimePreKeys(),
    signed: new SignedPreKeys(),
    kyber: new KyberPreKeys(),
  };
}

const seal = (from, to) => signal.signalEncrypt(WORDS, to.address, from.sessions, from.identities);

async function open(to, from, message) {
  const bytes = message.serialize();
  if (message.type() === signal.CiphertextMessageType.PreKey) {
    const first = signal.PreKeySignalMessage.deserialize(bytes);
    const { sessions, identities, oneTime, signed, kyber } = to;
    return signal.signalDecryptPreKey(first, from.address, sessions, identities, oneTime, signed, kyber);
  }
  return signal.signalDecrypt(signal.SignalMessage.deserialize(bytes), from.address, to.sessions, to.identities);
}

// A bundle with a one-time prekey, whose making is not measured.
async function bundle(of) {
  const [prekey, oneTime] = [signal.PrivateKey.generate(), signal.PrivateKey.generate()];
  const key = prekey.getPublicKey();
  const signature = of.identities.secret.sign(key.serialize());
  await of.signed.saveSignedPreKey(1, signal.SignedPreKeyRecord.new(1, Date.now(), key, prekey, signature));
  await of.oneTime.savePreKey(1, signal.PreKeyRecord.new(1, oneTime.getPublicKey(), oneTime));
  const identity = of.identities.secret.getPublicKey();
  const number = of.identities.registrationId;
  return signal.PreKeyBundle.new(number, 1, 1, oneTime.getPublicKey(), 1, key, signature, identity);
}

async function establish(alice, bob, offered) {
  await signal.processPreKeyBundle(offered, bob.address, alice.sessions, alice.identities);
  await open(bob, alice, await seal(alice, bob));
}

// The middle one of so many, in microseconds; what is prepared for each is not measured.
async function middle(count, work, prepare = async () => undefined) {
  const times = [];
  for (let turn = 0; turn < count; turn++) {
    const given = await prepare();
    const began = process.hrtime.bigint();
    await work(given);
    times.push(Number(process.hrtime.bigint() - began) / 1000);
  }
  return times.sort((one, other) => one - other)[Math.floor(count / 2)];
}

const [alice, bob] = [device(1), device(2)];
await establish(alice, bob, await bundle(bob));
await open(alice, bob, await seal(bob, alice));

const empty = await middle(3000, async () => signal.ProtocolAddress.new("nobody", 1));
const decrypt = await middle(3000, (message) => open(bob, alice, message), () => seal(alice, bob));
const round = await middle(1000, async () => {
  await open(bob, alice, await seal(alice, bob));
  await open(alice, bob, await seal(bob, alice));
});
// Last: nobody opens these.
const encrypt = await middle(3000, () => seal(alice, bob));
const both = await middle(
  500,
  ([one, other, offered]) => establish(one, other, offered),
  async () => {
    const [one, other] = [device(3), device(4)];
    return [one, other, await bundle(other)];
  },
);

const rows = [
  ["encrypt 100 B, one way", encrypt - empty],
  ["decrypt 100 B, one way", decrypt - empty],
  ["ping-pong round, two messages", round - 4 * empty],
  ["establish, X3DH, both sides", both - 3 * empty],
].map(([figure, time]) => `| ${figure} | ${time.toFixed(1)} µs |`);
const text = `Version ${VERSION}, Node ${process.version}; an empty call takes ${empty.toFixed(1)} µs.\n\n| figure | measured |\n|---|---|\n${rows.join("\n")}\n`;
console.log(text);

const page = process.argv[2];
if (page) {
  const [begin, end] = ["<!-- bench crypto official: begin -->", "<!-- bench crypto official: end -->"];
  const [before, rest] = readFileSync(page, "utf8").split(begin);
  const after = rest?.split(end)[1];
  if (after === undefined) throw new Error(`${page} has no section for these figures`);
  writeFileSync(page, `${before}${begin}\n${text}${end}${after}`);
}
