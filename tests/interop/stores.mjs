// What the official library asks its app to keep, in memory. Only the package's documented classes are used.

const same = (left, right) => Buffer.compare(left.serialize(), right.serialize()) === 0;

// The stores of a version of the library.
export function stores(signal) {
  class Sessions extends signal.SessionStore {
    records = new Map();
    async saveSession(address, record) {
      // Stored as bytes, so that every step goes through the library's own stored form.
      this.records.set(address.toString(), record.serialize());
    }
    async getSession(address) {
      const record = this.records.get(address.toString());
      return record ? signal.SessionRecord.deserialize(record) : null;
    }
    async getExistingSessions(addresses) {
      return Promise.all(addresses.map((address) => this.getSession(address)));
    }
  }

  class Identities extends signal.IdentityKeyStore {
    known = new Map();
    constructor(secret, registrationId) {
      super();
      this.secret = secret;
      this.registrationId = registrationId;
    }
    async getIdentityKey() {
      return this.secret;
    }
    async getLocalRegistrationId() {
      return this.registrationId;
    }
    async saveIdentity(address, key) {
      const before = this.known.get(address.toString());
      this.known.set(address.toString(), key);
      return before && !same(before, key)
        ? signal.IdentityChange.ReplacedExisting
        : signal.IdentityChange.NewOrUnchanged;
    }
    async isTrustedIdentity(address, key) {
      const known = this.known.get(address.toString());
      return !known || same(known, key);
    }
    async getIdentity(address) {
      return this.known.get(address.toString()) ?? null;
    }
  }

  class OneTimePreKeys extends signal.PreKeyStore {
    records = new Map();
    async savePreKey(id, record) {
      this.records.set(id, record);
    }
    async getPreKey(id) {
      const record = this.records.get(id);
      if (!record) throw new Error(`no prekey ${id}`);
      return record;
    }
    async removePreKey(id) {
      this.records.delete(id);
    }
  }

  class SignedPreKeys extends signal.SignedPreKeyStore {
    records = new Map();
    async saveSignedPreKey(id, record) {
      this.records.set(id, record);
    }
    async getSignedPreKey(id) {
      const record = this.records.get(id);
      if (!record) throw new Error(`no signed prekey ${id}`);
      return record;
    }
  }

  class KyberPreKeys extends signal.KyberPreKeyStore {
    records = new Map();
    lastResort = new Set();
    async saveKyberPreKey(id, record) {
      this.records.set(id, record);
    }
    async getKyberPreKey(id) {
      const record = this.records.get(id);
      if (!record) throw new Error(`no kyber prekey ${id}`);
      return record;
    }
    async markKyberPreKeyUsed(id) {
      if (!this.lastResort.has(id)) this.records.delete(id);
    }
  }

  return { Sessions, Identities, OneTimePreKeys, SignedPreKeys, KyberPreKeys };
}
