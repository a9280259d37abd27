"use strict";
// What htmx does not do: moments in the reader's own time, logs that stay short and
// at their end, and a word when what is shown is no longer live.
(() => {
  const MOST_LINES = 1000;

  const localTimes = (root) => {
    for (const time of root.querySelectorAll("time[datetime]")) {
      const at = new Date(time.dateTime);
      if (!Number.isNaN(at.valueOf())) {
        time.title = at.toLocaleString(document.documentElement.lang);
      }
    }
  };

  const trim = (log) => {
    while (log.childElementCount > MOST_LINES) log.firstElementChild.remove();
  };

  const atEnd = (log) => log.scrollHeight - log.scrollTop - log.clientHeight < 40;

  const say = (kind) => {
    const place = document.getElementById("live-state");
    if (place && place.dataset.is !== kind) {
      place.dataset.is = kind;
      place.textContent = place.dataset[kind];
    }
  };

  let follows = true;
  document.addEventListener("htmx:sse:before:message", () => {
    const log = document.getElementById("log");
    follows = !log || atEnd(log);
  });
  document.addEventListener("htmx:sse:after:message", () => {
    const log = document.getElementById("log");
    if (!log) return;
    trim(log);
    if (follows) log.scrollTop = log.scrollHeight;
  });
  document.addEventListener("htmx:sse:after:connection", () => say("live"));
  document.addEventListener("htmx:sse:error", () => say("lost"));
  document.addEventListener("htmx:after:swap", () => localTimes(document));
  document.addEventListener("DOMContentLoaded", () => {
    localTimes(document);
    const log = document.getElementById("log");
    if (log) log.scrollTop = log.scrollHeight;
  });
})();
