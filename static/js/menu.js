// Menus are <details>: they close on Escape, on a press elsewhere, and when focus leaves them; arrows walk their items.
(() => {
  const openMenus = () => document.querySelectorAll("details.menu[open]");
  const close = (menu) => menu.removeAttribute("open");

  document.addEventListener("pointerdown", (event) => {
    for (const menu of openMenus()) if (!menu.contains(event.target)) close(menu);
  });
  document.addEventListener("focusin", (event) => {
    for (const menu of openMenus()) if (!menu.contains(event.target)) close(menu);
  });
  document.addEventListener("keydown", (event) => {
    const menu = event.target.closest?.("details.menu[open]");
    if (!menu) return;
    if (event.key === "Escape") {
      close(menu);
      menu.querySelector("summary").focus();
      event.stopPropagation();
    } else if (event.key === "ArrowDown" || event.key === "ArrowUp") {
      const items = [...menu.querySelectorAll(".menu-panel :is(a, button, select, input)")].filter((item) => item.offsetParent);
      if (!items.length || event.target.matches("select, input")) return;
      const step = event.key === "ArrowDown" ? 1 : -1;
      const at = items.indexOf(document.activeElement);
      items[at < 0 && step < 0 ? items.length - 1 : (at + step + items.length) % items.length].focus();
      event.preventDefault();
    }
  });
})();
