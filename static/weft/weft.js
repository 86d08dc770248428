// The few things that HTML and htmx cannot do: the theme choice, copying, ageing stamps and closing menus. What keeps an open
// page true is in live.js, what moves a map in map.js. Everything else is a link or a form.
(() => {
  "use strict";
  const root = document.documentElement;
  root.dataset.js = "";

  const say = (text) => {
    const live = document.getElementById("live");
    // Beside what the region says of the page, which is not to be read out again.
    if (live) live.append(Object.assign(document.createElement("span"), { textContent: ` ${text}` }));
  };

  const keep = (name, value, age = 31536000) => {
    const secure = location.protocol === "https:" ? "; Secure" : "";
    document.cookie = `${name}=${value}; Path=/; Max-Age=${age}; SameSite=Lax${secure}`;
  };

  // Times are written in the person's own zone (apps/kernel/times.py).
  keep("weft_zone", Intl.DateTimeFormat().resolvedOptions().timeZone);

  // Theme: "light", "dark" or "" for what the machine prefers. The server reads the cookie, so no page flashes.
  const showTheme = () => {
    for (const button of document.querySelectorAll("[data-theme-choice]")) {
      button.setAttribute("aria-pressed", String(button.dataset.themeChoice === (root.dataset.theme || "")));
    }
  };
  const chooseTheme = (theme) => {
    keep("weft_theme", theme, theme ? undefined : 0);
    if (theme) root.dataset.theme = theme;
    else delete root.dataset.theme;
    showTheme();
  };

  const copy = async (button) => {
    const source = document.getElementById(button.dataset.copyFrom || "");
    const text = source ? source.textContent : button.dataset.copy;
    try {
      await navigator.clipboard.writeText(text);
    } catch {
      const area = Object.assign(document.createElement("textarea"), { value: text, className: "visually-hidden" });
      document.body.append(area);
      area.select();
      document.execCommand("copy");
      area.remove();
      button.focus();
    }
    button.dataset.copied = "";
    say("Copied");
    setTimeout(() => delete button.dataset.copied, 1600);
  };

  // A sheet is pasted; a file that is chosen fills the field in, here, and is not uploaded.
  document.addEventListener("change", async ({ target }) => {
    const field = document.getElementById(target.dataset?.fills || "");
    const [file] = target.files || [];
    if (!field || !file) return;
    try {
      if (file.size > 4 * field.maxLength) throw new RangeError();
      field.value = new TextDecoder("utf-8", { fatal: true }).decode(await file.arrayBuffer());
      say(`${file.name} is in the field`);
    } catch (error) {
      field.value = "";
      const why = error instanceof RangeError ? "is too long. Bring it in parts." : "is not in UTF-8. Save it as CSV in UTF-8.";
      target.setCustomValidity(`${file.name} ${why}`);
      target.reportValidity();
      target.setCustomValidity("");
    }
    target.value = "";
  });

  // Ages: a page left open must not go on claiming that a reading is fresh. Same words as the "age" template tag. What is
  // known from a reading grows grey with it: the line that its stamp stands in, and what names the moment itself
  // (`data-covers` says what else it stands for).
  const MONTH = 30 * 86400;
  const lasting = (seconds) => {
    if (seconds < 60) return `${seconds} s`;
    if (seconds < 3600) return `${Math.floor(seconds / 60)} min`;
    if (seconds < 86400) return `${Math.floor(seconds / 3600)} h`;
    return `${Math.floor(seconds / 86400)} d`;
  };
  const inWords = (seconds, isLasting) => {
    if (isLasting) return `for ${lasting(seconds)}`;
    if (seconds <= -5) return `in ${lasting(-seconds)}`;
    return seconds < 5 ? "just now" : `${lasting(seconds)} ago`;
  };
  const LINE = "tr, .stat, .list__item";
  const told = new Set();
  // Greys what is too old by now, and gives the moments by which it was.
  const greyAll = () => {
    const stale = new Map();
    for (const stamp of document.querySelectorAll("time[data-verb]")) {
      const since = Math.trunc((Date.now() - Date.parse(stamp.dateTime)) / 1000);
      const seconds = stamp.dataset.verb ? Math.max(0, since) : since; // what was read lies behind, whatever the clock says
      const isStale = "freshFor" in stamp.dataset && seconds > Number(stamp.dataset.freshFor);
      stamp.classList.toggle("age--stale", isStale);
      const isLasting = "lasting" in stamp.dataset;
      const words = `${stamp.dataset.verb} ${inWords(seconds, isLasting)}${isStale ? ", stale" : ""}`.trim();
      const text = stamp.querySelector(".when__text");
      if ((isLasting || Math.abs(seconds) < MONTH) && text.textContent !== words) text.textContent = words;
      const line = isStale && stamp.closest(LINE);
      if (line) stale.set(line, stamp.dateTime);
    }
    for (const known of document.querySelectorAll("[data-fresh-until]")) {
      const covered = known.dataset.covers ? document.querySelector(known.dataset.covers) : known;
      if (covered && Date.now() > Date.parse(known.dataset.freshUntil)) stale.set(covered, known.dataset.freshUntil);
    }
    for (const line of document.querySelectorAll(".is-stale")) if (!stale.has(line)) line.classList.remove("is-stale");
    for (const line of stale.keys()) line.classList.add("is-stale");
    return [...stale.values()];
  };
  const ageAll = () => {
    const news = greyAll().filter((moment) => !told.has(moment));
    for (const moment of news) told.add(moment);
    if (news.length) document.dispatchEvent(new Event("weft:stale"));
  };

  // The times of a table or a list are one stop of the Tab key, and the arrows go from one to the next: a list of fifty
  // lines would be a hundred stops. Without this script each is one.
  const STEPS = { ArrowDown: 1, ArrowRight: 1, ArrowUp: -1, ArrowLeft: -1 };
  const timesBeside = (time) => [...(time.closest("table, .list, .timeline, .stats")?.querySelectorAll("time[tabindex]") || [time])];
  const gatherTimes = () => {
    const seen = new Set();
    for (const time of document.querySelectorAll("time[tabindex]")) {
      if (seen.has(time)) continue;
      const times = timesBeside(time);
      const stop = times.includes(document.activeElement) ? document.activeElement : times[0];
      for (const one of times) {
        seen.add(one);
        one.tabIndex = one === stop ? 0 : -1;
      }
    }
  };
  const stepOn = (event) => {
    const time = event.target.closest?.("time[tabindex]");
    if (!time || !STEPS[event.key]) return;
    const times = timesBeside(time);
    const next = times[times.indexOf(time) + STEPS[event.key]];
    if (!next) return;
    event.preventDefault();
    next.focus();
  };
  document.addEventListener("keydown", stepOn);
  document.addEventListener("htmx:afterSettle", gatherTimes); // with those that have come in
  document.addEventListener("htmx:afterSwap", greyAll); // what a morph has changed in its place is grey no longer
  document.addEventListener("focusin", (event) => event.target.closest?.("time[tabindex]") && gatherTimes());

  document.addEventListener("click", (event) => {
    const theme = event.target.closest("[data-theme-choice]");
    if (theme) chooseTheme(theme.dataset.themeChoice);
    const button = event.target.closest("[data-copy], [data-copy-from]");
    if (button) copy(button);
    event.target.closest("[data-dismiss]")?.closest(".message")?.remove();
    for (const menu of document.querySelectorAll("details.menu[open]")) {
      if (!menu.contains(event.target)) menu.open = false;
    }
  });
  document.addEventListener("keydown", (event) => {
    // What is looked for while one types, inside of a form, is not sent off with it.
    if (event.key === "Enter" && event.target.matches("input[data-looks]")) event.preventDefault();
    if (event.key !== "Escape") return;
    const menu = document.activeElement?.closest("details.menu[open], details.drawer[open]");
    if (!menu) return;
    menu.open = false;
    menu.querySelector("summary").focus();
  });

  // Only an error summary that has just arrived takes the focus; one that a refresh elsewhere passes by does not.
  const settle = (arrived) => {
    showTheme();
    ageAll();
    gatherTimes();
    const errors = "[data-error-summary]";
    (arrived.matches?.(errors) ? arrived : arrived.querySelector(errors))?.focus();
  };
  document.addEventListener("htmx:load", (event) => settle(event.detail.elt));
  document.addEventListener("DOMContentLoaded", () => settle(document));
  // The code of a link stands behind its #, which is sent to nobody: a form takes it from there, and off the address.
  const takeCode = () => {
    const field = document.querySelector("[data-from-fragment]");
    if (!field || location.hash.length < 2) return;
    field.value = decodeURIComponent(location.hash.slice(1));
    history.replaceState(null, "", location.pathname);
    field.form.requestSubmit();
  };
  document.addEventListener("DOMContentLoaded", takeCode);
  window.addEventListener("hashchange", takeCode);
  setInterval(ageAll, 5000);
})();
