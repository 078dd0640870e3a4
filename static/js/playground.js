// The playground: Run asks each variant by a stream of its own; then the server's view takes its place.
// Ctrl-Enter runs, Escape stops. Without this file all answers come at once.
(() => {
  const byId = (id) => document.getElementById(id);
  let form = byId("playground");
  if (!form) return;
  const running = new Map();
  const say = (text) => { byId("announce").textContent = text; };
  const on = (name, hear) => document.addEventListener(name, hear);
  const runs = () => document.querySelector("[data-runs]");
  const parsed = (html) => new DOMParser().parseFromString(html, "text/html");
  let isAsking = false;
  let here = location.search;

  const put = (old, fresh) => {
    const hadFocus = old.contains(document.activeElement);
    old.replaceWith(fresh);
    window.htmx?.process(fresh);
    if (hadFocus) (fresh.tabIndex < 0 ? fresh : form).focus();
  };

  const failed = () => {
    const place = byId("run-problem");
    place.textContent = form.dataset.lost;
    place.hidden = false;
  };

  const send = (button) => {
    const body = new FormData(form);
    body.append("do", button);
    return fetch(form.action, { method: "POST", body, headers: { "X-Playground": "1" } });
  };

  const run = async () => {
    if (isAsking || running.size || !runs()) return;
    isAsking = true;
    runs().setAttribute("aria-disabled", "true");
    try {
      const answer = await send("run");
      if (answer.ok || answer.status === 422) begin(parsed(await answer.text()), answer.ok);
      else failed();
    } catch {
      failed();
    }
    isAsking = false;
    idle();
  };

  const begin = (page, isGood) => {
    const fresh = page.getElementById("playground");
    if (!fresh) return failed();
    if (!isGood) {
      put(form, fresh);
      form = fresh;
      form.querySelector("[aria-invalid]")?.focus();
      return say(byId("run-problem").textContent);
    }
    for (const part of page.querySelectorAll("[data-swap]")) {
      const old = byId(part.id);
      if (old) put(old, part);
    }
    byId("run-problem").hidden = true;
    form.querySelectorAll(".field-error").forEach((note) => note.remove());
    form.querySelectorAll("[aria-invalid]").forEach((field) => field.removeAttribute("aria-invalid"));
    form.action = fresh.getAttribute("action");
    history.pushState(null, "", form.action);
    here = location.search;
    form.querySelectorAll("[data-stream]").forEach(stream);
  };

  // Say anew what is going to be asked, and what of it differs from A.
  const freshen = async () => {
    const answer = await send("keep").catch(() => null);
    const page = parsed(await answer?.text() ?? "");
    for (const part of page.querySelectorAll("#asks, [id^=chips-]")) byId(part.id)?.replaceWith(part);
    for (const { name, className } of page.querySelectorAll(".pg-head [name]")) {
      if (form.elements[name]) form.elements[name].className = className;
    }
  };

  const idle = () => { if (!running.size && !isAsking) runs()?.removeAttribute("aria-disabled"); };

  const stream = async (place) => {
    const stopping = new AbortController();
    running.set(place, stopping);
    const find = (name) => place.querySelector(`[data-${name}]`);
    find("live").hidden = false;
    find("waits").hidden = true;
    const writer = writing(find("fields"));
    let clock = 0;
    const ticking = (now) => setInterval(() => { find("clock").textContent = `${((Date.now() - now) / 1000).toFixed(1)}\u202fs`; }, 100);
    const looking = setInterval(() => { if (!writer.hasBegun) look(place); }, 1500);
    try {
      const headers = { "X-CSRFToken": form.elements.csrfmiddlewaretoken.value };
      const answer = await fetch(place.dataset.stream, { method: "POST", headers, signal: stopping.signal });
      if (answer.ok) {
        await read(answer.body, (event) => {
          clock ||= ticking(Date.now());
          if (event.delta === undefined) return;
          writer.add(event.json_path ?? "", String(event.delta));
          find("doing").textContent = find("doing").dataset.writing;
        });
      }
    } catch {
      // The result says why.
    }
    clearInterval(clock);
    clearInterval(looking);
    running.delete(place);
    idle();
    await load(place);
  };

  const read = async (body, hear) => {
    const reader = body.pipeThrough(new TextDecoderStream()).getReader();
    let rest = "";
    for (;;) {
      const { done, value } = await reader.read();
      if (done) return;
      const events = (rest + value).split("\n\n");
      rest = events.pop();
      for (const event of events) if (event.startsWith("data: ")) hear(JSON.parse(event.slice(6)));
    }
  };

  // Text goes where its path leads; what is inside of a field gets a line of its own.
  const writing = (fields) => {
    const lines = new Map();
    let last = null;
    const line = (path) => {
      const top = path.split(/[.[]/)[0];
      let place = fields.querySelector(`[data-path="${CSS.escape(top)}"]`) ?? fields.querySelector('[data-path=""]');
      if (!place) {
        place = fields.appendChild(document.createElement("div"));
        place.className = "text";
        place.dataset.path = "";
      }
      if (place.matches(".ink-3")) place.textContent = "";
      place.classList.remove("ink-3");
      const own = document.createElement("span");
      const inside = path.slice(place.dataset.path.length).replace(/^\./, "");
      if (inside) {
        own.className = "pg-part";
        own.appendChild(document.createElement("small")).textContent = inside;
      }
      const text = own.appendChild(document.createElement("span"));
      place.append(own);
      return text;
    };
    return {
      hasBegun: false,
      add(path, delta) {
        this.hasBegun = true;
        if (!lines.has(path)) lines.set(path, line(path));
        last?.classList.remove("is-last");
        last = lines.get(path);
        last.classList.add("is-last");
        last.append(delta);
      },
    };
  };

  const part = async (place) => {
    const answer = await fetch(place.dataset.part);
    if (!answer.ok) throw new Error("no answer");
    return parsed(await answer.text()).body.firstElementChild;
  };

  const look = async (place) => {
    const fresh = (await part(place).catch(() => null))?.querySelector("[data-attempts]");
    if (fresh && running.has(place)) place.querySelector("[data-attempts]")?.replaceChildren(...fresh.querySelectorAll(".attempts"));
  };

  const load = async (place) => {
    try {
      const fresh = await part(place);
      put(place, fresh);
      say(`${fresh.dataset.name}: ${fresh.querySelector("[data-status], h3")?.textContent.trim() ?? ""}`);
    } catch {
      failed();
    }
  };

  on("submit", (event) => {
    if (event.target !== form || event.submitter?.value !== "run") return;
    event.preventDefault();
    run();
  });
  on("click", (event) => {
    if (event.target.closest("[data-stops]")) running.get(event.target.closest("[data-part]"))?.abort();
  });
  on("keydown", (event) => {
    if (event.key === "Enter" && (event.ctrlKey || event.metaKey)) {
      event.preventDefault();
      run();
    } else if (event.key === "Escape" && running.size && !event.defaultPrevented && !document.querySelector("dialog[open]")) {
      event.preventDefault();
      running.forEach((stopping) => stopping.abort());
    }
  });
  on("change", (event) => {
    if (!event.target.closest(".pg-head")) return;
    // Another definition may ask for another input.
    if (event.target.matches("[data-redraws]") && !running.size) form.requestSubmit(form.querySelector("[data-keeps]"));
    else freshen();
  });
  on("paste", (event) => {
    const field = event.target.closest?.(".schema-field")?.querySelector("input[type=file]");
    if (!field || !event.clipboardData.files.length) return;
    field.files = event.clipboardData.files;
    event.preventDefault();
  });
  window.addEventListener("popstate", () => { if (location.search !== here) location.reload(); });
})();
