// Rating a call: U good, D bad, M comment, E save as example; Ctrl Enter saves a correction. All are buttons as well.
(() => {
  document.addEventListener("keydown", (event) => {
    if (event.key === "Enter" && (event.ctrlKey || event.metaKey)) {
      const form = event.target.closest?.("#correction-form");
      if (!form) return;
      event.preventDefault();
      form.querySelector("[data-saves]").click();
      return;
    }
    if (event.shiftKey || event.repeat || !window.opperweb?.takesKeys(event)) return;
    const target = document.querySelector(`[data-rating-key="${CSS.escape(event.key)}"]`);
    if (!target) return;
    event.preventDefault();
    if (!target.matches(".input")) return target.click();
    target.focus();
    target.setSelectionRange(target.value.length, target.value.length);
  });

  // What the address says has happened has been said; it is not said again when the page is loaded anew.
  const forget = () => {
    const address = new URL(location.href);
    if (!address.searchParams.has("said")) return;
    address.searchParams.delete("said");
    address.searchParams.delete("was");
    history.replaceState(history.state, "", address);
  };
  const leave = (toast) => {
    if (toast.matches(":hover, :focus-within")) setTimeout(leave, 2000, toast);
    else toast.remove();
  };
  document.addEventListener("htmx:afterSettle", (event) => {
    if (event.detail.target?.id !== "inspector") return;
    for (const toast of document.querySelectorAll(".rated [data-fades]")) setTimeout(leave, 6000, toast);
    // htmx writes the address after it has put the panel in place.
    setTimeout(forget);
  });
  window.addEventListener("load", forget);
})();
