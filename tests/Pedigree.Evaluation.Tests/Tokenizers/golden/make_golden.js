// What Hugging Face's own tokenizers make of hard texts, with tokenizer.json files of every kind that is read.
// Run in this folder with Node 20 and the npm package tokenizers (0.23): node make_golden.js; it writes golden.json.
const { createHash } = require("crypto");
const { writeFileSync } = require("fs");
const { Tokenizer } = require("tokenizers");

const TEXTS = [
  "", "Hello world", " leading", "trailing ", "two  spaces   three", "a\tb\t\tc\n\n\nd\r\ne", "I'm you're THEY'LL we'd 'quoted'", "1234567 3.14 1,000,000 ½ ² ٣٤٥ 𝟙𝟚",
  "e\u0301 cafe\u0301 A\u030a \u1100\u1161\u11a8 \u212b \u2126 \u0958", "日本語のテキスト 中文字符 한국어", "😀 👨‍👩‍👧‍👦 🏳️‍🌈 🇩🇪👍🏽", "مرحبا שלום नमस्ते ไทย", "ﬁ ligature ① Ａｂｃ ｱｲｳ ㍿ ™ …",
  "x\u00a0y\u2003z\u3000w\u200bv\ufeffu", "\u0000\u0001\u007f control", "𝓐𝓑𝓒 𐍈 𒀀", "<s>hi</s> <pad> x<pad>y <mask> z <b>old", "def f(x):\n    return x**2  # comment\n\tif (a!=b) && c", "ǅ ǆ İ ı ß ẞ Σς",
  "a▁b ▁ ▁▁ x", "__init__ ---- ==== ....", "  \n  \t ", "\n", "'", "''s", "don’t “quotes” –—", "the theme of the other then", "Z̤͔ͧ̑̓ä͖̭̈̇lͮ̒ͫǧ̗͚̚o̙̔ͮ̇͐̇", "the".repeat(40), " ".repeat(30) + "y",
  "a".repeat(100000), " ".repeat(20000), "ab".repeat(20000), "é".repeat(20000), "the ".repeat(10000), "日".repeat(20000),
];
const CORPUS = ("the quick brown fox jumps over the lazy dog and then the other theme of this and that is there where here; " +
  "I'm you're we'd don't 1234567890 1,000 3.14 hello world Hello World café naïve größe aa aaaa ab abab éé return def if (x) == __init__ ").repeat(3);

// The commonest pair is merged, again and again; of equals the first in order of text.
function train(words, merges) {
  const vocabulary = [...new Set(words.flat())].sort();
  const ranks = [];
  for (let i = 0; i < merges; i++) {
    const counts = new Map();
    for (const word of words)
      for (let j = 0; j + 1 < word.length; j++) counts.set(word[j] + " " + word[j + 1], (counts.get(word[j] + " " + word[j + 1]) || 0) + 1);
    const best = [...counts].filter(([pair]) => pair.split(" ").length === 2).sort((a, b) => b[1] - a[1] || (a[0] < b[0] ? -1 : 1))[0];
    if (!best || best[1] < 2) break;
    const [a, b] = best[0].split(" ");
    ranks.push([a, b]);
    if (!vocabulary.includes(a + b)) vocabulary.push(a + b);
    words = words.map(word => {
      const joined = [];
      for (let j = 0; j < word.length; j++) joined.push(word[j] === a && word[j + 1] === b ? word[j] + word[++j] : word[j]);
      return joined;
    });
  }
  return { vocabulary, ranks };
}

const alphabet = (() => {
  const plain = [...Array(256).keys()].filter(b => (b >= 33 && b <= 126) || (b >= 161 && b <= 172) || b >= 174);
  let next = 256;
  return [...Array(256).keys()].map(b => String.fromCodePoint(plain.includes(b) ? b : next++));
})();
const bytes = text => [...Buffer.from(text, "utf8")].map(b => alphabet[b]);
const numbered = (tokens, first = 0) => Object.fromEntries(tokens.map((t, i) => [t, i + first]));
const fallback = [...Array(256).keys()].map(b => `<0x${b.toString(16).toUpperCase().padStart(2, "0")}>`);
const added = (id, content, rest = {}) => ({ id, content, single_word: false, lstrip: false, rstrip: false, normalized: false, special: true, ...rest });
const template = (id, token) => ({
  type: "TemplateProcessing", single: [{ SpecialToken: { id: token, type_id: 0 } }, { Sequence: { id: "A", type_id: 0 } }],
  pair: [{ Sequence: { id: "A", type_id: 0 } }, { Sequence: { id: "B", type_id: 1 } }], special_tokens: { [token]: { id: token, ids: [id], tokens: [token] } },
});
const split = (Regex, behavior = "Isolated") => ({ type: "Split", pattern: { Regex }, behavior, invert: false });
const byteLevel = (add_prefix_space, use_regex) => ({ type: "ByteLevel", add_prefix_space, trim_offsets: true, use_regex });
const file = rest => ({ version: "1.0", truncation: null, padding: null, added_tokens: [], normalizer: null, pre_tokenizer: null, post_processor: null, decoder: null, ...rest });

const GPT4 = "(?i:'s|'t|'re|'ve|'m|'ll|'d)|[^\\r\\n\\p{L}\\p{N}]?\\p{L}+|\\p{N}{1,3}| ?[^\\s\\p{L}\\p{N}]+[\\r\\n]*|\\s*[\\r\\n]+|\\s+(?!\\S)|\\s+";
const level = train(CORPUS.match(/ ?[^ ]+/g).map(bytes), 120);
const levelModel = rest => {
  const vocab = numbered([...new Set([...alphabet, ...level.vocabulary])]);
  return { type: "BPE", dropout: null, unk_token: null, continuing_subword_prefix: null, end_of_word_suffix: null, fuse_unk: false, byte_fallback: false, ignore_merges: false, vocab, merges: level.ranks, ...rest };
};
const size = Object.keys(levelModel({}).vocab).length;
const pieces = train(CORPUS.split(" ").map(w => [..."▁" + w]), 120);
const pieceVocab = numbered(["<unk>", "<s>", "</s>", ...fallback, ...pieces.vocabulary]);
const scored = (() => {
  const counts = new Map();
  for (const word of CORPUS.split(" ").map(w => "▁" + w))
    for (let i = 0; i < word.length; i++)
      for (let j = i + 1; j <= Math.min(word.length, i + 6); j++) counts.set(word.slice(i, j), (counts.get(word.slice(i, j)) || 0) + (j - i));
  const kept = [...counts].filter(([t, n]) => [...t].length === 1 || n > 20).sort((a, b) => b[1] - a[1] || (a[0] < b[0] ? -1 : 1)).slice(0, 400);
  const total = kept.reduce((sum, [, n]) => sum + n, 0);
  return kept.map(([t, n]) => [t, Math.log(n / total)]);
})();
const metaspace = (prepend_scheme, splits = true) => ({ type: "Metaspace", replacement: "▁", prepend_scheme, split: splits });

const FILES = {
  "bytes, as Llama 3 and Qwen": file({
    added_tokens: [added(size, "<s>"), added(size + 1, "<pad>", { lstrip: true, rstrip: true }), added(size + 2, "<b>", { special: false, normalized: true })],
    normalizer: { type: "NFC" }, pre_tokenizer: { type: "Sequence", pretokenizers: [split(GPT4), byteLevel(false, false)] },
    post_processor: { type: "Sequence", processors: [{ ...byteLevel(true, true), trim_offsets: false }, template(size, "<s>")] }, decoder: byteLevel(true, true), model: levelModel({ ignore_merges: true }),
  }),
  "bytes, as GPT-NeoX": file({ added_tokens: [added(size, "<s>"), added(size + 1, "</s>")], normalizer: { type: "NFC" }, pre_tokenizer: byteLevel(false, true), decoder: byteLevel(true, true), model: levelModel({}) }),
  "bytes, digits apart, prefix, lower case": file({
    normalizer: { type: "Sequence", normalizers: [{ type: "NFKC" }, { type: "Lowercase" }, { type: "Strip", strip_left: true, strip_right: true }] },
    pre_tokenizer: { type: "Sequence", pretokenizers: [{ type: "Digits", individual_digits: true }, byteLevel(true, true)] }, decoder: byteLevel(true, true), model: levelModel({}),
  }),
  "bytes, split with the word before": file({
    normalizer: { type: "NFKD" }, pre_tokenizer: { type: "Sequence", pretokenizers: [split("\\s+", "MergedWithPrevious"), split("[,.;]", "Removed"), { type: "Digits", individual_digits: false }, byteLevel(false, false)] },
    decoder: byteLevel(true, true), model: levelModel({}),
  }),
  "pieces, as Llama 2": file({
    added_tokens: [added(0, "<unk>"), added(1, "<s>"), added(2, "</s>")],
    normalizer: { type: "Sequence", normalizers: [{ type: "Prepend", prepend: "▁" }, { type: "Replace", pattern: { String: " " }, content: "▁" }] }, post_processor: template(1, "<s>"),
    decoder: { type: "Sequence", decoders: [{ type: "Replace", pattern: { String: "▁" }, content: " " }, { type: "ByteFallback" }, { type: "Fuse" }, { type: "Strip", content: " ", start: 1, stop: 0 }] },
    model: { type: "BPE", dropout: null, unk_token: "<unk>", continuing_subword_prefix: null, end_of_word_suffix: null, fuse_unk: true, byte_fallback: true, ignore_merges: false, vocab: pieceVocab, merges: pieces.ranks },
  }),
  "pieces, as Gemma": file({
    added_tokens: [added(0, "<unk>"), added(1, "<s>"), added(2, "</s>")], normalizer: { type: "Replace", pattern: { String: " " }, content: "▁" },
    pre_tokenizer: { type: "Split", pattern: { String: " " }, behavior: "MergedWithPrevious", invert: false }, post_processor: template(1, "<s>"),
    decoder: { type: "Sequence", decoders: [{ type: "Replace", pattern: { String: "▁" }, content: " " }, { type: "ByteFallback" }, { type: "Fuse" }] },
    model: { type: "BPE", dropout: null, unk_token: "<unk>", continuing_subword_prefix: null, end_of_word_suffix: null, fuse_unk: true, byte_fallback: true, ignore_merges: false, vocab: pieceVocab, merges: pieces.ranks },
  }),
  "unigram, words apart": file({
    added_tokens: [added(0, "<unk>"), added(1, "<s>")], normalizer: { type: "Sequence", normalizers: [{ type: "NFKC" }, { type: "Replace", pattern: { Regex: " {2,}" }, content: " " }] },
    pre_tokenizer: metaspace("always"), post_processor: template(1, "<s>"), decoder: metaspace("always"),
    model: { type: "Unigram", unk_id: 0, vocab: [["<unk>", 0], ["<s>", 0], ...scored], byte_fallback: false },
  }),
  "unigram, bytes for what is unknown": file({
    added_tokens: [added(0, "<unk>"), added(1, "<s>")], pre_tokenizer: metaspace("first", false),
    decoder: { type: "Sequence", decoders: [{ type: "ByteFallback" }, metaspace("first", false)] },
    model: { type: "Unigram", unk_id: 0, vocab: [["<unk>", 0], ["<s>", 0], ...fallback.map(b => [b, 0]), ...scored], byte_fallback: true },
  }),
};

(async () => {
  const golden = [];
  for (const [name, json] of Object.entries(FILES)) {
    const tokenizer = Tokenizer.fromString(JSON.stringify(json));
    const texts = [];
    for (const text of TEXTS) {
      const ids = Array.from((await tokenizer.encode(text, null, { addSpecialTokens: true })).getIds());
      const unit = [1, 2, 4].map(n => text.slice(0, n)).find(u => text.length > 10000 && u.repeat(text.length / u.length) === text);
      // Of a long text the number of ids and a digest are enough.
      texts.push(unit ? { unit, times: text.length / unit.length, count: ids.length, digest: createHash("sha256").update(ids.join(" ")).digest("hex") }
        : { text, ids, decoded: await tokenizer.decode(ids, true) });
    }
    golden.push({ name, file: json, texts });
  }
  writeFileSync("golden.json", JSON.stringify(golden).replaceAll('{"name"', '\n{"name"').replaceAll('{"text"', '\n {"text"').replaceAll('{"unit"', '\n {"unit"') + "\n");
})();
