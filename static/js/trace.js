// The tree of a trace: folding, arrow keys with one tab stop, finding. Without it every row is still there and a link.
(() => {
  const tree = document.querySelector(".tree");
  if (!tree) return;
  const rows = [...tree.querySelectorAll(".row")];
  const level = (row) => Number(row.getAttribute("aria-level"));
  const link = (row) => row.querySelector("a");
  const shown = () => rows.filter((row) => !row.hidden && link(row));

  // One pass from the top: a row is hidden while a row above it on its way to the root is closed.
  const showRows = () => {
    let closedAt = Infinity;
    for (const row of rows) {
      if (level(row) <= closedAt) closedAt = Infinity;
      row.hidden = level(row) > closedAt;
      if (!row.hidden && row.getAttribute("aria-expanded") === "false") closedAt = level(row);
    }
  };
  // A closed row shows the bars of the rows inside it, all on its own line.
  const drawInside = (row) => {
    const drawing = row.querySelector(".wf > svg");
    if (!drawing || drawing.querySelector(".folded")) return;
    const inside = document.createElementNS(drawing.namespaceURI, "g");
    inside.setAttribute("class", "folded");
    for (let at = rows.indexOf(row) + 1; at < rows.length && level(rows[at]) > level(row); at++) {
      if (rows[at].hasAttribute("aria-expanded")) continue;
      for (const bar of rows[at].querySelectorAll(".wf rect")) inside.append(bar.cloneNode());
    }
    drawing.append(inside);
  };
  const setOpen = (row, open) => {
    row.setAttribute("aria-expanded", String(open));
    if (!open) drawInside(row);
  };
  const fold = (row, open) => {
    if (!row.hasAttribute("aria-expanded")) return;
    setOpen(row, open);
    showRows();
  };
  const isOpen = (row) => row.getAttribute("aria-expanded") === "true";
  const parentOf = (row) => {
    for (let at = rows.indexOf(row) - 1; at >= 0; at--) if (level(rows[at]) < level(row)) return rows[at];
    return null;
  };
  const reveal = (row) => {
    for (let above = parentOf(row); above; above = parentOf(above)) above.setAttribute("aria-expanded", "true");
    showRows();
  };

  const stop = (row) => {
    for (const other of rows) link(other)?.setAttribute("tabindex", other === row ? "0" : "-1");
  };
  const focus = (row) => {
    if (!row || !link(row)) return;
    stop(row);
    link(row).focus({ preventScroll: true });
    row.scrollIntoView({ block: "nearest" });
  };
  const select = (id) => {
    for (const row of rows) {
      if (row.dataset.span === id) row.setAttribute("aria-selected", "true");
      else row.removeAttribute("aria-selected");
    }
  };
  const chosen = () => tree.querySelector('[aria-selected="true"]');

  tree.addEventListener("click", (event) => {
    const arrow = event.target.closest(".fold");
    if (!arrow) return;
    const row = arrow.closest(".row");
    fold(row, !isOpen(row));
  });

  for (const button of document.querySelectorAll("[data-fold]")) {
    button.addEventListener("click", () => {
      const depth = Number(button.dataset.fold);
      for (const row of rows) {
        if (row.hasAttribute("aria-expanded")) setOpen(row, !depth || level(row) < depth);
      }
      showRows();
      button.closest("details").removeAttribute("open");
    });
  }

  const goTo = (found) => {
    if (!found) return;
    reveal(found);
    focus(found);
    link(found).click();
  };
  const next = (candidates, step = 1) => {
    if (!candidates.length) return null;
    const at = rows.indexOf(chosen());
    const after = step > 0 ? candidates.find((row) => rows.indexOf(row) > at) : candidates.findLast((row) => rows.indexOf(row) < at);
    return after ?? (step > 0 ? candidates[0] : candidates.at(-1));
  };
  for (const button of document.querySelectorAll("[data-next]")) {
    button.addEventListener("click", () => goTo(next(rows.filter((row) => row.matches(button.dataset.next)))));
  }

  const field = document.querySelector("[data-find]");
  const count = document.querySelector("[data-find-count]");
  const hits = () => rows.filter((row) => link(row) && !row.classList.contains("is-dim"));
  field?.addEventListener("input", () => {
    const words = field.value.trim().toLowerCase();
    for (const row of rows) {
      row.classList.toggle("is-dim", Boolean(words) && !row.querySelector(".name").textContent.toLowerCase().includes(words));
    }
    // Only the rows of this page are looked through; a bare number would pass for that of the whole trace.
    count.textContent = words ? [hits().length, count.dataset.part].join(" ").trim() : "";
  });
  field?.addEventListener("keydown", (event) => {
    if (event.key === "Enter" && field.value.trim()) {
      goTo(next(hits(), event.shiftKey ? -1 : 1));
      field.focus();
    } else if (event.key === "Escape") {
      field.value = "";
      field.dispatchEvent(new Event("input"));
      field.blur();
    }
  });

  document.addEventListener("keydown", (event) => {
    if (!window.opperweb?.takesKeys(event)) return;
    const way = { p: "[data-path]", j: "[rel=next]", k: "[rel=prev]" }[event.key];
    if (way) return document.querySelector(way)?.click();
    if (event.key === "f") {
      field?.focus();
      event.preventDefault();
      return;
    }
    if (event.key.toLowerCase() === "n") return goTo(next(rows.filter((row) => row.matches(".is-error")), event.shiftKey ? -1 : 1));
    const row = event.target.closest?.(".row");
    if (!row && event.target !== document.body) return;
    const from = row ?? chosen();
    const all = shown();
    const at = all.indexOf(from);
    const moves = {
      ArrowDown: () => focus(all[Math.min(at + 1, all.length - 1)]),
      ArrowUp: () => focus(all[Math.max(at - 1, 0)]),
      Home: () => focus(all[0]),
      End: () => focus(all.at(-1)),
      ArrowRight: () => (from?.hasAttribute("aria-expanded") && !isOpen(from) ? fold(from, true) : focus(all[at + 1])),
      ArrowLeft: () => from && (isOpen(from) ? fold(from, false) : focus(parentOf(from))),
    };
    if (!moves[event.key]) return;
    moves[event.key]();
    event.preventDefault();
  });

  document.addEventListener("htmx:afterSwap", (event) => {
    if (event.detail.target.id !== "inspector") return;
    const id = document.querySelector(".panel")?.dataset.span;
    select(id);
    document.querySelector(".trace").dataset.open = "span";
    if (matchMedia("(max-width: 900px)").matches) scrollTo(0, 0);
  });

  stop(chosen() ?? rows.find(link));
  chosen()?.scrollIntoView({ block: "nearest" });
})();
