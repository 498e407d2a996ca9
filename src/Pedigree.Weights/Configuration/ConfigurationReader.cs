using System.Text;
using Pedigree.Weights.Checkpoints;
using YamlDotNet.Core;
using YamlDotNet.Core.Events;

namespace Pedigree.Weights.Configuration;

/// <summary>
/// Reads YAML 1.2, or JSON, strictly into <see cref="ConfigurationNode"/>s: no duplicate keys, no tags, and anchors only as far
/// as they stay small and finite. The merge key of YAML 1.1 (<c>&lt;&lt;: *defaults</c>) is known too:
/// people use it with anchors.
/// </summary>
public static class ConfigurationReader
{
    private const int MaxBytes = 4_000_000;
    private const int MaxNodes = 100_000;
    private const int MaxDepth = 64;

    /// <summary>The one document of a file, which must be a mapping.</summary>
    /// <exception cref="BadInputException">The file is missing or not strict YAML.</exception>
    public static ConfigurationMapping ReadFile(string path) => Parse(path, ReadText(path));

    /// <summary>The one document of a text, which must be a mapping.</summary>
    /// <param name="file">What errors call the text.</param>
    /// <param name="text">YAML or JSON.</param>
    /// <param name="tag">The one tag that a scalar may have; null for none.</param>
    /// <exception cref="BadInputException">It is not strict YAML.</exception>
    public static ConfigurationMapping Parse(string file, string text, string? tag = null) => ParseAll(file, text, tag) switch
    {
        [var document] => document.AsMapping(),
        [] => throw new BadInputException(file, null, "is empty; it must hold a mapping of keys to values"),
        [_, var second, ..] =>
            throw new BadInputException(file, second.Place, "starts a second document; the file must hold one"),
    };

    /// <summary>All documents of a text, in order.</summary>
    /// <exception cref="BadInputException">It is not strict YAML.</exception>
    public static IReadOnlyList<ConfigurationNode> ParseAll(string file, string text, string? tag = null)
    {
        if (Encoding.UTF8.GetByteCount(text) > MaxBytes)
            throw new BadInputException(file, null, $"is larger than {MaxBytes} bytes, the most that is read");
        if (text.AsSpan().TrimStart() is ['{' or '[', ..])
            text = JsonText.ToYaml(text);
        try
        {
            var parser = new Parser(new StringReader(text));
            var documents = new List<ConfigurationNode>();
            var budget = new Budget();
            parser.Consume<StreamStart>();
            while (!parser.Accept<StreamEnd>(out _))
            {
                parser.Consume<DocumentStart>();
                documents.Add(new Builder(file, parser, budget, tag).Read("", 0));
                parser.Consume<DocumentEnd>();
            }
            return documents;
        }
        catch (Exception error) when (error is not BadInputException)
        {
            // Besides its own exception the parser lets several others out on text that is no YAML.
            var (start, end) = error is YamlException yaml ? (yaml.Start, yaml.End) : (Mark.Empty, Mark.Empty);
            throw TabOf(text, start, end, error.Message) is { } tab
                ? new(file, $"line {tab.Line}, column {tab.Column}", "is indented with a tab; YAML is indented with spaces alone")
                : new BadInputException(file, $"line {start.Line}, column {start.Column}", $"is not YAML: {error.Message}");
        }
    }

    internal static string ReadText(string path)
    {
        try
        {
            if (Directory.Exists(path))
                throw new BadInputException(path, null, "is a folder; name a file");
            var length = InputFile.Behind(path).Length;
            if (length > MaxBytes)
                throw new BadInputException(path, null, $"is {length} bytes long; at most {MaxBytes} are read");
            return File.ReadAllText(InputFile.Readable(path), new UTF8Encoding(false, throwOnInvalidBytes: true));
        }
        catch (Exception error) when (error is FileNotFoundException or DirectoryNotFoundException)
        {
            throw new BadInputException(path, null, "is missing");
        }
        catch (DecoderFallbackException)
        {
            throw new BadInputException(path, null, "must be UTF-8 text");
        }
        catch (Exception error) when (error is IOException or UnauthorizedAccessException)
        {
            throw new BadInputException(path, null, $"cannot be read: {error.Message}");
        }
    }

    // The reader notices a tab on its line, on the next one, or speaks of it where the mapping begins that it stands in.
    private static (int Line, int Column)? TabOf(string text, Mark start, Mark end, string said)
    {
        var first = Math.Max(0, (int)start.Line - 2);
        var tab = text.Split('\n')
            .Skip(first)
            .Take(said.Contains(" tab ", StringComparison.Ordinal) ? int.MaxValue : (int)(end.Line - start.Line) + 2)
            .Select((line, i) => (Line: first + i + 1, Column: line.TakeWhile(char.IsWhiteSpace).ToList().IndexOf('\t') + 1))
            .FirstOrDefault(place => place.Column > 0);
        return tab.Line > 0 ? tab : null;
    }

    private sealed class Budget
    {
        public int Nodes { get; set; }
    }

    /// <summary>
    /// Builds one document. An alias becomes a copy of its anchor's node, so that every node has a path of its own.
    /// </summary>
    private sealed class Builder(string file, IParser parser, Budget budget, string? tag)
    {
        private readonly Dictionary<AnchorName, ConfigurationNode?> _anchors = [];

        public ConfigurationNode Read(string path, int depth)
        {
            var current = parser.Current!;
            var place = new ConfigurationPlace(file, path, (int)current.Start.Line, (int)current.Start.Column);
            Count(place, depth);
            if (parser.TryConsume<AnchorAlias>(out var alias))
                return Copy(Anchored(alias, place), path, depth);

            if (current is not NodeEvent start)
                throw place.Error("is not YAML: a value is missing");
            if (!start.Tag.IsEmpty && (start is not Scalar || start.Tag.Value != tag))
                throw place.Error($"has the tag `{start.Tag}`; tags are not supported");
            if (!start.Anchor.IsEmpty)
                _anchors[start.Anchor] = null;
            ConfigurationNode node = start switch
            {
                Scalar => ReadScalar(place),
                SequenceStart => ReadSequence(place, depth),
                _ => ReadMapping(place, depth),
            };
            if (!start.Anchor.IsEmpty)
                _anchors[start.Anchor] = node;
            return node;
        }

        private ConfigurationNode Anchored(AnchorAlias alias, ConfigurationPlace place) =>
            !_anchors.TryGetValue(alias.Value, out var node)
                ? throw place.Error($"refers to `&{alias.Value}`, which is not defined before it")
            : node ?? throw place.Error($"refers to `&{alias.Value}`, which contains it: the value would have no end");

        private ConfigurationScalar ReadScalar(ConfigurationPlace place)
        {
            var scalar = parser.Consume<Scalar>();
            if (scalar.Value.Contains('\0'))
                throw place.Error("has the character NUL; no text may have it");
            return new(place, scalar.Value, scalar.Style == ScalarStyle.Plain, scalar.Tag.IsEmpty ? null : tag);
        }

        private ConfigurationSequence ReadSequence(ConfigurationPlace place, int depth)
        {
            parser.Consume<SequenceStart>();
            var items = new List<ConfigurationNode>();
            while (!parser.TryConsume<SequenceEnd>(out _))
                items.Add(Read(place.Item(items.Count), depth + 1));
            return new(place, items);
        }

        private ConfigurationMapping ReadMapping(ConfigurationPlace place, int depth)
        {
            parser.Consume<MappingStart>();
            var members = new List<KeyValuePair<string, ConfigurationNode>>();
            var lines = new Dictionary<string, int>(StringComparer.Ordinal);
            var merged = new List<ConfigurationMapping>();
            while (!parser.TryConsume<MappingEnd>(out _))
            {
                var keyPlace = place with { Line = (int)parser.Current!.Start.Line, Column = (int)parser.Current.Start.Column };
                if (Read(place.Path, depth + 1) is not ConfigurationScalar { Text: var key } scalar)
                    throw keyPlace.Error("has a key that is a list or a mapping; a key must be text");
                keyPlace = keyPlace with { Path = place.Member(key) };
                if (!lines.TryAdd(key, keyPlace.Line))
                    throw keyPlace.Error($"appears twice, first at line {lines[key]}; a key may appear once");
                var value = Read(keyPlace.Path, depth + 1);
                if (scalar is { Plain: true, Text: "<<" })
                    merged.AddRange(Merged(value, keyPlace));
                else
                    members.Add(new(key, value));
            }
            // What is written here goes before what is merged, and of that the earlier before the later.
            foreach (var (key, value) in merged.SelectMany(mapping => mapping.Members))
                if (lines.TryAdd(key, value.At.Line))
                    members.Add(new(key, Copy(value, place.Member(key), depth + 1)));
            return new(place, members);
        }

        private static IEnumerable<ConfigurationMapping> Merged(ConfigurationNode value, ConfigurationPlace place) => value switch
        {
            ConfigurationMapping mapping => [mapping],
            ConfigurationSequence { Items: var items } when items.All(item => item is ConfigurationMapping) =>
                items.Cast<ConfigurationMapping>(),
            _ => throw place.Error("must be a mapping, or a list of mappings, whose members are taken over"),
        };

        private ConfigurationNode Copy(ConfigurationNode node, string path, int depth)
        {
            var place = node.At with { Path = path };
            Count(place, depth);
            return node switch
            {
                ConfigurationMapping mapping => new ConfigurationMapping(place, [.. mapping.Members.Select(
                    member => KeyValuePair.Create(member.Key, Copy(member.Value, place.Member(member.Key), depth + 1)))]),
                ConfigurationSequence sequence => new ConfigurationSequence(place,
                    [.. sequence.Items.Select((item, index) => Copy(item, place.Item(index), depth + 1))]),
                ConfigurationScalar scalar => new ConfigurationScalar(place, scalar.Text, scalar.Plain, scalar.Tag),
                _ => node,
            };
        }

        private void Count(ConfigurationPlace place, int depth)
        {
            if (++budget.Nodes > MaxNodes)
                throw place.Error($"makes more than {MaxNodes} values, aliases written out; at most that many are read");
            if (depth > MaxDepth)
                throw place.Error($"is nested more than {MaxDepth} deep; at most that is read");
        }
    }
}
