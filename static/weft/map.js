// The map of a fabric: what lights up under the pointer or the focus, parts that open in their place, nearer and farther,
// drawing it along, and going through it with the keys. Without this script a part opens as the page of another address.
(() => {
  "use strict";
  // Point at a device, or walk to it, and its links light up.
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

  // A map that is wider than its place opens on what is wrong in it, or else on its middle.
  const opened = new WeakSet();
  const openMaps = () => {
    for (const frame of document.querySelectorAll(".topology-frame")) {
      if (opened.has(frame)) continue;
      opened.add(frame);
      const wrong = frame.querySelector(".topo-device--critical:not(.topo-device--due)")?.getBoundingClientRect();
      const left = wrong && wrong.left + wrong.width / 2 - frame.getBoundingClientRect().left;
      frame.scrollLeft = (left ?? frame.scrollWidth / 2) - frame.clientWidth / 2;
    }
  };

  // A part opens where it is: the address is the link's own, and the answer goes where the map was.
  const openFold = async (event) => {
    const link = event.target.closest?.("a[data-fold]");
    if (!link || event.ctrlKey || event.metaKey || event.shiftKey || event.button) return;
    event.preventDefault();
    const fold = link.dataset.fold;
    const had = new Set([...document.querySelectorAll("[data-device]")].map((device) => device.dataset.device));
    const frame = document.querySelector(".topology-frame");
    const left = frame?.scrollLeft;
    await htmx.ajax("GET", link.getAttribute("href"), { target: "#fabric", swap: "morph:outerHTML" });
    const now = document.querySelector(".topology-frame");
    if (!now) return;
    now.scrollLeft = left;
    // What has come out of it takes the focus, so that one goes on from there.
    const devices = [...now.querySelectorAll("[data-device]")];
    const first = fold ? devices.find((device) => !had.has(device.dataset.device)) : null;
    first?.scrollIntoView({ block: "nearest", inline: "nearest" });
    const next = first?.querySelector("a") || document.querySelector("#fabric-opened a") || now;
    if (first || !link.isConnected) next.focus({ preventScroll: true });
  };
  document.addEventListener("click", openFold);

  // Nearer and farther: the picture's own size, so that text stays sharp and the frame scrolls. Fitted, all of its width is seen.
  const STEP = 1.25;
  const [LEAST, MOST] = [0.1, 4];
  let scale = 1;
  const frameOf = () => document.querySelector(".topology-frame");
  const sized = (frame) => {
    const svg = frame?.querySelector("svg");
    if (!svg) return;
    const { width, height } = svg.viewBox.baseVal;
    svg.setAttribute("width", width * scale);
    svg.setAttribute("height", height * scale);
    frame.classList.toggle("is-near", scale > 1);
    for (const button of document.querySelectorAll("[data-zoom=in]")) button.disabled = scale >= MOST;
    for (const button of document.querySelectorAll("[data-zoom=out]")) button.disabled = scale <= LEAST;
  };
  const zoomTo = (wanted, at) => {
    const frame = frameOf();
    if (!frame) return;
    const box = frame.getBoundingClientRect();
    const [x, y] = at ? [at.clientX - box.left, at.clientY - box.top] : [box.width / 2, Math.min(box.height, innerHeight) / 2];
    const before = scale;
    scale = Math.min(MOST, Math.max(LEAST, wanted));
    sized(frame);
    // What was under the pointer stays there.
    frame.scrollLeft = ((frame.scrollLeft + x) * scale) / before - x;
    frame.scrollTop = ((frame.scrollTop + y) * scale) / before - y;
  };
  const fitted = () => {
    const frame = frameOf();
    return frame ? frame.clientWidth / frame.querySelector("svg").viewBox.baseVal.width : 1;
  };
  const ZOOMS = { in: () => scale * STEP, out: () => scale / STEP, fit: fitted, one: () => 1 };
  const KEYS = { "+": "in", "=": "in", "-": "out", 0: "one", f: "fit" };
  document.addEventListener("click", (event) => {
    const button = event.target.closest?.("[data-zoom]");
    if (button) zoomTo(ZOOMS[button.dataset.zoom]());
  });
  document.addEventListener(
    "wheel",
    (event) => {
      if (!event.ctrlKey || !event.target.closest?.(".topology-frame")) return;
      event.preventDefault();
      zoomTo(scale * (event.deltaY < 0 ? STEP : 1 / STEP), event);
    },
    { passive: false },
  );

  // With the mouse the map is drawn along; a finger scrolls as everywhere. What was drawn along is not clicked on.
  const CLICK = 4;
  let held = null;
  let wasDrawn = false;
  document.addEventListener("pointerdown", (event) => {
    const frame = event.target.closest?.(".topology-frame");
    wasDrawn = false;
    if (frame && event.pointerType === "mouse" && event.button === 0) {
      held = { frame, x: event.clientX, y: event.clientY, left: frame.scrollLeft, top: frame.scrollTop };
    }
  });
  document.addEventListener("pointermove", (event) => {
    if (!held) return;
    const [dx, dy] = [event.clientX - held.x, event.clientY - held.y];
    wasDrawn ||= Math.hypot(dx, dy) > CLICK;
    held.frame.scrollLeft = held.left - dx;
    held.frame.scrollTop = held.top - dy;
  });
  for (const name of ["pointerup", "pointercancel"]) document.addEventListener(name, () => (held = null));
  document.addEventListener("dragstart", (event) => event.target.closest?.(".topology-frame") && event.preventDefault());
  document.addEventListener(
    "click",
    (event) => {
      if (!wasDrawn || !event.target.closest?.(".topology-frame")) return;
      event.preventDefault();
      event.stopPropagation();
    },
    true,
  );

  // Keys: from device to device with the arrows, up and down along the lines; the signs and the nought for the size.
  const middle = (device) => {
    const box = device.querySelector(".topo-box").getBoundingClientRect();
    return { x: box.left + box.width / 2, y: box.top + box.height / 2 };
  };
  const joined = (device) => {
    const map = device.closest("svg");
    const id = device.dataset.device;
    const ends = [...map.querySelectorAll("[data-a]")].map(({ dataset: { a, b } }) => (a === id ? b : b === id ? a : ""));
    return ends.filter(Boolean).map((end) => map.querySelector(`[data-device="${CSS.escape(end)}"]`));
  };
  const neighbour = (device, key) => {
    const from = middle(device);
    const isAcross = key === "ArrowLeft" || key === "ArrowRight";
    const sign = key === "ArrowRight" || key === "ArrowDown" ? 1 : -1;
    const near = (devices) =>
      devices
        .filter((one) => one && one !== device && one.querySelector("a"))
        .map((one) => ({ one, x: middle(one).x - from.x, y: middle(one).y - from.y }))
        .filter(({ x, y }) => (isAcross ? sign * x > 1 && Math.abs(y) < 20 * scale : sign * y > 20 * scale))
        .sort((a, b) => Math.hypot(a.x, a.y) - Math.hypot(b.x, b.y))[0]?.one;
    const all = [...device.closest("svg").querySelectorAll("[data-device]")];
    return isAcross ? near(all) : near(joined(device)) || near(all);
  };
  document.addEventListener("keydown", (event) => {
    if (event.ctrlKey || event.metaKey || event.altKey || !event.target.closest?.(".topology-frame")) return;
    if (KEYS[event.key]) {
      event.preventDefault();
      zoomTo(ZOOMS[KEYS[event.key]]());
    }
    const device = event.target.closest("[data-device]");
    if (!device || !event.key.startsWith("Arrow")) return;
    event.preventDefault();
    neighbour(device, event.key)?.querySelector("a").focus();
  });

  const settle = () => {
    sized(frameOf());
    openMaps();
    overDevice({ target: document.activeElement });
  };
  document.addEventListener("htmx:load", settle);
  document.addEventListener("htmx:afterSettle", () => sized(frameOf())); // a morph has put its own size back
  document.addEventListener("DOMContentLoaded", settle);
})();
