// Comes in by the link's secret, which browsers don't send; and waits for a job to change.
"use strict";

const csrf = document.querySelector("meta[name=csrf]").content;

async function enter(form) {
  const told = form.querySelector(".told");
  const headers = { "Content-Type": "application/json", "X-CSRF": csrf };
  const body = JSON.stringify({ link: window.location.hash.slice(1) });
  try {
    const response = await fetch("/enter", { method: "POST", headers, body, redirect: "error" });
    const answer = await response.json();
    if (!response.ok) throw new Error(answer.error);
    window.location.replace(answer.next);
  } catch (error) {
    told.textContent = error.message;
  }
}

const entering = document.querySelector("form[data-enter]");
if (entering) {
  entering.addEventListener("submit", (event) => { event.preventDefault(); enter(entering); });
  if (window.location.hash.length > 1) enter(entering);
}

const PAUSE_MS = 2000;
const waiting = document.querySelector("[data-follow]");

async function follow() {
  try {
    const response = await fetch(waiting.dataset.follow, { redirect: "error" });
    const now = await response.json();
    if (response.ok && JSON.stringify(now) !== JSON.stringify(JSON.parse(waiting.dataset.known))) {
      window.location.reload();
      return;
    }
    if (response.status === 403) return;
  } catch { /* the console may be starting again */ }
  window.setTimeout(follow, PAUSE_MS);
}
if (waiting) window.setTimeout(follow, PAUSE_MS);
