// Keys for lists, dialogs, the menu of narrow screens, printing.
"use strict";
(() => {
  const rows = () => [...document.querySelectorAll("[data-rows] tr[data-row]")];
  const place = "row " + location.pathname;
  let at = 0;

  const mark = (focus) => {
    const all = rows();
    if (!all.length) return;
    at = Math.min(Math.max(at, 0), all.length - 1);
    all.forEach((row, i) => { row.classList.toggle("now", i === at); row.tabIndex = i === at ? 0 : -1; });
    if (focus) { all[at].focus({ preventScroll: true }); all[at].scrollIntoView({ block: "nearest" }); }
    sessionStorage.setItem(place, at);
  };
  const boxes = () => [...document.querySelectorAll("input[name=ref]")];
  const count = () => {
    const text = document.querySelector("[data-count]");
    if (text) text.textContent = text.dataset.text.replace("%s", boxes().filter((b) => b.checked).length);
  };
  // What an act is about: the selected rows, else the row in focus.
  const chosen = () => {
    const some = boxes().filter((b) => b.checked);
    if (some.length) return some.map((b) => b.value);
    const box = rows()[at]?.querySelector("input[name=ref]");
    return box ? [box.value] : [];
  };
  const openDialog = (id) => {
    const dialog = document.getElementById(id);
    if (!dialog || dialog.open) return;
    const form = dialog.querySelector("[data-takes-rows]");
    if (form) {
      const refs = chosen();
      if (!refs.length) return;
      form.querySelectorAll("input[name=ref]").forEach((old) => old.remove());
      for (const ref of refs) {
        const field = document.createElement("input");
        field.type = "hidden"; field.name = "ref"; field.value = ref;
        form.append(field);
      }
      dialog.querySelector("[data-names]").textContent = refs.map((r) => r.slice(0, r.lastIndexOf("@"))).join(", ");
    }
    dialog.showModal();
  };
  const press = (key) => {
    const button = document.querySelector(`[data-key="${key}"]`);
    if (!button) return false;
    if (button.dataset.dialog) { openDialog(button.dataset.dialog); return true; }
    if (button.closest("[data-rows]") && !boxes().some((b) => b.checked)) {
      const box = rows()[at]?.querySelector("input[name=ref]");
      if (!box) return false;
      box.checked = true;
    }
    button.click();
    return true;
  };
  const goes = { a: "/alarms", m: "/meters", c: "/cases", n: "/network", l: "/ledger" };
  let going = false;

  document.addEventListener("keydown", (e) => {
    // Enter in a dialog does what the dialog is for, also from a list of choices.
    if (e.key === "Enter" && e.target.matches("dialog[open] select")) { e.preventDefault(); e.target.form.requestSubmit(); return; }
    if (e.ctrlKey || e.metaKey || e.altKey || document.querySelector("dialog[open]")) return;
    const typing = e.target.closest("input:not([type=checkbox]), select, textarea");
    if (typing) { if (e.key === "Escape") typing.blur(); return; }
    if (going) { going = false; if (goes[e.key]) { e.preventDefault(); location.href = goes[e.key]; } return; }
    switch (e.key) {
      case "j": case "k": at += e.key === "j" ? 1 : -1; mark(true); break;
      case "x": { const box = rows()[at]?.querySelector("input[name=ref]"); if (box) { box.checked = !box.checked; count(); } break; }
      case "Enter": if (e.target.matches("a, button, summary, input")) return; rows()[at]?.querySelector("a[href]")?.click(); break;
      case "/": { const field = document.getElementById("q"); if (!field) return; field.focus(); field.select(); break; }
      case "g": going = true; setTimeout(() => { going = false; }, 1500); break;
      case "?": openDialog("help"); break;
      default: if (!press(e.key)) return;
    }
    e.preventDefault();
  });
  document.addEventListener("click", (e) => {
    const button = e.target.closest("[data-dialog], [data-close], [data-open], [data-print]");
    if (!button) {
      const row = e.target.closest("tr[data-row]");
      if (row) { at = rows().indexOf(row); mark(false); }
      return;
    }
    if (button.dataset.dialog) openDialog(button.dataset.dialog);
    if ("close" in button.dataset) button.closest("dialog").close();
    if ("print" in button.dataset) print();
    if (button.dataset.open) {
      const open = document.getElementById(button.dataset.open).classList.toggle("open");
      button.setAttribute("aria-expanded", open);
    }
  });
  document.addEventListener("change", count);
  document.addEventListener("focusin", (e) => {
    const row = e.target.closest("tr[data-row]");
    if (row && rows()[at] !== row) { at = rows().indexOf(row); mark(false); }
  });
  document.addEventListener("rows", (e) => {
    const found = rows().findIndex((row) => row.dataset.row === e.detail);
    if (found >= 0) at = found;
    mark(found >= 0);
    count();
  });
  // A form that takes rows needs some: none selected means the row in focus.
  document.addEventListener("submit", (e) => {
    if (e.target.id !== "batch" || boxes().some((b) => b.checked)) return;
    const box = rows()[at]?.querySelector("input[name=ref]");
    if (box) box.checked = true; else e.preventDefault();
  });
  at = Number(sessionStorage.getItem(place) || 0);
  mark(false);
  count();
  if (!document.querySelector("[data-plot]")) performance.mark("useful"); // rows can be worked on
})();
