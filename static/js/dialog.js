// Dialogs: a press on [data-opens="id"] opens one; those the server sent open become modal.
(() => {
  const open = (dialog) => {
    dialog.removeAttribute("open");
    dialog.showModal();
  };

  document.addEventListener("DOMContentLoaded", () => {
    for (const dialog of document.querySelectorAll("dialog[data-modal]")) open(dialog);
  });

  document.addEventListener("click", (event) => {
    const opener = event.target.closest("[data-opens]");
    if (opener) {
      const dialog = document.getElementById(opener.dataset.opens);
      if (!dialog || event.ctrlKey || event.metaKey || event.shiftKey) return;
      event.preventDefault();
      opener.closest("details.menu[open]")?.removeAttribute("open");
      open(dialog);
    } else if (event.target.closest("[data-closes-dialog]")) {
      event.preventDefault();
      event.target.closest("dialog").close();
    } else if (event.target.matches("dialog[open][closedby]")) {
      event.target.close();
    }
  });

  // A box that must be ticked before a button works.
  document.addEventListener("change", (event) => {
    const form = event.target.closest("[data-needs-tick]");
    form?.querySelector("[data-after-tick]")?.toggleAttribute("disabled", !event.target.checked);
  });

  // What is shown once is not closed by a slip: the box says it was stored, the button closes.
  document.addEventListener("cancel", (event) => {
    if (event.target.matches("dialog[data-keeps]")) event.preventDefault();
  }, true);
  document.addEventListener("close", (event) => {
    const back = event.target.dataset?.back;
    if (back) location.assign(back);
  }, true);
})();
