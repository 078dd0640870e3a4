// A press on [data-opens="id"] opens that dialog; a press on its backdrop closes it.
(() => {
  document.addEventListener("click", (event) => {
    const opener = event.target.closest("[data-opens]");
    if (opener) {
      const dialog = document.getElementById(opener.dataset.opens);
      if (!dialog) return;
      event.preventDefault();
      opener.closest("details.menu[open]")?.removeAttribute("open");
      dialog.showModal();
    } else if (event.target.matches("dialog[open]") && event.target.hasAttribute("closedby")) {
      event.target.close();
    }
    if (event.target.closest("[data-closes-dialog]")) {
      event.preventDefault();
      event.target.closest("dialog").close();
    }
  });
  // A box that must be ticked before a button works: the button says why with its title until then.
  document.addEventListener("change", (event) => {
    const form = event.target.closest("[data-needs-tick]");
    if (!form) return;
    const button = form.querySelector("[data-after-tick]");
    button?.toggleAttribute("disabled", !event.target.checked);
  });
})();
