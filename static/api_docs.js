// In a file of its own: the content security policy allows no inline script.
SwaggerUIBundle({ url: "/api/schema", dom_id: "#swagger-ui", deepLinking: true, validatorUrl: null });
