"""A person with a browser who looks closely: every page is checked at phone and desk width and kept as a picture."""

import time

from selenium.common.exceptions import WebDriverException
from selenium.webdriver.common.action_chains import ActionChains
from selenium.webdriver.common.by import By
from selenium.webdriver.common.keys import Keys

from chrome import Window

NARROW = (360, 780)
WIDE = (1280, 900)
WAIT_SECONDS = 15
TABS_MAX = 14
PAY_PAGE_BYTES_MAX = 40 * 1024

# What no page of the program holds: script or style of its own, a key in place of a word, another language's words.
HOUSE_RULES = """
const wrong = [];
const inline = [...document.querySelectorAll('script:not([src]), style, [style]')];
if (inline.length) wrong.push(`has inline script or style: ${inline[0].outerHTML.slice(0, 80)}`);
const handlers = [...document.querySelectorAll('*')].filter(e => [...e.attributes].some(a => /^on/.test(a.name)));
if (handlers.length) wrong.push(`has an event attribute: ${handlers[0].outerHTML.slice(0, 80)}`);
const wanted = arguments[0];
if (!document.documentElement.lang.startsWith(wanted)) wrong.push(`says lang=${document.documentElement.lang}`);
const shown = e => !!e.getClientRects().length;
const named = [...document.querySelectorAll('h1,h2,h3,button,label,th,dt,summary,legend,option')].filter(shown);
for (const e of named) {
    const words = e.textContent.trim();
    if (/^[a-z]+(-[a-z0-9]+)+$/.test(words)) wrong.push(`shows the key ${words}`);
    const han = /\\p{Script=Han}/u.test(words), latin = /[A-Za-z]{4,}/.test(words);
    const own = e.closest('[lang]') !== document.documentElement || e.closest('.mono, .id, .payee, [data-free]');
    if (wanted === 'zh' && latin && !han && !own && !arguments[1].some(name => words.includes(name)))
        wrong.push(`is not in Chinese: ${words.slice(0, 60)}`);
    if (wanted === 'en' && han && !own) wrong.push(`is not in English: ${words.slice(0, 60)}`);
}
const raw = document.body.innerText.match(/\\[[a-z]+(-[a-z0-9]+)+\\]|[A-Za-z]+\\|[A-Za-z]+/);
if (raw) wrong.push(`shows what was meant for the program: ${raw[0]}`);
return wrong;
"""
WIDTH = "return Math.max(document.documentElement.scrollWidth, document.body.scrollWidth)"
FOCUS = """
const e = document.activeElement;
if (!e || e === document.body) return null;
const style = getComputedStyle(e), label = e.closest('label');
const outside = label ? getComputedStyle(label) : style;
const seen = [style, outside].some(s => (s.outlineStyle !== 'none' && parseFloat(s.outlineWidth) > 0) || s.boxShadow !== 'none');
return [seen, e.outerHTML.slice(0, 80)];
"""
WEIGHT = """
const all = [...performance.getEntriesByType('navigation'), ...performance.getEntriesByType('resource')];
return all.reduce((sum, entry) => sum + Math.max(entry.encodedBodySize, entry.transferSize), 0);
"""
# Sends the page's form twice at once, as two impatient fingers on two slow connections would.
SEND_TWICE = """
const done = arguments[arguments.length - 1], form = document.querySelector(arguments[0]);
const send = () => fetch(form.action, {method: 'POST', body: new URLSearchParams(new FormData(form))});
Promise.all([send(), send()]).then(all => done(all.map(answer => [answer.status, answer.url])), e => done(String(e)));
"""


class Visitor(Window):
    """One person: a browser, a language, and names that are no words of any language."""

    def __init__(self, tally, language, shots, size, names=()):
        super().__init__(size, {"en": "en-US", "zh": "zh-CN"}[language], shots)
        self.driver.set_script_timeout(WAIT_SECONDS)
        self.tally, self.speaks, self.names = tally, language, list(names)

    def check(self, good, what):
        return self.tally.check(good, f"[{self.speaks}] {what}")

    def resize(self, size):
        self.tell("Emulation.setDeviceMetricsOverride", width=size[0], height=size[1], deviceScaleFactor=1, mobile=False)

    def faults(self):
        """Complaints about the page at the width it has now. Refusals that the page itself explains are none."""
        found = [fault for fault in self.complaints() if not self.is_own_refusal(fault)]
        return found + self.driver.execute_script(HOUSE_RULES, self.speaks, self.names)

    def is_own_refusal(self, fault):
        """A page with status 4xx is a page; the console calls it a failure all the same."""
        return "Failed to load resource" in fault and "status of 4" in fault and "/assets" not in fault

    def look(self, name, sizes=(NARROW, WIDE)):
        """Checks the page at each width and keeps a picture of it."""
        for size in sizes:
            self.resize(size)
            wrong = self.faults()
            width = self.driver.execute_script(WIDTH)
            if width > size[0]:
                wrong.append(f"scrolls sideways: {width} px")
            self.check(not wrong, f"{name} at {size[0]} px: {'; '.join(wrong)}")
            self.shoot(f"{self.speaks}-{name}-{size[0]}")
        self.resize(self.size)

    def check_focus(self, name):
        """Walks the page with the Tab key: what has the focus is seen to have it."""
        blind = []
        self.driver.execute_script("document.activeElement.blur()")
        for _ in range(TABS_MAX):
            ActionChains(self.driver).send_keys(Keys.TAB).perform()
            seen = self.driver.execute_script(FOCUS)
            if seen and not seen[0]:
                blind.append(seen[1])
        self.check(not blind, f"{name}: the focus is seen on {blind}")

    def weigh(self, name):
        weight = self.driver.execute_script(WEIGHT)
        self.check(0 < weight <= PAY_PAGE_BYTES_MAX, f"{name} weighs {weight} bytes")

    def until(self, holds, seconds=WAIT_SECONDS):
        """Waits until `holds()`; False when it never does. A page that is just changing is asked again."""
        deadline = time.monotonic() + seconds
        while time.monotonic() < deadline:
            try:
                if holds():
                    return True
            except WebDriverException:
                pass
            time.sleep(0.1)
        return False

    def has(self, css):
        return bool(self.all(css))

    def at(self, path):
        return path in self.driver.current_url

    def keys(self, *keys):
        ActionChains(self.driver).send_keys(*keys).perform()

    def press_refused(self, css, what):
        """Presses a button of a form that is filled in wrongly: the page says so at the field."""
        self.press(css)
        self.check(self.until(lambda: self.has("[aria-invalid]")), what)

    def press_twice(self, css):
        ActionChains(self.driver).double_click(self.driver.find_element(By.CSS_SELECTOR, css)).perform()

    def send_twice(self, css):
        """Two answers, each `[status, address]`."""
        return self.driver.execute_async_script(SEND_TWICE, css)

    def choose(self, name, value):
        self.driver.find_element(By.CSS_SELECTOR, f"[name='{name}'] option[value='{value}']").click()

    def words(self, css):
        return " ".join(element.text for element in self.all(css))
