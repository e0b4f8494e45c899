// The reader's own time, copying, and news as they happen. Everything on the page stands there without this file.
"use strict";

for (const time of document.querySelectorAll("time")) {
  const moment = new Date(time.dateTime);
  time.title = time.textContent;
  const shown = moment.toLocaleString(undefined, { dateStyle: "medium", timeStyle: "medium" });
  const left = Math.round((moment - Date.now()) / 1000);
  time.textContent = left > 0 && left < 86400 ? `${shown}, in ${span(left)}` : shown;
}

function span(seconds) {
  const [h, m, s] = [Math.floor(seconds / 3600), Math.floor(seconds / 60) % 60, seconds % 60];
  return h ? `${h} h ${m} min` : m ? `${m} min ${s} s` : `${s} s`;
}

for (const hash of document.querySelectorAll("code.hash")) {
  if (hash.closest("a")) continue; // what leads somewhere is no button, too
  hash.tabIndex = 0;
  hash.setAttribute("role", "button");
  hash.setAttribute("aria-label", `copy ${hash.title}`);
  const copy = async () => {
    await navigator.clipboard.writeText(hash.title);
    say("copied");
  };
  hash.addEventListener("click", copy);
  hash.addEventListener("keydown", (event) => { if (event.key === "Enter") copy(); });
}

const news = document.getElementById("news");
let fresh = 0;

function say(words) {
  if (news) news.textContent = words;
}

function listen() {
  const stream = new EventSource("/events");
  stream.addEventListener("chain", (event) => {
    const told = JSON.parse(event.data);
    fresh += 1;
    const list = document.getElementById("live");
    if (list) {
      const line = document.createElement("li");
      line.textContent = `${told.block.toLocaleString()} ${told.name} `;
      const small = document.createElement("small");
      small.textContent = told.contract;
      line.append(small);
      list.prepend(line);
      while (list.children.length > 12) list.lastChild.remove();
    }
    if (news) {
      const link = document.createElement("a");
      link.href = location.href;
      link.textContent = `${fresh} new events: show them`;
      news.replaceChildren("· ", link);
    }
  });
}

if (news && window.EventSource) listen();
