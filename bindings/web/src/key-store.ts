/**
 * The key store of a browser: small secrets in IndexedDB, each wrapped by an AES-GCM key that no script can read out.
 *
 * That protects against whoever copies the profile's files without the browser's own key material, and against nobody who
 * runs scripts in this origin. An app that has a better place for a key hands one in.
 */

/** What the SDK keeps its secrets in; `put` resolves when the secret is durable. */
export interface KeyStore {
  get(name: string): Promise<Uint8Array | undefined>;
  put(name: string, secret: Uint8Array): Promise<void>;
}

/** How the default key store is opened. */
export interface KeyStoreOptions {
  /** The store whose secrets it keeps. */
  store: string;
  /** The store's key of 32 random bytes, if the app keeps it itself. */
  key?: Uint8Array;
}

const STORE_KEY = "store-key";
const STORE_SALT = "store-salt";
const KEY_BYTES = 32;
const SALT_BYTES = 16;

/** The one table, and the entry of it that is no secret but what wraps them. */
const TABLE = "secrets";
const WRAPPING_KEY = "wrapping-key";
/** A fresh one for each secret that is put (NIST SP 800-38D, section 8.2.2). */
const NONCE_BYTES = 12;

interface Wrapped {
  nonce: Uint8Array<ArrayBuffer>;
  sealed: ArrayBuffer;
}

/** Opens the key store of a store, and makes it on the first time. */
export async function openKeyStore({ store, key }: KeyStoreOptions): Promise<KeyStore> {
  const database = await open(`sealwire-keys-${store}`);
  const wrapping = await wrappingKey(database);
  const kept = new WrappedSecrets(database, wrapping, store);
  return key === undefined ? kept : await HandedInKey.over(kept, key);
}

class WrappedSecrets implements KeyStore {
  readonly #database: IDBDatabase;
  readonly #wrapping: CryptoKey;
  readonly #store: string;

  constructor(database: IDBDatabase, wrapping: CryptoKey, store: string) {
    this.#database = database;
    this.#wrapping = wrapping;
    this.#store = store;
  }

  async get(name: string): Promise<Uint8Array | undefined> {
    const held = await read(this.#database, `secret:${name}`);
    if (held === undefined) return undefined;
    const { nonce, sealed } = held as Wrapped;
    return new Uint8Array(await crypto.subtle.decrypt(this.#cipher(nonce, name), this.#wrapping, sealed));
  }

  async put(name: string, secret: Uint8Array): Promise<void> {
    const nonce = crypto.getRandomValues(new Uint8Array(NONCE_BYTES));
    // A copy of its own: what was handed in may lie in shared memory.
    const plain = new Uint8Array(secret);
    const sealed = await crypto.subtle.encrypt(this.#cipher(nonce, name), this.#wrapping, plain);
    plain.fill(0);
    const wrapped: Wrapped = { nonce, sealed };
    await write(this.#database, (table) => table.put(wrapped, `secret:${name}`));
  }

  /** A secret opens under its own name and store alone. */
  #cipher(nonce: Uint8Array<ArrayBuffer>, name: string): AesGcmParams {
    return { name: "AES-GCM", iv: nonce, additionalData: new TextEncoder().encode(`${this.#store}/${name}`) };
  }
}

/** The store's key comes from the app, and its salt from the key; everything else is kept. */
class HandedInKey implements KeyStore {
  readonly #kept: KeyStore;
  readonly #given: ReadonlyMap<string, Uint8Array>;

  private constructor(kept: KeyStore, given: ReadonlyMap<string, Uint8Array>) {
    this.#kept = kept;
    this.#given = given;
  }

  static async over(kept: KeyStore, key: Uint8Array): Promise<HandedInKey> {
    if (key.length !== KEY_BYTES) throw new TypeError(`the store's key has ${KEY_BYTES} bytes, not ${key.length}`);
    const material = await crypto.subtle.importKey("raw", new Uint8Array(key), "HKDF", false, ["deriveBits"]);
    const info = new TextEncoder().encode("sealwire store salt");
    const derived = await crypto.subtle.deriveBits(
      { name: "HKDF", hash: "SHA-256", salt: new Uint8Array(), info },
      material,
      SALT_BYTES * 8,
    );
    const given = new Map([
      [STORE_KEY, new Uint8Array(key)],
      [STORE_SALT, new Uint8Array(derived)],
    ]);
    return new HandedInKey(kept, given);
  }

  async get(name: string): Promise<Uint8Array | undefined> {
    return this.#given.get(name)?.slice() ?? (await this.#kept.get(name));
  }

  async put(name: string, secret: Uint8Array): Promise<void> {
    if (this.#given.has(name)) throw new Error(`${name} is the app's to keep`);
    await this.#kept.put(name, secret);
  }
}

/** The one of this database; of two that are made at once, the first that was written. */
async function wrappingKey(database: IDBDatabase): Promise<CryptoKey> {
  const found = (await read(database, WRAPPING_KEY)) as CryptoKey | undefined;
  if (found !== undefined) return found;
  const made = await crypto.subtle.generateKey({ name: "AES-GCM", length: 256 }, false, ["encrypt", "decrypt"]);
  await write(database, (table) => {
    const there = table.count(WRAPPING_KEY);
    there.onsuccess = () => {
      if (there.result === 0) table.put(made, WRAPPING_KEY);
    };
  });
  return (await read(database, WRAPPING_KEY)) as CryptoKey;
}

function open(name: string): Promise<IDBDatabase> {
  return new Promise((resolve, reject) => {
    const opening = indexedDB.open(name, 1);
    opening.onupgradeneeded = () => {
      opening.result.createObjectStore(TABLE);
    };
    opening.onsuccess = () => {
      const database = opening.result;
      // Whoever deletes the site's data, or opens a later version, is not kept waiting.
      database.onversionchange = () => database.close();
      resolve(database);
    };
    opening.onerror = () => reject(opening.error);
    opening.onblocked = () => reject(new Error("another tab keeps the key store open at an older version"));
  });
}

function read(database: IDBDatabase, name: string): Promise<unknown> {
  return new Promise((resolve, reject) => {
    const reading = database.transaction(TABLE).objectStore(TABLE).get(name);
    reading.onsuccess = () => resolve(reading.result);
    reading.onerror = () => reject(reading.error);
  });
}

/** Resolves when it is on the disk, and not merely on its way there. */
function write(database: IDBDatabase, change: (table: IDBObjectStore) => void): Promise<void> {
  return new Promise((resolve, reject) => {
    const transaction = database.transaction(TABLE, "readwrite", { durability: "strict" });
    transaction.oncomplete = () => resolve();
    transaction.onerror = () => reject(transaction.error);
    transaction.onabort = () => reject(transaction.error);
    change(transaction.objectStore(TABLE));
  });
}
