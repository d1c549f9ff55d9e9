// ---- search.js: find a layer, or a node by its layer and number.

class Search {
  // pick is called with what was chosen: a run, a layer and, if a number was given,
  // a node.
  constructor(input, list, pick) {
    this.input = input;
    this.list = list;
    this.pick = pick;
    this.chosen = 0;
    input.addEventListener("input", () => this.find());
    input.addEventListener("keydown", (e) => this.key(e));
    input.addEventListener("blur", () => setTimeout(() => this.close(), 150));
  }

  show(runs) {
    this.runs = runs;
    this.close();
  }

  // find lists the layers whose name holds the text; a number behind it names a node.
  find() {
    const text = this.input.value.trim().toLowerCase();
    const number = /^(.*?)[\s#]+(\d+)$/.exec(text);
    this.found = [];
    const look = (part, sub) => {
      for (const run of this.runs) {
        run.layers.forEach((l, i) => {
          if (!l.nodes || this.found.length >= 40 || !(l.short.toLowerCase().includes(part) || l.name.toLowerCase().includes(part))) return;
          if (sub === undefined) this.found.push({ run, layer: i });
          else {
            const k = run.column("node.sub").subarray(l.first, l.first + l.nodes).indexOf(sub);
            if (k >= 0) this.found.push({ run, layer: i, node: l.first + k });
          }
        });
      }
    };
    if (text) {
      look(text);
      if (number) look(number[1], Number(number[2]));
    }
    this.chosen = 0;
    this.draw();
  }

  draw() {
    const several = this.runs.length > 1;
    this.list.replaceChildren(...this.found.map((f, i) => {
      const l = f.run.layers[f.layer];
      const what = f.node !== undefined ? `${l.short} ${f.run.column("node.sub")[f.node]}` : `${l.short} (${l.type}, ${plural(l.nodes, "node")})`;
      return element("li", { role: "option", id: "found-" + i, "aria-selected": String(i === this.chosen), onpointerdown: () => this.choose(i) },
        what + (several ? " · " + readable(f.run.mode) : ""));
    }));
    if (this.input.value.trim() && !this.found.length) this.list.append(element("li", { class: "soft" }, "nothing found"));
    this.list.hidden = !this.input.value.trim();
    this.input.setAttribute("aria-expanded", String(!this.list.hidden));
    if (this.found.length) this.input.setAttribute("aria-activedescendant", "found-" + this.chosen);
    else this.input.removeAttribute("aria-activedescendant");
  }

  key(e) {
    if (e.key === "Escape") {
      this.input.value = "";
      this.close();
      this.pick(null);
    } else if (this.found && this.found.length && (e.key === "ArrowDown" || e.key === "ArrowUp")) {
      this.chosen = (this.chosen + (e.key === "ArrowDown" ? 1 : this.found.length - 1)) % this.found.length;
      this.draw();
      this.list.children[this.chosen].scrollIntoView({ block: "nearest" });
    } else if (e.key === "Enter" && this.found && this.found.length) this.choose(this.chosen);
    else return;
    e.preventDefault();
  }

  choose(i) {
    const f = this.found[i];
    this.close();
    if (f) this.pick(f);
  }

  close() {
    this.list.hidden = true;
    this.input.setAttribute("aria-expanded", "false");
  }
}
