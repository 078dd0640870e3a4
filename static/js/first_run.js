// Before the first trace: the clock of the waiting line, and a hint when nothing has come for a minute.
(() => {
  const clock = document.querySelector("[data-clock]");
  const late = document.querySelector("[data-late]");
  if (!clock) return;
  const start = Date.now();
  const show = () => {
    const seconds = Math.floor((Date.now() - start) / 1000);
    clock.textContent = `${Math.floor(seconds / 60)}:${String(seconds % 60).padStart(2, "0")}`;
    if (late?.hidden && seconds >= 60) {
      late.hidden = false;
      document.querySelector("[data-connection]")?.setAttribute("open", "");
    }
  };
  show();
  setInterval(show, 1000);
})();
