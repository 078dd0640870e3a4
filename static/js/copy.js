// A press on [data-copy="selector"] copies the text of that element, on [data-copy-text] the text it carries,
// on [data-copy-from] the whole of what stands at that address, however long.
(() => {
  const say = (text) => {
    const region = document.getElementById("announce");
    if (region) region.textContent = text;
  };

  const copy = async (text) => {
    if (navigator.clipboard && window.isSecureContext) return navigator.clipboard.writeText(text);
    // An address without TLS has no clipboard; a selected text area still has.
    const area = document.createElement("textarea");
    area.value = text;
    area.className = "visually-hidden";
    document.body.append(area);
    area.select();
    const copied = document.execCommand("copy");
    area.remove();
    if (!copied) throw new Error("not copied");
  };

  const fetched = async (address) => {
    const answer = await fetch(address);
    if (!answer.ok) throw new Error("not copied");
    return answer.text();
  };

  document.addEventListener("click", async (event) => {
    const button = event.target.closest("[data-copy], [data-copy-text], [data-copy-from]");
    if (!button) return;
    event.preventDefault();
    const source = button.dataset.copy && document.querySelector(button.dataset.copy);
    const text = source ? source.value ?? source.textContent : button.dataset.copyText;
    const label = button.querySelector("[data-copy-label]");
    const before = label?.textContent;
    let after = "Copied";
    try {
      await copy(button.dataset.copyFrom ? await fetched(button.dataset.copyFrom) : text);
    } catch {
      after = "Not copied";
      source?.select?.();
    }
    say(after);
    button.classList.add("is-copied");
    if (label) label.textContent = after;
    setTimeout(() => {
      button.classList.remove("is-copied");
      if (label) label.textContent = before;
    }, 1600);
  });

  document.addEventListener("focusin", (event) => {
    if (event.target.matches("[data-selects]")) event.target.select();
  });
})();
