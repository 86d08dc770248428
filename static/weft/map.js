// The map of a fabric: what lights up under the pointer or the focus, and parts that open in their place. Without this script
// a part opens as the page of another address.
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
    const first = fold && [...now.querySelectorAll("[data-device]")].find((device) => !had.has(device.dataset.device));
    (first?.querySelector("a") || document.querySelector("#fabric-opened a") || now).focus({ preventScroll: true });
    first?.scrollIntoView({ block: "nearest", inline: "nearest" });
  };
  document.addEventListener("click", openFold);

  const settle = () => {
    openMaps();
    overDevice({ target: document.activeElement });
  };
  document.addEventListener("htmx:load", settle);
  document.addEventListener("DOMContentLoaded", settle);
})();
