// The few things that HTML and htmx cannot do: the theme choice, copying, ageing stamps, closing menus, lighting up the
// lines of a map, noting what Weft says instead of a part, and keeping a form that could not be sent. Everything else is a
// link or a form.
(() => {
  "use strict";
  const root = document.documentElement;
  root.dataset.js = "";

  const say = (text) => {
    const live = document.getElementById("live");
    if (live) live.textContent = text;
  };

  // Theme: "light", "dark" or "" for what the machine prefers. The server reads the cookie, so no page flashes.
  const showTheme = () => {
    for (const button of document.querySelectorAll("[data-theme-choice]")) {
      button.setAttribute("aria-pressed", String(button.dataset.themeChoice === (root.dataset.theme || "")));
    }
  };
  const chooseTheme = (theme) => {
    const age = theme ? 31536000 : 0;
    const secure = location.protocol === "https:" ? "; Secure" : "";
    document.cookie = `weft_theme=${theme}; Path=/; Max-Age=${age}; SameSite=Lax${secure}`;
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

  // Ages: a page left open must not go on claiming that a reading is fresh. Same words as the "age" template tag.
  const inWords = (seconds) => {
    if (seconds < 5) return "just now";
    if (seconds < 60) return `${seconds} s ago`;
    if (seconds < 3600) return `${Math.floor(seconds / 60)} min ago`;
    if (seconds < 86400) return `${Math.floor(seconds / 3600)} h ago`;
    return `${Math.floor(seconds / 86400)} d ago`;
  };
  const ageAll = () => {
    for (const stamp of document.querySelectorAll("time[data-verb]")) {
      const seconds = Math.max(0, Math.floor((Date.now() - Date.parse(stamp.dateTime)) / 1000));
      const isStale = "freshFor" in stamp.dataset && seconds > Number(stamp.dataset.freshFor);
      stamp.classList.toggle("age--stale", isStale);
      const words = `${stamp.dataset.verb} ${inWords(seconds)}${isStale ? ", stale" : ""}`.trim();
      const text = stamp.querySelector(".age__text");
      if (text.textContent !== words) text.textContent = words;
    }
  };

  // Topology: point at a device, or walk to it, and its links light up.
  const light = (device) => {
    const map = device.closest("svg");
    map.classList.add("is-lit");
    device.classList.add("is-lit");
    for (const link of map.querySelectorAll("[data-a]")) {
      if (link.dataset.a !== device.dataset.device && link.dataset.b !== device.dataset.device) continue;
      link.classList.add("is-lit");
      const other = link.dataset.a === device.dataset.device ? link.dataset.b : link.dataset.a;
      map.querySelector(`[data-device="${CSS.escape(other)}"]`)?.classList.add("is-lit");
    }
  };
  const dim = (map) => {
    for (const lit of [map, ...map.querySelectorAll(".is-lit")]) lit.classList.remove("is-lit");
  };
  const overDevice = (event) => {
    const device = event.target.closest?.("[data-device]");
    for (const map of document.querySelectorAll("svg.is-lit")) dim(map);
    if (device) light(device);
  };
  document.addEventListener("mouseover", overDevice);
  document.addEventListener("focusin", overDevice);

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
    const errors = "[data-error-summary]";
    (arrived.matches?.(errors) ? arrived : arrived.querySelector(errors))?.focus();
  };
  const noted = (code) => document.querySelector(`#messages [data-notice="${CSS.escape(code)}"]`);
  const unreachable = () => {
    const words = document.getElementById("unreachable");
    if (words && !noted("unreachable")) document.getElementById("messages")?.append(words.content.cloneNode(true));
  };
  // What Weft says instead of a part (apps/kernel/pages.py) is put in once, whatever the status; it goes when all is well.
  const heard = (isAmiss, token) => {
    if (!isAmiss) for (const notice of document.querySelectorAll("#messages [data-notice]")) notice.remove();
    if (!token) return;
    document.body.setAttribute("hx-headers", JSON.stringify({ "X-CSRFToken": token }));
    for (const field of document.querySelectorAll("[name=csrfmiddlewaretoken]")) field.value = token;
  };
  // Whether Weft would take something from this page now; if not, the page says why. It gets a token that counts.
  const isReady = async () => {
    try {
      const answer = await fetch("/session/", { headers: { "HX-Request": "true", "HX-Current-URL": location.href } });
      heard(!answer.ok, answer.headers.get("Weft-CSRF"));
      const code = answer.headers.get("Weft-Notice");
      const place = document.getElementById("messages");
      if (code && !noted(code)) place.insertAdjacentHTML("beforeend", await answer.text());
      else if (!code && !answer.ok) unreachable();
      if (!answer.ok) place.scrollIntoView({ block: "center" });
      return answer.ok;
    } catch {
      unreachable();
      return false;
    }
  };
  // Who has signed in again in another tab goes on here.
  const comeBack = () => noted("signed-out") && isReady();
  // A form is sent off once Weft would take it: who is signed out or cannot reach it keeps what they have typed.
  const asked = new WeakSet();
  const sure = new WeakSet();
  document.addEventListener("submit", async (event) => {
    const form = event.target;
    const isOurs = form.method === "post" && form.closest("#main") && document.body.hasAttribute("hx-headers");
    if (!isOurs || sure.delete(form)) return;
    event.preventDefault();
    if (asked.has(form)) return;
    asked.add(form);
    if (await isReady()) {
      sure.add(form);
      if (!form.isConnected) {
        // A live part was renewed meanwhile and has taken the form along: what was pressed still counts.
        form.hidden = true;
        document.body.append(form);
      }
      form.requestSubmit(event.submitter);
    }
    asked.delete(form);
  });
  document.addEventListener("htmx:load", (event) => settle(event.detail.elt));
  document.addEventListener("htmx:beforeSwap", ({ detail }) => {
    const code = detail.xhr.getResponseHeader("Weft-Notice");
    if (!code) return;
    detail.shouldSwap = !noted(code);
    detail.isError = false;
  });
  document.addEventListener("htmx:afterRequest", ({ detail: { xhr, successful } }) => {
    if (!xhr.status) return;
    heard(xhr.getResponseHeader("Weft-Notice") || !successful, xhr.getResponseHeader("Weft-CSRF"));
  });
  document.addEventListener("htmx:sendError", unreachable);
  document.addEventListener("htmx:responseError", unreachable);
  window.addEventListener("focus", comeBack);
  document.addEventListener("visibilitychange", () => document.hidden || comeBack());
  document.addEventListener("DOMContentLoaded", () => settle(document));
  setInterval(ageAll, 5000);
})();
