/** The chat: the inbox at one side, a conversation at the other; on a phone one of the two. */

import { SealwireError, type Client, type ConnectionState, type Event, type EventStream } from "sealwire";
import { Conversation } from "./conversation.js";
import { attempt } from "./door.js";
import { el } from "./element.js";
import { Inbox } from "./inbox.js";

export class Chat {
  readonly #app: HTMLElement;
  readonly #client: Client;
  readonly #user: string;
  readonly #inbox: Inbox;
  readonly #state = el("span", { className: "state", role: "status" });
  readonly #search = el("input", { type: "search", placeholder: "Search messages", aria: { label: "Search messages" } });
  readonly #place = el("section", { className: "conversation", aria: { label: "Conversation" } });
  #conversation: Conversation | undefined;

  constructor(app: HTMLElement, client: Client, user: string) {
    this.#app = app;
    this.#client = client;
    this.#user = user;
    this.#inbox = new Inbox(client, user, (thread, name, message) => void this.open(thread, name, message));
  }

  async show(events: EventStream): Promise<void> {
    const menu = el("button", { className: "quiet", textContent: "Link a device" });
    menu.onclick = () => this.#linkDevice();
    const begin = el("button", { className: "quiet", textContent: "New" });
    begin.onclick = () => this.#newConversation();
    this.#search.oninput = () => void this.#inbox.search(this.#search.value.trim());
    this.#app.replaceChildren(
      el(
        "main",
        { className: "chat" },
        el(
          "nav",
          { className: "side", aria: { label: "Inbox" } },
          el("header", {}, el("strong", { textContent: this.#user }), this.#state, begin, menu),
          this.#search,
          this.#inbox.list,
        ),
        this.#place,
      ),
    );
    this.#nothingOpen();
    this.#showState(this.#client.connection());
    document.addEventListener("keydown", (event) => this.#key(event));
    document.addEventListener("visibilitychange", () => this.#presence());
    this.#presence();
    await this.#inbox.refresh();
    for await (const event of events) this.#happened(event);
  }

  async open(thread: string, name: string, localId?: number): Promise<void> {
    this.#conversation?.leave();
    const conversation = new Conversation(this.#client, thread, name, this.#user, () => this.#close());
    this.#conversation = conversation;
    this.#place.replaceChildren(conversation.element);
    this.#app.querySelector(".chat")?.classList.add("reading");
    this.#inbox.select(thread);
    await conversation.show(localId);
    // Who types is told of what is on the screen alone.
    await this.#client.watchThreads([thread]);
  }

  #close(): void {
    this.#conversation?.leave();
    this.#conversation = undefined;
    this.#app.querySelector(".chat")?.classList.remove("reading");
    this.#inbox.select(undefined);
    this.#nothingOpen();
    this.#inbox.focus();
    void this.#client.watchThreads([]);
  }

  #happened(event: Event): void {
    switch (event.type) {
      case "connection":
        this.#showState(event.state);
        break;
      case "inboxChanged":
        this.#inbox.refreshThread(event.thread);
        break;
      case "lagged":
        // Something was missed: the store has it.
        void this.#inbox.refresh();
        break;
      case "deviceRevoked":
        this.#state.textContent = "this device was removed";
    }
    this.#conversation?.happened(event);
  }

  #showState(state: ConnectionState): void {
    const words: Record<ConnectionState["type"], string> = {
      offline: "offline",
      refused: "refused by the relay",
      connecting: "connecting …",
      catchingUp: "catching up …",
      online: "online",
      replaced: "open elsewhere",
      waitingForTab: "waiting for another tab",
    };
    this.#state.textContent = words[state.type];
    this.#state.dataset["state"] = state.type;
  }

  #presence(): void {
    void this.#client.setPresence(document.visibilityState === "visible").catch(() => undefined);
  }

  #nothingOpen(): void {
    this.#place.replaceChildren(
      el("div", { className: "nothing" }, el("p", { textContent: "Choose a conversation, or begin one with “New”." }), el("p", { className: "faint", textContent: "/ searches · n begins · Esc goes back · Enter sends" })),
    );
  }

  #key(event: KeyboardEvent): void {
    const typing = event.target instanceof HTMLElement && event.target.matches("input, textarea, dialog *");
    if (event.key === "Escape" && !document.querySelector("dialog[open]")) {
      if (this.#search.value !== "") {
        this.#search.value = "";
        void this.#inbox.search("");
      } else if (this.#conversation) this.#close();
    } else if (!typing && !event.ctrlKey && !event.metaKey && !event.altKey && (event.key === "/" || event.key === "n")) {
      event.preventDefault();
      if (event.key === "/") this.#search.focus();
      else this.#newConversation();
    }
  }

  #newConversation(): void {
    const name = el("input", { placeholder: "whom to write to", required: true, aria: { label: "Whom to write to" } });
    ask("New conversation", name, "Begin", async () => {
      const user = name.value.trim();
      await this.open(await this.#client.directThread(user), user);
    }, () => this.#conversation?.focus());
  }

  #linkDevice(): void {
    const code = el("textarea", { placeholder: "sealwire://link?…", rows: 4, required: true, aria: { label: "Link code" } });
    ask("Link a device", code, "Link it", async () => {
      await this.#client.linkDevice(code.value.replace(/\s/g, ""), ({ device }) => confirm(`Let device ${device} read and write your messages from now on?`));
    });
  }
}

/** A small window with one question. */
function ask(title: string, input: HTMLInputElement | HTMLTextAreaElement, yes: string, work: () => Promise<void>, then?: () => void): void {
  const trouble = el("p", { className: "trouble", role: "alert" });
  const go = el("button", { textContent: yes });
  const form = el("form", {}, el("h2", { textContent: title }), input, trouble, go);
  const dialog = el("dialog", {}, form);
  dialog.onclose = () => dialog.remove();
  form.onsubmit = (event) => {
    event.preventDefault();
    void attempt(go, trouble, async () => {
      await work();
      dialog.close();
      // The window gave the focus back to where it was before.
      then?.();
    });
  };
  document.body.append(dialog);
  dialog.showModal();
  input.focus();
}

export function said(error: unknown): string {
  return error instanceof SealwireError ? error.text : String(error);
}
