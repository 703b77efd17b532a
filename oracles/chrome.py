"""A Chromium of Debian's, driven by its own driver: one window, no network beyond loopback, screenshots into a folder."""

import base64
import pathlib
import shutil

from selenium import webdriver
from selenium.webdriver.chrome.service import Service
from selenium.webdriver.common.by import By

WAIT_SECONDS = 20
LOAD_SECONDS = 60
PHONE = (390, 844)
DESK = (1280, 900)
# Where the browser believes to be: Hangzhou. Without one it would ask a service on the network.
PLACE = {"latitude": 30.27415, "longitude": 120.15515, "accuracy": 40}

# What every page must hold, asked in the page itself. Gives a list of complaints.
PAGE_RULES = """
const wrong = [];
const shown = e => !!(e.offsetWidth || e.offsetHeight || e.getClientRects().length);
const name = e => e.getAttribute('aria-label') || [...(e.labels || [])].map(l => l.textContent).join('') ||
    (e.getAttribute('aria-labelledby') || '').split(' ').map(i => (document.getElementById(i) || {}).textContent || '').join('');
const wide = document.documentElement.scrollWidth - window.innerWidth;
if (wide > 1) wrong.push(`is ${wide} px wider than the window`);
const heads = [...document.querySelectorAll('h1')].length;
if (heads !== 1) wrong.push(`has ${heads} h1`);
if (!document.querySelector('main')) wrong.push('has no main');
if (!document.title.trim()) wrong.push('has no title');
for (const e of document.querySelectorAll('input:not([type=hidden]),select,textarea'))
    if (shown(e) && !name(e).trim()) wrong.push(`has a field without a name: ${e.outerHTML.slice(0, 80)}`);
for (const e of document.querySelectorAll('button,a[href]'))
    if (shown(e) && !(e.textContent.trim() || e.getAttribute('aria-label') || e.querySelector('img[alt],svg title')))
        wrong.push(`has a control without words: ${e.outerHTML.slice(0, 80)}`);
for (const e of document.querySelectorAll('img'))
    if (!e.hasAttribute('alt')) wrong.push(`has a picture without alt: ${e.outerHTML.slice(0, 80)}`);
const ids = [...document.querySelectorAll('[id]')].map(e => e.id);
for (const id of new Set(ids)) if (ids.filter(i => i === id).length > 1) wrong.push(`has the id ${id} twice`);
return wrong;
"""


class Window:
    """One browser with its own cookies."""

    def __init__(self, size, language, shots, dark=False, zone="Asia/Shanghai"):
        options = webdriver.ChromeOptions()
        options.binary_location = shutil.which("chromium")
        for flag in ["--headless=new", "--no-sandbox", "--disable-dev-shm-usage", "--hide-scrollbars", f"--lang={language}"]:
            options.add_argument(flag)
        options.add_experimental_option("prefs", {"intl.accept_languages": language})
        options.set_capability("goog:loggingPrefs", {"browser": "ALL"})
        self.driver = webdriver.Chrome(options=options, service=Service(shutil.which("chromedriver")))
        self.driver.set_page_load_timeout(LOAD_SECONDS)
        self.driver.implicitly_wait(0)
        self.shots = pathlib.Path(shots)
        self.shots.mkdir(parents=True, exist_ok=True)
        self.language, self.size = language, size
        self.tell("Emulation.setTimezoneOverride", timezoneId=zone)
        self.tell("Emulation.setDeviceMetricsOverride", width=size[0], height=size[1], deviceScaleFactor=1,
                  mobile=size[0] < 600)
        self.tell("Emulation.setGeolocationOverride", **PLACE)
        scheme = {"name": "prefers-color-scheme", "value": "dark" if dark else "light"}
        self.tell("Emulation.setEmulatedMedia", features=[scheme])

    def tell(self, command, **arguments):
        return self.driver.execute_cdp_cmd(command, arguments)

    def go(self, address):
        self.driver.get(address)

    def all(self, css):
        return self.driver.find_elements(By.CSS_SELECTOR, css)

    def fill(self, **values):
        """Fills the named fields of the page."""
        for name, value in values.items():
            field = self.driver.find_element(By.CSS_SELECTOR, f"[name='{name}']")
            field.clear()
            field.send_keys(value)

    def press(self, css):
        """Presses a button and waits for the page that follows."""
        button = self.driver.find_element(By.CSS_SELECTOR, css)
        self.driver.execute_script("arguments[0].scrollIntoView({block: 'center'})", button)
        button.click()

    def text(self):
        return self.driver.find_element(By.TAG_NAME, "body").text

    def shoot(self, name):
        """The whole page as a picture."""
        picture = self.tell("Page.captureScreenshot", captureBeyondViewport=True)["data"]
        (self.shots / f"{name}.png").write_bytes(base64.b64decode(picture))

    def complaints(self):
        """What the page breaks, and what the browser's console said since the last call."""
        wrong = self.driver.execute_script(PAGE_RULES)
        said = [entry["message"] for entry in self.driver.get_log("browser") if entry["level"] == "SEVERE"]
        return wrong + [f"console: {message}" for message in said]

    def close(self):
        self.driver.quit()
