// The panel of a span: 1 to 5 choose a tab, X makes it wide. Both buttons and tabs work by pointer as well.
(() => {
  const trace = document.querySelector(".trace");
  if (!trace) return;
  const mark = () => {
    const button = trace.querySelector("[data-expand]");
    button?.setAttribute("aria-pressed", String(trace.classList.contains("is-expanded")));
  };
  const expand = () => {
    trace.classList.toggle("is-expanded");
    mark();
  };
  document.addEventListener("click", (event) => {
    if (event.target.closest("[data-expand]")) expand();
  });
  document.addEventListener("keydown", (event) => {
    if (!window.opperweb?.takesKeys(event)) return;
    if (event.key === "x") expand();
    else trace.querySelector(`[data-tab-key="${CSS.escape(event.key)}"]`)?.click();
  });
  document.addEventListener("htmx:afterSwap", (event) => {
    if (event.detail.target.id !== "inspector") return;
    mark();
    const tab = trace.querySelector(".tabs [aria-current]")?.textContent.trim() ?? "";
    const region = document.getElementById("announce");
    if (region) region.textContent = `${trace.querySelector(".panel h2")?.textContent ?? ""}, ${tab}`;
  });
})();
