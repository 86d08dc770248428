// What keeps an open page true and calm: it hears the tenant's events and looks again, keeps the focus where it was, notes
// what Weft says instead of a part, and keeps a form that could not be sent.
(() => {
  "use strict";
  const follower = () => document.getElementById("follow");

  // --- hearing: one stream for each page, closed when its part has come to rest (components/follow.html)
  const LATER = 10000;
  let stream = null;
  let address = "";
  const look = () => follower() && htmx.trigger(follower(), "heard");
  const listen = () => {
    const wanted = follower()?.dataset.stream || "";
    if (wanted === address) return;
    stream?.close();
    address = wanted;
    stream = wanted ? new EventSource(wanted) : null;
    const mine = stream;
    mine?.addEventListener("changed", look);
    mine?.addEventListener("error", () => {
      // A lost connection comes back by itself; what was refused is asked for again.
      if (mine.readyState !== EventSource.CLOSED) return;
      setTimeout(() => {
        if (stream !== mine) return;
        address = "";
        listen();
      }, LATER);
    });
  };
  document.addEventListener("weft:stale", look);

  // --- what has not changed is not sent again: the server is told what was last put in (apps/kernel/middleware.py), and
  // whose page this is: another person may sign in meanwhile, in another tab (apps/tenancy/middleware.py)
  let seen = { path: "", digest: "" };
  document.addEventListener("htmx:configRequest", ({ detail: { elt, path, headers } }) => {
    headers["Weft-Person"] = document.body.dataset.person;
    if (elt === follower()) headers["Weft-Seen"] = (path === seen.path && seen.digest) || "nothing";
  });

  // --- the focus stays: parts are morphed, and what a morph has replaced or moved gets it back
  const FOCUSABLE = "a[href], button, input:not([type=hidden]), select, textarea, summary, [tabindex='0']";
  let place = null;
  const remember = () => {
    const element = document.activeElement;
    const { key } = element?.dataset || {};
    place = element && element !== document.body && { element, key, among: [...document.querySelectorAll(FOCUSABLE)] };
  };
  const nearest = ({ element, among }) => {
    const at = among.indexOf(element);
    const isThere = (one) => one.isConnected && one.checkVisibility();
    // The one before it first: what comes next may be the button that ends it all.
    return at < 0 ? null : among.slice(0, at).reverse().find(isThere) || among.slice(at).find(isThere);
  };
  const restore = () => {
    if (!place || (document.activeElement && document.activeElement !== document.body)) return;
    const { element, key } = place;
    const again = element.isConnected ? element : key && document.querySelector(`[data-key="${CSS.escape(key)}"]`);
    (again || nearest(place))?.focus({ preventScroll: true });
  };
  // Between these children blanks mean nothing; to a morph they are nodes, and one too many would shift all that follow.
  const APART = "table, thead, tbody, tr, ul, ol, dl, .stack, .stack-s, .split, .grid, .card, .row, .buttons";
  const withoutBlanks = (parent) => {
    for (const node of [...parent.childNodes]) {
      if (node.nodeType === Node.TEXT_NODE && !node.data.trim()) node.remove();
    }
  };
  if (window.Idiomorph) {
    Idiomorph.defaults.callbacks.beforeNodeMorphed = (old, next) => {
      if (old.matches?.(APART)) [old, next].forEach(withoutBlanks);
    };
    // What somebody has opened stays open, what they type meanwhile stays typed, and a time stays a stop or none.
    Idiomorph.defaults.callbacks.beforeAttributeUpdated = (name, element) =>
      !(name === "tabindex" && element.localName === "time") &&
      !(name === "open" && element.localName === "details") &&
      !(
        name === "value" &&
        element.matches("input, textarea") &&
        (element === document.activeElement || "kept" in element.dataset)
      );
  }

  // --- notices
  const messages = () => document.getElementById("messages");
  const OUT = "signed-out";
  const ELSE = "somebody-else";
  const noted = (code) => document.querySelector(`#messages [data-notice="${CSS.escape(code)}"]`);
  const isNew = (code) => {
    if (code === ELSE) noted(OUT)?.remove();
    return !noted(code);
  };
  // What was in vain when Weft did not answer, as a function that does it again.
  let again = null;
  const unreachable = (retry) => {
    again = retry || again;
    const words = document.getElementById("unreachable");
    if (words && !noted("unreachable")) messages()?.append(words.content.cloneNode(true));
  };
  // What Weft says instead of a part (apps/kernel/pages.py) is put in once, whatever the status; it goes when all is well.
  const heard = (isAmiss, token) => {
    if (!isAmiss) {
      again = null;
      for (const notice of document.querySelectorAll("#messages [data-notice]")) notice.remove();
    }
    if (!token) return;
    document.body.setAttribute("hx-headers", JSON.stringify({ "X-CSRFToken": token }));
    for (const field of document.querySelectorAll("[name=csrfmiddlewaretoken]")) field.value = token;
  };
  // Whether Weft would take something from this page now; if not, the page says why. It gets a token that counts.
  const isReady = async (retry) => {
    try {
      const { session, person } = document.body.dataset;
      const headers = { "HX-Request": "true", "HX-Current-URL": location.href, "Weft-Person": person };
      const answer = await fetch(session, { headers });
      heard(!answer.ok, answer.headers.get("Weft-CSRF"));
      const code = answer.headers.get("Weft-Notice");
      if (code && isNew(code)) messages().insertAdjacentHTML("beforeend", await answer.text());
      else if (!code && !answer.ok) unreachable(retry);
      return answer.ok;
    } catch {
      unreachable(retry);
      return false;
    }
  };
  // Who has signed in again in another tab goes on here.
  const comeBack = () => (noted(OUT) || noted(ELSE)) && isReady();
  document.addEventListener("click", async (event) => {
    if (!event.target.closest("[data-try-again]")) return;
    const retry = again;
    if (!(await isReady(retry))) return;
    document.getElementById("main")?.focus({ preventScroll: true });
    if (retry) retry();
    else look();
  });

  // --- a form is sent off once Weft would take it: who is signed out or cannot reach it keeps what they have typed
  // Pressed again before the answer is there, as in a double click, it is not sent off twice.
  const ANSWERED_WITHIN = 10_000;
  let asked = new WeakSet();
  window.addEventListener("pageshow", () => (asked = new WeakSet()));
  const sure = new WeakSet();
  document.addEventListener("submit", async (event) => {
    const form = event.target;
    const isOurs = form.method === "post" && form.closest("#main") && document.body.hasAttribute("hx-headers");
    if (!isOurs || sure.delete(form)) return;
    event.preventDefault();
    if (asked.has(form)) return;
    asked.add(form);
    const { submitter } = event;
    if (await isReady(() => form.isConnected && form.requestSubmit(submitter))) {
      sure.add(form);
      if (!form.isConnected) {
        // A live part was renewed meanwhile and has taken the form along: what was pressed still counts.
        form.hidden = true;
        document.body.append(form);
      }
      form.requestSubmit(submitter);
      setTimeout(() => asked.delete(form), ANSWERED_WITHIN);
    } else asked.delete(form);
  });

  // --- what htmx does
  document.addEventListener("htmx:beforeSwap", ({ detail }) => {
    const { xhr, requestConfig } = detail;
    const code = xhr.getResponseHeader("Weft-Notice");
    if (code) {
      detail.shouldSwap = isNew(code);
      detail.isError = false;
      return;
    }
    const isFollowing = requestConfig.elt.id === "follow";
    // The list has another filter by now than when it was asked for.
    if (isFollowing && requestConfig.path !== follower()?.getAttribute("hx-get")) detail.shouldSwap = false;
    else seen = { path: isFollowing && requestConfig.path, digest: xhr.getResponseHeader("Weft-Part") };
    remember();
  });
  document.addEventListener("htmx:afterSwap", restore);
  document.addEventListener("htmx:afterSettle", listen);
  document.addEventListener("htmx:afterRequest", ({ detail: { xhr, successful } }) => {
    if (!xhr.status) return;
    heard(xhr.getResponseHeader("Weft-Notice") || !successful, xhr.getResponseHeader("Weft-CSRF"));
  });
  const failed = ({ detail: { requestConfig } }) => {
    const { verb, path, elt, triggeringEvent } = requestConfig;
    if (elt.id === "follow") unreachable();
    else unreachable(() => elt.isConnected && htmx.ajax(verb, path, { source: elt, event: triggeringEvent }));
  };
  document.addEventListener("htmx:sendError", failed);
  document.addEventListener("htmx:responseError", failed);
  window.addEventListener("focus", comeBack);
  document.addEventListener("visibilitychange", () => document.hidden || comeBack());
  document.addEventListener("DOMContentLoaded", listen);
})();
