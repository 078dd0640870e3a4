// The keys that work anywhere. Pages listen for their own; all keep silent inside fields and when turned off.
(() => {
  let waitsForPlace = false;

  const isTyping = (target) => target.closest?.("input, textarea, select, [contenteditable]:not([contenteditable=false])");
  window.opperweb = {
    ...window.opperweb,
    takesKeys: (event) =>
      !(event.defaultPrevented || event.ctrlKey || event.metaKey || event.altKey || isTyping(event.target)) &&
      document.body.dataset.keys !== "off" && !document.querySelector("dialog[open]"),
  };

  document.addEventListener("keydown", (event) => {
    if (!window.opperweb.takesKeys(event)) return;
    const key = event.key.length === 1 ? event.key.toLowerCase() : event.key;
    if (waitsForPlace) {
      waitsForPlace = false;
      const place = document.querySelector(`[data-place="${CSS.escape(key)}"]`);
      if (place) {
        event.preventDefault();
        location.assign(place.href);
      }
      return;
    }
    if (key === "g") {
      waitsForPlace = true;
      setTimeout(() => { waitsForPlace = false; }, 1500);
    } else if (key === "?") {
      document.getElementById("keys")?.showModal();
      event.preventDefault();
    } else if (key === "[") {
      document.dispatchEvent(new Event("opperweb:sidebar"));
    } else if (key === "/") {
      const field = document.querySelector("[data-key-focus]");
      if (field) {
        event.preventDefault();
        field.focus();
      }
    }
  });
})();
