// Passkeys: asks the console what is to be signed, has the browser's authenticator sign it, and hands that back.
"use strict";

const csrf = document.querySelector("meta[name=csrf]").content;

const toBytes = (text) => {
  const base = text.replaceAll("-", "+").replaceAll("_", "/");
  return Uint8Array.from(atob(base), (letter) => letter.charCodeAt(0));
};
const toText = (buffer) => {
  let letters = "";
  for (const byte of new Uint8Array(buffer)) letters += String.fromCharCode(byte);
  return btoa(letters).replaceAll("+", "-").replaceAll("/", "_").replaceAll("=", "");
};

async function ask(path, body) {
  const headers = { "Content-Type": "application/json", "X-CSRF": csrf };
  const response = await fetch(path, { method: "POST", headers, body: JSON.stringify(body), redirect: "error" });
  const answer = await response.json();
  if (!response.ok) throw new Error(answer.error);
  return answer;
}

function answered(credential) {
  const response = {};
  for (const name of ["clientDataJSON", "authenticatorData", "signature", "userHandle", "attestationObject"]) {
    if (credential.response[name]) response[name] = toText(credential.response[name]);
  }
  return { id: credential.id, rawId: toText(credential.rawId), type: credential.type, response };
}

const withIds = (list) => (list || []).map((one) => ({ ...one, id: toBytes(one.id) }));

async function signed(options) {
  const publicKey = { ...options, challenge: toBytes(options.challenge), allowCredentials: withIds(options.allowCredentials) };
  return answered(await navigator.credentials.get({ publicKey }));
}

async function made(options) {
  const publicKey = {
    ...options,
    challenge: toBytes(options.challenge),
    user: { ...options.user, id: toBytes(options.user.id) },
    excludeCredentials: withIds(options.excludeCredentials),
  };
  return answered(await navigator.credentials.create({ publicKey }));
}

function onSubmit(selector, act) {
  for (const form of document.querySelectorAll(selector)) {
    const told = form.querySelector(".told");
    form.addEventListener("submit", async (event) => {
      event.preventDefault();
      const buttons = form.querySelectorAll("button");
      for (const button of buttons) button.disabled = true;
      told.textContent = told.dataset.busy;
      told.classList.add("busy");
      try {
        const { next } = await act(form, event.submitter);
        window.location.assign(next);
      } catch (error) {
        // What the browser itself says is about keys and devices; ours names what to do.
        told.textContent = error instanceof DOMException ? told.dataset.failed : error.message;
        told.classList.remove("busy");
        for (const button of buttons) button.disabled = false;
      }
    });
  }
}

onSubmit("form[data-sign-in]", async () => {
  const { ticket, options } = await ask("/sign-in/options", {});
  return ask("/sign-in", { ticket, credential: await signed(options) });
});

onSubmit("form[data-provider]", () => ask("/provider/options", {}));

onSubmit("form[data-enrol]", async (form) => {
  const link = window.location.hash.slice(1);
  const { ticket, options } = await ask(form.dataset.enrol, link ? { link } : {});
  return ask("/enrol", { ticket, credential: await made(options) });
});

onSubmit("form[data-decide]", async (form, submitter) => {
  const body = { said: submitter.value, reason: form.elements.reason.value };
  const { ticket, options } = await ask(`${form.dataset.decide}/options`, body);
  return ask(`${form.dataset.decide}/decide`, { ticket, credential: await signed(options) });
});

onSubmit("form[data-agree]", async (form) => {
  const { ticket, options } = await ask("/policy/options", { text: form.elements.text?.value ?? "", digest: form.dataset.agree });
  return ask("/policy/agree", { ticket, credential: await signed(options) });
});

// What takes longer than a page: it is looked for again after a while.
const again = document.querySelector("[data-again]");
if (again) setTimeout(() => window.location.reload(), 1000 * Number(again.dataset.again));
