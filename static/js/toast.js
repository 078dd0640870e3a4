// Toasts leave after six seconds, unless they tell of an error or somebody is reading them.
(() => {
  const leave = (toast) => {
    if (toast.matches(":hover, :focus-within")) setTimeout(leave, 2000, toast);
    else toast.remove();
  };
  const watch = (root) => {
    for (const toast of root.querySelectorAll("[data-fades]")) setTimeout(leave, 6000, toast);
  };
  document.addEventListener("DOMContentLoaded", () => watch(document));
  document.addEventListener("click", (event) => {
    if (event.target.closest("[data-closes-toast]")) event.target.closest(".toast").remove();
  });
})();
