/** The door: a new account, or one more device of an account. */

import { SealwireError, type Account, type Client } from "sealwire";
import { el } from "./element.js";

/** Resolved when this device belongs to an account. */
export function showDoor(app: HTMLElement, client: Client): Promise<Account> {
  return new Promise((resolve) => {
    const trouble = el("p", { className: "trouble", role: "alert" });
    const name = el("input", { name: "user", placeholder: "your name", autocomplete: "username", required: true, pattern: "[A-Za-z0-9_\\-]{1,64}", title: "letters, digits, _ and -", aria: { label: "Your name" } });
    const register = el("button", { textContent: "Create account" });
    const link = el("button", { type: "button", className: "quiet", textContent: "Link this browser to an account" });
    const form = el("form", {}, name, register);
    const main = el(
      "main",
      { className: "door" },
      el("h1", { textContent: "Sealwire chat" }),
      el("p", { textContent: "Your messages are encrypted in this browser, for the people you write to. The relay can read none of them." }),
      form,
      link,
      trouble,
    );
    form.onsubmit = (event) => {
      event.preventDefault();
      void attempt(register, trouble, async () => {
        const user = name.value.trim();
        const device = await client.register(user);
        resolve({ user, device });
      });
    };
    link.onclick = () =>
      void attempt(link, trouble, async () => {
        const linking = await client.startLinking();
        main.replaceChildren(...linkSteps(linking.code), trouble);
        resolve(await linking.finish(() => true));
      });
    app.replaceChildren(main);
    name.focus();
  });
}

function linkSteps(code: string): Node[] {
  const shown = el("textarea", { readOnly: true, value: code, rows: 4, className: "code", aria: { label: "Link code" } });
  const copy = el("button", { textContent: "Copy the code" });
  copy.onclick = async () => {
    await navigator.clipboard.writeText(code);
    copy.textContent = "Copied";
  };
  return [
    el("h1", { textContent: "Link this browser" }),
    el("p", { textContent: "On a device that you use already, choose “Link a device” and paste this code there. It is good for ten minutes." }),
    shown,
    copy,
    el("p", { className: "faint", textContent: "Waiting for the other device …" }),
  ];
}

/** While it runs the button rests; what goes wrong is said beside it. */
export async function attempt(button: HTMLButtonElement, trouble: HTMLElement, work: () => Promise<void>): Promise<void> {
  button.disabled = true;
  trouble.textContent = "";
  try {
    await work();
  } catch (error) {
    trouble.textContent = error instanceof SealwireError ? error.text : String(error);
  } finally {
    button.disabled = false;
  }
}
