// The desk works without this file. It adds live rows, copying of ids, keys to move and decide, and a guard
// against a second click on a form.
(() => {
  "use strict";
  // Live: <main data-live="/desk/live"> opens one stream. An event `payments` with HTML as data goes to
  // [data-on="payments"]; data-how="first" puts it in front (keeping data-keep rows), anything else replaces.
  const live = document.querySelector("[data-live]");
  if (live) {
    const words = document.querySelectorAll(".live");
    const source = new EventSource(live.dataset.live);
    source.onopen = () => words.forEach((word) => word.classList.remove("off"));
    source.onerror = () => words.forEach((word) => word.classList.add("off"));
    source.addEventListener("changed", () => { source.close(); location.reload(); });
    document.querySelectorAll("[data-on]").forEach((place) => {
      source.addEventListener(place.dataset.on, (event) => {
        if (place.dataset.how !== "first") { place.innerHTML = event.data; return; }
        const piece = document.createElement("template");
        piece.innerHTML = event.data;
        const row = piece.content.firstElementChild;
        if (!row) return;
        const same = row.id && document.getElementById(row.id);
        row.classList.add("fresh");
        if (same) { same.replaceWith(row); return; }
        place.prepend(row);
        while (place.children.length > Number(place.dataset.keep || 50)) place.lastElementChild.remove();
      });
    });
  }
  // Menus of the bar: one at a time, closed by a press beside them, by going on with Tab, and by Escape.
  const menus = [...document.querySelectorAll(".bar details")];
  const close = (event) => menus.forEach((menu) => { if (!menu.contains(event.target)) menu.open = false; });
  addEventListener("click", close);
  addEventListener("focusin", close);
  addEventListener("keydown", (event) => {
    const open = event.key === "Escape" && menus.find((menu) => menu.open);
    if (!open) return;
    open.open = false;
    open.querySelector("summary").focus();
  });
  // Copy: <span class="id" data-copy="…" data-word="copy" data-done="copied">.
  if (navigator.clipboard) {
    document.querySelectorAll("[data-copy]").forEach((id) => {
      const button = document.createElement("button");
      button.type = "button";
      button.className = "copy";
      button.textContent = id.dataset.word;
      button.setAttribute("aria-label", id.dataset.word + " " + id.dataset.copy);
      button.addEventListener("click", async () => {
        await navigator.clipboard.writeText(id.dataset.copy);
        button.textContent = id.dataset.done;
        setTimeout(() => { button.textContent = id.dataset.word; }, 2000);
      });
      id.after(button);
    });
  }
  // Keys: in [data-lines], j and k walk the lines, and a letter named by [data-press] stands for that button of the line;
  // elsewhere j and k walk the links of [data-rows]; a letter named by [data-key] focuses its button, the same letter
  // again (or Enter) presses it, so that one slip of a finger decides nothing.
  addEventListener("keydown", (event) => {
    if (event.ctrlKey || event.metaKey || event.altKey || event.target.closest("input, textarea, select")) return;
    const lines = [...document.querySelectorAll("[data-lines] > *")].filter((line) => line.querySelector("[data-press]"));
    if (lines.length) {
      const at = lines.findIndex((line) => line.contains(document.activeElement));
      if (event.key === "j" || event.key === "k") {
        const next = lines[Math.min(lines.length - 1, Math.max(0, at + (event.key === "j" ? 1 : -1)))];
        next.querySelector("[data-press]").focus();
        next.scrollIntoView({ block: "nearest" });
        return;
      }
      const button = /^[a-z]$/.test(event.key) && lines[Math.max(0, at)].querySelector(`[data-press="${event.key}"]`);
      if (button) {
        if (document.activeElement === button) button.click();
        else button.focus();
        return;
      }
    }
    const rows = [...document.querySelectorAll("[data-rows] a")];
    if ((event.key === "j" || event.key === "k") && rows.length) {
      const now = rows.findIndex((row) => row.hasAttribute("aria-current"));
      const next = rows[Math.min(rows.length - 1, Math.max(0, now + (event.key === "j" ? 1 : -1)))];
      if (next && next !== rows[now]) next.click();
      return;
    }
    if (!/^[a-z]$/.test(event.key)) return;
    const button = document.querySelector(`[data-key="${event.key}"]`);
    if (!button) return;
    if (document.activeElement === button) button.click();
    else button.focus();
  });
  document.querySelectorAll("form[method=post]").forEach((form) => {
    let sent = false;
    form.addEventListener("submit", (event) => { if (sent) event.preventDefault(); sent = true; });
    addEventListener("pageshow", () => { sent = false; });
  });
  document.querySelectorAll("[data-print]").forEach((button) => {
    button.hidden = false;
    button.addEventListener("click", () => print());
  });
})();
