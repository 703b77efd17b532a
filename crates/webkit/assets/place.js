// Lets a payer say roughly where they are. Nothing is asked before they press the button, unless they allowed this site
// before; what leaves the browser is rounded to hundredths of a degree, about a kilometre. Without it the form goes as it is.
(() => {
  "use strict";
  const LEAST_EXACT_METRES = 20000;
  const part = document.querySelector("[data-place]");
  const fields = document.querySelectorAll("input[name=place]");
  if (!part || !fields.length || !navigator.geolocation) return;
  const button = part.querySelector("button");
  const say = part.querySelector("[role=status]");
  const tell = (text) => { button.hidden = true; say.textContent = text; say.hidden = false; };
  const coarse = (degrees) => (Math.round(degrees * 100) / 100).toFixed(2);
  const found = ({ coords }) => {
    if (coords.accuracy > LEAST_EXACT_METRES) { tell(part.dataset.without); return; }
    const place = `${coarse(coords.latitude)},${coarse(coords.longitude)}`;
    fields.forEach((field) => { field.value = place; });
    tell(part.dataset.done);
  };
  const ask = () => navigator.geolocation.getCurrentPosition(
    found, () => tell(part.dataset.without), { enableHighAccuracy: false, timeout: 10000, maximumAge: 300000 });
  button.addEventListener("click", ask);
  const offer = (state) => {
    if (state === "denied") return;
    part.hidden = false;
    if (state === "granted") ask();
  };
  if (!navigator.permissions) { offer("prompt"); return; }
  navigator.permissions.query({ name: "geolocation" }).then((asked) => offer(asked.state), () => offer("prompt"));
})();
