// Starts Swagger UI. A file of its own, because the content security policy allows no script inside the page.
(() => {
  "use strict";

  const root = document.getElementById("api-docs");
  const isSafe = (method) => ["GET", "HEAD", "OPTIONS"].includes((method || "GET").toUpperCase());

  SwaggerUIBundle({
    url: root.dataset.schema,
    domNode: root,
    deepLinking: true,
    docExpansion: "list",
    defaultModelsExpandDepth: 0,
    // Its badge would ask a public service about this schema.
    validatorUrl: null,
    presets: [SwaggerUIBundle.presets.apis],
    layout: "BaseLayout",
    requestInterceptor: (request) => {
      const isOurs = new URL(request.url, document.baseURI).origin === location.origin;
      if (isOurs && !isSafe(request.method)) {
        request.headers["X-CSRFToken"] = root.dataset.csrfToken;
      }
      return request;
    },
  });
})();
