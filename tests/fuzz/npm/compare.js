// SPDX-License-Identifier: Apache-2.0
// Random templates with random values, rendered by Inlay and by the npm package
// mustache: the output must be the same byte for byte, and what one refuses as
// malformed the other must refuse.
//
//   node compare.js MUSTACHE-LINES [ROUNDS [SEED]]
//
// Where Inlay differs on purpose. None of this is generated, or it is looked for as
// the third column says:
//
//   npm mustache                          Inlay                      here
//   ------------------------------------- -------------------------- ------------------
//   a variable without a value is a hole  an error that names it     both must see it
//   {{#true}} leaves {{.}} as it was      {{.}} is "true"            not generated
//   {{.}} outside of sections: the data   refused                    not generated
//   a list repeats a section              no lists                   not generated
//   {{>partials}}, functions              refused                    not generated
//   {{<a}}, {{$a}}: variables             refused                    not generated
//   a name may hold blanks or be empty    refused                    not generated
//   every value has a "toString", a text  no names but the data's    not generated
//     a "length"
//   1.50 is written "1.5", -0 "0"         numbers as they are given  not generated
//   {{=a b c=}}: two delimiters count     refused                    not generated
//   no-break space and its like are       blanks are those of ASCII  not generated
//     blanks in a line of tags only
//   any text may be a link                see mustache.h, "Links"    not generated
//   no bound of depth, names, size        bounds                     kept
//
// Dotted names: here {{a.b}} looks into an object "a", there "a.b" is a name of the
// data like any other. For data of that shape both come to the same.
"use strict";
const { spawnSync } = require("node:child_process");
const Mustache = require("mustache");

const MAX_DEPTH = 6;

// mulberry32
function generator(seed) {
  let state = seed >>> 0;
  return (below) => {
    state = (state + 0x6d2b79f5) >>> 0;
    let t = Math.imul(state ^ (state >>> 15), state | 1);
    t ^= t + Math.imul(t ^ (t >>> 7), t | 61);
    return (((t ^ (t >>> 14)) >>> 0) % below);
  };
}

const NAMES = ["a", "b", "name", "first_name", "x-y", "ü", "A", "p.q", "p.r.s", "n1",
  "gone", "p.gone", "size", "名"];
const TEXTS = ["", "0", "false", "Ann", "<b>&\"'`=/</b>", "{{a}}", "}}", "a\nb", "\n",
  " ", "ä€😀", "https://x.example/?a=b", "a b", "null"];
const NUMBERS = [0, 1, -1, 1.5, 1e21, 1e-7, 42, -0.25];
const DELIMITERS = [["{{", "}}"], ["<%", "%>"], ["|", "|"], ["[", "]"], ["((", "))"],
  ["${", "}"], ["<<<", ">>>"], ["@", "@"], ["{", "}"], ["*", "**"]];
const WORDS = ["text", " ", "  ", "\t", "\n", "\n\n", "\r\n", "<p>", "</p>", "&amp;", "{",
  "}", "é", "€", "😀", "it's", "%", "|x", "#", "/", "!", "a.b", "\\", "$&"];

class Case {
  constructor(draw) {
    this.draw = draw;
    this.tags = DELIMITERS[0];
    this.values = new Map();
    for (const name of NAMES)
      if (!name.endsWith("gone") && draw(6) > 0)
        this.values.set(name, this.value());
    this.plain = draw(4) === 0;
    this.template = this.content(0, false, 1 + draw(6));
    if (draw(12) === 0) this.template = this.broken(this.template);
  }

  pick(list) {
    return list[this.draw(list.length)];
  }

  value() {
    const kind = this.draw(4);
    if (kind === 0) return this.draw(2) === 0;
    if (kind === 1) return this.pick(NUMBERS);
    // in plain text, line breaks of values become blanks
    return this.pick(TEXTS);
  }

  blanks() {
    return this.draw(3) > 0 ? "" : this.pick([" ", "  ", "\t", "\n", " \n ", "\r\n"]);
  }

  // Text must not hold the delimiters in force, nor make one with what follows.
  text() {
    let text = "";
    for (let i = this.draw(4); i >= 0; i--) text += this.pick(WORDS);
    const [open, close] = this.tags;
    const clash = [...open + close].some((c) => text.includes(c));
    return clash ? this.pick(["\n", " ", "x", "\n  "]) : text;
  }

  tag(sigil, name) {
    const [open, close] = this.tags;
    return open + this.blanks() + sigil + this.blanks() + name + this.blanks() + close;
  }

  // dot: {{.}} means the same to both
  variable(dot) {
    const name = dot && this.draw(4) === 0 ? "." : this.pick(NAMES);
    const form = this.draw(6);
    const [open, close] = this.tags;
    const raw = this.values.has(name) || name === ".";
    if (form === 0 && this.values.has(name)) return this.tag("&", name);
    if (form === 1 && raw && name !== ".")
      return open + "{" + this.blanks() + name + this.blanks() + "}" + close;
    return this.tag("", name);
  }

  comment() {
    const body = this.pick(["", " word ", " a\nb ", "!", "#x", " \n"]);
    return this.tags[0] + "!" + body + this.tags[1];
  }

  delimiters() {
    const [open, close] = this.tags;
    const next = this.pick(DELIMITERS);
    this.tags = next;
    return open + "=" + this.blanks() + next[0] + this.pick([" ", "  ", "\n"]) + next[1] +
      this.blanks() + "=" + close;
  }

  section(depth, dot) {
    const inverted = this.draw(3) === 0;
    const name = this.pick(NAMES);
    // an inverted section leaves {{.}} as it is, a boolean one does in npm's
    const inner = inverted ? dot : this.values.has(name) && this.values.get(name) !== true;
    return this.tag(inverted ? "^" : "#", name) +
      this.content(depth + 1, inner, this.draw(4)) + this.tag("/", name);
  }

  // A tag may stand alone on its line.
  line(piece) {
    const blank = () => this.pick(["", "", " ", "\t"]);
    return this.draw(3) > 0 ? piece : "\n" + blank() + piece + blank() +
      this.pick(["\n", "\r\n", ""]);
  }

  content(depth, dot, pieces) {
    let out = "";
    for (let i = 0; i < pieces; i++) {
      const kind = this.draw(10);
      if (kind < 3) out += this.text();
      else if (kind < 6) out += this.variable(dot);
      else if (kind < 7) out += this.line(this.comment());
      else if (kind < 8) out += this.line(this.delimiters());
      else if (depth < MAX_DEPTH) out += this.line(this.section(depth, dot));
    }
    return out;
  }

  // Both must refuse it: a section not closed, closed twice, or a tag without an end.
  broken(template) {
    const [open, close] = this.tags;
    return this.pick([template + open + "#a" + close, template + open + "/a" + close,
      template + open + "#a" + close + open + "/b" + close, template + open + " a"]);
  }

  // As npm's package wants them: dots lead into objects.
  data() {
    const all = {};
    for (const [name, value] of this.values) {
      const parts = name.split(".");
      let at = all;
      for (const part of parts.slice(0, -1)) at = at[part] ??= {};
      at[parts.at(-1)] = value;
    }
    return all;
  }

  line_of_json() {
    const values = {};
    for (const [name, value] of this.values)
      values[name] = [typeof value === "string" ? "text" : typeof value, String(value)];
    return JSON.stringify({ template: this.template, plain: this.plain, values });
  }
}

// Notices variables without a value, which npm's package writes as nothing.
class Strict extends Mustache.Writer {
  note(token, context) {
    if (context.lookup(token[1]) == null) this.missing ??= token[1];
  }

  escapedValue(token, context, config) {
    this.note(token, context);
    return super.escapedValue(token, context, config);
  }

  unescapedValue(token, context) {
    this.note(token, context);
    return super.unescapedValue(token, context);
  }
}

const control = /\r\n|[\n\r\t\u0085\u2028\u2029]/g;
const plain = (value) => String(value).replace(control, " ");

function theirs(c) {
  const writer = new Strict();
  // in plain text, {{{a}}} keeps to its line, too
  if (c.plain)
    writer.unescapedValue = function (token, context) {
      this.note(token, context);
      const value = context.lookup(token[1]);
      return value == null ? undefined : plain(value);
    };
  try {
    const config = c.plain ? { escape: plain } : undefined;
    const out = writer.render(c.template, c.data(), undefined, config);
    if (writer.missing !== undefined)
      return { render: `variable "${writer.missing}" has no value and no default` };
    return { out };
  } catch (e) {
    return { compile: e.message };
  }
}

function same(ours, other) {
  if ("compile" in ours || "compile" in other)
    return "compile" in ours && "compile" in other;
  return ours.out === other.out && ours.render === other.render;
}

function main() {
  const [program, rounds = "10000", seed = "1"] = process.argv.slice(2);
  const cases = [];
  for (let i = 0; i < Number(rounds); i++)
    cases.push(new Case(generator(Number(seed) + i)));
  const done = spawnSync(program, [], {
    input: cases.map((c) => c.line_of_json() + "\n").join(""),
    maxBuffer: 1 << 30, encoding: "utf8", stdio: ["pipe", "pipe", "inherit"],
  });
  const lines = done.stdout.split("\n");
  if (done.status !== 0 || lines.length !== cases.length + 1) {
    console.error(`${program}: status ${done.status}, ${lines.length - 1} answers`);
    return 1;
  }
  const seen = { out: 0, compile: 0, render: 0 };
  for (const [i, c] of cases.entries()) {
    const ours = JSON.parse(lines[i]), other = theirs(c);
    if (!same(ours, other)) {
      console.error(`seed ${Number(seed) + i}\n${c.line_of_json()}\n` +
        `ours:   ${JSON.stringify(ours)}\nmustache: ${JSON.stringify(other)}`);
      return 1;
    }
    seen[Object.keys(ours)[0]]++;
  }
  // a generator gone bad would compare nothing
  const some = cases.length / 50;
  console.log(`${seen.out} outputs, ${seen.render} without a value, ` +
    `${seen.compile} refused by both`);
  return seen.out > 10 * some && seen.render > some && seen.compile > some ? 0 : 1;
}

process.exit(main());
