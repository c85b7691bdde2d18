// The load of a meter over its normal band, with the estimated block laid over it. The
// drawing that came with the page stays where this cannot run.
"use strict";
(() => {
  const figure = document.querySelector("[data-plot]");
  if (!figure || typeof uPlot === "undefined") return;
  const words = JSON.parse(figure.dataset.words);
  const colour = (name) => getComputedStyle(document.documentElement).getPropertyValue(name).trim();
  const height = () => Math.max(260, Math.min(460, innerHeight * .45));

  const draw = (d) => {
    const times = d.kw.map((_, i) => d.start + i * d.step_s);
    const alpha = (name, a) => `color-mix(in srgb, ${colour(name)} ${a}%, transparent)`;
    const line = (label, name, more) => ({ label, stroke: colour(name), width: 1, points: { show: false }, value: (_, v) => v == null ? "–" : v.toFixed(2) + " " + words.unit, ...more });
    let tzDate;
    try {
      new Intl.DateTimeFormat("en", { timeZone: d.zone });
      tzDate = (s) => uPlot.tzDate(new Date(s * 1e3), d.zone);
    } catch { tzDate = undefined; }
    const axis = { stroke: colour("--soft"), grid: { stroke: colour("--line"), width: 1 }, ticks: { stroke: colour("--line") } };
    const onset = (u) => {
      if (!d.onset) return;
      const x = (t) => Math.min(Math.max(u.valToPos(Date.parse(t) / 1e3, "x", true), u.bbox.left), u.bbox.left + u.bbox.width);
      const { ctx } = u, low = x(d.onset.low), high = x(d.onset.high), at = x(d.onset.at);
      ctx.save();
      ctx.fillStyle = alpha("--band", 35);
      ctx.fillRect(low, u.bbox.top, Math.max(high - low, 1), u.bbox.height);
      ctx.strokeStyle = colour("--ink");
      ctx.setLineDash([4, 3]);
      ctx.beginPath(); ctx.moveTo(at, u.bbox.top); ctx.lineTo(at, u.bbox.top + u.bbox.height); ctx.stroke();
      ctx.restore();
    };
    const holder = document.createElement("div");
    holder.setAttribute("aria-hidden", "true"); // the table below says the same
    figure.append(holder);
    const plot = new uPlot({
      width: figure.clientWidth, height: height(), tzDate,
      cursor: { y: false }, scales: { y: { range: (_, lo, hi) => [Math.min(0, lo), Math.max(hi, .1) * 1.05] } },
      axes: [{ ...axis, values: [[86400 * 28, "{YYYY}-{MM}", null, null, null, null, null, null, 1], [86400, "{MM}-{DD}", "\n{YYYY}", null, null, null, null, null, 1], [3600, "{HH}:{mm}", "\n{MM}-{DD}", null, null, null, null, null, 1]] }, { ...axis, label: words.unit, labelSize: 18, size: 48 }],
      series: [
        { label: words.time, value: (_, t) => t == null ? "–" : new Intl.DateTimeFormat("sv", { timeZone: tzDate ? d.zone : "UTC", dateStyle: "short", timeStyle: "short" }).format(t * 1e3) },
        line(words.normal, "--normal", { width: .5, class: "unsaid" }),
        line(words.normal, "--normal", { width: .5, value: (_, v, __, i) => v == null ? "–" : d.normal_low_kw[i].toFixed(2) + "–" + v.toFixed(2) + " " + words.unit }),
        line(words.kw, "--load"),
        line(words.normal, "--block", { width: 0, class: "unsaid" }),
        line(words.block, "--block", { width: 1.5, value: (_, v, __, i) => v == null ? "–" : (v - (d.normal_kw[i] ?? 0)).toFixed(2) + " " + words.unit }),
      ],
      bands: [{ series: [2, 1], fill: alpha("--normal", 28) }, { series: [5, 4], fill: alpha("--block", 24) }],
      hooks: { draw: [onset] },
    }, [times, d.normal_low_kw, d.normal_high_kw, d.kw, d.normal_kw, d.block_kw], holder);
    figure.classList.add("drawn");
    figure.dataset.ready = "1";
    performance.mark("useful");
    new ResizeObserver(() => plot.setSize({ width: figure.clientWidth, height: height() })).observe(figure);
    return holder;
  };
  let holder, data;
  const redraw = () => { if (data) { holder?.remove(); holder = draw(data); } };
  fetch(figure.dataset.plot).then((r) => r.ok ? r.json() : Promise.reject(new Error(r.status))).then((d) => { data = d; redraw(); }).catch(() => {});
  matchMedia("(prefers-color-scheme: dark)").addEventListener("change", redraw);
})();
