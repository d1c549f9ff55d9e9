// ---- draw.js: one frame. Boxes of a few dots and more are drawn one by one; what is
// narrower is summed up dot by dot, found by bisection, so that a frame costs as much
// as there are dots, however many boxes there are. All lengths are device pixels.

const resourceColours = ["#888888", "#0072b2", "#d55e00", "#009e73"]; // unknown, core, link, memory
const resourceNames = ["nothing known", "core computes", "link moves data", "memory moves data"];
const wide = 3; // dots from which on a box is drawn by itself

class Painter {
  constructor(canvas) {
    this.canvas = canvas;
    this.context = canvas.getContext("2d", { alpha: false });
    this.strip = document.createElement("canvas"); // a row of dots for each lane
    this.stripContext = this.strip.getContext("2d");
    this.themed();
  }

  // themed reads the colours of the page's theme.
  themed() {
    const style = getComputedStyle(document.documentElement);
    this.colours = {};
    for (const name of ["back", "panel", "lane", "line", "ink", "soft", "accent", "focus", "curve", "area", "limit"]) {
      this.colours[name] = style.getPropertyValue("--" + name).trim();
    }
  }

  // resize fits the canvas to the page.
  resize() {
    this.ratio = window.devicePixelRatio || 1;
    const box = this.canvas.getBoundingClientRect();
    this.width = Math.max(50, Math.round(box.width * this.ratio));
    this.height = Math.max(50, Math.round(box.height * this.ratio));
    this.canvas.width = this.width;
    this.canvas.height = this.height;
    this.left = Math.min(Math.round(170 * this.ratio), Math.round(this.width / 3));
    this.top = Math.round(26 * this.ratio);
  }

  // x is the position of a time, time that of a position.
  x(t) { return this.left + ((t - this.from) / (this.to - this.from)) * (this.width - this.left); }
  time(x) { return this.from + ((x - this.left) / (this.width - this.left)) * (this.to - this.from); }

  font(size, weight) { return `${weight || ""} ${Math.round(size * this.ratio)}px system-ui, "Segoe UI", "Liberation Sans", Arial, sans-serif`; }

  // frame draws lanes between two times. state says what is selected and found.
  frame(lanes, from, to, state) {
    const c = this.context, { width, height, left, top, colours } = this;
    this.from = from;
    this.to = to;
    this.state = state;
    this.paints = state.runs.map((run) => run.paints);
    c.fillStyle = colours.back;
    c.fillRect(0, 0, width, height);
    const dots = width - left;
    this.strip.width = dots;
    this.strip.height = 2 * lanes.length;
    this.pixels = this.stripContext.createImageData(dots, 2 * lanes.length);
    this.words = new Uint32Array(this.pixels.data.buffer);
    this.labels = [];
    this.beams = [];

    for (const lane of lanes) {
      lane.shown = lane.y + lane.h > top && lane.y < height;
      if (lane.shown && lane.boxes) {
        c.fillStyle = colours.lane;
        c.fillRect(left, lane.y, dots, lane.h);
      }
    }
    this.axis();
    lanes.forEach((lane, row) => { if (lane.shown && lane.boxes) this.sum(lane, 2 * row); });
    this.stripContext.putImageData(this.pixels, 0, 0);
    c.imageSmoothingEnabled = false;
    lanes.forEach((lane, row) => {
      if (!lane.shown) return;
      if (lane.type === "head") this.heading(lane);
      else if (lane.type === "memory") this.memory(lane);
      else this.boxes(lane, 2 * row);
    });
    this.write();
    this.dependencies(lanes);
    this.names(lanes);
  }

  // parts are the boxes of a lane with the part of its height that each takes, and the
  // row of dots beside the lane's: links show what streams through them below what
  // they carry.
  parts(lane) {
    const split = lane.reserved && lane.reserved.length > 0;
    const upper = split && lane.boxes.length ? Math.round(lane.h * 0.6) : split ? 0 : lane.h;
    return [[lane.boxes, lane.y, upper, 0]].concat(split ? [[lane.reserved, lane.y + upper, lane.h - upper, 1]] : []);
  }

  // colour is that of a box, word the same as it is written into a row of dots.
  colour(lane, boxes, i) {
    return lane.type === "path" ? resourceColours[boxes.paint[i]] : this.paints[lane.run.index].css[boxes.paint[i]];
  }

  // sum fills the row of dots of a lane with what is too narrow to be drawn by itself:
  // the more of a dot's time is busy, the fuller its colour.
  sum(lane, row) {
    const scale = (this.width - this.left) / (this.to - this.from), dots = this.width - this.left;
    const [br, bg, bb] = rgb(this.colours.lane);
    const { words, state } = this;
    for (const [boxes, , , offset] of this.parts(lane)) {
      const base = (row + offset) * dots;
      const rgbs = lane.type === "path" ? resourceColours.map(rgb) : this.paints[lane.run.index].rgb;
      for (let i = boxes.first(this.from); i < boxes.length && boxes.start[i] < this.to;) {
        if ((boxes.end[i] - boxes.start[i]) * scale >= wide) {
          i++;
          continue;
        }
        const dot = Math.floor((boxes.start[i] - this.from) * scale);
        const until = this.from + (dot + 1) / scale;
        const next = Math.max(i + 1, gallop(boxes.start, until, i, boxes.length));
        if (dot >= 0 && dot < dots) {
          const busy = Math.min(1, (boxes.busy[next] - boxes.busy[i]) * scale);
          const k = (i + next) >> 1;
          const faint = state.layer >= 0 && lane.type !== "path" && boxes.paint[k] !== state.layer ? 0.25 : 1;
          const f = (0.45 + 0.55 * busy) * faint, [r, g, b] = rgbs[boxes.paint[k]];
          words[base + dot] = 0xff000000 | (bb + (b - bb) * f) << 16 | (bg + (g - bg) * f) << 8 | (br + (r - br) * f);
        }
        i = next;
      }
    }
  }

  // boxes draws the dots of a lane and over them the boxes that are wide enough.
  boxes(lane, row) {
    const c = this.context, dots = this.width - this.left, scale = dots / (this.to - this.from);
    const gap = Math.max(1, Math.round(this.ratio));
    for (const [boxes, y, h, offset] of this.parts(lane)) {
      if (h <= 0) continue;
      c.drawImage(this.strip, 0, row + offset, dots, 1, this.left, y, dots, h);
      const stripe = lane.type === "link" && !offset && h >= 9 * this.ratio ? Math.round(3 * this.ratio) : 0;
      for (let i = boxes.first(this.from); i < boxes.length && boxes.start[i] < this.to; i++) {
        const span = (boxes.end[i] - boxes.start[i]) * scale;
        if (span < wide) {
          // On to the last box that begins within this dot: only that may reach further.
          const until = this.from + (Math.floor((boxes.start[i] - this.from) * scale) + 1) / scale;
          const next = gallop(boxes.start, until, i, boxes.length);
          i = Math.max(i, next - 2);
          continue;
        }
        const x0 = Math.max(this.left, Math.round(this.x(boxes.start[i])));
        const x1 = Math.min(this.width, Math.round(this.x(boxes.end[i])));
        const w = x1 - x0 - (span > 4 ? gap : 0);
        if (w <= 0) continue;
        const colour = this.colour(lane, boxes, i);
        const faint = this.state.layer >= 0 && lane.type !== "path" && boxes.paint[i] !== this.state.layer;
        c.globalAlpha = faint ? 0.25 : offset ? 0.6 : 1;
        c.fillStyle = colour;
        c.fillRect(x0, y, w, h);
        if (stripe) {
          c.fillStyle = this.state.kinds[boxes.stripe[i]].colour;
          c.fillRect(x0, y + h - stripe, w, stripe);
        }
        c.globalAlpha = 1;
        if (w > 34 * this.ratio && h >= 12 * this.ratio && !faint) this.labels.push([lane, boxes, i, x0, y, w, h - stripe, offset ? this.colours.lane : colour]);
      }
    }
  }

  // label is what is written into a box.
  label(lane, boxes, i) {
    const run = lane.run;
    if (lane.type === "path") return run.resource(run.column("path.on")[boxes.stripe[i]]);
    const layer = run.layers[boxes.paint[i]];
    const event = boxes.event[i];
    if (event > 0) return layer.nodes > 1 ? `${layer.short} ${run.column("node.sub")[event - 1]}` : layer.short;
    return `${layer.operands[run.column("transfer.operand")[-event - 1]]} of ${layer.short}`;
  }

  // write puts the labels on the boxes: as much as there is room for.
  write() {
    const c = this.context;
    c.font = this.font(11);
    c.textBaseline = "middle";
    c.textAlign = "left";
    const letter = 6.6 * this.ratio;
    for (const [lane, boxes, i, x, y, w, h, colour] of this.labels) {
      let text = this.label(lane, boxes, i);
      const room = Math.floor((w - 8 * this.ratio) / letter);
      if (room < 3) continue;
      if (text.length > room) text = text.slice(0, room - 1) + "…";
      c.fillStyle = onto(colour);
      c.fillText(text, x + 4 * this.ratio, y + h / 2 + this.ratio);
    }
  }

  // memory draws the use of a memory: filled up to the lowest use within a dot, and a
  // line from the lowest to the highest.
  memory(lane) {
    const c = this.context, { curve } = lane, dots = this.width - this.left, bottom = lane.y + lane.h;
    const y = (bits) => Math.round(bottom - (bits / lane.full) * (lane.h - 4 * this.ratio));
    const line = Math.max(1, Math.round(1.5 * this.ratio));
    c.fillStyle = this.colours.lane;
    c.fillRect(this.left, lane.y, dots, lane.h);
    const step = (this.to - this.from) / dots;
    let i = bisect(curve.times, this.from, 0, curve.times.length) - 1, pending = null;
    const flush = () => {
      if (!pending) return;
      const [x, w, low, high] = pending;
      c.fillStyle = this.colours.area;
      c.fillRect(x, low, w, bottom - low);
      c.fillStyle = this.colours.curve;
      c.fillRect(x, high, w, Math.max(line, low - high));
    };
    for (let dot = 0; dot < dots; dot++) {
      const until = this.from + (dot + 1) * step;
      const next = gallop(curve.times, until, Math.max(i, 0), curve.times.length);
      const [low, high] = next > Math.max(i, 0) ? curve.range(Math.max(i, 0), next) : [0, 0];
      i = next - 1;
      const a = y(low), b = y(high);
      if (pending && pending[2] === a && pending[3] === b) pending[1]++;
      else {
        flush();
        pending = [this.left + dot, 1, a, b];
      }
    }
    flush();
    const memory = lane.run.memories[lane.index];
    if (!memory.offchip) {
      c.fillStyle = this.colours.limit;
      const at = y(memory.capacity);
      for (let x = this.left; x < this.width; x += 8 * this.ratio) c.fillRect(x, at, 4 * this.ratio, Math.max(1, Math.round(this.ratio)));
    }
  }

  // axis draws the times at the top and faint lines through the lanes.
  axis() {
    const c = this.context, { left, width, top, height, colours } = this;
    const most = Math.max(2, Math.floor((width - left) / (110 * this.ratio)));
    let step = 1;
    for (const m of [2, 2.5, 2]) if ((this.to - this.from) / step > most) step *= m;
    while ((this.to - this.from) / step > most) for (const m of [2, 2.5, 2]) if ((this.to - this.from) / step > most) step *= m;
    step = Math.max(1, Math.round(step));
    const [unit, size] = step >= 1e6 ? ["M", 1e6] : step >= 1e3 ? ["k", 1e3] : ["", 1];
    c.font = this.font(11);
    c.textBaseline = "middle";
    c.textAlign = "center";
    for (let t = Math.ceil(this.from / step) * step; t <= this.to; t += step) {
      const x = Math.round(this.x(t));
      c.fillStyle = colours.line;
      c.fillRect(x, top - 5 * this.ratio, 1, height);
      c.fillStyle = colours.soft;
      const text = (t / size || 0).toLocaleString("en-US", { maximumFractionDigits: 3 }) + (t ? unit : "");
      const half = c.measureText(text).width / 2 + 2 * this.ratio;
      if (x - left > -half) c.fillText(text, Math.max(left + half, Math.min(x, width - half)), top / 2);
    }
  }

  heading(lane) {
    const c = this.context;
    c.fillStyle = this.colours.ink;
    c.font = this.font(13, "bold");
    c.textBaseline = "middle";
    c.textAlign = "left";
    c.fillText(lane.name, this.left + 4 * this.ratio, lane.y + lane.h / 2 + 2 * this.ratio);
  }

  // names writes the names of the lanes at the left, with how busy each is.
  names(lanes) {
    const c = this.context, { left, height, top, colours } = this, small = 5 * this.ratio;
    c.fillStyle = colours.back;
    c.fillRect(0, 0, left, height);
    c.fillRect(0, 0, this.width, 0);
    c.textBaseline = "middle";
    for (const lane of lanes) {
      if (!lane.shown || lane.type === "head") continue;
      let share = "";
      if (lane.type === "memory") share = amount(lane.run.memories[lane.index].peak);
      else if (lane.share !== undefined) share = `${(100 * lane.share).toFixed(lane.share < 0.0995 ? 1 : 0)} %`;
      c.font = this.font(lane.h < 17 * this.ratio ? 10.5 : 11.5);
      c.textAlign = "right";
      c.fillStyle = colours.soft;
      const room = share ? c.measureText(share).width + 2 * small : small;
      c.fillText(share, left - small, lane.y + lane.h / 2 + 1);
      c.textAlign = "left";
      c.fillStyle = colours.ink;
      let name = lane.name;
      const fits = (text) => c.measureText(text).width <= left - room - small - 2 * this.ratio;
      if (!fits(name)) {
        while (name.length > 2 && !fits(name + "…")) name = name.slice(0, -1);
        name += "…";
      }
      c.fillText(name, small, lane.y + lane.h / 2 + 1);
    }
    c.fillStyle = colours.back;
    c.fillRect(0, 0, left, top);
    c.fillStyle = colours.soft;
    c.font = this.font(11);
    c.textAlign = "right";
    c.fillText("cycles", left - small, top / 2);
    c.fillStyle = colours.line;
    c.fillRect(left - 1, 0, 1, height);
    c.fillRect(0, top - 1, this.width, 1);
  }

  // place is where an event is drawn: on its lane, or for a transfer the first of its
  // lanes.
  place(lanes, run, event) {
    let lane;
    if (event > 0) {
      const core = run.column("node.core")[event - 1];
      lane = lanes.find((l) => l.run === run && l.type === "core" && l.index === core);
    } else {
      const path = run.paths[run.column("transfer.path")[-event - 1]];
      lane = lanes.find((l) => l.run === run && l.type === "link" && path.includes(l.index));
    }
    if (!lane) return null;
    const [start, end] = run.span(event);
    return { x0: this.x(start), x1: Math.max(this.x(end), this.x(start) + this.ratio), y: lane.y, h: lane.h };
  }

  // dependencies outlines the selection and draws lines to what it depends on and to
  // what depends on it.
  dependencies(lanes) {
    const { run, event } = this.state.selection || {};
    if (!run) return;
    const c = this.context;
    const self = this.place(lanes, run, event);
    if (!self) return;
    c.save();
    c.beginPath();
    c.rect(this.left, this.top, this.width, this.height);
    c.clip();
    c.lineWidth = 1.5 * this.ratio;
    const draw = (a, b, colour, dashed) => {
      if (!a || !b) return;
      const x0 = a.x1, y0 = a.y + a.h / 2, x1 = b.x0, y1 = b.y + b.h / 2;
      const bend = Math.max(12 * this.ratio, Math.min(60 * this.ratio, Math.abs(x1 - x0) / 2));
      c.setLineDash(dashed ? [4 * this.ratio, 3 * this.ratio] : []);
      c.strokeStyle = colour;
      c.beginPath();
      c.moveTo(x0, y0);
      c.bezierCurveTo(x0 + bend, y0, x1 - bend, y1, x1, y1);
      c.stroke();
    };
    if (event > 0) {
      const most = 400; // lines more than that hide each other
      for (const e of run.producers(event - 1).slice(0, most)) draw(this.place(lanes, run, e.node + 1), self, "#0072b2", e.operand < 0);
      for (const e of run.consumers(event - 1).slice(0, most)) draw(self, this.place(lanes, run, e.node + 1), "#009e73", e.operand < 0);
    }
    const cause = this.state.waited(run, event);
    if (cause.event) {
      const a = this.place(lanes, run, cause.event);
      draw(a, self, this.colours.focus, false);
      if (a) this.outline(a, 1.5);
    }
    c.setLineDash([]);
    this.outline(self, 2.5);
    c.restore();
  }

  outline(p, width) {
    const c = this.context;
    c.setLineDash([]);
    c.lineWidth = width * this.ratio;
    c.strokeStyle = this.colours.focus;
    c.strokeRect(p.x0 - this.ratio, p.y - this.ratio, p.x1 - p.x0 + 2 * this.ratio, p.h + 2 * this.ratio);
  }
}

// paintsOf prepares the colours of a run's layers. On a dark page those that are
// nearly black are made lighter.
function paintsOf(run, dark) {
  const rgbs = run.layers.map((l) => {
    const c = rgb(l.colour);
    const lack = dark ? Math.max(0, 125 - Math.max(...c)) / 255 : 0;
    return c.map((v) => Math.round(v + (255 - v) * lack));
  });
  return { rgb: rgbs, css: rgbs.map((c) => "#" + c.map((v) => v.toString(16).padStart(2, "0")).join("")) };
}
