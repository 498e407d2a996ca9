// What SentencePiece itself makes of hard texts, with small models of both kinds made of the vocabularies in golden.json.
// Run in this folder with Node 20 and the npm package @agnai/sentencepiece-js (1.1): node make_sentencepiece.js; it writes sentencepiece.json.
const { mkdtempSync, readFileSync, writeFileSync } = require("fs");
const { tmpdir } = require("os");
const { SentencePieceProcessor } = require("@agnai/sentencepiece-js");

// sentencepiece_model.proto, by field numbers.
const varint = n => (n > 127 ? Buffer.concat([Buffer.from([(n & 127) | 128]), varint(Math.floor(n / 128))]) : Buffer.from([n]));
const message = (field, ...parts) => { const body = Buffer.concat(parts); return Buffer.concat([varint((field << 3) | 2), varint(body.length), body]); };
const whole = (field, n) => Buffer.concat([varint(field << 3), varint(n)]);
const real = (field, x) => { const b = Buffer.alloc(4); b.writeFloatLE(x); return Buffer.concat([varint((field << 3) | 5), b]); };
const kind = t => (t === "<unk>" ? 2 : t === "<s>" || t === "</s>" ? 3 : /^<0x/.test(t) ? 6 : 1);
const model = (pieces, type) => Buffer.concat([
  ...pieces.map(([text, score]) => message(1, message(1, Buffer.from(text)), real(2, score), whole(3, kind(text)))),
  message(2, whole(3, type), whole(4, pieces.length), whole(35, 1), whole(40, 0), whole(41, 1), whole(42, 2)),
  message(3, message(1, Buffer.from("identity")), whole(3, 1), whole(4, 0), whole(5, 1)),
]);

(async () => {
  const golden = JSON.parse(readFileSync("golden.json", "utf8"));
  const unigram = golden.find(g => g.name.startsWith("unigram, bytes")).file.model.vocab;
  const { vocab, merges } = golden.find(g => g.name === "pieces, as Llama 2").file.model;
  const order = [...new Set(merges.map(([a, b]) => a + b))];
  const out = [];
  for (const [name, pieces, type] of [
    ["Unigram", [["<unk>", 0], ["<s>", 0], ["</s>", 0], ...unigram.slice(2)], 1],
    ["BPE", Object.keys(vocab).map((t, i) => [t, kind(t) !== 1 ? 0 : order.includes(t) ? -order.indexOf(t) : -1000 - i]), 2],
  ]) {
    const bytes = model(pieces, type);
    const file = mkdtempSync(tmpdir() + "/pieces-") + "/tokenizer.model";
    writeFileSync(file, bytes);
    const processor = new SentencePieceProcessor();
    await processor.load(file);
    // A zero ends a text there, and control tokens in texts are read as text.
    const texts = golden[0].texts.map(e => e.text ?? e.unit.repeat(100)).filter(t => !t.includes("\0") && !t.includes("<"));
    out.push({ name, model: bytes.toString("base64"), texts: texts.map(text => { const ids = processor.encodeIds(text); return { text, ids: [...ids], decoded: processor.decodeIds(ids) }; }) });
  }
  writeFileSync("sentencepiece.json", JSON.stringify(out).replaceAll('{"text"', '\n {"text"') + "\n");
})();
