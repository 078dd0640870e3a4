// The theme and the sidebar change at once and are remembered in a cookie, so that the server renders them next time.
(() => {
  const year = 365 * 24 * 3600;
  const remember = (name, value) => {
    const secure = location.protocol === "https:" ? "; secure" : "";
    document.cookie = `${name}=${value}; path=/; max-age=${value ? year : 0}; samesite=lax${secure}`;
  };

  document.addEventListener("submit", (event) => {
    const form = event.target.closest("[data-theme-form]");
    const chosen = event.submitter?.value;
    if (!form || !chosen) return;
    event.preventDefault();
    const theme = chosen === "system" ? "" : chosen;
    remember("theme", theme);
    if (theme) document.documentElement.dataset.theme = theme;
    else delete document.documentElement.dataset.theme;
    for (const button of form.querySelectorAll("button")) {
      button.setAttribute("aria-pressed", String(button.value === chosen));
    }
  });

  document.addEventListener("opperweb:sidebar", () => {
    const frame = document.querySelector(".frame");
    if (!frame) return;
    frame.dataset.side = frame.dataset.side === "rail" ? "full" : "rail";
    if (frame.hasAttribute("data-remembers")) remember("sidebar", frame.dataset.side === "rail" ? "rail" : "");
  });
})();
