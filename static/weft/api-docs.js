// Sends what stands in the forms of the API's manual, and shows the answer. Everything else there needs no script.
(() => {
  "use strict";
  const who = document.getElementById("who");
  who.addEventListener("submit", (event) => event.preventDefault());

  const headersOf = (method) => {
    const { token, tenant } = Object.fromEntries(new FormData(who));
    if (token) return { Authorization: `Bearer ${token}` };
    const headers = tenant ? { "Weft-Tenant": tenant } : {};
    if (method !== "GET") headers["X-CSRFToken"] = document.body.dataset.csrfToken;
    return headers;
  };

  const requestOf = (form) => {
    const { method, path } = form.dataset;
    const query = new URLSearchParams();
    let address = path;
    for (const [name, value] of new FormData(form)) {
      if (path.includes(`{${name}}`)) address = address.replace(`{${name}}`, encodeURIComponent(value));
      else if (value) query.set(name, value);
    }
    const headers = headersOf(method);
    const body = form.querySelector("[data-body]")?.value;
    if (body !== undefined) headers["Content-Type"] = "application/json";
    return [query.size ? `${address}?${query}` : address, { method, headers, body, credentials: "same-origin" }];
  };

  const shown = (text) => {
    try {
      return JSON.stringify(JSON.parse(text), null, 2);
    } catch {
      return text;
    }
  };

  document.addEventListener("submit", async (event) => {
    const form = event.target.closest(".api-docs__try");
    if (!form) return;
    event.preventDefault();
    const [status, answer] = form.querySelectorAll("[role=status], .api-docs__answer");
    status.textContent = "Asking…";
    try {
      const response = await fetch(...requestOf(form));
      const location = response.headers.get("Location");
      status.textContent = `${response.status} ${response.statusText}${location ? `, Location: ${location}` : ""}`;
      answer.textContent = shown(await response.text());
      answer.hidden = !answer.textContent;
    } catch {
      status.textContent = "Weft did not answer.";
    }
  });

  // What a link names is opened, wherever it stands.
  const open = () => {
    const item = document.getElementById(decodeURIComponent(location.hash.slice(1)));
    if (item?.localName === "details") item.open = true;
  };
  window.addEventListener("hashchange", open);
  open();
})();
