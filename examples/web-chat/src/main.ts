/** Opens the device of this browser, and shows the door or the chat. */

import { Client, SealwireError } from "sealwire";
import { Chat } from "./chat.js";
import { showDoor } from "./door.js";
import { el } from "./element.js";
import "./style.css";

const app = document.querySelector<HTMLElement>("#app")!;

/** `?relay=` says it once; it is remembered. `?device=` gives this tab a device of its own, to talk to oneself in one browser. */
function settings(): { relay: string; store: string } {
  const asked = new URL(location.href).searchParams;
  const relay = asked.get("relay") ?? localStorage.getItem("relay") ?? "http://127.0.0.1:9180";
  localStorage.setItem("relay", relay);
  return { relay, store: asked.get("device") ?? "chat" };
}

async function start(): Promise<void> {
  try {
    const onWaiting = (): void => {
      app.replaceChildren(el("main", { className: "door" }, el("p", { role: "status", textContent: "Waiting for another tab of this chat, which does not answer …" })));
    };
    const client = await Client.open({ ...settings(), onWaiting, startOffline: true });
    // Before it connects: nothing that waited is missed.
    const events = client.events();
    const account = client.account() ?? (await showDoor(app, client));
    await client.goOnline();
    await new Chat(app, client, account.user).show(events);
  } catch (error) {
    const words = error instanceof SealwireError ? error.text : String(error);
    app.replaceChildren(el("main", { className: "door" }, el("h1", { textContent: "This device cannot be opened" }), el("p", { textContent: words })));
  }
}

void start();
