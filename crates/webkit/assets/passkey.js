// Passkeys. A form with data-passkey="get" or "create" asks its data-options address what the authenticator needs, lets
// the person touch it, and sends what came of it in the field "credential". Without passkeys the form stays hidden.
(() => {
  "use strict";
  const binary = (text) => {
    const padded = text.replace(/-/g, "+").replace(/_/g, "/");
    return Uint8Array.from(atob(padded), (one) => one.charCodeAt(0)).buffer;
  };
  const text = (buffer) => btoa(String.fromCharCode(...new Uint8Array(buffer)))
    .replace(/\+/g, "-").replace(/\//g, "_").replace(/=+$/, "");
  const listed = (list) => (list || []).map((one) => ({ ...one, id: binary(one.id) }));
  const creation = (asked) => PublicKeyCredential.parseCreationOptionsFromJSON
    ? PublicKeyCredential.parseCreationOptionsFromJSON(asked)
    : { ...asked, challenge: binary(asked.challenge), user: { ...asked.user, id: binary(asked.user.id) },
        excludeCredentials: listed(asked.excludeCredentials) };
  const request = (asked) => PublicKeyCredential.parseRequestOptionsFromJSON
    ? PublicKeyCredential.parseRequestOptionsFromJSON(asked)
    : { ...asked, challenge: binary(asked.challenge), allowCredentials: listed(asked.allowCredentials) };
  const shown = (made) => {
    const response = { clientDataJSON: text(made.response.clientDataJSON) };
    for (const part of ["attestationObject", "authenticatorData", "signature", "userHandle"]) {
      if (made.response[part]) response[part] = text(made.response[part]);
    }
    return JSON.stringify({ id: text(made.rawId), response });
  };
  // What the person reads: a word of the form's own language for each thing that can go wrong.
  const word = (error) => ({ NotAllowedError: "cancelled", AbortError: "cancelled", InvalidStateError: "known",
    NotSupportedError: "unsupported", ConstraintError: "unsupported" })[error.name] || "failed";
  const touch = async (form) => {
    const answer = await fetch(form.dataset.options, { method: "POST", body: new URLSearchParams(new FormData(form)) });
    if (answer.redirected || answer.status === 401) { location.reload(); return false; }
    if (!answer.ok) throw new Error(String(answer.status));
    const asked = await answer.json();
    for (const [name, value] of Object.entries(asked)) {
      if (typeof value === "string" && form.elements[name]) form.elements[name].value = value;
    }
    const made = form.dataset.passkey === "create"
      ? await navigator.credentials.create({ publicKey: creation(asked.publicKey) })
      : await navigator.credentials.get({ publicKey: request(asked.publicKey) });
    form.elements.credential.value = shown(made);
    return true;
  };
  document.querySelectorAll("form[data-passkey]").forEach((form) => {
    const say = form.querySelector("[data-say]");
    const button = form.querySelector("button");
    const tell = (key) => { say.textContent = form.dataset[key] || ""; say.hidden = !say.textContent; };
    if (!window.PublicKeyCredential || !navigator.credentials) {
      if (form.dataset.passkey === "create") { form.hidden = false; button.disabled = true; tell("unsupported"); }
      return;
    }
    form.hidden = false;
    document.querySelectorAll("[data-beside-passkey]").forEach((part) => { part.hidden = false; });
    form.addEventListener("submit", async (event) => {
      event.preventDefault();
      if (button.disabled) return;
      button.disabled = true;
      tell("wait");
      try {
        if (await touch(form)) form.submit();
      } catch (error) {
        tell(word(error));
        button.disabled = false;
        form.removeAttribute("aria-busy");
      }
    });
    addEventListener("pageshow", () => { button.disabled = false; });
  });
})();
