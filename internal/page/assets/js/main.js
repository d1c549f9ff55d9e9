// ---- main.js: puts the parts together.

const byId = (id) => document.getElementById(id);

// Page is the whole; window.page lets tests and curious readers ask it.
class Page {
  constructor(header) {
    this.header = header;
    this.runs = header.runs;
    this.view = new View(byId("canvas"), { select: (hit) => this.clicked(hit), hover: (hit, e) => this.hover(hit, e), key: (key) => this.key(key) });
    this.state = this.view.state;
    this.state.runs = this.runs;
    this.state.kinds = header.kinds;
    this.state.waited = waitedFor;
    this.details = new Details(byId("selected"), (run, event) => this.select(run, event, true));
    this.table = new LayerTable(byId("table"), (run, layer) => this.showLayer(run, layer));
    this.search = new Search(byId("search"), byId("found"), (found) => this.found(found));
    this.lanes = new Map();
    this.modes();
    this.buttons();
    this.show([this.runs[0]]);
  }

  // modes offers each run, and all together on one time axis.
  modes() {
    const choices = this.runs.map((run) => [readable(run.mode), [run]]);
    if (this.runs.length > 1) choices.push(["both", [...this.runs]]);
    byId("modes").replaceChildren(...choices.map(([name, runs]) => element("button", { "aria-pressed": "false", onclick: () => this.show(runs) }, name)));
    byId("modes").hidden = this.runs.length < 2;
    this.choices = choices.map(([, runs]) => runs);
  }

  // show draws some of the runs, below each other.
  show(runs) {
    this.shown = runs;
    [...byId("modes").children].forEach((b, i) => {
      const same = this.choices[i].length === runs.length && this.choices[i].every((run, k) => run === runs[k]);
      b.setAttribute("aria-pressed", String(same));
    });
    const lanes = [];
    for (const run of runs) {
      if (!this.lanes.has(run)) this.lanes.set(run, lanesOf(run));
      if (runs.length > 1) lanes.push({ run, type: "head", name: `${readable(run.mode)}: ${cycles(run.latency)}, ${energy(run.energy)}`, height: 24 });
      lanes.push(...this.lanes.get(run));
    }
    this.state.layer = -1;
    if (this.state.selection && !runs.includes(this.state.selection.run)) this.select(null, 0);
    this.view.show(lanes, Math.max(1, ...runs.map((run) => run.horizon)));
    byId("figures").replaceChildren(...runs.map((run) => figuresOf(this.header, run)), legend(this.header));
    this.table.show(this.header, runs);
    this.search.show(runs);
  }

  // laneOf is the lane on which an event is drawn.
  laneOf(run, event) {
    if (event > 0) {
      const core = run.column("node.core")[event - 1];
      return this.view.lanes.find((l) => l.run === run && l.type === "core" && l.index === core);
    }
    const path = run.paths[run.column("transfer.path")[-event - 1]];
    return this.view.lanes.find((l) => l.run === run && l.type === "link" && path.includes(l.index));
  }

  // select shows all about an event; with go it also moves there.
  select(run, event, go) {
    if (run && !this.shown.includes(run)) this.show(this.choices.at(-1));
    this.state.selection = run && event ? { run, event } : null;
    this.details.show(this.state.selection);
    if (this.state.selection && go) {
      const [start, end] = run.span(event), lane = this.laneOf(run, event);
      if (start < this.view.from || end > this.view.to || (end - start) / (this.view.to - this.view.from) < 0.004) this.view.focus(start, end, lane);
      else this.view.reveal(lane);
    }
    if (this.state.selection) byId("side").scrollTop = 0;
    this.view.refresh();
  }

  // showLayer shows where and when a layer runs and fades the others.
  showLayer(run, index) {
    const layer = run.layers[index];
    this.state.layer = index;
    this.view.focus(layer.start, layer.end, this.laneOf(run, layer.first + 1));
    const span = (layer.end - layer.start) * 1.2;
    this.view.from = layer.start - span * 0.1;
    this.view.to = this.view.from + Math.max(span, 20);
    this.view.pan(0);
  }

  found(found) {
    if (!found) {
      this.state.layer = -1;
      this.view.refresh();
    } else if (found.node !== undefined) this.select(found.run, found.node + 1, true);
    else {
      this.showLayer(found.run, found.layer);
      byId("canvas").focus();
    }
  }

  clicked(hit) {
    this.state.layer = -1;
    if (!hit || !hit.event) this.select(null, 0);
    else this.select(hit.lane.run, hit.event);
  }

  // hover shows in brief what lies under the pointer.
  hover(hit, e) {
    const tip = byId("tip");
    let text = "";
    if (hit && hit.event) text = inBrief(hit.lane.run, hit.event);
    if (hit && hit.event && hit.lane.type === "path") {
      const run = hit.lane.run, step = hit.boxes.stripe[hit.index];
      text = `critical path: ${run.resource(run.column("path.on")[step])}, ${cycles(run.column("path.length")[step])}\n${causes[run.column("path.then")[step]] ? "what follows waited: " + causes[run.column("path.then")[step]] + "\n" : ""}${text}`;
    }
    if (hit && hit.lane.type === "memory" && !hit.name && hit.time >= 0) {
      const memory = hit.lane.run.memories[hit.lane.index];
      text = `${memory.name}\n${amount(hit.lane.curve.at(hit.time))} at ${exactly(hit.time)}\npeak ${amount(memory.peak)} of ${amount(memory.capacity)}`;
    }
    if (hit && hit.name) text = hit.lane.share === undefined ? hit.lane.name : `${hit.lane.name}\nbusy ${percent(hit.lane.share)}`;
    tip.hidden = !text;
    if (!text) return;
    tip.textContent = text;
    const box = byId("chart").getBoundingClientRect();
    const x = e.clientX - box.left, y = e.clientY - box.top;
    tip.style.left = Math.max(4, Math.min(x + 14, box.width - tip.offsetWidth - 6)) + "px";
    tip.style.top = Math.max(4, y + 18 + tip.offsetHeight > box.height ? y - tip.offsetHeight - 12 : y + 18) + "px";
  }

  // key does what a key on the picture asks for, and tells whether it asks for anything.
  key(key) {
    const { run, event } = this.state.selection || {};
    if (key === "Escape") {
      this.state.layer = -1;
      this.select(null, 0);
    } else if (key === "/") byId("search").focus();
    else if (key === "?") byId("keys").showModal();
    else if (!run) {
      if (key !== "[" && key !== "]" && key !== "Enter") return false;
      this.select(this.shown[0], this.first(), true);
    } else if (key === "Enter") this.view.focus(...run.span(event), this.laneOf(run, event));
    else if (key === "w") {
      const w = waitedFor(run, event);
      if (w.event) this.select(run, w.event, true);
    } else if (key === "[" || key === "]") {
      const boxes = this.laneOf(run, event).boxes, i = boxes.event.indexOf(event) + (key === "]" ? 1 : -1);
      if (i >= 0 && i < boxes.length) this.select(run, boxes.event[i], true);
    } else return false;
    return true;
  }

  // first is the first node that is shown.
  first() {
    for (const lane of this.view.lanes) {
      if (lane.type !== "core") continue;
      const i = lane.boxes.first(this.view.from);
      if (i < lane.boxes.length) return lane.boxes.event[i];
    }
    return 1;
  }

  buttons() {
    byId("zoom-in").onclick = () => this.view.zoom(0.6);
    byId("zoom-out").onclick = () => this.view.zoom(1 / 0.6);
    byId("fit").onclick = () => this.view.fit();
    byId("help").onclick = () => byId("keys").showModal();
    byId("theme").onclick = () => this.theme(document.documentElement.dataset.theme === "dark" ? "light" : "dark");
    const dark = window.matchMedia("(prefers-color-scheme: dark)");
    dark.addEventListener("change", () => this.theme(dark.matches ? "dark" : "light"));
    this.theme(dark.matches ? "dark" : "light");
    document.addEventListener("keydown", (e) => {
      if (e.target.tagName === "INPUT" || e.ctrlKey || e.metaKey || e.altKey || e.target === byId("canvas")) return;
      if (e.key === "/" || e.key === "?") {
        this.key(e.key);
        e.preventDefault();
      }
    });
  }

  theme(name) {
    document.documentElement.dataset.theme = name;
    byId("theme").textContent = name === "dark" ? "Light" : "Dark";
    for (const run of this.runs) run.paints = paintsOf(run, name === "dark");
    this.view.painter.themed();
    this.view.refresh();
  }
}

(async () => {
  try {
    if (!window.DecompressionStream) throw new Error("this browser cannot unpack the page's data; one from 2023 or later can");
    window.page = new Page(await unpack(byId("data").textContent));
    byId("data").remove();
    window.opened = performance.now(); // milliseconds after the browser began with the page
  } catch (e) {
    byId("chart").replaceChildren(element("p", { role: "alert", style: { padding: "1em" } }, "The page cannot be shown: " + e.message));
    throw e;
  }
})();
