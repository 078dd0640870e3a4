// Review by keys: U good, D bad, M comment, E example, S skip, Z undo, Esc out of a field; and what differs while typing.
(() => {
  const form = document.getElementById("review");
  let waitsForPlace = 0;

  document.addEventListener("keydown", (event) => {
    if (event.key === "Escape" && form?.contains(event.target) && event.target.matches("input, textarea, select")) {
      event.target.blur();
      return;
    }
    if (!window.opperweb?.takesKeys(event) || event.repeat) return;
    const key = event.key.toLowerCase();
    // G and a letter lead to another page.
    if (key === "g") waitsForPlace = event.timeStamp + 1500;
    else if (event.timeStamp < waitsForPlace) waitsForPlace = 0;
    else {
      const target = document.querySelector(`[data-review-key="${CSS.escape(key)}"]`);
      if (!target) return;
      event.preventDefault();
      if (target.matches("textarea")) target.focus();
      else target.click();
    }
  });
  if (!form) return;

  // The same words at both ends stay; what is between them went, or came.
  const differences = (before, after) => {
    const [old, now] = [before, after].map((text) => text.match(/\w+|\s+|[^\w\s]/gu) ?? []);
    let head = 0;
    while (head < Math.min(old.length, now.length) && old[head] === now[head]) head++;
    let tail = 0;
    while (tail < Math.min(old.length, now.length) - head && old.at(-1 - tail) === now.at(-1 - tail)) tail++;
    const end = (words) => words.length - tail;
    return [["span", old.slice(0, head)], ["del", old.slice(head, end(old))], ["ins", now.slice(head, end(now))], ["span", old.slice(end(old))]];
  };
  const show = (part, before, after) => {
    const text = document.createElement("div");
    text.className = "diff-text";
    for (const [name, words] of before === after ? [] : differences(before, after)) {
      if (!words.length) continue;
      const piece = document.createElement(name);
      piece.textContent = words.join("");
      text.append(piece);
    }
    part.querySelector(".review-difference").replaceChildren(text);
    part.classList.toggle("is-changed", before !== after);
  };
  const field = (part) => part.querySelector(".schema-field :is(textarea, input[type=text])");
  const original = (part) => part.querySelector(".review-value .review-text")?.textContent;

  form.addEventListener("input", (event) => {
    const part = event.target.closest("[data-corrects]")?.closest(".review-part");
    const before = part && original(part);
    if (before !== undefined && before !== null) show(part, before, field(part).value);
  });
  form.addEventListener("toggle", (event) => {
    const details = event.target;
    if (!details.matches(".review-correct[open]") || !details.contains(document.activeElement)) return;
    details.querySelector("textarea, input[type=text], select")?.focus();
  }, true);
  form.addEventListener("click", (event) => {
    const button = event.target.closest("[name=back]");
    const part = button?.closest("[data-corrects]")?.closest(".review-part");
    if (!part || original(part) === undefined) return;
    event.preventDefault();
    field(part).value = original(part);
    show(part, original(part), original(part));
    part.querySelector(".review-correct").open = false;
    part.querySelector("summary").focus();
  });
})();
