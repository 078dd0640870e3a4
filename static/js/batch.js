// A batch that runs: its page asks again every two seconds. What was opened stays open, every tenth is announced,
// a hidden tab asks nothing, and a server that does not answer is told of.
(() => {
  const strip = () => document.getElementById("batch-live");
  const isOurs = (event) => event.target.id === "batch-live";
  const lost = (isLost) => { document.getElementById("batch-lost").hidden = !isLost; };
  let isOpen = false;
  let said = strip().dataset.said;

  document.addEventListener("htmx:beforeRequest", (event) => {
    if (isOurs(event) && (document.hidden || document.querySelector("dialog[open]"))) event.preventDefault();
  });
  document.addEventListener("htmx:beforeSwap", (event) => {
    if (isOurs(event)) isOpen = Boolean(document.getElementById("batch-numbers")?.open);
  });
  document.addEventListener("htmx:afterSettle", () => {
    const numbers = document.getElementById("batch-numbers");
    if (numbers && isOpen) numbers.open = true;
    lost(false);
    const now = strip().dataset.said;
    if (now !== said) document.getElementById("announce").textContent = now;
    said = now;
  });
  document.addEventListener("htmx:responseError", () => lost(true));
  document.addEventListener("htmx:sendError", () => lost(true));
})();
