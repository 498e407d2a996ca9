using System.Text.Json.Nodes;
using Google.Protobuf;
using Pedigree.Weights;

namespace Pedigree.Evaluation.Tokenizers;

/// <summary>
/// A tokenizer.model of SentencePiece (Llama 2, Mistral), read as the tokenizer.json that says the same. A text begins with the
/// beginning token unless the settings beside it say otherwise.
/// </summary>
internal static class SentencePieceFile
{
    /// <summary>Marks a normalizer as SentencePiece's own.</summary>
    public const string Longest = "longest";

    private const int Unknown = 2, Control = 3, UserDefined = 4, Bytes = 6;

    private sealed record Piece(string Text, float Score, int Type);

    /// <exception cref="BadInputException">Not a SentencePiece model, or one of a kind that is not supported.</exception>
    public static JsonTextTokenizer Open(string file, SpecialTokens beside)
    {
        var (pieces, kind, prefix, collapse, table) = Read(file);
        if (pieces.Count == 0)
            throw new BadInputException(file, "pieces", "has no tokens.");
        if (kind is not (1 or 2))
            throw new BadInputException(file, "trainer_spec.model_type", $"is {kind}; 1 (Unigram) and 2 (BPE) are supported.");
        if (pieces.GroupBy(piece => piece.Text).FirstOrDefault(same => same.Count() > 1) is { } twice)
            throw new BadInputException(file, "pieces", $"has \"{twice.Key}\" twice.");
        var unknown = pieces.FindIndex(piece => piece.Type == Unknown);
        // Control tokens are in no text; what a user defined is found in it first.
        var added = pieces.Index()
            .Where(piece => piece.Item.Type == UserDefined)
            .Select(piece => (piece.Item.Text, Id: piece.Index, Special: false))
            .Concat(pieces.Index()
                .Where(piece => piece.Item.Type == Control)
                .Select(piece => (piece.Item.Text, Id: piece.Index, Special: true)))
            .Concat(beside.Added).DistinctBy(token => token.Id).ToList();
        var bos = beside.Bos ?? (pieces.Exists(piece => piece.Text == "<s>") ? "<s>" : null);
        var eos = beside.Eos ?? (pieces.Exists(piece => piece.Text == "</s>") ? "</s>" : null);
        int? Find(string? text) =>
            text is null ? null : added.Where(token => token.Text == text).Select(token => (int?)token.Id).FirstOrDefault()
                ?? (pieces.FindIndex(piece => piece.Text == text) is >= 0 and var place ? place : null);

        JsonArray single = [new JsonObject { ["Sequence"] = new JsonObject { ["id"] = "A" } }];
        var special = new JsonObject();
        void Put(int place, string text, int id)
        {
            single.Insert(place, new JsonObject { ["SpecialToken"] = new JsonObject { ["id"] = text } });
            special[text] = new JsonObject { ["ids"] = new JsonArray(id) };
        }

        if ((beside.AddBos ?? true) && Find(bos) is { } begin)
            Put(0, bos!, begin);
        if ((beside.AddEos ?? false) && Find(eos) is { } end)
            Put(single.Count, eos!, end);
        JsonObject model = kind == 1
            ? new()
            {
                ["type"] = "Unigram",
                ["unk_id"] = unknown < 0 ? null : unknown,
                ["vocab"] = new JsonArray([.. pieces.Select(piece => (JsonNode)new JsonArray(piece.Text, (double)piece.Score))]),
            }
            : new()
            {
                ["type"] = "BPE",
                ["unk_token"] = unknown < 0 ? null : pieces[unknown].Text,
                ["fuse_unk"] = true,
                ["vocab"] =
                    new JsonObject(pieces.Index().Select(piece => KeyValuePair.Create(piece.Item.Text, (JsonNode?)piece.Index))),
                ["merges"] = Merges(pieces),
            };
        model["byte_fallback"] = pieces.Exists(piece => piece.Type == Bytes);
        var json = new JsonObject
        {
            ["added_tokens"] = new JsonArray([.. added.Select(
                token => (JsonNode)new JsonObject { ["id"] = token.Id, ["content"] = token.Text, ["special"] = token.Special })]),
            ["normalizer"] = new JsonObject { ["type"] = "Sequence", ["normalizers"] = Normalizers(prefix, collapse, table) },
            ["post_processor"] =
                new JsonObject { ["type"] = "TemplateProcessing", ["single"] = single, ["special_tokens"] = special },
            ["decoder"] = JsonNode.Parse($$"""
                {"type": "Sequence", "decoders": [
                    {"type": "Replace", "pattern": {"String": "▁"}, "content": " "}, {"type": "ByteFallback"}, {"type": "Fuse"},
                    {"type": "Strip", "content": " ", "start": {{(prefix ? 1 : 0)}}, "stop": 0}]}
                """),
            ["model"] = model,
        };
        return JsonTextTokenizer.Of(JsonReader.Of(file, json), beside with { Bos = bos, Eos = eos });
    }

    private static JsonArray Normalizers(bool prefix, bool collapse, byte[] table)
    {
        var steps = new JsonArray();
        if (table.Length > 0)
            steps.Add(new JsonObject
            {
                ["type"] = "Precompiled",
                ["precompiled_charsmap"] = Convert.ToBase64String(table),
                [Longest] = true,
            });
        if (collapse)
        {
            steps.Add(JsonNode.Parse("""{"type": "Replace", "pattern": {"Regex": "^ +| +\\z"}, "content": ""}"""));
            steps.Add(JsonNode.Parse("""{"type": "Replace", "pattern": {"Regex": " {2,}"}, "content": " "}"""));
        }
        if (prefix)
            steps.Add(JsonNode.Parse("""{"type": "Prepend", "prepend": "▁"}"""));
        steps.Add(JsonNode.Parse("""{"type": "Replace", "pattern": {"String": " "}, "content": "▁"}"""));
        return steps;
    }

    /// <summary>Two pieces merge where together they are one; the one with the greatest score first.</summary>
    private static JsonArray Merges(List<Piece> pieces)
    {
        var known = pieces.Select(piece => piece.Text).ToHashSet();
        return [.. pieces.Index()
            .Where(piece => piece.Item.Type is not (Unknown or Control or Bytes))
            .OrderByDescending(piece => piece.Item.Score)
            .ThenBy(piece => piece.Index)
            .SelectMany(piece => Enumerable.Range(1, piece.Item.Text.Length - 1)
                .Select(cut => (Left: piece.Item.Text[..cut], Right: piece.Item.Text[cut..])))
            .Where(pair => known.Contains(pair.Left) && known.Contains(pair.Right))
            .Select(pair => (JsonNode)new JsonArray(pair.Left, pair.Right))];
    }

    /// <summary>The ModelProto of sentencepiece_model.proto, by field numbers.</summary>
    private static (List<Piece> Pieces, int Kind, bool Prefix, bool Collapse, byte[] Table) Read(string file)
    {
        var pieces = new List<Piece>();
        byte[] table = [];
        var (kind, prefix, collapse) = (1, true, true);
        try
        {
            foreach (var (field, input) in Fields(File.ReadAllBytes(Weights.Checkpoints.InputFile.Readable(file))))
            {
                if (field == 1)
                    pieces.Add(ReadPiece(input.ReadBytes().ToByteArray()));
                else if (field == 2)
                {
                    foreach (var (inner, trainer) in Fields(input.ReadBytes().ToByteArray()))
                        kind = inner == 3 ? trainer.ReadEnum() : kind;
                }
                else if (field == 3)
                {
                    foreach (var (inner, normalizer) in Fields(input.ReadBytes().ToByteArray()))
                    {
                        table = inner == 2 ? normalizer.ReadBytes().ToByteArray() : table;
                        prefix = inner == 3 ? normalizer.ReadBool() : prefix;
                        collapse = inner == 4 ? normalizer.ReadBool() : collapse;
                    }
                }
            }
        }
        catch (InvalidProtocolBufferException error)
        {
            throw new BadInputException(file, null, $"is not a SentencePiece model that can be read: {error.Message}");
        }
        if (table.Length > 0)
            _ = new CharacterTable(
                table, message => new BadInputException(file, "normalizer_spec.precompiled_charsmap", message));
        return (pieces, kind, prefix, collapse, table);
    }

    private static Piece ReadPiece(byte[] message)
    {
        var (text, score, type) = ("", 0f, 1);
        foreach (var (field, input) in Fields(message))
        {
            text = field == 1 ? input.ReadString() : text;
            score = field == 2 ? input.ReadFloat() : score;
            type = field == 3 ? input.ReadEnum() : type;
        }
        return new(text, score, type);
    }

    /// <summary>A message's fields in turn; what the reader leaves unread is skipped.</summary>
    private static IEnumerable<(int Field, CodedInputStream Input)> Fields(byte[] message)
    {
        using var input = new CodedInputStream(message);
        while (input.ReadTag() is not 0 and var tag)
        {
            var before = input.Position;
            yield return (WireFormat.GetTagFieldNumber(tag), input);
            if (input.Position == before)
                input.SkipLastField();
        }
    }
}
