// A picker (apps/kernel/pickers.py) as a combobox: what is typed is searched through htmx, and what is found stands in a list
// below. The select stays what the form sends; it is filled by the answer, and the list is drawn from it.
// Keys as in the ARIA Authoring Practices' editable combobox with list autocomplete.
(() => {
  "use strict";
  const PAUSE = 200;

  const begin = (picker) => {
    const [words, select, list] = ["input", "select", "ul"].map((name) => picker.querySelector(name));
    const beside = words.form?.elements[picker.dataset.beside];
    let at = -1;
    let timer = 0;
    let asked = 0;
    const rows = () => [...list.querySelectorAll("[data-value]")];
    const isOpen = () => !list.hidden;

    const mark = (next) => {
      at = next;
      words.removeAttribute("aria-activedescendant");
      for (const [n, row] of rows().entries()) {
        row.setAttribute("aria-selected", String(n === at));
        if (n !== at) continue;
        words.setAttribute("aria-activedescendant", row.id);
        row.scrollIntoView({ block: "nearest" });
      }
    };
    const open = (is) => {
      list.hidden = !is;
      words.setAttribute("aria-expanded", String(is));
      if (!is) mark(-1);
    };
    const draw = () => {
      const found = [...select.options].filter((option) => option.value);
      const drawn = found.map((option, n) => {
        const row = Object.assign(document.createElement("li"), { id: `${list.id}-${n}`, className: "picker__option" });
        row.setAttribute("role", "option");
        Object.assign(row.dataset, { value: option.value, label: option.dataset.label });
        const detail = Object.assign(document.createElement("span"), { className: "faint small" });
        detail.textContent = option.dataset.detail;
        row.append(option.dataset.label, " ", detail);
        return row;
      });
      if (!drawn.length) {
        const none = Object.assign(document.createElement("li"), { className: "picker__option muted" });
        none.setAttribute("role", "option");
        none.setAttribute("aria-disabled", "true");
        none.textContent = "Nothing matches";
        drawn.push(none);
      }
      list.replaceChildren(...drawn);
    };
    const choose = (row) => {
      select.value = row.dataset.value;
      words.value = row.dataset.label;
      open(false);
      select.dispatchEvent(new Event("change", { bubbles: true }));
    };
    const search = async () => {
      // The list asks: the select would send what is chosen in it as well.
      const mine = ++asked;
      const url = new URL(picker.dataset.picker, location.href);
      url.searchParams.set("words", words.value);
      if (beside?.value) url.searchParams.set(beside.name, beside.value);
      await htmx.ajax("GET", `${url.pathname}${url.search}`, { source: list, target: select, swap: "innerHTML" });
      if (mine !== asked || document.activeElement !== words) return;
      select.value = "";
      draw();
      open(true);
      mark(words.value && rows().length ? 0 : -1);
    };

    const clear = () => {
      words.value = "";
      select.value = "";
    };

    words.setAttribute("role", "combobox");
    words.setAttribute("aria-autocomplete", "list");
    words.setAttribute("aria-controls", list.id);
    open(false);
    words.addEventListener("input", () => {
      select.value = "";
      clearTimeout(timer);
      timer = setTimeout(search, PAUSE);
    });
    words.addEventListener("click", () => isOpen() || search());
    words.addEventListener("blur", () => open(false));
    words.addEventListener("keydown", (event) => {
      const count = rows().length;
      const { key } = event;
      if (key === "ArrowDown" || key === "ArrowUp") {
        if (!isOpen()) search();
        else if (count) mark(key === "ArrowDown" ? (at + 1) % count : (at <= 0 ? count : at) - 1);
      } else if (key === "Enter" && isOpen() && at >= 0) choose(rows()[at]);
      else if (key === "Enter" && !select.value) search();
      else if (key === "Escape" && isOpen()) open(false);
      else if (key === "Escape") clear();
      else return;
      event.preventDefault();
    });
    // What was found beside another choice is not there any more.
    beside?.addEventListener("change", clear);
    // The field keeps the focus, or the list would close before the press counts.
    list.addEventListener("mousedown", (event) => event.preventDefault());
    list.addEventListener("click", (event) => {
      const row = event.target.closest("[data-value]");
      if (row) choose(row);
    });
  };

  const beginAll = () => {
    for (const picker of document.querySelectorAll("[data-picker]")) {
      if (picker.querySelector("[role=combobox]")) continue;
      begin(picker);
    }
  };
  beginAll();
  document.addEventListener("htmx:load", beginAll);
})();
