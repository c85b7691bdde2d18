// Live updates: a stream of stamps, or a poll where no stream comes through. When a stamp
// differs from the page's, every part marked data-live="refresh" fetches itself again.
"use strict";
(() => {
  const body = document.body;
  if (body.dataset.live !== "on") return;
  const dot = document.getElementById("live");
  let stamp = body.dataset.stamp, timer = 0, wanted = false;

  const show = (state) => {
    dot.className = "dot " + state;
    let bar = document.querySelector(".lostbar");
    if (state === "lost" && !bar) {
      bar = document.createElement("p");
      bar.className = "lostbar";
      bar.setAttribute("role", "alert");
      bar.textContent = body.dataset.lost;
      document.querySelector("header.bar").after(bar);
    } else if (state !== "lost" && bar) {
      bar.remove();
      dot.firstElementChild.textContent = body.dataset.back;
    }
  };
  const busy = () => document.querySelector("dialog[open]") || document.querySelector("details[open] form:focus-within");
  const refresh = () => {
    if (busy()) { wanted = true; return; }
    wanted = false;
    document.querySelectorAll('[data-live="refresh"]').forEach((part) => htmx.trigger(part, "refresh"));
  };
  const take = (now) => {
    if (now !== stamp) { stamp = now; refresh(); }
  };
  const poll = async () => {
    try {
      const answer = await fetch("/api/live", { headers: { Accept: "application/json" } });
      if (answer.status === 401) {
        location.href = "/login?next=" + encodeURIComponent(location.pathname + location.search);
        return;
      }
      if (!answer.ok) throw new Error(answer.status);
      show("poll");
      take((await answer.json()).stamp);
    } catch { show("lost"); }
    timer = setTimeout(open, 5000);
  };
  const open = () => {
    clearTimeout(timer);
    const source = new EventSource("/events");
    let heard = false;
    const quiet = setTimeout(() => { if (!heard) { source.close(); poll(); } }, 4000);
    source.addEventListener("stamp", (e) => { heard = true; show(""); take(e.data); });
    source.onerror = () => { clearTimeout(quiet); source.close(); timer = setTimeout(poll, heard ? 300 : 0); };
    addEventListener("pagehide", () => source.close(), { once: true });
  };
  document.addEventListener("close", () => { if (wanted) refresh(); }, true);

  // A refreshed list keeps what was selected and where the reader is. What somebody else
  // changed meanwhile is selected no more: its version is another.
  let kept = null;
  document.addEventListener("htmx:beforeSwap", () => {
    const at = document.activeElement;
    kept = {
      refs: [...document.querySelectorAll("input[name=ref]:checked")].map((box) => box.value),
      open: [...document.querySelectorAll("details[open][id]")].map((d) => d.id),
      row: at && at.closest ? at.closest("tr[data-row]")?.dataset.row : undefined,
      id: at ? at.id : "", text: at && at.id === "q" ? at.value : null,
    };
  });
  document.addEventListener("htmx:afterSettle", () => {
    if (!kept) return;
    for (const value of kept.refs) {
      const box = document.querySelector(`input[name=ref][value="${CSS.escape(value)}"]`);
      if (box) box.checked = true;
    }
    const field = kept.id && document.getElementById(kept.id);
    if (field && document.activeElement === body) field.focus();
    if (field && kept.text !== null) field.value = kept.text;
    document.dispatchEvent(new CustomEvent("rows", { detail: kept.row }));
    kept = null;
  });
  open();
})();
