// The traces list: J and K walk its rows, Backspace in an empty filter takes the last one away, updates are announced,
// and what did not load says so with a way to try again.
(() => {
  const rows = () => [...document.querySelectorAll("[data-row] .row-link")];

  document.addEventListener("keydown", (event) => {
    const field = event.target.closest?.("[data-filter] input[type=text]");
    if (field) {
      const last = [...field.form.querySelectorAll("[data-removes]")].at(-1);
      if (event.key === "Backspace" && !field.value && last) {
        event.preventDefault();
        last.click();
      } else if (event.key === "Escape") {
        field.blur();
      }
      return;
    }
    if (!window.opperweb?.takesKeys(event)) return;
    const step = { j: 1, ArrowDown: 1, k: -1, ArrowUp: -1 }[event.key];
    if (!step) return;
    const links = rows();
    const at = links.indexOf(document.activeElement);
    // Arrows scroll the page until a row has been chosen.
    if (event.key.startsWith("Arrow") && at < 0) return;
    const next = links[at < 0 ? 0 : at + step];
    if (next) {
      event.preventDefault();
      next.focus();
    }
  });

  const notLoaded = (event) => {
    const list = document.getElementById("trace-list");
    if (!list) return;
    const summary = event.detail.target?.id === "summary" ? event.detail.target : null;
    const again = document.createElement("a");
    again.className = "link";
    again.href = location.href;
    again.textContent = list.dataset.again;
    const line = document.createElement("p");
    line.className = "not-loaded is-err";
    line.setAttribute("role", "alert");
    line.append(`${summary ? list.dataset.figuresFailed : list.dataset.listFailed} `, again);
    document.querySelector(".not-loaded")?.remove();
    if (summary) summary.replaceChildren(line);
    else list.querySelector(".filterbar").after(line);
  };
  document.addEventListener("htmx:responseError", notLoaded);
  document.addEventListener("htmx:sendError", notLoaded);

  document.addEventListener("htmx:afterSettle", (event) => {
    const list = document.getElementById("trace-list");
    if (event.target.id !== "trace-list" && event.detail.target?.id !== "trace-list") return;
    const region = document.getElementById("announce");
    if (region && list) region.textContent = list.dataset.announces;
  });
})();
