// ---- format.js: numbers and elements.

// significant writes a number with three digits that count.
function significant(x) {
  if (!x) return "0";
  if (Math.abs(x) >= 1000) return Math.round(x).toLocaleString("en-US");
  return String(Number(x.toPrecision(3)));
}

// scaled writes a number in the largest unit in which it is at least 1.
function scaled(x, step, units) {
  let i = 0;
  while (i + 1 < units.length && Math.abs(x) >= step * 0.9995) {
    x /= step;
    i++;
  }
  return significant(x) + " " + units[i];
}

const cycles = (c) => scaled(c, 1000, ["cycles", "k cycles", "M cycles", "G cycles"]);
const energy = (e) => scaled(e, 1000, ["pJ", "nJ", "µJ", "mJ", "J"]);
const amount = (bits) => scaled(bits / 8, 1024, ["B", "KB", "MB", "GB"]);
const exactly = (n) => Math.round(n).toLocaleString("en-US");
const percent = (f) => (f > 0 && f < 0.001 ? "<0.1 %" : significant(100 * f) + " %");
const readable = (mode) => mode.replaceAll("-", " ");

// plural writes a count of things.
const plural = (n, thing) => `${exactly(n)} ${thing}${n === 1 ? "" : "s"}`;

// element makes an element. Texts are set as text: names may hold anything.
function element(tag, attributes, ...children) {
  const e = document.createElement(tag);
  for (const [key, value] of Object.entries(attributes || {})) {
    if (key.startsWith("on")) e.addEventListener(key.slice(2), value);
    else if (key === "style") Object.assign(e.style, value);
    else if (value !== undefined) e.setAttribute(key, value);
  }
  e.append(...children);
  return e;
}

// facts is a list of names and values.
function facts(rows) {
  return element("dl", {}, ...rows.flatMap(([name, value]) => [element("dt", {}, name), element("dd", {}, value)]));
}

// bars is a list of names, values and colours as horizontal bars.
function bars(rows, write) {
  const most = Math.max(...rows.map((r) => r.value), 1e-30);
  return element("div", { class: "bars" }, ...rows.flatMap((r) => [
    element("span", {}, r.name),
    element("span", { class: "bar", "aria-hidden": "true" }, element("i", { style: { width: (100 * r.value) / (r.of || most) + "%", background: r.colour || "var(--accent)" } })),
    element("span", { class: "value" }, write(r)),
  ]));
}

// rgb reads a colour such as #0072b2.
function rgb(text) {
  const n = parseInt(text.slice(1), 16);
  return [n >> 16, (n >> 8) & 255, n & 255];
}

// onto is the colour of text that is readable on a colour.
function onto(text) {
  const [r, g, b] = rgb(text).map((v) => Math.pow(v / 255, 2.2));
  return 0.2126 * r + 0.7152 * g + 0.0722 * b > 0.22 ? "#141414" : "#ffffff";
}
