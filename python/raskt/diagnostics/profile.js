// Zoom, pan and tips of a profile. All panels show the same stretch of time.
(() => {
  const UNITS = 1e6; // the width of each picture
  const ZOOM_MAX = 5000; // beyond, positions are too coarse
  const data = JSON.parse(document.getElementById("data").textContent);
  const plots = [...document.querySelectorAll(".plot")];
  const ticks = document.querySelector(".ticks");
  const tip = document.querySelector(".tip");
  const can = (tool) => data.tools.includes(tool);
  let view = [0, data.span];

  // ---- time -------------------------------------------------------------------

  function duration(seconds) {
    const size = Math.abs(seconds);
    const [factor, unit] =
      size >= 1 ? [1, "s"] : size >= 1e-3 ? [1e3, "ms"] : [1e6, "\u00b5s"];
    if (size >= 600) {
      const whole = Math.round(seconds);
      const pad = (n) => String(n).padStart(2, "0");
      const hours = Math.floor(whole / 3600);
      const minutes = Math.floor(whole / 60) % 60;
      return hours
        ? `${hours}:${pad(minutes)}:${pad(whole % 60)} h`
        : `${minutes}:${pad(whole % 60)} min`;
    }
    return `${Number((seconds * factor).toPrecision(4))} ${unit}`;
  }

  function tickTimes(from, to, count) {
    const rough = (to - from) / count;
    const power = 10 ** Math.floor(Math.log10(rough));
    const step = [1, 2, 5, 10].find((m) => m * power >= rough) * power;
    const times = [];
    for (let i = Math.ceil(from / step - 1e-9); i * step <= to + step * 1e-9; i++) {
      times.push(i * step + 0); // not -0
    }
    return [times, step];
  }

  function tickText(time, step) {
    const [factor, unit] =
      step >= 0.1 ? [1, "s"] : step >= 1e-4 ? [1e3, "ms"] : [1e6, "\u00b5s"];
    const digits = Math.max(0, -Math.floor(Math.log10(step * factor) + 1e-9));
    const number = (time * factor).toLocaleString("en", {
      minimumFractionDigits: digits,
      maximumFractionDigits: digits,
    });
    return `${number} ${unit}`;
  }

  // ---- the view ---------------------------------------------------------------

  function show(from, to) {
    const length = Math.min(Math.max(to - from, data.span / ZOOM_MAX), data.span);
    from = Math.min(Math.max(from, 0), data.span - length);
    view = [from, from + length];
    const scale = UNITS / data.span;
    const count = Math.max(2, Math.floor(ticks.clientWidth / 110));
    const [times, step] = tickTimes(view[0], view[1], count);
    ticks.replaceChildren(
      ...times.map((time) => {
        const label = document.createElement("span");
        label.style.left = `${(100 * (time - view[0])) / length}%`;
        label.textContent = tickText(time, step);
        return label;
      }),
    );
    for (const plot of plots) {
      const height = plot.viewBox.baseVal.height;
      plot.setAttribute("viewBox", `${view[0] * scale} 0 ${length * scale} ${height}`);
      const lines = times.map((time) => `M${time * scale} 0V${height}`).join("");
      plot.querySelector(".grid").setAttribute("d", lines);
    }
  }

  function timeAt(plot, event) {
    const box = plot.getBoundingClientRect();
    return view[0] + ((event.clientX - box.left) / box.width) * (view[1] - view[0]);
  }

  function zoom(factor, around = (view[0] + view[1]) / 2) {
    hideTip();
    show(around - (around - view[0]) * factor, around + (view[1] - around) * factor);
  }

  function pan(part) {
    hideTip();
    const shift = part * (view[1] - view[0]);
    show(view[0] + shift, view[1] + shift);
  }

  // ---- tips -------------------------------------------------------------------

  function showTip(event, title, rows) {
    const head = document.createElement("b");
    head.textContent = title;
    const list = document.createElement("dl");
    for (const [name, value] of rows) {
      list.append(
        Object.assign(document.createElement("dt"), { textContent: name }),
        Object.assign(document.createElement("dd"), { textContent: value }),
      );
    }
    tip.replaceChildren(head, list);
    tip.hidden = false;
    const { width, height } = tip.getBoundingClientRect();
    const left = event.clientX + 16;
    const top = event.clientY + 16;
    tip.style.left = `${left + width > innerWidth ? Math.max(left - width - 32, 0) : left}px`;
    tip.style.top = `${top + height > innerHeight ? Math.max(top - height - 32, 0) : top}px`;
  }

  function hideTip() {
    tip.hidden = true;
    for (const plot of plots) plot.querySelector(".cross").setAttribute("d", "");
  }

  function barRows(panel, index) {
    const [label, worker, start, end, count, busy] = panel.bars[index];
    const rows = [["duration", duration(end - start)]];
    if (count > 1) rows.push(["busy", duration(busy)]);
    rows.push(
      ["start", duration(start)],
      ["worker", `${worker} (${panel.workers[worker]})`],
    );
    return [label, rows];
  }

  function quantity(value, unit) {
    const [number, text] =
      unit === "MB" && value >= 1000 ? [value / 1000, "GB"] : [value, unit];
    return `${number.toLocaleString("en", { maximumFractionDigits: 2 })} ${text}`;
  }

  function valueRows(panel, time) {
    // The last point at or before this time.
    let low = 0;
    let high = panel.times.length;
    while (low < high) {
      const middle = (low + high) >> 1;
      if (panel.times[middle] <= time) low = middle + 1;
      else high = middle;
    }
    const at = low - 1;
    if (at < 0) return [];
    return panel.functions
      .map((name, i) => [name, panel.series[i][at]])
      .filter(([, value]) => value || panel.functions.length === 1)
      .map(([name, value]) => [name, quantity(value, panel.unit)]);
  }

  function hover(plot, panel, event) {
    const time = timeAt(plot, event);
    const x = (time * UNITS) / data.span;
    for (const other of plots) {
      const height = other.viewBox.baseVal.height;
      other.querySelector(".cross").setAttribute("d", `M${x} 0V${height}`);
    }
    if (panel.bars) {
      const index = plot.bars.get(event.target);
      if (index === undefined) {
        tip.hidden = true;
        return;
      }
      const [label, rows] = barRows(panel, index);
      const name = panel.functions[Number(event.target.parentNode.dataset.f)];
      showTip(event, label, [["function", name], ...rows]);
    } else {
      showTip(event, `at ${duration(time)}`, valueRows(panel, time));
    }
  }

  // ---- one function among the others --------------------------------------------

  const legend = [...document.querySelectorAll("tr[data-name]")];
  let pinned = null;

  function highlight(name) {
    for (const [i, plot] of plots.entries()) {
      const names = data.panels[i].functions;
      for (const mark of plot.querySelectorAll("[data-f]")) {
        const dim = name !== null && names[Number(mark.dataset.f)] !== name;
        mark.classList.toggle("dim", dim);
      }
    }
  }

  for (const row of legend) {
    const name = row.dataset.name;
    row.addEventListener("pointerenter", () => highlight(name));
    row.addEventListener("pointerleave", () => highlight(pinned));
    row.addEventListener("click", () => {
      pinned = pinned === name ? null : name;
      for (const other of legend) {
        other.classList.toggle("pinned", other.dataset.name === pinned);
      }
      highlight(pinned);
    });
  }

  // ---- events -------------------------------------------------------------------

  for (const [i, plot] of plots.entries()) {
    const panel = data.panels[i];
    const rects = panel.bars ? plot.querySelectorAll("rect") : [];
    plot.bars = new Map([...rects].map((rect, index) => [rect, index]));
    plot.classList.toggle("pans", can("pan"));
    let dragged = null; // the time under the pointer when it was pressed

    plot.addEventListener("pointermove", (event) => {
      if (dragged !== null) {
        const shift = dragged - timeAt(plot, event);
        show(view[0] + shift, view[1] + shift);
      } else if (can("hover")) {
        hover(plot, panel, event);
      }
    });
    plot.addEventListener("pointerdown", (event) => {
      if (event.button !== 0 || !can("pan")) return;
      hideTip();
      dragged = timeAt(plot, event);
      plot.setPointerCapture(event.pointerId);
    });
    for (const end of ["pointerup", "pointercancel"]) {
      plot.addEventListener(end, () => (dragged = null));
    }
    plot.addEventListener("pointerleave", hideTip);
    plot.addEventListener(
      "wheel",
      (event) => {
        // Zoomed out as far as it goes, the wheel scrolls the page again.
        const whole = view[1] - view[0] >= data.span;
        if (!can("wheel_zoom") || (whole && event.deltaY > 0)) return;
        event.preventDefault();
        if (Math.abs(event.deltaX) > Math.abs(event.deltaY)) {
          pan(event.deltaX / plot.clientWidth);
        } else {
          zoom(Math.exp(Math.min(Math.max(event.deltaY, -200), 200) * 0.002), timeAt(plot, event));
        }
      },
      { passive: false },
    );
    if (can("reset")) plot.addEventListener("dblclick", () => show(0, data.span));
  }

  const keys = {
    ArrowLeft: () => can("pan") && pan(-0.2),
    ArrowRight: () => can("pan") && pan(0.2),
    "+": () => can("wheel_zoom") && zoom(0.6),
    "-": () => can("wheel_zoom") && zoom(1 / 0.6),
    0: () => can("reset") && show(0, data.span),
  };
  document.addEventListener("keydown", (event) => {
    if (event.ctrlKey || event.metaKey || event.altKey) return;
    keys[event.key]?.();
  });
  document.querySelector("#reset")?.addEventListener("click", () => show(0, data.span));
  addEventListener("resize", () => show(...view));
  show(0, data.span);
})();
