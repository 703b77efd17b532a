// Pages about one's own account work without this file. It tells how good a password is while it is typed, and prints
// and copies codes.
(() => {
  "use strict";
  // <div data-meter="/password-strength" data-field="f-password"> is filled with the answer's HTML.
  document.querySelectorAll("[data-meter]").forEach((meter) => {
    const field = document.getElementById(meter.dataset.field);
    if (!field) return;
    let timer = 0;
    let asked = 0;
    const ask = async () => {
      const turn = asked += 1;
      const body = new URLSearchParams({ password: field.value });
      try {
        const answer = await fetch(meter.dataset.meter, { method: "POST", body, headers: { accept: "text/html" } });
        if (answer.ok && turn === asked) meter.innerHTML = await answer.text();
      } catch { /* the form itself is checked when it is sent */ }
    };
    field.addEventListener("input", () => { clearTimeout(timer); timer = setTimeout(ask, 300); });
  });
  document.querySelectorAll("[data-print]").forEach((button) => {
    button.hidden = false;
    button.addEventListener("click", () => print());
  });
  if (!navigator.clipboard) return;
  document.querySelectorAll("[data-copies]").forEach((button) => {
    button.hidden = false;
    button.addEventListener("click", async () => {
      await navigator.clipboard.writeText(document.getElementById(button.dataset.copies).innerText);
      button.textContent = button.dataset.done;
    });
  });
})();
