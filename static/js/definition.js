// The page of a definition: counts words while somebody types, shows of an open row what its type has, moves models by
// keys, saves by Ctrl-Enter. All of it works without this file, by buttons.
(() => {
  const form = document.getElementById("definition");
  if (!form) return;
  let isSent = false;

  const count = (place) => {
    const text = document.getElementById(place.dataset.counts).value;
    const words = text.split(/\s+/).filter(Boolean).length;
    const tokens = Math.ceil(new TextEncoder().encode(text).length / 4);
    place.textContent = place.dataset.words.replace("%w", words).replace("%t", tokens);
  };

  const parts = { choice: /one of$/, limits: /^(text|whole number|number|list of .*)$/, text: /^(list of )?text$/ };
  const fit = (row) => {
    const kind = row.querySelector("[data-kind]").value;
    for (const part of row.querySelectorAll("[data-for]")) part.hidden = !parts[part.dataset.for].test(kind);
  };

  form.addEventListener("input", (event) => {
    const place = form.querySelector(`[data-counts="${event.target.id}"]`);
    if (place) count(place);
    const row = event.target.closest("[data-kinds]");
    if (row) fit(row);
  });
  form.addEventListener("submit", () => { isSent = true; });
  // What is sent while the page leaves would come in after what the button said.
  document.addEventListener("htmx:beforeRequest", (event) => {
    if (isSent && form.contains(event.target)) event.preventDefault();
  });

  form.addEventListener("keydown", (event) => {
    if (event.key === "Enter" && (event.ctrlKey || event.metaKey)) {
      event.preventDefault();
      form.querySelector("[data-saves]").click();
    }
    const model = event.target.closest("[data-model]");
    if (!model || !event.altKey || !["ArrowUp", "ArrowDown"].includes(event.key)) return;
    event.preventDefault();
    model.querySelector(event.key === "ArrowUp" ? "[data-up]" : "[data-down]")?.click();
  });

  form.querySelectorAll("[data-kinds]").forEach(fit);
})();
