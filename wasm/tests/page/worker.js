// The module in a worker as the tests want it: one message is one piece of work, and its answer.
import init, { Client, panicForTest, start, tellLog } from "/pkg/sealwire_wasm.js";

const state = { client: undefined, events: [], panicked: undefined, logged: [] };

/** Secrets in IndexedDB, as they are: a key store of tests alone. */
class PlainKeys {
  constructor(name) {
    this.database = new Promise((resolve, reject) => {
      const opening = indexedDB.open(name, 1);
      opening.onupgradeneeded = () => opening.result.createObjectStore("secrets");
      opening.onsuccess = () => resolve(opening.result);
      opening.onerror = () => reject(opening.error);
    });
  }
  async run(mode, work) {
    const transaction = (await this.database).transaction("secrets", mode);
    const asked = work(transaction.objectStore("secrets"));
    return new Promise((resolve, reject) => {
      transaction.oncomplete = () => resolve(asked.result);
      transaction.onabort = () => reject(transaction.error);
    });
  }
  get(name) {
    return this.run("readonly", (secrets) => secrets.get(name));
  }
  put(name, secret) {
    return this.run("readwrite", (secrets) => secrets.put(secret, name));
  }
  clear() {
    return this.run("readwrite", (secrets) => secrets.clear());
  }
}

async function hash(bytes) {
  return [...new Uint8Array(await crypto.subtle.digest("SHA-256", bytes))].join();
}

/** Every file in the origin's private file system: its path, and its first bytes. */
async function files(bytes) {
  const found = [];
  const walk = async (folder, path) => {
    for await (const [name, handle] of folder.entries()) {
      if (handle.kind === "directory") await walk(handle, `${path}${name}/`);
      else {
        const file = await handle.getFile();
        found.push({ path: path + name, size: file.size, head: new Uint8Array(await file.slice(0, bytes).arrayBuffer()) });
      }
    }
  };
  await walk(await navigator.storage.getDirectory(), "");
  return found;
}

const tools = {
  async load() {
    await init();
    start((place) => postMessage({ panicked: place }));
    tellLog("debug", (level, target, text, fields) => state.logged.push({ level, target, text, fields }));
  },
  async open(options) {
    const keyStore = options.inMemory ? undefined : new PlainKeys(`keys-${options.store ?? "default"}`);
    state.client = await Client.open({ ...options, keyStore });
    state.client.subscribe((event) => void state.events.push(event), () => state.events.push({ type: "end" }));
  },
  /** A method of the client. */
  call: (method, ...args) => state.client[method](...args),
  events: () => state.events,
  files,
  clearKeys: (store) => new PlainKeys(`keys-${store}`).clear(),
  putKey: (store, name, secret) => new PlainKeys(`keys-${store}`).put(name, new Uint8Array(secret)),
  withZeroSalt: (store) => new PlainKeys(`keys-${store}`).put("store-salt", new Uint8Array(16)),
  removeStore: async (store) => {
    const folder = await (await navigator.storage.getDirectory()).getDirectoryHandle("sealwire");
    await folder.removeEntry(store, { recursive: true });
  },
  key: (store, name) => new PlainKeys(`keys-${store}`).get(name),
  hideFiles: () => void delete globalThis.FileSystemSyncAccessHandle,
  panic: () => panicForTest(),
  /** So many bytes of noise; the message, and the hash of what was sent. */
  async sendPicture(thread, size) {
    const bytes = new Uint8Array(size);
    for (let at = 0; at < size; at += 65_536) crypto.getRandomValues(bytes.subarray(at, Math.min(size, at + 65_536)));
    const about = { name: "picture.png", mime: "image/png", media: { width: 2, height: 3 } };
    const onProgress = (progress) => void state.events.push({ type: "progress", ...progress });
    const message = await state.client.sendAttachment(thread, new Blob([bytes]), about, onProgress);
    return { message, hash: await hash(bytes) };
  },
  /** Noise in pieces of these lengths, over and over, said to be so long; the message, and the hash of what was sent. */
  async sendStream(thread, bytes, pieces, said) {
    const noise = new Uint8Array(bytes).map((_, at) => (at * at) >> 7);
    let [at, number] = [0, 0];
    const stream = new ReadableStream({
      pull(controller) {
        if (at === bytes) return controller.close();
        const piece = noise.slice(at, at + pieces[number++ % pieces.length]);
        at += piece.length;
        controller.enqueue(piece);
      },
    });
    const message = await state.client.sendAttachment(thread, stream, { name: "noise", size: said });
    return { message, hash: await hash(noise) };
  },
  /** The hash of what comes back, and how many of its chunks WebCrypto opened. */
  async comesBack(localId) {
    const chunks = [];
    const { decrypt } = SubtleCrypto.prototype;
    let opened = 0;
    SubtleCrypto.prototype.decrypt = function (...how) {
      opened += 1;
      return decrypt.apply(this, how);
    };
    try {
      await state.client.downloadAttachmentTo(localId, async (chunk) => void chunks.push(chunk.slice()));
    } finally {
      SubtleCrypto.prototype.decrypt = decrypt;
    }
    return { opened, hash: await hash(await new Blob(chunks).arrayBuffer()) };
  },
};

onmessage = async ({ data: { id, tool, args } }) => {
  try {
    postMessage({ id, answer: await tools[tool](...args) });
  } catch (error) {
    const plain = error instanceof Error ? { name: error.name, message: error.message } : error;
    postMessage({ id, error: plain });
  }
};
