"""A person's browser at the console of a real server: real pages, the real form, cookies of their own."""

from typing import Any

from tests.browser.chromium import Browser, Page, ScriptFailed
from tests.serving import OPERATOR, PASSWORD, wait_until

FILL = """(person, password) => {
  document.querySelector("[name=username]").value = person;
  document.querySelector("[name=password]").value = password;
  document.querySelector("#login-form [type=submit]").click();
}"""
# Everything that a stream tells a page, kept where later questions find it.
OPEN = """(path, options) => {
  window.told = { events: [], ids: [], opens: 0, errors: 0 };
  window.source = new EventSource(path, options);
  source.addEventListener("open", () => { told.opens += 1; });
  source.addEventListener("error", () => { told.errors += 1; });
  source.addEventListener("message", () => { told.events.push("a message without a type"); });
  source.addEventListener("agent_event", (message) => {
    told.events.push(JSON.parse(message.data));
    told.ids.push(Number(message.lastEventId));
  });
}"""
CLOSED = 2


class Console:
    """Pages of one browser that share their cookies with each other and with nobody else."""

    def __init__(self, browser: Browser, address: str) -> None:
        self._browser, self.address = browser, address
        self._context: str = browser.call("Target.createBrowserContext")["browserContextId"]

    def open(self, path: str, address: str | None = None) -> Page:
        """A page, once it is there."""
        page = self._browser.open_page((address or self.address) + path, browserContextId=self._context)
        arrive(page, path)
        return page

    def sign_in(self) -> Page:
        """The console's first page, signed in as the operator by its form."""
        page = self.open("/admin/login/")
        page.call(FILL, OPERATOR, PASSWORD)
        arrive(page, "/admin/")
        return page

    def sign_out(self, page: Page) -> None:
        """By the button on that page."""
        page.evaluate('document.querySelector("#logout-form [type=submit]").click()')
        arrive(page, "/admin/logout/")

    def close(self) -> None:
        """Ends the pages and forgets the cookies."""
        self._browser.call("Target.disposeBrowserContext", browserContextId=self._context)


def arrive(page: Page, path: str) -> None:
    """Waits until the page shows that path, whole."""
    wait_until(lambda: answer(page, "`${document.readyState} ${location.pathname}`") == f"complete {path}")


def answer(page: Page, expression: str) -> Any:
    """An expression's value, None while the page is on its way to another one."""
    try:
        return page.evaluate(expression)
    except ScriptFailed:
        return None


def follow(page: Page, path: str, **options: Any) -> None:
    """Opens an `EventSource` in the page."""
    page.call(OPEN, path, options)


def told(page: Page) -> dict[str, Any]:
    """What it has told so far: events, their ids, how often it was opened and broke off."""
    found: dict[str, Any] = page.evaluate("told")
    return found


def is_closed(page: Page) -> bool:
    """Whether it has given up."""
    return bool(page.evaluate("source.readyState") == CLOSED)
