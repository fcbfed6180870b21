// Keeps the page of a run that is on up to date, and opens links to Airflow outside of the frame that shows it.
"use strict";

const SECONDS = 5;
const FOCUSABLE = "a, summary, input, button, [tabindex]";

function say(text) {
  let note = document.getElementById("stale");
  if (!text) {
    note?.remove();
    return;
  }
  if (!note) {
    note = document.createElement("p");
    note.id = "stale";
    note.className = "card";
    note.setAttribute("role", "status");
    document.body.append(note);
  }
  note.textContent = text;
}

// The shard that the address names stays marked when its row is replaced.
function mark(main) {
  const id = decodeURIComponent(window.location.hash.slice(1));
  [...main.querySelectorAll("tr[id]")].filter((row) => row.id === id).forEach((row) => row.classList.add("marked"));
}

// The new content of a part, with the focus and the scrolling where they were.
function refill(old, part) {
  const all = (selector) => [...old.querySelectorAll(selector)];
  const focused = all(FOCUSABLE).indexOf(document.activeElement);
  const scrolled = all(".scroll").map((one) => one.scrollLeft);
  old.className = part.className;
  old.replaceChildren(...part.childNodes);
  all(".scroll").forEach((one, number) => (one.scrollLeft = scrolled[number] ?? 0));
  all(FOCUSABLE)[focused]?.focus({ preventScroll: true });
}

// Each part is replaced only where it differs: what a reader has focused, scrolled or unfolded stays.
function takeOver(main, fresh) {
  const shape = (one) => [...one.children].map((part) => part.id + part.tagName).join();
  const open = [...main.querySelectorAll("details[open]")].map((one) => one.id);
  open.forEach((id) => fresh.querySelector(`details[id="${CSS.escape(id)}"]`)?.setAttribute("open", ""));
  if (shape(main) !== shape(fresh)) {
    main.replaceChildren(...fresh.children);
  } else {
    [...fresh.children].forEach((part, number) => {
      const old = main.children[number];
      if (!old.isEqualNode(part)) refill(old, part);
    });
  }
  main.toggleAttribute("data-live", fresh.hasAttribute("data-live"));
}

async function look(main) {
  try {
    const answer = await fetch(main.dataset.parts, { credentials: "same-origin", cache: "no-store" });
    if (!answer.ok) throw new Error(`${answer.status}`);
    const page = new DOMParser().parseFromString(await answer.text(), "text/html");
    const fresh = page.querySelector("main");
    mark(fresh);
    takeOver(main, fresh);
    say("");
  } catch (error) {
    say(`This page is not up to date: the server does not answer (${error.message}). Reload it, or log in again.`);
  }
}

async function watch() {
  const main = document.getElementById("parts");
  if (main) mark(main);
  while (main?.hasAttribute("data-live")) {
    await new Promise((done) => setTimeout(done, SECONDS * 1000));
    if (!document.hidden) await look(main);
  }
}

// Airflow shows the page in a frame that may not leave itself; a link of its own document may.
document.addEventListener("click", (event) => {
  const link = event.target.closest?.("a[data-top]");
  if (!link || window.parent === window || event.ctrlKey || event.metaKey || event.shiftKey || event.button) return;
  event.preventDefault();
  const outside = window.parent.document.createElement("a");
  outside.href = link.href;
  outside.target = link.target;
  outside.rel = link.rel;
  outside.click();
});

watch();
