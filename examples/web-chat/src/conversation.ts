/** A conversation: its messages, who types, and what is written next. */

import type { Client, Event, Message } from "sealwire";
import { said } from "./chat.js";
import { el } from "./element.js";
import { bubble, keepPicture, reached } from "./message.js";
import { onceAtATime } from "./once.js";

const PAGE = 40;

export class Conversation {
  readonly element: HTMLElement;
  readonly #client: Client;
  readonly #thread: string;
  readonly #user: string;
  readonly #messages = el("div", { className: "messages", role: "log", tabIndex: 0, aria: { live: "polite" } });
  readonly #typing = el("p", { className: "typing", role: "status" });
  readonly #text = el("textarea", { rows: 1, placeholder: "Write a message", aria: { label: "Write a message" }, dir: "auto" });
  readonly #trouble = el("p", { className: "trouble", role: "alert" });
  readonly #left = new AbortController();
  readonly #readAgain = onceAtATime(() => this.#again());
  readonly #sayRead = onceAtATime(() => this.#client.markRead(this.#thread));
  /** Whether all of it may be otherwise, and not its end alone. */
  #anywhere = false;
  #oldest: number | undefined;
  #loading = false;

  constructor(client: Client, thread: string, name: string, user: string, back: () => void) {
    this.#client = client;
    this.#thread = thread;
    this.#user = user;
    const goBack = el("button", { className: "quiet back", textContent: "‹", aria: { label: "Back to the inbox" } });
    goBack.onclick = back;
    const pick = el("input", { type: "file", hidden: true });
    pick.onchange = () => {
      const file = pick.files?.[0];
      if (file) void this.#sendFile(file);
      pick.value = "";
    };
    const attach = el("button", { type: "button", className: "quiet", textContent: "+", aria: { label: "Send a file" } });
    attach.onclick = () => pick.click();
    const form = el("form", { className: "composer" }, attach, pick, this.#text, el("button", { textContent: "Send" }));
    form.onsubmit = (event) => {
      event.preventDefault();
      void this.#sendText();
    };
    this.#text.oninput = () => {
      this.#fit();
      void client.setTyping(thread, this.#text.value !== "").catch(() => undefined);
    };
    this.#text.onkeydown = (event) => {
      // The Enter that ends a composition belongs to the input method.
      if (event.key === "Enter" && !event.shiftKey && !event.isComposing) {
        event.preventDefault();
        form.requestSubmit();
      }
    };
    this.#text.onpaste = (event) => {
      const file = event.clipboardData?.files[0];
      if (!file) return;
      event.preventDefault();
      void this.#sendFile(file);
    };
    this.#messages.onscroll = () => {
      if (this.#messages.scrollTop < 200) void this.#loadOlder();
    };
    this.element = el("div", { className: "thread" }, el("header", {}, goBack, el("strong", { textContent: name, dir: "auto" }), this.#typing), this.#messages, this.#trouble, form);
    this.element.ondragover = (event) => event.preventDefault();
    this.element.ondrop = (event) => {
      event.preventDefault();
      const file = event.dataTransfer?.files[0];
      if (file) void this.#sendFile(file);
    };
    document.addEventListener("visibilitychange", () => this.#markRead(), { signal: this.#left.signal });
  }

  /** The newest messages, or those around one that was searched for. */
  async show(localId?: number): Promise<void> {
    await this.#loadOlder();
    if (localId !== undefined) {
      while (!this.#bubble(localId) && (await this.#loadOlder()));
      const found = this.#bubble(localId);
      found?.scrollIntoView({ block: "center" });
      found?.classList.add("found");
    } else this.#toEnd();
    this.#markRead();
    this.focus();
  }

  focus(): void {
    this.#text.focus();
  }

  leave(): void {
    this.#left.abort();
  }

  happened(event: Event): void {
    switch (event.type) {
      case "messageQueued":
      case "messageReceived":
      case "messageUnreadable":
      case "messageSent":
      case "messageFailed":
      case "messageCancelled":
      case "messageDelivered":
      case "messageRead":
      case "messageRecovered":
      case "messageExpired":
        if (event.message.thread === this.#thread) this.#put(event.message);
        break;
      case "typing":
        if (event.thread === this.#thread && event.user !== this.#user) this.#typing.textContent = event.typing ? "types …" : "";
        break;
      case "marksMoved":
        if (event.thread === this.#thread) this.#readAgain();
        break;
      case "lagged":
        this.#anywhere = true;
        this.#readAgain();
    }
  }

  async #loadOlder(): Promise<boolean> {
    if (this.#loading) return false;
    this.#loading = true;
    try {
      const page = await this.#client.messages(this.#thread, this.#oldest, PAGE);
      const height = this.#messages.scrollHeight - this.#messages.scrollTop;
      // Those that came while the conversation was shown are there already.
      const fresh = page.filter(({ localId }) => !this.#bubble(localId));
      this.#messages.prepend(...fresh.map((message) => this.#make(message)).reverse());
      this.#messages.scrollTop = this.#messages.scrollHeight - height;
      this.#oldest = page.at(-1)?.localId ?? this.#oldest;
      return page.length > 0;
    } finally {
      this.#loading = false;
    }
  }

  /** What is on the screen, as the store has it now: its end, or all of it, where nobody knows how much of it is missing. */
  async #again(): Promise<void> {
    const all = this.#anywhere;
    this.#anywhere = false;
    const oldest = this.#oldest;
    let page: Message[];
    let before: number | undefined;
    // What comes while the store is read belongs behind it.
    const last = this.#messages.lastElementChild;
    let next: Element | null | undefined;
    do {
      page = await this.#client.messages(this.#thread, before, PAGE);
      if (next === undefined) next = last ? last.nextElementSibling : this.#messages.firstElementChild;
      for (const message of page) {
        // What was read from the store before an event may arrive after it.
        const shown = this.#bubble(message.localId)?.dataset["reached"];
        if (shown === undefined || reached(message) >= Number(shown)) this.#put(message, next);
        next = this.#bubble(message.localId);
        before = message.localId;
      }
    } while (all && page.length > 0 && !page.some(({ localId }) => localId === oldest));
  }

  /** In its place, or where it is new, before this one; else at the end. */
  #put(message: Message, next: Element | null = null): void {
    const atEnd = this.#messages.scrollHeight - this.#messages.scrollTop - this.#messages.clientHeight < 120;
    const shown = this.#bubble(message.localId);
    if (shown) shown.replaceWith(this.#make(message));
    else this.#messages.insertBefore(this.#make(message), next);
    if (message.sender !== this.#user) {
      this.#typing.textContent = "";
      this.#markRead();
    }
    if (atEnd || (!shown && message.sender === this.#user)) this.#toEnd();
  }

  #make(message: Message): HTMLElement {
    return bubble(this.#client, message, message.sender === this.#user);
  }

  #bubble(localId: number): HTMLElement | null {
    return this.#messages.querySelector(`[data-id="${localId}"]`);
  }

  #toEnd(): void {
    this.#messages.scrollTop = this.#messages.scrollHeight;
  }

  #markRead(): void {
    if (this.#left.signal.aborted || document.visibilityState !== "visible") return;
    this.#sayRead();
  }

  #fit(): void {
    this.#text.style.height = "auto";
    this.#text.style.height = `${this.#text.scrollHeight}px`;
  }

  async #sendText(): Promise<void> {
    const text = this.#text.value;
    if (text.trim() === "") return;
    this.#text.value = "";
    this.#fit();
    await this.#attempt(async () => void (await this.#client.sendText(this.#thread, text)), () => (this.#text.value = text));
  }

  async #sendFile(file: File): Promise<void> {
    const bar = el("progress", { max: 1, value: 0, aria: { label: `Sending ${file.name}` } });
    this.#trouble.before(bar);
    await this.#attempt(async () => {
      const media = await measured(file);
      const onProgress = ({ done, total }: { done: number; total: number }): void => void (bar.value = done / total);
      const message = await this.#client.sendAttachment(this.#thread, file, { media, onProgress });
      if (file.type.startsWith("image/")) keepPicture(message.localId, file);
    });
    bar.remove();
  }

  async #attempt(work: () => Promise<void>, undo?: () => void): Promise<void> {
    this.#trouble.textContent = "";
    try {
      await work();
    } catch (error) {
      undo?.();
      this.#trouble.textContent = said(error);
    }
  }
}

/** The size of a picture in pixels, so that its place is kept while it loads. */
async function measured(file: File): Promise<{ width?: number; height?: number }> {
  if (!file.type.startsWith("image/")) return {};
  try {
    const { width, height } = await createImageBitmap(file);
    return { width, height };
  } catch {
    return {};
  }
}
