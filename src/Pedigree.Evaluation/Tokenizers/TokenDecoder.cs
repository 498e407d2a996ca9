using System.Globalization;
using System.Text;

namespace Pedigree.Evaluation.Tokenizers;

/// <summary>The decoder of a tokenizer.json: turns the texts of tokens into one text.</summary>
internal static class TokenDecoder
{
    public static Func<IReadOnlyList<string>, string> Read(JsonReader? decoder)
    {
        if (decoder is null)
            return tokens => string.Join(' ', tokens);
        var step = Step(decoder);
        return tokens => string.Concat(step(tokens));
    }

    private static Func<IReadOnlyList<string>, IReadOnlyList<string>> Step(JsonReader decoder)
    {
        switch (decoder.Required("type").Text())
        {
            case "Sequence":
                var steps = decoder.Required("decoders").Items().Select(Step).ToList();
                return tokens => steps.Aggregate(tokens, (current, step) => step(current));
            case "ByteLevel":
                return tokens => [Encoding.UTF8.GetString([.. tokens.SelectMany(ByteAlphabet.Read)])];
            case "ByteFallback":
                return ByteFallback;
            case "Fuse":
                return tokens => [string.Concat(tokens)];
            case "Replace":
                var replace = TextNormalizer.Replace(decoder);
                return tokens => [.. tokens.Select(replace)];
            case "Strip":
                return Strip(decoder);
            case "Metaspace":
                var mark = decoder.Child("replacement")?.Text() ?? "▁";
                var prefixed = decoder.Child("prepend_scheme")?.Text() != "never"
                    && decoder.Child("add_prefix_space")?.Flag() != false;
                return tokens => [
                    .. tokens.Select((token, i) => token.Replace(mark, prefixed && i == 0 ? "" : " ", StringComparison.Ordinal))];
            case var other:
                throw decoder.Required("type").Bad(
                    $"\"{other}\" is not supported; use Sequence, ByteLevel, ByteFallback, Fuse, Replace, Strip or Metaspace.");
        }
    }

    /// <summary>
    /// Joins neighbouring &lt;0xNN&gt; tokens to characters; where they are not UTF-8, each is a replacement character.
    /// </summary>
    private static IReadOnlyList<string> ByteFallback(IReadOnlyList<string> tokens)
    {
        var strict = new UTF8Encoding(false, throwOnInvalidBytes: true);
        var result = new List<string>();
        var bytes = new List<byte>();
        void Flush()
        {
            if (bytes.Count == 0)
                return;
            try
            {
                result.Add(strict.GetString([.. bytes]));
            }
            catch (DecoderFallbackException)
            {
                result.AddRange(Enumerable.Repeat("\uFFFD", bytes.Count));
            }
            bytes.Clear();
        }

        foreach (var token in tokens)
        {
            if (token.Length == 6 && token.StartsWith("<0x", StringComparison.Ordinal) && token[5] == '>'
                && byte.TryParse(token.AsSpan(3, 2), NumberStyles.AllowHexSpecifier, CultureInfo.InvariantCulture, out var value))
            {
                bytes.Add(value);
                continue;
            }
            Flush();
            result.Add(token);
        }
        Flush();
        return result;
    }

    private static Func<IReadOnlyList<string>, IReadOnlyList<string>> Strip(JsonReader decoder)
    {
        var content = decoder.Required("content").Text();
        if (content.Length != 1)
            throw decoder.Required("content").Bad("must be one character.");
        var (start, stop) = (decoder.Required("start").Integer(), decoder.Required("stop").Integer());
        return tokens =>
        [
            .. tokens.Select(token =>
            {
                var from = token.Take(start).TakeWhile(character => character == content[0]).Count();
                var to = token[from..].Reverse().Take(stop).TakeWhile(character => character == content[0]).Count();
                return token[from..^to];
            }),
        ];
    }
}
