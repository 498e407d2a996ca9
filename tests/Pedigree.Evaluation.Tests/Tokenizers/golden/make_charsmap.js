// What Hugging Face's tokenizers and SentencePiece itself make of hard texts with a table of characters (precompiled_charsmap): one that
// composes and folds the Latin letters and some others as NFKC does, and white space and control characters as nmt_nfkc does.
// Run in this folder with Node 20 and the npm packages tokenizers (0.23) and @agnai/sentencepiece-js (1.1): node make_charsmap.js; it
// writes charsmap.json.
const { mkdtempSync, readFileSync, writeFileSync } = require("fs");
const { tmpdir } = require("os");
const { Tokenizer } = require("tokenizers");
const { SentencePieceProcessor } = require("@agnai/sentencepiece-js");

const map = new Map();
for (const [from, to] of [[0xa0, 0x24f], [0x1e00, 0x1eff], [0x2000, 0x214f], [0x2460, 0x2473], [0x3000, 0x3000], [0x3300, 0x33ff], [0xfb00, 0xfb06], [0xff01, 0xff9f], [0x1d4d0, 0x1d4ff]])
  for (let code = from; code <= to; code++) {
    const text = String.fromCodePoint(code);
    map.set(text, text.normalize("NFKC"));
    map.set(text.normalize("NFD"), text.normalize("NFC").normalize("NFKC"));
  }
for (const c of "\t\n\r\u200b\ufeff") map.set(c, " ");
for (const c of "\u0001\u0002\u007f\u00ad") map.set(c, "");
for (const [from, to] of map) if (from === to) map.delete(from);

// A double array after Darts-clone: a unit has its label, the way to its children, and whether the one with the label 0 is a value.
function doubleArray(entries) {
  const root = { children: new Map() };
  for (const [key, value] of entries) {
    let node = root;
    for (const byte of Buffer.from(key)) {
      if (!node.children.has(byte)) node.children.set(byte, { children: new Map() });
      node = node.children.get(byte);
    }
    node.value = value;
  }
  const units = [], used = new Set([0]), bases = new Set();
  const set = (place, unit) => { while (units.length <= place) units.push(0); units[place] = unit >>> 0; };
  const queue = [[root, 0, 0]];
  while (queue.length) {
    const [node, place, label] = queue.shift();
    const labels = [...node.children.keys(), ...(node.value === undefined ? [] : [0])];
    let base = 1;
    while (bases.has(base) || labels.some(l => used.has(base ^ l))) base++;
    bases.add(base);
    for (const l of labels) used.add(base ^ l);
    set(place, ((place ^ base) << 10) | (node.value === undefined ? 0 : 1 << 8) | label);
    if (node.value !== undefined) set(base, node.value | 0x80000000);
    for (const [l, child] of node.children) queue.push([child, base ^ l, l]);
  }
  return units;
}

const texts = [], offsets = new Map();
let length = 0;
for (const to of map.values())
  if (!offsets.has(to)) { offsets.set(to, length); const bytes = Buffer.from(to + "\0"); texts.push(bytes); length += bytes.length; }
const units = doubleArray([...map].map(([from, to]) => [from, offsets.get(to)]));
while (units.length % 256) units.push(0);
const trie = Buffer.alloc(4 + 4 * units.length);
trie.writeUInt32LE(4 * units.length);
units.forEach((unit, i) => trie.writeUInt32LE(unit, 4 + 4 * i));
const table = Buffer.concat([trie, ...texts]);

// Tokens are bytes, so that ids say what the text became.
const bytes = [...Array(256).keys()].map(b => `<0x${b.toString(16).toUpperCase().padStart(2, "0")}>`);
const read = ids => Buffer.from([...ids].map(id => id - 3)).toString();
const varint = n => (n > 127 ? Buffer.concat([Buffer.from([(n & 127) | 128]), varint(Math.floor(n / 128))]) : Buffer.from([n]));
const message = (field, ...parts) => { const body = Buffer.concat(parts); return Buffer.concat([varint((field << 3) | 2), varint(body.length), body]); };
const whole = (field, n) => Buffer.concat([varint(field << 3), varint(n)]);
const piece = (text, kind) => message(1, message(1, Buffer.from(text)), whole(3, kind));
const model = Buffer.concat([
  piece("<unk>", 2), piece("<s>", 3), piece("</s>", 3), ...bytes.map(text => piece(text, 6)), piece("q", 1),
  message(2, whole(3, 1), whole(35, 1), whole(40, 0), whole(41, 1), whole(42, 2)),
  message(3, message(1, Buffer.from("own")), message(2, table), whole(3, 0), whole(4, 0), whole(5, 1)),
]);
const collapsing = Buffer.concat([model, message(3, whole(4, 1))]);

(async () => {
  const file = {
    normalizer: { type: "Precompiled", precompiled_charsmap: table.toString("base64") },
    model: { type: "BPE", byte_fallback: true, unk_token: "<unk>", vocab: Object.fromEntries(["<unk>", "<s>", "</s>", ...bytes].map((t, i) => [t, i])), merges: [] },
  };
  const tokenizer = Tokenizer.fromString(JSON.stringify(file));
  const processors = [];
  for (const content of [model, collapsing]) {
    const path = mkdtempSync(tmpdir() + "/pieces-") + "/tokenizer.model";
    writeFileSync(path, content);
    processors.push(new SentencePieceProcessor());
    await processors.at(-1).load(path);
  }
  const golden = JSON.parse(readFileSync("golden.json", "utf8"))[0].texts.filter(e => e.text).map(e => e.text).filter(t => !/[\0<q]/.test(t));
  const more = ["ﬃ ﬁne", "A\u030angstr\u00f6m \u1ed9 o\u0323\u0302 o\u0302\u0323 e\u0301\u0301", "ｶﾞｷﾞ ｱ", "\n\t x\u0001y\u200bz \u00adw  \n", "½ ㍿ ⑩ 𝓐𝓑 Ⅷ №", "a\u0301\u0302\u0303\u0304b", "  two   spaces  "];
  const out = [];
  for (const text of [...golden, ...more]) {
    const encoded = await tokenizer.encode(text, null, { addSpecialTokens: false });
    out.push({ text, tokenizers: read(encoded.getIds()), sentencepiece: read(processors[0].encodeIds(text)), collapsed: read(processors[1].encodeIds(text)) });
  }
  writeFileSync("charsmap.json", JSON.stringify({ file, model: model.toString("base64"), texts: out }).replaceAll('{"text"', '\n {"text"') + "\n");
})();
