/** One message on the screen. */

import type { Client, Message, MessageState } from "sealwire";
import { said } from "./chat.js";
import { el } from "./element.js";

/** A larger picture is fetched when it is asked for. */
const FETCHED_UNASKED = 5 * 1024 * 1024;

/** Pictures fetched so far, by local id. */
const pictures = new Map<number, Promise<string>>();

/** What was sent from this tab need not be fetched. */
export function keepPicture(localId: number, file: Blob): void {
  pictures.set(localId, Promise.resolve(URL.createObjectURL(file)));
}

export function summary({ content }: Message): string {
  switch (content.type) {
    case "text":
      return content.text;
    case "attachment":
      return content.caption || content.file.name || "a file";
    case "unreadable":
      return "could not be read yet";
    case "removed":
      return "removed";
    case "unknown":
      return "of a newer version";
  }
}

export function time(ms: number): string {
  const at = new Date(ms);
  const today = at.toDateString() === new Date().toDateString();
  return at.toLocaleString(undefined, today ? { hour: "2-digit", minute: "2-digit" } : { day: "numeric", month: "short" });
}

/** States only go up. */
export function reached({ state }: Message): number {
  return ["pending", "sent", "delivered", "read"].indexOf(state.type);
}

export function tick(state: MessageState): HTMLElement {
  const marks: Partial<Record<MessageState["type"], [string, string]>> = {
    pending: ["◷", "waits to be sent"],
    sent: ["✓", "sent"],
    delivered: ["✓✓", "delivered"],
    read: ["✓✓", "read"],
    failed: ["!", "failed"],
    cancelling: ["◷", "being cancelled"],
    cancelled: ["×", "cancelled"],
  };
  const [mark, words] = marks[state.type] ?? ["", ""];
  return el("span", { className: `tick ${state.type}`, textContent: mark, title: words, aria: { label: words } });
}

export function bubble(client: Client, message: Message, own: boolean): HTMLElement {
  const body = el("div", { className: "body", dir: "auto" });
  const { content } = message;
  if (content.type === "attachment") {
    body.append(file(client, message));
    if (content.caption) body.append(el("p", { textContent: content.caption, dir: "auto" }));
  } else {
    body.textContent = summary(message);
    if (content.type !== "text") body.classList.add("faint");
  }
  const foot = el("footer", {}, el("time", { textContent: time(message.createdAtMs) }), own && tick(message.state));
  if (message.state.type === "failed") {
    const again = el("button", { className: "quiet", textContent: `Not sent (${message.state.code}). Try again` });
    again.onclick = () => void client.retry(message.localId).catch((error: unknown) => (again.textContent = said(error)));
    foot.append(again);
  }
  return el("article", { className: own ? "message own" : "message", data: { id: String(message.localId), reached: String(reached(message)) } }, body, foot);
}

function file(client: Client, message: Message): HTMLElement {
  if (message.content.type !== "attachment") return el("span");
  const { file } = message.content;
  const name = file.name || "file";
  // Never an SVG: it could hold scripts.
  const isPicture = /^image\/(png|jpeg|gif|webp|avif)$/.test(file.mime);
  if (!isPicture) return saveButton(client, message, name, file.size);
  const { width, height } = file.media;
  const image = el("img", { alt: name, loading: "lazy", ...(width && height ? { width, height } : {}) });
  const frame = el("button", { className: "picture", aria: { label: `Show ${name}` } }, image);
  const load = async (): Promise<void> => {
    try {
      image.src = await picture(client, message, file.mime);
      frame.classList.add("there");
    } catch (error) {
      frame.append(el("span", { className: "trouble", textContent: said(error) }));
    }
  };
  frame.onclick = () => (frame.classList.contains("there") ? enlarge(image.src, name) : void load());
  if (file.size <= FETCHED_UNASKED || pictures.has(message.localId)) void load();
  else frame.append(el("span", { textContent: `${name}, ${size(file.size)}: show` }));
  return frame;
}

function picture(client: Client, message: Message, mime: string): Promise<string> {
  let there = pictures.get(message.localId);
  if (!there) {
    there = client.downloadAttachment(message).then((bytes) => URL.createObjectURL(new Blob([bytes], { type: mime })));
    there.catch(() => pictures.delete(message.localId));
    pictures.set(message.localId, there);
  }
  return there;
}

function saveButton(client: Client, message: Message, name: string, bytes: number): HTMLElement {
  const save = el("button", { className: "quiet", textContent: `⤓ ${name}, ${size(bytes)}` });
  save.onclick = async () => {
    try {
      const onProgress = ({ done, total }: { done: number; total: number }): void => {
        save.textContent = `${Math.round((100 * done) / total)} % of ${name}`;
      };
      const data = await client.downloadAttachment(message, { onProgress });
      const link = el("a", { href: URL.createObjectURL(new Blob([data])), download: name });
      link.click();
      setTimeout(() => URL.revokeObjectURL(link.href), 60_000);
      save.textContent = `⤓ ${name}, ${size(bytes)}`;
    } catch (error) {
      save.textContent = said(error);
    }
  };
  return save;
}

function enlarge(src: string, name: string): void {
  const dialog = el("dialog", { className: "large" }, el("img", { src, alt: name }));
  dialog.onclick = () => dialog.close();
  dialog.onclose = () => dialog.remove();
  document.body.append(dialog);
  dialog.showModal();
}

function size(bytes: number): string {
  return bytes < 1_000_000 ? `${Math.ceil(bytes / 1000)} kB` : `${(bytes / 1_000_000).toFixed(1)} MB`;
}
