// In a file of its own: the content security policy allows no inline script.
const dark = matchMedia("(prefers-color-scheme: dark)");
const follow = () => document.documentElement.classList.toggle("dark-mode", dark.matches);
dark.addEventListener("change", follow);
follow();
SwaggerUIBundle({ url: "/api/schema", dom_id: "#swagger-ui", deepLinking: true, filter: true, validatorUrl: null });
