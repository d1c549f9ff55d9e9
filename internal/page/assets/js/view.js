// ---- view.js: which stretch of time is shown, and how mouse, touch and keys change it.

class View {
  // The callbacks say what was clicked, pointed at, and asked for by a key.
  constructor(canvas, { select, hover, key }) {
    this.canvas = canvas;
    this.painter = new Painter(canvas);
    this.lanes = [];
    this.scroll = 0;
    this.state = { runs: [], kinds: [], layer: -1, selection: null, waited: () => ({}) };
    this.frames = [];
    this.callbacks = { select, hover, key };
    new ResizeObserver(() => {
      this.painter.resize();
      this.arrange();
    }).observe(canvas);
    this.listen();
  }

  // show sets the lanes and shows all of their time.
  show(lanes, horizon) {
    this.lanes = lanes;
    this.horizon = horizon;
    this.scroll = 0;
    this.fit();
  }

  fit() {
    this.from = 0;
    this.to = this.horizon * 1.01;
    this.arrange();
  }

  // arrange places the lanes from the top down.
  arrange() {
    const p = this.painter;
    if (!p.ratio) p.resize();
    let y = p.top + Math.round(4 * p.ratio), last = "";
    for (const lane of this.lanes) {
      if (last && lane.type !== last) y += Math.round(6 * p.ratio);
      last = lane.type;
      lane.h = Math.round(lane.height * p.ratio);
      lane.place = y;
      y += lane.h + Math.max(1, Math.round((lane.height < 18 ? 1 : 3) * p.ratio));
    }
    this.content = y;
    this.scroll = Math.max(0, Math.min(this.scroll, this.content - p.height + Math.round(10 * p.ratio)));
    for (const lane of this.lanes) lane.y = lane.place - this.scroll;
    this.refresh();
    this.draw(); // at once: a canvas of a new size is black until it is drawn
  }

  // refresh draws with the next frame.
  refresh() {
    this.painter.from = this.from;
    this.painter.to = this.to;
    if (this.pending) return;
    this.pending = requestAnimationFrame(() => {
      this.pending = 0;
      this.draw();
    });
  }

  draw() {
    const began = performance.now();
    this.painter.frame(this.lanes, this.from, this.to, this.state);
    this.frames.push(performance.now() - began);
    if (this.frames.length > 240) this.frames.shift();
  }

  // zoom changes the stretch of time by a factor and keeps what is at x where it is.
  zoom(factor, x = (this.painter.left + this.painter.width) / 2) {
    const t = this.painter.time(x);
    const span = Math.min(Math.max((this.to - this.from) * factor, 20), this.horizon * 1.2);
    const part = (t - this.from) / (this.to - this.from);
    this.from = t - span * part;
    this.to = this.from + span;
    this.pan(0);
  }

  // pan moves by a time, but not beyond the schedule.
  pan(by) {
    const span = this.to - this.from, most = Math.max(0, this.horizon * 1.1 - span);
    this.from = Math.max(Math.min(this.from + by, most), -span * 0.1);
    if (span >= this.horizon) this.from = Math.max(Math.min(this.from, 0), this.horizon - span);
    this.to = this.from + span;
    this.refresh();
  }

  scrollBy(pixels) {
    this.scroll += pixels;
    this.arrange();
  }

  // focus shows a stretch of time with room around it, and the lane at which it is.
  focus(start, end, lane) {
    const span = Math.max((end - start) * 6, 40);
    this.from = (start + end - span) / 2;
    this.to = this.from + span;
    this.reveal(lane);
    this.pan(0);
  }

  // reveal scrolls until a lane is shown.
  reveal(lane) {
    if (!lane) return;
    const p = this.painter;
    if (lane.y < p.top) this.scrollBy(lane.y - p.top - 8);
    if (lane.y + lane.h > p.height) this.scrollBy(lane.y + lane.h - p.height + 8);
  }

  // hit is what lies at a point of the page: a lane, the time, and the event.
  hit(clientX, clientY) {
    const p = this.painter, box = this.canvas.getBoundingClientRect();
    const x = (clientX - box.left) * p.ratio, y = (clientY - box.top) * p.ratio;
    const lane = this.lanes.find((l) => l.type !== "head" && y >= l.y && y < l.y + l.h);
    if (!lane || y < p.top) return null;
    const found = { lane, time: p.time(x), event: 0, name: x < p.left };
    if (!lane.boxes || found.name) return found;
    const near = (2 * p.ratio * (this.to - this.from)) / (p.width - p.left);
    for (const [boxes, top, h] of p.parts(lane)) {
      if (y < top || y >= top + h) continue;
      let i = boxes.at(found.time, 0);
      if (i < 0) i = boxes.at(found.time, near);
      if (i >= 0) {
        found.event = boxes.event[i];
        found.boxes = boxes;
        found.index = i;
      }
    }
    return found;
  }

  listen() {
    const canvas = this.canvas;
    const pixels = (e) => (e.deltaMode === 1 ? 30 : e.deltaMode === 2 ? 300 : 1);
    canvas.addEventListener("wheel", (e) => {
      e.preventDefault();
      const p = this.painter, x = (e.clientX - canvas.getBoundingClientRect().left) * p.ratio;
      const dx = e.deltaX * pixels(e), dy = e.deltaY * pixels(e);
      if (x < p.left) this.scrollBy(dy * p.ratio);
      else if (e.shiftKey || Math.abs(dx) > Math.abs(dy)) this.pan((((dx || dy) * p.ratio) / (p.width - p.left)) * (this.to - this.from));
      else this.zoom(Math.exp(dy * 0.0018), x);
    }, { passive: false });

    let drag = null;
    canvas.addEventListener("pointerdown", (e) => {
      if (e.button !== 0) return;
      canvas.setPointerCapture(e.pointerId);
      drag = { x: e.clientX, y: e.clientY, moved: 0 };
    });
    canvas.addEventListener("pointermove", (e) => {
      const p = this.painter;
      if (!drag) {
        this.callbacks.hover(this.hit(e.clientX, e.clientY), e);
        return;
      }
      const dx = e.clientX - drag.x, dy = e.clientY - drag.y;
      drag.moved += Math.abs(dx) + Math.abs(dy);
      if (drag.moved < 4) return;
      canvas.classList.add("dragging");
      this.callbacks.hover(null, e);
      drag.x = e.clientX;
      drag.y = e.clientY;
      if (dy) this.scrollBy(-dy * p.ratio);
      if (dx) this.pan(((-dx * p.ratio) / (p.width - p.left)) * (this.to - this.from));
    });
    const drop = (e) => {
      canvas.classList.remove("dragging");
      if (drag && drag.moved < 4 && e.type === "pointerup") this.callbacks.select(this.hit(e.clientX, e.clientY));
      drag = null;
    };
    canvas.addEventListener("pointerup", drop);
    canvas.addEventListener("pointercancel", drop);
    canvas.addEventListener("pointerleave", (e) => this.callbacks.hover(null, e));
    canvas.addEventListener("dblclick", (e) => {
      const hit = this.hit(e.clientX, e.clientY);
      if (hit && hit.index !== undefined) this.focus(hit.boxes.start[hit.index], hit.boxes.end[hit.index], hit.lane);
      else this.fit();
    });
    canvas.addEventListener("keydown", (e) => {
      if (e.ctrlKey || e.metaKey || e.altKey) return;
      const step = (this.to - this.from) * (e.shiftKey ? 0.5 : 0.1);
      const does = {
        ArrowLeft: () => this.pan(-step), ArrowRight: () => this.pan(step),
        ArrowUp: () => this.scrollBy(-40 * this.painter.ratio), ArrowDown: () => this.scrollBy(40 * this.painter.ratio),
        PageUp: () => this.scrollBy(-0.8 * this.painter.height), PageDown: () => this.scrollBy(0.8 * this.painter.height),
        Home: () => this.pan(-this.horizon), End: () => this.pan(this.horizon),
        "+": () => this.zoom(0.7), "=": () => this.zoom(0.7), "-": () => this.zoom(1 / 0.7), 0: () => this.fit(),
      }[e.key];
      if (does) does();
      else if (!this.callbacks.key(e.key)) return;
      e.preventDefault();
    });
  }
}
