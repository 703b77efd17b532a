// The buyer's page works without this file. It adds the six dots and large keys, stops a second click on a
// button that moves money, and reloads a waiting page when the server says that something changed.
(() => {
  "use strict";
  document.querySelectorAll(".pin").forEach((pin) => {
    const input = pin.querySelector("input");
    const dots = pin.querySelector(".dots");
    const keys = pin.querySelector(".keys");
    if (!input || !dots || !keys) return;
    const length = input.maxLength;
    const show = () => {
      [...dots.children].forEach((dot, at) => dot.classList.toggle("in", at < input.value.length));
    };
    for (let at = 0; at < length; at += 1) dots.append(document.createElement("i"));
    pin.classList.add("on");
    keys.hidden = false;
    if (matchMedia("(pointer: coarse)").matches) input.inputMode = "none";
    input.addEventListener("input", () => {
      input.value = input.value.replace(/\D/g, "").slice(0, length);
      show();
    });
    keys.addEventListener("click", (event) => {
      const key = event.target.closest("button");
      if (!key) return;
      if (key.value === "back") input.value = input.value.slice(0, -1);
      else if (input.value.length < length) input.value += key.value;
      show();
    });
    show();
  });
  document.querySelectorAll("form").forEach((form) => {
    let sent = false;
    form.addEventListener("submit", (event) => {
      if (sent) event.preventDefault();
      sent = true;
      form.setAttribute("aria-busy", "true");
    });
    addEventListener("pageshow", () => { sent = false; form.removeAttribute("aria-busy"); });
  });
  const live = document.querySelector("[data-live]");
  if (live) {
    const source = new EventSource(live.dataset.live);
    source.addEventListener("changed", () => { source.close(); location.reload(); });
  }
})();
