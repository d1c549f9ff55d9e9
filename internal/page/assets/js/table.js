// ---- table.js: the layers, to be sorted by any column.

class LayerTable {
  // pick is called with the run and the index of the layer of a row.
  constructor(place, pick) {
    this.head = place.querySelector("thead");
    this.body = place.querySelector("tbody");
    this.pick = pick;
    this.by = 0;
    this.down = false;
  }

  show(header, runs) {
    this.runs = runs;
    const several = runs.length > 1;
    const time = (i) => ({ name: header.timeParts[i].name, of: (l) => l.time[i], write: (v) => exactly(v) });
    this.columns = [
      { name: "layer", left: true, of: (l, run) => [run.index, run.layers.indexOf(l)], write: (v, l) => l.short },
      { name: "type", left: true, of: (l) => l.type },
      ...(several ? [{ name: "mode", left: true, of: (l, run) => readable(run.mode) }] : []),
      { name: "nodes", of: (l) => l.nodes },
      { name: "cores", left: true, of: (l) => l.cores.join(", ") },
      { name: "start", of: (l) => l.start, write: exactly }, { name: "end", of: (l) => l.end, write: exactly },
      { name: "busy", of: (l) => l.busy, write: exactly },
      time(0), time(1), time(2), time(3), time(4),
      { name: "energy", of: (l) => l.parts.reduce((a, b) => a + b, 0), write: energy },
      { name: "moved", of: (l) => l.moved, write: amount },
    ];
    this.rows = runs.flatMap((run) => run.layers.filter((l) => l.nodes > 0).map((l) => ({ run, layer: l, values: this.columns.map((c) => c.of(l, run)) })));
    this.draw();
  }

  draw() {
    this.head.replaceChildren(element("tr", {}, ...this.columns.map((c, i) => element("th", {
      scope: "col", class: c.left ? "left" : "", "aria-sort": i !== this.by ? "none" : this.down ? "descending" : "ascending",
    }, element("button", { onclick: () => this.sort(i) }, c.name + (i !== this.by ? "" : this.down ? " ▾" : " ▴"))))));
    const order = (a, b) => {
      const x = a.values[this.by], y = b.values[this.by];
      const d = Array.isArray(x) ? x[0] - y[0] || x[1] - y[1] : typeof x === "string" ? x.localeCompare(y) : x - y;
      return this.down ? -d : d;
    };
    this.body.replaceChildren(...[...this.rows].sort(order).map((row) => {
      const pick = () => this.pick(row.run, row.run.layers.indexOf(row.layer));
      return element("tr", { tabindex: "0", title: row.layer.name, onclick: pick, onkeydown: (e) => { if (e.key === "Enter") pick(); } },
        ...this.columns.map((c, i) => element("td", { class: c.left ? "left" : "" },
          ...(i ? [] : [element("span", { class: "key", style: { background: row.layer.colour } })]),
          c.write ? c.write(row.values[i], row.layer) : String(row.values[i]))));
    }));
  }

  sort(i) {
    this.down = i === this.by ? !this.down : i > 0 && !this.columns[i].left;
    this.by = i;
    this.draw();
  }
}
