/** The inbox: conversations with what was said last, or what a search finds. */

import type { Client, InboxThread, Message } from "sealwire";
import { el } from "./element.js";
import { summary, tick, time } from "./message.js";
import { onceAtATime } from "./once.js";

type Open = (thread: string, name: string, localId?: number) => void;

export class Inbox {
  readonly list = el("ul", { className: "inbox", tabIndex: -1 });
  readonly #client: Client;
  readonly #user: string;
  readonly #open: Open;
  readonly #changed = new Set<string>();
  readonly #refreshChanged = onceAtATime(() => this.#refreshThreads());
  #threads: InboxThread[] = [];
  #selected: string | undefined;
  #query = "";

  constructor(client: Client, user: string, open: Open) {
    this.#client = client;
    this.#user = user;
    this.#open = open;
    this.list.onkeydown = (event) => this.#key(event);
  }

  async refresh(): Promise<void> {
    this.#threads = (await this.#client.inbox(100)).threads;
    this.#show();
  }

  refreshThread(id: string): void {
    this.#changed.add(id);
    this.#refreshChanged();
  }

  async #refreshThreads(): Promise<void> {
    for (const id of this.#changed) {
      this.#changed.delete(id);
      const fresh = await this.#client.inboxThread(id);
      if (fresh) this.#threads = [fresh, ...this.#threads.filter((thread) => thread.id !== id)];
    }
    this.#threads.sort((a, b) => b.lastActivityMs - a.lastActivityMs);
    this.#show();
  }

  async search(query: string): Promise<void> {
    this.#query = query;
    if (query === "") return this.#show();
    const found = await this.#client.search(query, undefined, undefined, 50);
    // An answer to what was typed before is of no use.
    if (query !== this.#query) return;
    const rows = found.map((message) => this.#hit(message));
    this.list.replaceChildren(...(rows.length > 0 ? rows : [el("li", { className: "faint", textContent: "Nothing found" })]));
  }

  select(thread: string | undefined): void {
    this.#selected = thread;
    for (const row of this.list.querySelectorAll<HTMLElement>("[data-thread]")) {
      row.toggleAttribute("aria-current", row.dataset["thread"] === thread);
    }
  }

  focus(): void {
    this.list.querySelector<HTMLElement>("button")?.focus();
  }

  #show(): void {
    if (this.#query !== "") return;
    const focused = document.activeElement instanceof HTMLElement ? document.activeElement.dataset["thread"] : undefined;
    this.list.replaceChildren(...this.#threads.map((thread) => this.#row(thread)));
    if (focused) this.list.querySelector<HTMLElement>(`[data-thread="${focused}"]`)?.focus();
  }

  #row(thread: InboxThread): HTMLElement {
    const name = this.#name(thread.user);
    const last = thread.lastMessage;
    const own = last !== undefined && last.sender === this.#user;
    const row = el(
      "button",
      { className: "row", data: { thread: thread.id } },
      el("span", { className: "name", textContent: name, dir: "auto" }),
      el("time", { textContent: time(thread.lastActivityMs) }),
      el("span", { className: "last", dir: "auto" }, ...(own ? [tick(last.state)] : []), last ? summary(last) : ""),
      thread.unread > 0 && el("span", { className: "unread", textContent: String(thread.unread), aria: { label: `${thread.unread} unread` } }),
    );
    row.toggleAttribute("aria-current", thread.id === this.#selected);
    row.onclick = () => this.#open(thread.id, name);
    return el("li", {}, row);
  }

  #hit(message: Message): HTMLElement {
    const thread = this.#threads.find((thread) => thread.id === message.thread);
    const name = this.#name(thread?.user);
    const row = el(
      "button",
      { className: "row" },
      el("span", { className: "name", textContent: name, dir: "auto" }),
      el("time", { textContent: time(message.createdAtMs) }),
      el("span", { className: "last", textContent: summary(message), dir: "auto" }),
    );
    row.onclick = () => this.#open(message.thread, name, message.localId);
    return el("li", {}, row);
  }

  #name(user: string | undefined): string {
    return user === this.#user ? "Notes to myself" : (user ?? "?");
  }

  #key(event: KeyboardEvent): void {
    const step = { ArrowDown: 1, ArrowUp: -1 }[event.key];
    if (step === undefined) return;
    event.preventDefault();
    const rows = [...this.list.querySelectorAll<HTMLElement>("button")];
    const at = rows.indexOf(document.activeElement as HTMLElement);
    rows[Math.min(rows.length - 1, Math.max(0, at + step))]?.focus();
  }
}
